package upgrading

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

const (
	// maxRounds bounds how often the decision may ask for more descriptions: each round takes it further down the versions of a source.
	maxRounds = 50
	// maxFailures is how many versions of a source may refuse to be described before no more of them are asked about.
	maxFailures = 3
	// parallel is how many versions are described at a time.
	parallel = 8
)

// asked is what asking about single versions came to. What failed is not asked again.
type asked struct {
	failed   map[upgrade.Release]bool
	failures []failure
}

type failure struct {
	upgrade.Release
	why string
}

// Again decides again with what is known by now. Sources are asked for no list a second time, only for versions that were not looked at before.
func (f Found) Again(ctx context.Context, o Options, k Known) (Found, error) {
	f.request.Seen, f.request.Ignored, f.request.Now = k.Seen, k.Ignored, o.Now
	for range maxRounds {
		wanted := slices.DeleteFunc(upgrade.Wanted(f.request), func(r upgrade.Release) bool { return f.asked.failed[r] })
		if len(wanted) == 0 {
			break
		}
		if err := f.describe(ctx, o, wanted); err != nil {
			return Found{}, err
		}
	}
	f.Plan = upgrade.Decide(f.request)
	f.Plan.Problems = append(append(f.Plan.Problems, f.problems...), f.undescribed()...)
	f.Seen = f.seen(k.Seen, o.Now)
	f.limit(o)
	slices.SortFunc(f.Plan.Problems, func(a, b upgrade.Problem) int {
		return cmp.Or(cmp.Compare(a.Addon, b.Addon), cmp.Compare(a.Branch, b.Branch), cmp.Compare(a.Message, b.Message))
	})
	f.Plan.Problems = slices.Compact(f.Plan.Problems)
	return f, nil
}

// describe asks about versions, and puts the answers into the listings.
func (f *Found) describe(ctx context.Context, o Options, wanted []upgrade.Release) error {
	answers, errs := make([]upstream.Version, len(wanted)), make([]error, len(wanted))
	var all sync.WaitGroup
	free := make(chan struct{}, parallel)
	for i, r := range wanted {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			answers[i], errs[i] = o.Sources.Describe(ctx, r.Source, r.Version)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, r := range wanted {
		listing := f.request.Listings[r.Source]
		n := slices.IndexFunc(listing.Versions, func(v upstream.Version) bool { return v.Name == r.Version })
		if n < 0 {
			f.asked.failed[r] = true // It was never listed, so nothing can be put in its place.
			continue
		}
		if errs[i] == nil {
			answers[i].Name, answers[i].Described = r.Version, true
			listing.Versions[n] = answers[i]
			continue
		}
		f.asked.failed[r] = true
		f.asked.failures = append(f.asked.failures, failure{r, sentence(errs[i])})
		if f.current(r) {
			// It is there, and that is all that is known of it.
			listing.Versions[n].Described = true
		} else {
			listing.Versions = slices.Delete(slices.Clone(listing.Versions), n, n+1)
		}
		if f.failuresOf(r.Source) >= maxFailures {
			listing.Versions, listing.Problem = nil, sentence(errs[i])
		}
		f.request.Listings[r.Source] = listing
	}
	return nil
}

func (f *Found) failuresOf(s upstream.Source) (n int) {
	for _, failed := range f.asked.failures {
		if failed.Source == s {
			n++
		}
	}
	return n
}

// pinsOf goes through all pins there are.
func (f *Found) pinsOf(each func(branch, addon string, p upstream.Pin)) {
	for _, b := range slices.Concat([]upgrade.Branch{f.request.Main}, f.request.Branches) {
		for _, a := range b.Addons {
			for _, p := range a.Pins {
				each(b.Name, a.Name, p)
			}
		}
	}
}

// current tells whether a version is pinned anywhere.
func (f *Found) current(r upgrade.Release) (is bool) {
	f.pinsOf(func(_, _ string, p upstream.Pin) { is = is || p.Source == r.Source && p.Version == r.Version })
	return is
}

// undescribed are the problems of versions that nothing could be learned about.
func (f *Found) undescribed() (problems []upgrade.Problem) {
	for _, failed := range f.asked.failures {
		if f.request.Listings[failed.Source].Problem != "" {
			continue // That says it all.
		}
		addons := map[string]bool{}
		f.pinsOf(func(_, addon string, p upstream.Pin) {
			if p.Source == failed.Source && !addons[addon] {
				addons[addon] = true
				problems = append(problems, upgrade.Problem{
					Addon: addon, Message: fmt.Sprintf("version %s is left out, because nothing can be learned about it: %s", failed.Version, failed.why),
				})
			}
		})
	}
	return problems
}

// seen are the newer versions whose source does not tell when they were published, with when they were first seen: their age counts from there.
func (f *Found) seen(before map[upgrade.Release]time.Time, now time.Time) map[upgrade.Release]time.Time {
	all := map[upgrade.Release]time.Time{}
	f.pinsOf(func(_, _ string, p upstream.Pin) {
		for _, v := range f.request.Listings[p.Source].Versions {
			r := upgrade.Release{Source: p.Source, Version: v.Name}
			order, comparable := upstream.Compare(v.Name, p.Version)
			if !v.Created.IsZero() || !p.App && !(comparable && order > 0) {
				continue
			}
			if all[r] = now; !before[r].IsZero() {
				all[r] = before[r]
			}
		}
	})
	return all
}

// limit leaves out what was not asked for.
func (f *Found) limit(o Options) {
	keep := func(addon, branch string) bool {
		return (len(o.Addons) == 0 || addon == "" || slices.Contains(o.Addons, addon)) && (len(o.Branches) == 0 || branch == "" || slices.Contains(o.Branches, branch))
	}
	other := func(u upgrade.Upgrade) bool { return !keep(u.Addon, u.Branch) }
	f.Plan.Upgrades, f.Plan.Held = slices.DeleteFunc(f.Plan.Upgrades, other), slices.DeleteFunc(f.Plan.Held, other)
	elsewhere := func(p upgrade.Problem) bool { return !keep(p.Addon, p.Branch) }
	f.Plan.Problems, f.Plan.Remarks = slices.DeleteFunc(f.Plan.Problems, elsewhere), slices.DeleteFunc(f.Plan.Remarks, elsewhere)
	f.Plan.Proposals = slices.DeleteFunc(f.Plan.Proposals, func(p upgrade.Proposal) bool {
		return !slices.ContainsFunc(p.Changes, func(c upgrade.Change) bool { return keep(c.Addon, p.Branch) })
	})
}
