package risk

import (
	"strconv"

	"github.com/distribution/reference"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// spot is where an image is used, first of all.
type spot struct {
	id   manifest.ID
	path string
	more int
}

// images flags images from another registry, and those that no digest holds. An image that is used in many places is told of once.
func (x *finder) images(all []diff.Image) {
	spots := x.spots(all)
	told := map[string]bool{}
	for _, i := range all {
		if i.After == "" {
			continue
		}
		at := spots[i.After]
		now, err := reference.ParseNormalizedNamed(i.After)
		if i.Before != "" && err == nil {
			if was, err := reference.ParseNormalizedNamed(i.Before); err == nil && reference.Domain(was) != reference.Domain(now) {
				x.flag(ImageRegistryChanged, at.id, at.path, "%s comes from %s, and %s came from %s", quote(i.After), reference.Domain(now), quote(i.Before), reference.Domain(was))
			}
		}
		if told[i.After] {
			continue
		}
		told[i.After] = true
		x.digest(i.After, now, err, at)
	}
}

func (x *finder) digest(image string, named reference.Named, err error, at spot) {
	also := ""
	if at.more > 0 {
		also = " (here and in " + count(at.more) + ")"
	}
	if err != nil {
		x.weigh(2, ImageNoDigest, at.id, at.path, "%s%s is no image that can be pulled", quote(image), also)
		return
	}
	if _, ok := named.(reference.Digested); ok {
		return
	}
	tagged, ok := named.(reference.Tagged)
	switch {
	case !ok:
		x.weigh(1, ImageNoDigest, at.id, at.path, "%s%s has neither tag nor digest: it is whatever is the latest at each start", quote(image), also)
	case tagged.Tag() == "latest":
		x.weigh(1, ImageNoDigest, at.id, at.path, "%s%s is whatever is the latest at each start: name a version and its digest", quote(image), also)
	default:
		x.flag(ImageNoDigest, at.id, at.path, "%s%s has no digest: whoever may push to the registry can replace what the tag names", quote(image), also)
	}
}

func count(n int) string {
	if n == 1 {
		return "one other place"
	}
	return strconv.Itoa(n) + " other places"
}

// spots finds where images are used: every image at once, the first place by object and path.
func (x *finder) spots(all []diff.Image) map[string]spot {
	wanted := map[string]bool{}
	for _, i := range all {
		wanted[i.After] = i.After != ""
	}
	spots := map[string]spot{}
	for _, c := range x.changes {
		if c.After == nil || c.Object.GroupKind() == definitions {
			continue
		}
		eachText(c.After.Content, func(path []any, image string) {
			if !wanted[image] {
				return
			}
			here := spot{id: c.Object, path: pointer(path...)}
			if s, ok := spots[image]; ok {
				if s.id.Compare(here.id) < 0 || s.id == here.id && s.path < here.path {
					here.id, here.path = s.id, s.path
				}
				here.more = s.more + 1
			}
			spots[image] = here
		})
	}
	return spots
}
