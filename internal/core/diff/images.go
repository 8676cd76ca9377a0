package diff

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// images finds what happened to container images: first by the container that has them, then those of one repository.
func images(changes []Change, base, head []manifest.Object) []Image {
	var found []Image
	var gone, came []string
	for _, c := range changes {
		before, after := imagesOf(c.Before), imagesOf(c.After)
		for place, image := range before {
			switch now, both := after[place]; {
			case !both:
				gone = append(gone, image)
			case now != image:
				found = append(found, Image{image, now})
			}
		}
		for place, image := range after {
			if _, both := before[place]; !both {
				came = append(came, image)
			}
		}
	}
	// An image that only moved, or is used elsewhere, neither went nor came.
	gone, came = missing(gone, head), missing(came, base)
	for _, image := range gone {
		i := slices.IndexFunc(came, func(other string) bool { return repository(other) == repository(image) })
		if i < 0 {
			found = append(found, Image{Before: image})
			continue
		}
		found = append(found, Image{image, came[i]})
		came = slices.Delete(came, i, i+1)
	}
	for _, image := range came {
		found = append(found, Image{After: image})
	}
	slices.SortFunc(found, func(a, b Image) int {
		return cmp.Or(cmp.Compare(cmp.Or(a.Before, a.After), cmp.Or(b.Before, b.After)), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return slices.Compact(found)
}

// missing are the images that no object uses, sorted.
func missing(images []string, objects []manifest.Object) []string {
	wanted := map[string]bool{}
	for _, image := range images {
		wanted[image] = true
	}
	for i := 0; i < len(objects) && len(wanted) > 0; i++ {
		for _, image := range imagesOf(&objects[i]) {
			delete(wanted, image)
		}
	}
	return slices.Sorted(maps.Keys(wanted))
}

// imagesOf are the images of an object, by the place of the container: those of pods wherever a built-in kind has them, and in custom
// resources strings under the key image that look like one.
func imagesOf(o *manifest.Object) map[string]string {
	images := map[string]string{}
	if o == nil || o.GroupKind() == "CustomResourceDefinition.apiextensions.k8s.io" {
		return images
	}
	var walk func(v any, place string)
	walk = func(v any, place string) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if s, ok := inner.(string); ok && k == "image" && !builtin(o.Group) && reference.MatchString(s) {
					images[place] = s
				}
				walk(inner, place+"/"+k)
				if !builtin(o.Group) {
					continue
				}
				for i, item := range containers(k, inner) {
					name := cmp.Or(manifest.Text(item, "name"), strconv.Itoa(i))
					if image := cmp.Or(manifest.Text(item, "image"), manifest.Text(item, "image", "reference")); image != "" {
						images[place+"/"+k+"/"+name] = image
					}
				}
			}
		case []any:
			for i, inner := range v {
				walk(inner, place+"/"+cmp.Or(manifest.Text(inner, "name"), strconv.Itoa(i)))
			}
		}
	}
	walk(o.Content, "")
	return images
}

// containers are the items of a pod's lists that have images.
func containers(key string, v any) []any {
	if !slices.Contains([]string{"containers", "initContainers", "ephemeralContainers", "volumes"}, key) {
		return nil
	}
	items, _ := v.([]any)
	return items
}

// reference is an image that cannot be anything else: a path with a tag or digest, or below a host.
var reference = regexp.MustCompile(`^([\w-]+\.[\w.-]+(:\d+)?(/[a-z0-9._-]+)+|[a-z0-9._-]+(:\d+)?(/[a-z0-9._-]+)*(:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64}))(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)

// repository is an image without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}
