package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Ready says what an addon does on another minor.
type Ready struct {
	Addon string
	// Offered tells that the catalog offers it there; Range is what the catalog says.
	Offered bool
	Range   string
	// Broken is why it does not render there although it does on the other minor, Unknown why nobody can tell. Both may be empty.
	Broken, Unknown string
	// Unserved are objects whose API version the minor does not serve, as sentences.
	Unserved []string
}

// Across compares what one commit renders to on two minors: what clusters meet when they are upgraded from one to the other while the addons stay. Ready is
// about every addon that is offered on either, by name.
func Across(ctx context.Context, o Options, ref string, from, to version.Minor) (r report.Report, ready []Ready, err error) {
	for _, m := range []version.Minor{from, to} {
		if _, err := apis.Of(m); err != nil {
			return r, nil, err
		}
	}
	base, err := openSide(o.Repository, "base", ref)
	if err != nil {
		return r, nil, err
	}
	head, err := openSide(o.Repository, "head", ref)
	if err != nil {
		return r, nil, err
	}
	name := func(m version.Minor) string { return fmt.Sprintf("%s on %s", ref, m) }
	r = report.Report{Base: base.commit, Head: head.commit, BaseName: name(from), HeadName: name(to), Minors: []version.Minor{to}}
	c := comparison{Options: o, base: base, head: head, report: &r}
	c.read(nil)
	c.fetch(ctx)
	if err := c.serve(ctx, []version.Minor{from, to}); err != nil {
		return r, nil, err
	}
	var (
		wait     sync.WaitGroup
		outcomes []*outcome
	)
	for _, name := range c.names() {
		a := head.addons[name]
		if !a.offers(from) && !a.offers(to) {
			continue
		}
		o := &outcome{pair: pair{name: name, minor: to}, minors: []version.Minor{to}}
		if a.offers(from) {
			o.before = base.addons[name]
		}
		if a.offers(to) {
			o.after = a
		}
		outcomes = append(outcomes, o)
	}
	ready = make([]Ready, len(outcomes))
	for i, o := range outcomes {
		wait.Go(func() { ready[i] = c.across(ctx, o, from, to) })
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return r, nil, err
	}
	c.tell(outcomes)
	return r, ready, nil
}

// across fills in an outcome whose sides are two minors.
func (c *comparison) across(ctx context.Context, o *outcome, from, to version.Minor) Ready {
	before, unstable, was := c.sideOf(ctx, c.base, o.before, from, true)
	after, _, problems := c.sideOf(ctx, c.head, o.after, to, false)
	a := c.head.addons[o.name]
	ready := Ready{Addon: o.name, Offered: o.after != nil, Range: a.Kubernetes.String()}
	fatal := func(p problem) bool { return p.fatal }
	if i := slices.IndexFunc(problems, fatal); i >= 0 {
		ready.Broken = problems[i].message
		if a.elsewhere {
			ready.Broken, ready.Unknown = "", problems[i].message
		}
		o.problems = problems
		return ready
	}
	if slices.ContainsFunc(was, fatal) {
		// It renders on the new minor alone, so there is nothing to compare it to, and nothing wrong.
		return ready
	}
	sets := c.Masker.Sets(before, after)
	crds := definitions(c.base, c.head, to)
	o.result = diff.Compare(sets[0], sets[1], diff.Options{Unstable: unstable, CRDs: crds})
	o.flags = map[version.Minor][]risk.Flag{to: risk.Flags(o.result, c.facts(o, to))}
	ready.Unserved = c.unserved(o, to, sets[1])
	return ready
}

// unserved are the objects of an addon that a minor does not know, also those that are the same as before.
func (c *comparison) unserved(o *outcome, m version.Minor, objects []manifest.Object) (found []string) {
	if o.after == nil {
		return nil
	}
	all := diff.Compare(nil, objects, diff.Options{CRDs: definitions(c.base, c.head, m)})
	for _, f := range risk.Flags(all, c.facts(o, m)) {
		if f.Code != risk.APIRemoved {
			continue
		}
		found = append(found, fmt.Sprintf("%s: %s", f.Object, f.Message))
		if !slices.Contains(o.flags[m], f) {
			o.flags[m] = append(o.flags[m], f)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
