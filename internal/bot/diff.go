package bot

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// repository is what a comparison needs of Git.
type repository interface {
	Resolve(ref string) (commit string, err error)
	Tree(commit string) (fs.FS, error)
	Changed(base, head string) ([]string, error)
}

// renderer renders sources. Render may answer from what it remembers, Fresh never does.
type renderer interface {
	Render(ctx context.Context, s render.Source, job engine.Job) (engine.Output, error)
	Fresh(ctx context.Context, s render.Source, job engine.Job) (engine.Output, error)
}

// charts fetches charts that a source names and the repository does not have.
type charts interface {
	Chart(ctx context.Context, repository, name, version string) (archive []byte, digest string, err error)
}

// Options say how to compare.
type Options struct {
	Repository repository
	Renderer   renderer
	Charts     charts
	Masker     *mask.Masker
	// Kustomize are the build options that Argo CD is configured with.
	Kustomize engine.Options
	// Policies compiles the policies that the catalog of the head names; nil checks nothing.
	Policies policies
	// Progress is told how many of the renders are done. It may be nil, and is called by one goroutine at a time.
	Progress func(done, total int)
}

// DiffRequest says what to compare.
type DiffRequest struct {
	// Base and Head are branches, tags or commits.
	Base, Head string
	// Minors are those to render for; empty for those that the base concerns.
	Minors []version.Minor
	// Alone leaves out what the minor after them would say.
	Alone bool
}

// Diff compares what two commits render to. Its error means that there is nothing to report: a ref or a catalog that cannot be read. What fails
// for one addon or minor is in the report.
func Diff(ctx context.Context, o Options, r DiffRequest) (report.Report, error) {
	base, err := openSide(o.Repository, "base", r.Base)
	if err != nil {
		return report.Report{}, err
	}
	head, err := openSide(o.Repository, "head", r.Head)
	if err != nil {
		return report.Report{}, err
	}
	out := report.Report{Base: base.commit, Head: head.commit, BaseName: base.ref, HeadName: head.ref}
	if out.Minors, err = concerned(base, head, r.Minors); err != nil {
		return report.Report{}, err
	}
	if next := out.Minors[len(out.Minors)-1].Next(); !r.Alone && slices.Contains(apis.Minors(), next) {
		out.Next = next
	}
	c := comparison{Options: o, base: base, head: head, report: &out}
	if err := c.compare(ctx); err != nil {
		return report.Report{}, err
	}
	return out, nil
}

// concerned are the minors that a change of the base is about, in ascending order.
func concerned(base, head *side, asked []version.Minor) ([]version.Minor, error) {
	minors := slices.Clone(asked)
	if len(minors) == 0 {
		if m := minorOf(base.ref); !m.IsZero() {
			minors = append(minors, m)
		} else {
			minors = slices.Concat(base.catalog.Minors, head.catalog.Minors)
		}
	}
	if len(minors) == 0 {
		return nil, fmt.Errorf("the catalog of %s names no Kubernetes minors, and %q is no release branch or tag: say --minor", base.ref, base.ref)
	}
	slices.SortFunc(minors, version.Minor.Compare)
	minors = slices.Compact(minors)
	for _, m := range minors {
		if _, err := apis.Of(m); err != nil {
			return nil, err
		}
	}
	return minors, nil
}
