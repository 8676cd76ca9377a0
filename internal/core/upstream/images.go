package upstream

import (
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v3"
)

// containers are the keys of what must name an image.
var containers = []string{"containers", "initContainers", "ephemeralContainers"}

// images looks for images in a file, whatever kind of object they are in.
func (f *finder) images(name string) {
	d := f.open(name, "image", "Image")
	if d == nil {
		return
	}
	for _, root := range d.roots() {
		f.inValues(root)
	}
}

// inValues looks for images in a value: as one text, or as repository and tag.
func (f *finder) inValues(root value) {
	if root.node == nil {
		return
	}
	elsewhere := root.child("global").child("imageRegistry").node != nil
	root.each(func(_ value, key string, c value) {
		switch {
		case key != "image" && !strings.HasSuffix(key, "Image"):
		case c.text() != "":
			f.image(c, key == "image" && c.at.inside(containers...))
		case c.node.Kind == yaml.MappingNode:
			f.imageMap(c, elsewhere)
		}
	})
}

// pattern are the letters of what stands for images, or is filled in by somebody else: patterns of policies, templates, variables.
const pattern = "*?!&|<>{}$() \t"

// sha256 is a digest as registries write it.
var sha256 = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// image keeps an image that is written as one text. Must tells that there is surely one.
func (f *finder) image(v value, must bool) {
	text := v.text()
	if strings.ContainsAny(text, pattern) || !must && !strings.ContainsAny(text, ":") {
		return
	}
	name, tag, digest := divide(text)
	source, ok := imageSource(name)
	if !ok {
		if must {
			f.refuse(Source{Kind: Image, Repository: name}, "%s: %s is no name of an image", v.place(), quote(text))
		}
		return
	}
	if f.overridden[source.Repository] {
		return
	}
	if other := f.renamed[source.Repository]; other != "" {
		source.Repository = other
	}
	f.keepImage(source, tag, digest, text, v)
}

// keepImage keeps an image that names a version; of others, it says what is missing.
func (f *finder) keepImage(s Source, tag, digest, written string, places ...value) {
	where := places[0].place()
	switch {
	case tag == "" && digest != "":
		f.refuse(s, "%s: %s is pinned by its digest alone, which has no newer one: write name:tag@%s", where, quote(written), digest)
	case tag == "":
		f.refuse(s, "%s: %s names no version: pin one", where, quote(written))
	case digest != "" && !sha256.MatchString(digest):
		f.refuse(s, "%s: %s: the digest is not sha256: and 64 hexadecimal digits", where, quote(written))
	case !names(tag):
		f.refuse(s, "%s: %s: %s names no version: pin one", where, quote(written), quote(tag))
	default:
		p := Pin{Source: s, Version: tag, Digest: digest}
		for _, v := range places {
			if _, _, ok := v.in.Raw(v.node); !ok {
				f.refuse(s, "%s: %s is not written on one line as it is: write it so, without escapes", v.place(), quote(v.text()))
				return
			}
			p.Places = append(p.Places, v.place())
		}
		f.add(p)
	}
}

// names tells of a tag that is one version, so that there can be newer ones.
func names(tag string) bool {
	_, ok := Compare(tag, tag)
	return ok
}

// imageMap keeps an image that values name in parts.
func (f *finder) imageMap(v value, registryElsewhere bool) {
	repository, registry, tag, digest := v.child("repository"), v.child("registry").text(), v.child("tag"), v.child("digest")
	name := repository.text()
	if name == "" || tag.text() == "" {
		return // An empty tag is mostly the chart's appVersion.
	}
	if registry != "" {
		name = registry + "/" + name
	} else if first, _, _ := strings.Cut(name, "/"); registryElsewhere && !strings.ContainsAny(first, ".:") {
		return // Which registry it comes from is said elsewhere.
	}
	source, ok := imageSource(name)
	if !ok || strings.ContainsAny(name, pattern) || f.overridden[source.Repository] {
		return
	}
	named, inside, _ := strings.Cut(tag.text(), "@") // Some write tag@sha256:… into the tag.
	if inside != "" {
		f.keepImage(source, named, inside, name+":"+tag.text(), tag)
		return
	}
	places := []value{tag}
	if digest.text() != "" {
		places = append(places, digest)
	}
	f.keepImage(source, named, digest.text(), name+":"+tag.text(), places...)
}

// kustomizeImages keeps what a kustomization says of images. It overrides what manifests say.
func (f *finder) kustomizeImages(k value) {
	for _, i := range k.child("images").items() {
		name, _, _ := divide(i.child("name").text())
		source, ok := imageSource(name)
		if !ok {
			continue
		}
		original := source.Repository
		if other := i.child("newName").text(); other != "" {
			if source, ok = imageSource(other); !ok {
				continue
			}
			f.renamed[original] = source.Repository
		}
		tag, digest := i.child("newTag"), i.child("digest")
		switch {
		case tag.text() != "":
			places := []value{tag}
			if digest.text() != "" {
				places = append(places, digest)
			}
			f.keepImage(source, tag.text(), digest.text(), source.Repository+":"+tag.text(), places...)
		case digest.text() != "":
			f.refuse(source, "%s: %s is pinned by its digest alone, which has no newer one: add newTag", digest.place(), quote(name))
		default:
			continue
		}
		f.overridden[original] = true
	}
}

// divide takes an image apart.
func divide(image string) (name, tag, digest string) {
	name, digest, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	return name, tag, digest
}

// imageSource is an image with its registry written out.
func imageSource(name string) (Source, bool) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil || name == "" {
		return Source{}, false
	}
	return Source{Kind: Image, Repository: named.Name()}, true
}
