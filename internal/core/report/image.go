package report

import (
	"net/url"
	"strings"

	"github.com/distribution/reference"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// imageLink is the page of a well-known registry that says what an image is, empty for any other registry.
func imageLink(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	path, tag := reference.Path(named), ""
	if tagged, ok := named.(reference.Tagged); ok {
		tag = url.QueryEscape(tagged.Tag())
	}
	switch host := reference.Domain(named); host {
	case "docker.io":
		if official, ok := strings.CutPrefix(path, "library/"); ok {
			return "https://hub.docker.com/_/" + official + "/tags?name=" + tag
		}
		return "https://hub.docker.com/r/" + path + "/tags?name=" + tag
	case "quay.io":
		return "https://quay.io/repository/" + path + "?tab=tags&tag=" + tag
	case "registry.k8s.io":
		return "https://registry.k8s.io/v2/" + path + "/tags/list"
	case "ghcr.io", "gcr.io":
		// Both send browsers on to the page of the package.
		return "https://" + host + "/" + path
	case "public.ecr.aws":
		return "https://gallery.ecr.aws/" + path
	}
	return ""
}

// imageParts are the repository of an image, and what names a version in it: tag, digest, or nothing.
func imageParts(image string) (repository, version string) {
	rest, digest, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		repository, version = rest[:i], rest[i+1:]
	} else {
		repository = rest
	}
	if algorithm, hash, ok := strings.Cut(digest, ":"); ok {
		// A digest is compared by its first characters.
		version = strings.TrimPrefix(version+"@", "@") + algorithm + ":" + markdown.Cut(hash, 12) + "…"
	}
	return repository, version
}
