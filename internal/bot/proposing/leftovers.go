package proposing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// leftovers closes the bot's pull requests of what is no longer proposed. Where it cannot be known whether it would be, they stay.
func (w *world) leftovers(ctx context.Context) (plan []*steps.Step, _ error) {
	for _, p := range w.pulls {
		if !p.Open || !w.own(p) || w.closing[p.Head] != nil {
			continue
		}
		branch, unit, _, is := upgrade.ParseHead(p.Head)
		proposed := slices.ContainsFunc(w.found.Plan.Proposals, func(o upgrade.Proposal) bool { return o.Head == p.Head })
		if !is || proposed || !w.lookedAt(branch, unit) {
			continue
		}
		step, err := w.leftover(ctx, p, branch, unit)
		if err != nil {
			return nil, err
		}
		if step.Do == nil {
			w.leaving[p.Number] = step.Why
		}
		plan = append(plan, step)
	}
	return plan, nil
}

// lookedAt tells whether this run is about a unit on a branch at all.
func (w *world) lookedAt(branch, unit string) bool {
	is := func(addon string) bool { return slices.Contains(w.Addons, addon) }
	return (len(w.Branches) == 0 || slices.Contains(w.Branches, branch)) && (len(w.Addons) == 0 || slices.ContainsFunc(w.addons(unit), is))
}

// addons are those of a unit.
func (w *world) addons(unit string) []string {
	for _, g := range w.found.Rules.Groups {
		if g.Name == unit {
			return g.Addons
		}
	}
	return []string{unit}
}

func (w *world) leftover(ctx context.Context, p forge.Pull, branch, unit string) (*steps.Step, error) {
	stays := func(why string) (*steps.Step, error) {
		return tell(leave, p.Base, p.Number, fmt.Sprintf("%q is left as it is", markdown.Clip(p.Title, 80)), why), nil
	}
	if p.Base != branch {
		return stays("a person has pointed it to " + p.Base)
	}
	m, known := proposal.Find(p.Body)
	s := &situation{proposal: upgrade.Proposal{Branch: branch, Head: p.Head}, ref: w.refs.Branches[p.Head], marker: m, known: known}
	who, err := w.stranger(ctx, s)
	if err != nil {
		return nil, err
	}
	why, sure, err := w.gone(ctx, p, m, branch, unit)
	switch {
	case err != nil:
		return nil, err
	case !sure:
		return stays(why)
	case who != "":
		return stays(fmt.Sprintf("%s; %s has committed to it, so closing it is left to people", why, who))
	case s.ref != p.HeadCommit:
		return stays("somebody has just pushed to it")
	case m.Retired != "":
		return stays(why + "; a person has opened it again")
	}
	step := &steps.Step{Action: closes, Branch: branch, Pull: p.Number, What: fmt.Sprintf("close %q", markdown.Clip(p.Title, 80)), Why: why}
	step.Do = func(ctx context.Context) error {
		return w.close(ctx, p, func(m *proposal.Marker) { m.Retired = why }, "**Closed by the bot:** "+markdown.Text(why)+".")
	}
	w.going[p.Number] = why
	return step, nil
}

// gone says why a pull request's upgrade is not proposed any more. Sure is false when that may be only because something is wrong.
func (w *world) gone(ctx context.Context, p forge.Pull, m proposal.Marker, branch, unit string) (why string, sure bool, err error) {
	main, err := w.offered(ctx, w.found.Tips[w.found.Main])
	if err != nil {
		return "", false, err
	}
	if minor, is := release.ParseBranch(branch); branch != w.found.Main && (!is || !slices.Contains(main.Minors, minor)) {
		return fmt.Sprintf("the catalog of %s does not offer %s any more", w.found.Main, cmp.Or(strings.TrimPrefix(branch, "release-"), branch)), true, nil
	}
	addons := w.addons(unit)
	if tip := w.refs.Branches[branch]; tip != "" {
		if there, err := w.has(ctx, tip, m); err != nil || there {
			return branch + " has it already", err == nil, err
		}
	}
	about := func(u upgrade.Upgrade) bool { return slices.Contains(addons, u.Addon) }
	for _, u := range w.found.Plan.Upgrades {
		if about(u) && u.Branch == w.found.Main && slices.Contains(u.Comes, branch) {
			return fmt.Sprintf("it comes by a pick, once %s has %s %s", w.found.Main, u.Addon, u.To), true, nil
		}
	}
	if tip := w.found.Tips[w.found.Main]; branch != w.found.Main && tip != "" {
		if there, err := w.has(ctx, tip, m); err != nil || there {
			return fmt.Sprintf("it comes by a pick, now that %s has it", w.found.Main), err == nil, err
		}
	}
	for _, o := range w.found.Plan.Proposals {
		if o.Branch == branch && slices.ContainsFunc(o.Changes, func(c upgrade.Change) bool { return slices.Contains(addons, c.Addon) || proposes(m, c) }) {
			return "it is part of " + o.Head + " now", true, nil
		}
	}
	for _, u := range slices.Concat(w.found.Plan.Held, w.found.Plan.Upgrades) {
		for _, r := range u.Refused {
			if about(u) && u.Branch == branch && slices.ContainsFunc(m.Versions, func(v proposal.Proposed) bool { return v.To == r.Version }) {
				return fmt.Sprintf("%s %s is not proposed any more: %s", u.Addon, r.Version, r.Reason), true, nil
			}
		}
	}
	if problem := w.problem(addons, branch); problem != "" {
		return problem, false, nil
	}
	return fmt.Sprintf("nothing newer than what %s has is proposed for %s", branch, unit), true, nil
}

// problem is what keeps it from being known whether there is something newer of addons for a branch.
func (w *world) problem(addons []string, branch string) string {
	for _, p := range w.found.Plan.Problems {
		if (p.Addon == "" || slices.Contains(addons, p.Addon)) && (p.Branch == "" || p.Branch == branch) {
			return "whether there is something newer cannot be told: " + p.Message
		}
	}
	if w.found.Tips[branch] == "" {
		return branch + " cannot be looked at"
	}
	return ""
}

func proposes(m proposal.Marker, c upgrade.Change) bool {
	return slices.ContainsFunc(m.Versions, func(v proposal.Proposed) bool { return v.Source == c.Pin.Source && v.From == c.From })
}

// has tells whether a branch has every file as a pull request makes it.
func (w *world) has(ctx context.Context, tip string, m proposal.Marker) (bool, error) {
	base, err := w.listing(ctx, m.Base)
	if err != nil {
		return false, ctx.Err() // Nothing is known of what it was made from.
	}
	head, err := w.listing(ctx, m.Head)
	if err != nil {
		return false, ctx.Err()
	}
	now, err := w.listing(ctx, tip)
	if err != nil {
		return false, err
	}
	changed := differing(base, head)
	for path := range changed {
		if now[path] != head[path] {
			return false, nil
		}
	}
	return len(changed) > 0, nil
}

// close closes a pull request and says why in its text, for people and for later runs, in one write.
func (w *world) close(ctx context.Context, p forge.Pull, mark func(*proposal.Marker), says string, heads ...string) error {
	now, ok, err := w.untouched(ctx, p, heads...)
	if err != nil || !ok {
		return err
	}
	m, known := proposal.Find(now.Body)
	if !known {
		branch, unit, _, _ := upgrade.ParseHead(p.Head)
		m = proposal.Marker{Kind: "upgrade", Branch: branch, Unit: unit}
	}
	mark(&m)
	body := proposal.Hide("> "+says+"\n\n"+now.Body, m)
	if _, err := w.Hub.Edit(ctx, p.Number, forge.PullEdit{Body: &body, Closed: true}); err != nil {
		return err
	}
	w.closed[p.Number] = true
	return nil
}
