package branches

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/picking"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// picks brings the pull requests of picks to what they should be: the oldest change first, on all branches.
func (w *world) picks(ctx context.Context) ([]*steps.Step, error) {
	if w.Hub == nil {
		return nil, nil
	}
	age := map[string]int{}
	for i, c := range w.Facts.Changes {
		age[c.Hash] = i
	}
	type aged struct {
		age  int
		step *steps.Step
	}
	var (
		all    []aged
		failed error
	)
	for _, b := range w.live() {
		if w.following[b.Name] {
			// What is missing comes along.
			continue
		}
		handled := map[string]bool{}
		for _, source := range pick.Sources(w.Facts, w.reconsidered(b), b.Name) {
			handled[pick.Head(b.Name, source)] = true
			s, err := w.situation(ctx, b, source)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("pick %s to %s: %w", source.Key(), b.Name, err))
				continue
			}
			if step := w.act(s, decide(s)); step != nil {
				all = append(all, aged{age[source.Changes[0].Hash], step})
			}
		}
		for _, p := range b.Pulls {
			if p.Open && p.Ours && strings.HasPrefix(p.Head, pick.Prefix) && !handled[p.Head] {
				if step := w.act(situation{branch: b.Name}, leftover(b.Name, p, w.entries(b.Name, p))); step != nil {
					all = append(all, aged{len(age), step})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b aged) int { return cmp.Compare(a.age, b.age) })
	plan := make([]*steps.Step, len(all))
	for i, a := range all {
		plan[i] = a.step
	}
	return plan, failed
}

// reconsidered is the ledger in which what people closed is missing: picking again says whether it would be the same again.
func (w *world) reconsidered(b ledger.Branch) ledger.Ledger {
	closed := map[int]bool{}
	for _, p := range b.Pulls {
		closed[p.Number] = !p.Open && !p.Merged && !p.Retired && p.Ours
	}
	l := w.Ledger
	l.Changes = slices.Clone(l.Changes)
	for i, row := range l.Changes {
		if e := row.Branches[b.Name]; e.State == ledger.Skipped && e.Pull != 0 && closed[e.Pull] {
			e.State = ledger.Missing
			l.Changes[i].Branches = map[string]ledger.Entry{b.Name: e}
		}
	}
	return l
}

// entries are where the changes that a pull request brings are, of those that main has.
func (w *world) entries(branch string, p ledger.Pull) (found []ledger.Entry) {
	brings := slices.Clone(p.Brings)
	if m, known := believed(p); known {
		brings = append(brings, m.Source...)
	}
	for _, row := range w.Ledger.Changes {
		if slices.Contains(brings, row.Commit) {
			found = append(found, row.Branches[branch])
		}
	}
	return found
}

// situation gathers what decides about a source on a branch.
func (w *world) situation(ctx context.Context, b ledger.Branch, source pick.Source) (situation, error) {
	head := pick.Head(b.Name, source)
	s := situation{branch: b.Name, source: source, ref: w.refs.Branches[head]}
	wanted := hashes(source)
	for _, p := range b.Pulls {
		if p.Head == head && p.Ours || slices.ContainsFunc(p.Brings, func(c string) bool { return slices.Contains(wanted, c) }) {
			s.pulls = append(s.pulls, p)
		}
	}
	for i, p := range w.pulls {
		if p.Open && p.Head == head && p.Base != b.Name && w.own(p) {
			s.elsewhere = &w.pulls[i]
		}
	}
	for _, c := range wanted {
		if e := w.rows[c].Branches[b.Name]; len(e.After) > 0 {
			s.waits = cmp.Or(e.Reason, "an earlier change of the same files is not there yet")
		}
	}
	onto, err := w.look(ctx, b, &s)
	if err != nil {
		return s, err
	}
	if s.settled(onto, b.Tip) {
		return s, nil
	}
	o, err := picking.Pick(ctx, w.picking(), picking.Target{Branch: b.Name, Minor: b.Minor, Onto: b.Tip}, source)
	if err != nil {
		return s, err
	}
	s.outcome = &o
	if onto != "" && !o.Clean() {
		s.moved, err = w.moved(ctx, onto, b.Tip, o.Conflicts)
	}
	return s, err
}

// moved tells whether a path in conflict is different on two commits of a branch.
func (w *world) moved(ctx context.Context, from, to string, conflicts []pick.Conflict) (bool, error) {
	before, err := w.listing(ctx, from)
	if err != nil {
		return false, err
	}
	after, err := w.listing(ctx, to)
	return slices.ContainsFunc(conflicts, func(c pick.Conflict) bool { return !sameBelow(before, after, c.Path) }), err
}

func (w *world) picking() picking.Options {
	return picking.Options{Mirror: w.Mirror, Committer: w.Committer, Renders: w.Renders}
}

// own tells whether the bot opened a pull request, from this repository.
func (w *world) own(p forge.Pull) bool {
	return p.Author == w.Login && strings.EqualFold(p.HeadRepository, w.Repository)
}

// look finds out what the branch of a pick has, and the commit that it begins from.
func (w *world) look(ctx context.Context, b ledger.Branch, s *situation) (onto string, err error) {
	if s.ref == "" {
		return "", nil
	}
	request := native.LogRequest{Of: []string{s.ref}, Not: []string{w.MainTip}}
	for _, other := range w.live() {
		request.Not = append(request.Not, other.Tip)
	}
	commits, err := w.Mirror.Log(ctx, request)
	if err != nil || len(commits) == 0 {
		return "", err
	}
	for _, c := range commits {
		if c.Committer.Email != w.Committer.Email || len(change.Claims(c.Message)) == 0 {
			s.stranger = cmp.Or(c.Committer.Name, c.Committer.Email, "somebody without a name")
			if strings.EqualFold(s.stranger, "GitHub") {
				s.stranger = cmp.Or(c.Author.Name, s.stranger)
			}
		}
		s.conflicted = s.conflicted || len(change.UnresolvedIn(c.Message)) > 0
	}
	if p := commits[0].Parents; len(p) > 0 {
		onto = p[0]
	}
	return onto, nil
}

// settled tells that a pick need not be made to know that there is nothing to do.
func (s situation) settled(onto, tip string) bool {
	mine := s.mine()
	switch {
	case mine == nil:
		return s.waits != "" || s.elsewhere != nil || slices.ContainsFunc(s.pulls, coming)
	case mine.Human != "" || s.stranger != "":
		return true
	}
	m, known := believed(*mine)
	return known && m.Head == s.ref && onto == tip && slices.Equal(m.Source, hashes(s.source))
}

// earlier are changes of main that a branch does not have and that touch what a pick stumbles over.
func (w *world) earlier(s situation) (found []pick.Earlier) {
	touches := func(f change.File) bool {
		return slices.ContainsFunc(s.outcome.Conflicts, func(c pick.Conflict) bool {
			return f.Path == c.Path || strings.HasPrefix(f.Path, c.Path+"/")
		})
	}
	for _, c := range w.Facts.Changes {
		if c.Hash == s.source.Changes[0].Hash {
			break
		}
		row := w.rows[c.Hash]
		if e := row.Branches[s.branch]; e.State != ledger.Landed && slices.ContainsFunc(c.Files, touches) {
			found = append(found, pick.Earlier{Commit: c.Hash, Title: row.Title, Pull: row.Pull, Entry: e})
		}
	}
	return found
}

// proposal is what the pull request of a pick says.
func (w *world) proposal(s situation) pick.Proposal {
	return pick.Write(pick.Request{
		Repository: w.Repository, URL: w.URL, Branch: s.branch, Source: s.source, Outcome: *s.outcome, Earlier: w.earlier(s),
		Marker: pick.Marker{Kind: "pick", Branch: s.branch, Source: hashes(s.source), Content: s.outcome.Content, Head: s.outcome.Tip},
	})
}
