package risk

import (
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// maxAssumed bounds the flags of one addon: the first say it all.
const maxAssumed = 5

// Assumed flags what of a render changes when a chart is told of the API versions that helm assumes under Argo CD, beside those that the minor
// serves. What is in known is no news.
func Assumed(r diff.Result, known map[manifest.ID]bool) []Flag {
	x := finder{}
	for _, c := range r.Changes {
		if known[c.Object] || len(x.found) == maxAssumed {
			continue
		}
		how := "makes it otherwise than shown"
		switch c.Kind {
		case diff.Added:
			how = "makes it, though it is not shown"
		case diff.Removed:
			how = "does not make it"
		}
		x.flag(APIVersionsAssumed, c.Object, "", "the chart asks which API versions there are, and Argo CD's helm takes some for served that clusters of this minor do not serve: Argo CD %s; tell the chart by its values instead", how)
	}
	var flags []Flag
	for _, f := range x.found {
		flags = append(flags, f.Flag)
	}
	return flags
}
