package bot

import (
	"cmp"
	"context"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// comparison is one run of Diff.
type comparison struct {
	Options
	base, head *side
	report     *report.Report
	// police checks what is rendered against policies; nil where nobody asks for it.
	police *police

	mu          sync.Mutex
	done, total int
}

// compare fills in the report.
func (c *comparison) compare(ctx context.Context) error {
	changed, err := c.Repository.Changed(c.base.commit, c.head.commit)
	if err != nil {
		return err
	}
	c.openPolice(ctx, changed)
	c.read(changed)
	minors := c.report.Minors
	if pairs := c.pairs(minors); !slices.ContainsFunc(pairs, pair.differs) {
		c.report.Same = len(c.names())
		c.tellPolicies(nil)
		return ctx.Err()
	}
	next := minors
	if !c.report.Next.IsZero() {
		next = append(slices.Clone(minors), c.report.Next)
	}
	c.fetch(ctx)
	if err := c.serve(ctx, next); err != nil {
		return err
	}
	outcomes := c.outcomes(ctx, c.pairs(next))
	if err := ctx.Err(); err != nil {
		return err
	}
	c.tell(outcomes)
	return nil
}

// read finds out what the addons of both sides are rendered from. Where no file of an addon changed, its source is read once.
func (c *comparison) read(changed []string) {
	var links sync.WaitGroup
	links.Go(func() {
		for _, p := range c.head.links() {
			c.report.Problems = append(c.report.Problems, report.Problem{Side: c.head.name, Message: p.Error()})
		}
	})
	c.head.collect(c.Kustomize, func(catalog.Addon) bool { return true })
	c.base.collect(c.Kustomize, func(b catalog.Addon) bool {
		h := c.head.addons[b.Name]
		return h == nil || h.err != nil || h.Path != b.Path || touches(changed, h)
	})
	for _, a := range c.base.catalog.Addons {
		if h := c.head.addons[a.Name]; c.base.addons[a.Name] == nil {
			a.Source = h.Source
			c.base.addons[a.Name] = &addon{Addon: a, source: h.source}
		}
	}
	links.Wait()
}

// touches reports whether a change of files can matter to an addon: they lie in its folder, or beside a file that it reads elsewhere.
func touches(changed []string, a *addon) bool {
	dirs := map[string]bool{}
	for name := range a.source.Files {
		dirs[path.Dir(name)] = true
	}
	return slices.ContainsFunc(changed, func(name string) bool {
		return strings.HasPrefix(name, a.Path+"/") || a.Path == "." || dirs[path.Dir(name)]
	})
}

// names are the addons of both sides, sorted.
func (c *comparison) names() []string {
	var names []string
	for _, s := range []*side{c.base, c.head} {
		for name := range s.addons {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pair is one addon on one minor, on both sides.
type pair struct {
	name  string
	minor version.Minor
	// before and after are nil where the side does not offer the addon to clusters of the minor.
	before, after *addon
	specs         [2]spec
}

func (p pair) differs() bool { return p.specs[0] != p.specs[1] }

// pairs are all addons on all of these minors, sorted.
func (c *comparison) pairs(minors []version.Minor) []pair {
	var pairs []pair
	for _, name := range c.names() {
		for _, m := range minors {
			p := pair{name: name, minor: m}
			if a := c.base.addons[name]; a.offers(m) {
				p.before, p.specs[0] = a, a.spec(m, c.base.served[m])
			}
			if a := c.head.addons[name]; a.offers(m) {
				p.after, p.specs[1] = a, a.spec(m, c.head.served[m])
			}
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// outcome is what became of an addon on the minors for which the same is rendered on both sides.
type outcome struct {
	pair
	minors   []version.Minor
	result   diff.Result
	problems []problem
	// flags are the risks on each minor.
	flags  map[version.Minor][]risk.Flag
	judged judged
}

// problem is why a side cannot be rendered, or what is odd about it.
type problem struct {
	side, message string
	// fatal leaves nothing to compare.
	fatal bool
}

// outcomes renders and compares what differs. Minors that get the same are rendered once.
func (c *comparison) outcomes(ctx context.Context, pairs []pair) []*outcome {
	type key struct {
		name  string
		specs [2]spec
	}
	at := map[key]*outcome{}
	var all []*outcome
	for _, p := range pairs {
		if !p.differs() {
			continue
		}
		k := key{p.name, p.specs}
		if at[k] == nil {
			at[k] = &outcome{pair: p}
			all = append(all, at[k])
		}
		at[k].minors = append(at[k].minors, p.minor)
	}
	var wait sync.WaitGroup
	for _, o := range all {
		wait.Go(func() { c.outcome(ctx, o) })
	}
	wait.Wait()
	return all
}

func (c *comparison) outcome(ctx context.Context, o *outcome) {
	before, unstable, problems := c.sideOf(ctx, c.base, o.before, o.minor, true)
	after, _, more := c.sideOf(ctx, c.head, o.after, o.minor, false)
	o.problems = append(problems, more...)
	if slices.ContainsFunc(o.problems, func(p problem) bool { return p.fatal }) {
		return
	}
	known := map[manifest.ID]bool{}
	for _, change := range c.assumed(ctx, c.base, o.before, o.minor, before, unstable).Changes {
		known[change.Object] = true
	}
	assumed := risk.Assumed(c.assumed(ctx, c.head, o.after, o.minor, after, unstable), known)
	sets := c.Masker.Sets(before, after)
	o.result = diff.Compare(sets[0], sets[1], diff.Options{Unstable: unstable, CRDs: definitions(c.base, c.head, o.minor)})
	o.flags = map[version.Minor][]risk.Flag{}
	for _, m := range o.minors {
		o.flags[m] = slices.Concat(risk.Flags(o.result, c.facts(o, m)), assumed)
	}
	if slices.ContainsFunc(o.minors, func(m version.Minor) bool { return m != c.report.Next }) {
		o.judged = c.judge(ctx, o, before, after)
	}
}

// tell makes the report of the outcomes.
func (c *comparison) tell(outcomes []*outcome) {
	r, changed := c.report, map[string]bool{}
	flags, next := map[flagKey][]version.Minor{}, map[flagKey][]version.Minor{}
	for _, o := range outcomes {
		for _, p := range o.problems {
			for _, m := range o.minors {
				r.Problems = append(r.Problems, report.Problem{Addon: o.name, Minor: m, Message: p.message, Side: p.side, Next: m == r.Next})
			}
		}
		minors := slices.DeleteFunc(slices.Clone(o.minors), func(m version.Minor) bool { return m == r.Next })
		for _, m := range o.minors {
			into := flags
			if m == r.Next {
				into = next
			}
			for _, f := range o.flags[m] {
				into[flagKey{o.name, f}] = append(into[flagKey{o.name, f}], m)
			}
		}
		if len(minors) > 0 && len(o.problems) > 0 {
			changed[o.name] = true
		}
		if len(minors) > 0 && len(o.result.Changes)+len(o.result.Unstable) > 0 {
			changed[o.name] = true
			r.Results = append(r.Results, report.Result{Addon: o.name, Minors: minors, Result: o.result})
		}
	}
	r.Results = merge(r.Results)
	for k := range next {
		if _, now := flags[k]; now {
			delete(next, k) // It is said already.
		}
	}
	r.Flags, r.NextFlags = ranked(flags), ranked(next)
	c.ended()
	c.tellPolicies(outcomes)
	r.Problems = once(r.Problems)
	r.Same = len(c.names()) - len(changed)
}

// facts are what the risks of an addon depend on, on a minor. Of the minor after it they know when that is looked at, too.
func (c *comparison) facts(o *outcome, m version.Minor) risk.Facts {
	return risk.Facts{Addon: cmp.Or(o.after, o.before).Addon, Gone: o.after == nil, Minor: m, Served: c.head.served[m], Next: c.head.served[m.Next()]}
}

// ended says which addons that the change is about will not be offered to the next minor.
func (c *comparison) ended() {
	r := c.report
	if r.Next.IsZero() {
		return
	}
	for _, result := range r.Results {
		a := c.head.addons[result.Addon]
		if was := c.base.addons[result.Addon]; a != nil && !a.offers(r.Next) && !was.offers(r.Next) { // Otherwise it is a risk, and said already.
			r.Problems = append(r.Problems, report.Problem{
				Addon: a.Name, Minor: r.Next, Side: c.head.name, Next: true,
				Message: "supports Kubernetes " + a.Kubernetes.String() + ": clusters of " + r.Next.String() + " will not get it",
			})
		}
	}
}

// once sorts problems and drops what is said twice: of both sides, or of the next minor as well.
func once(problems []report.Problem) []report.Problem {
	slices.SortStableFunc(problems, func(a, b report.Problem) int {
		return cmp.Or(cmp.Compare(a.Addon, b.Addon), a.Minor.Compare(b.Minor), -cmp.Compare(a.Side, b.Side), cmp.Compare(a.Message, b.Message))
	})
	type said struct{ addon, message string }
	now, here := map[said]bool{}, map[report.Problem]bool{}
	return slices.DeleteFunc(problems, func(p report.Problem) bool {
		what, where := said{p.Addon, p.Message}, p
		where.Side = ""
		if p.Next && now[what] || here[where] {
			return true
		}
		now[what], here[where] = now[what] || !p.Next, true
		return false
	})
}

type flagKey struct {
	addon string
	risk.Flag
}

// ranked puts the worst flags first.
func ranked(flags map[flagKey][]version.Minor) []report.Flag {
	var all []report.Flag
	for k, minors := range flags {
		slices.SortFunc(minors, version.Minor.Compare)
		all = append(all, report.Flag{Flag: k.Flag, Addon: k.addon, Minors: slices.Compact(minors)})
	}
	slices.SortFunc(all, func(a, b report.Flag) int {
		return cmp.Or(
			cmp.Compare(risk.Rank(a.Code), risk.Rank(b.Code)), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Addon, b.Addon),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message), slices.CompareFunc(a.Minors, b.Minors, version.Minor.Compare),
		)
	})
	return all
}

// merge joins the results of minors that differ in what they render to, but not in what changes.
func merge(results []report.Result) []report.Result {
	slices.SortStableFunc(results, func(a, b report.Result) int {
		return cmp.Or(cmp.Compare(a.Addon, b.Addon), a.Minors[0].Compare(b.Minors[0]))
	})
	var merged []report.Result
	for _, r := range results {
		i := slices.IndexFunc(merged, func(m report.Result) bool { return m.Addon == r.Addon && alike(m.Result, r.Result) })
		if i < 0 {
			merged = append(merged, r)
			continue
		}
		merged[i].Minors = append(slices.Clone(merged[i].Minors), r.Minors...)
		slices.SortFunc(merged[i].Minors, version.Minor.Compare)
	}
	return merged
}

// alike tells that the same changes on two minors, whatever else is in the objects.
func alike(a, b diff.Result) bool {
	return slices.Equal(a.Images, b.Images) && slices.Equal(a.Unstable, b.Unstable) && slices.EqualFunc(a.Changes, b.Changes, func(a, b diff.Change) bool {
		if a.Kind == diff.Added || a.Kind == diff.Removed {
			return reflect.DeepEqual(a, b)
		}
		a.Before, a.After, b.Before, b.After = nil, nil, nil, nil
		return reflect.DeepEqual(a, b)
	})
}

// CodeRenderFailed is what a gate calls an addon that cannot be rendered.
const CodeRenderFailed fault.Code = "RenderFailed"
