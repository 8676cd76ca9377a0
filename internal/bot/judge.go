package bot

import (
	"context"
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// JudgeRequest says what to check against which policies.
type JudgeRequest struct {
	// Tree holds the files, Catalog says what they are.
	Tree    fs.FS
	Catalog catalog.Catalog
	// Minors are those to render for, in ascending order.
	Minors []version.Minor
	Set    *policy.Set
	// Namespaces are those that are checked, with * for any characters; none means all.
	Namespaces []string
}

// Judge renders all addons of a catalog, and says what policies find in every object of theirs: all of it is new in the report. What cannot be
// rendered is a problem there.
func Judge(ctx context.Context, o Options, r JudgeRequest) (report.Report, error) {
	for _, m := range r.Minors {
		if _, err := apis.Of(m); err != nil {
			return report.Report{}, err
		}
	}
	done := make(chan struct{})
	close(done)
	out := report.Report{Minors: r.Minors, Policies: &report.Policies{}}
	c := comparison{
		Options: o, base: newSide("base", nil, catalog.Catalog{}), head: newSide("head", r.Tree, r.Catalog), report: &out,
		police: &police{namespaces: r.Namespaces, set: r.Set, done: done},
	}
	c.head.collect(o.Kustomize, func(catalog.Addon) bool { return true })
	c.fetch(ctx)
	if err := c.serve(ctx, r.Minors); err != nil {
		return report.Report{}, err
	}
	outcomes := c.outcomes(ctx, c.pairs(r.Minors))
	if err := ctx.Err(); err != nil {
		return report.Report{}, err
	}
	c.tell(outcomes)
	return out, nil
}
