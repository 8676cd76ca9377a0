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
		p := places{}
		before, after := p.images(c.Before), p.images(c.After)
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
		first := cmp.Compare(cmp.Or(a.Before, a.After), cmp.Or(b.Before, b.After))
		return cmp.Or(first, cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
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
		for _, image := range (places{}).images(&objects[i]) {
			delete(wanted, image)
		}
	}
	return slices.Sorted(maps.Keys(wanted))
}

// places gives numbers to the places of two objects: to what is in the place above under a key, or in a list under a name or position.
type places map[place]int

type place struct {
	above int
	key   string
}

func (p places) in(above int, key string) int {
	n, ok := p[place{above, key}]
	if !ok {
		n = len(p) + 1
		p[place{above, key}] = n
	}
	return n
}

// images are the images of an object, by the place of the container: those of pods wherever a built-in kind has them, and in custom
// resources strings under the key image that look like one.
func (p places) images(o *manifest.Object) map[int]string {
	images := map[int]string{}
	if o == nil || o.GroupKind() == "CustomResourceDefinition.apiextensions.k8s.io" {
		return images
	}
	custom := !builtin(o.Group)
	set := func(at int, image string) {
		// Items of one name have one place: the second gets another.
		for images[at] != "" {
			at = p.in(at, "#")
		}
		images[at] = image
	}
	var walk func(v any, at int, container bool)
	walk = func(v any, at int, container bool) {
		switch v := v.(type) {
		case map[string]any:
			// The image of a container is a string, that of a volume has a reference.
			image, ok := v["image"].(string)
			if image = cmp.Or(image, manifest.Text(v, "image", "reference")); container && image != "" || custom && ok && reference.MatchString(image) {
				set(at, image)
			}
			for k, inner := range v {
				switch inner := inner.(type) {
				case map[string]any:
					walk(inner, p.in(at, k), false)
				case []any:
					walk(inner, p.in(at, k), !custom && slices.Contains(lists, k))
				}
			}
		case []any:
			for i, inner := range v {
				walk(inner, p.in(at, cmp.Or(manifest.Text(inner, "name"), strconv.Itoa(i))), container)
			}
		}
	}
	walk(o.Content, 0, false)
	return images
}

// lists are those of a pod whose items have images.
var lists = []string{"containers", "initContainers", "ephemeralContainers", "volumes"}

// reference is an image that cannot be anything else: a path below a host, or with a tag or digest.
var reference = func() *regexp.Regexp {
	const (
		path   = `(:\d+)?(/[a-z0-9._-]+)`
		tag    = `:\w[\w.-]{0,127}`
		digest = `@sha256:[0-9a-f]{64}`
	)
	return regexp.MustCompile(`^([\w-]+\.[\w.-]+` + path + `+|[a-z0-9._-]+` + path + `*(` + tag + `|` + digest + `))(` + tag + `)?(` + digest + `)?$`)
}()

// repository is an image without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}
