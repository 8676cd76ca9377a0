package proposing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// LabelBoard is the label by which the dashboard's issue is found.
const LabelBoard = "upgrade-dashboard"

// findBoard finds the dashboard, and what it remembers.
func (w *world) findBoard(ctx context.Context) error {
	issues, err := w.Hub.Issues(ctx, LabelBoard)
	if err != nil {
		return err
	}
	for _, i := range issues {
		if i.Author == w.Login && i.Title == proposal.BoardTitle && (w.board == nil || i.Number < w.board.Number) {
			w.board = &i
		}
	}
	if w.board != nil {
		w.known.Seen, _ = proposal.Remembered(w.board.Body)
	}
	return nil
}

// dashboard is the step that writes what there is to say, once all else was done; nil when it is said already. Who closes the issue does not want to see it: it
// stays closed, and is kept, since it is also what the bot remembers.
func (w *world) dashboard(plan []*steps.Step) *steps.Step {
	if len(w.Addons)+len(w.Branches) > 0 {
		return nil // It is about all of them.
	}
	text, any := w.boardText()
	quiet := len(steps.Pending(plan)) == 0
	if quiet && (w.board == nil && !any || w.board != nil && saysAlready(w.board.Body, text)) {
		return nil
	}
	step := &steps.Step{Action: "dashboard", What: "say what is pending, refused, ignored and failing"}
	if w.board != nil {
		step.What += fmt.Sprintf(" in #%d", w.board.Number)
	}
	step.Do = func(ctx context.Context) error {
		text, any := w.boardText()
		if w.board == nil {
			// Lists may be late: somebody else of the bot's may have opened it.
			if err := w.findBoard(ctx); err != nil {
				return err
			}
		}
		switch {
		case w.board == nil && !any:
			return nil
		case w.board == nil:
			if err := w.mayLabel(ctx); err != nil {
				return err
			}
			_, err := w.Hub.OpenIssue(ctx, forge.NewIssue{Title: proposal.BoardTitle, Body: text, Labels: []string{LabelBoard}})
			return err
		case saysAlready(w.board.Body, text):
			return nil
		}
		return w.Hub.EditIssue(ctx, w.board.Number, text)
	}
	return step
}

// mayLabel refuses users without write access. GitHub lets them open issues, but without labels: the next run would not find it, and open another one.
func (w *world) mayLabel(ctx context.Context) error {
	if strings.HasSuffix(w.Login, "[bot]") {
		return nil // What an App may do is not said here, and without the right to it opens no issue.
	}
	may, err := w.Hub.MayWrite(ctx, w.Login)
	if err == nil && !may {
		err = errors.New("it has none")
	}
	if err != nil {
		return fmt.Errorf("%s needs write access to %s: %w", w.Login, w.Repository, err)
	}
	return nil
}

// boardText is the dashboard as things are by now, and whether there is anything to say.
func (w *world) boardText() (text string, any bool) {
	b := proposal.Board{Repository: w.Repository, URL: w.URL, Plan: w.found.Plan, Ignored: w.known.Ignored, Seen: w.found.Seen}
	b.Plan.Problems = slices.Clone(b.Plan.Problems)
	slices.SortStableFunc(b.Ignored, func(a, b upgrade.Ignored) int { return cmp.Or(cmp.Compare(a.Branch, b.Branch), a.Pull-b.Pull) })
	shown := map[int]bool{}
	for _, s := range w.situations {
		d := decide(*s)
		opened, is := w.opened[s.proposal.Head]
		l := proposal.Listed{Proposal: s.proposal, Pull: d.pull, Why: d.why}
		shown[d.pull] = true
		switch {
		case is:
			b.Open = append(b.Open, proposal.Listed{Proposal: s.proposal, Pull: opened.Number})
		case s.mine != nil:
			if w.closed[s.mine.Number] {
				continue
			}
			if l.Pull, l.Why = s.mine.Number, w.leaving[s.mine.Number]; l.Why != "" {
				l.Proposal = marked(l.Proposal, s.marker)
			}
			shown[l.Pull] = true
			b.Open = append(b.Open, l)
		case s.declined != nil:
			b.Declined = append(b.Declined, l)
		case d.verb == refuse:
			b.Plan.Problems = append(b.Plan.Problems, upgrade.Problem{Addon: s.proposal.Unit, Branch: s.proposal.Branch, Message: d.why})
		case d.verb == open:
			// The step has failed, and the next run tries again.
			b.Waiting = append(b.Waiting, proposal.Listed{Proposal: s.proposal, Why: "it is about to be opened"})
		default:
			b.Waiting = append(b.Waiting, l)
		}
	}
	for _, p := range w.pulls {
		branch, unit, major, is := upgrade.ParseHead(p.Head)
		if !is || !p.Open || !w.own(p) || shown[p.Number] || w.closed[p.Number] {
			continue
		}
		m, _ := proposal.Find(p.Body)
		listed := marked(upgrade.Proposal{Unit: unit, Branch: branch, Head: p.Head, Major: major}, m)
		b.Open = append(b.Open, proposal.Listed{Proposal: listed, Pull: p.Number, Why: w.leaving[p.Number]})
	}
	p := b.Plan
	any = len(b.Open)+len(b.Waiting)+len(b.Declined)+len(b.Ignored)+len(p.Problems)+len(p.Held)+len(p.Upgrades)+len(b.Seen) > 0
	return proposal.Dashboard(b), any
}

// marked is a proposal with the versions that its pull request has, which is left as it is.
func marked(p upgrade.Proposal, m proposal.Marker) upgrade.Proposal {
	if len(m.Versions) == 0 {
		return p
	}
	was := p.Changes
	p.Changes = nil
	for _, v := range m.Versions {
		c := upgrade.Change{Addon: p.Unit, From: v.From, To: v.To, Size: upstream.Step(v.From, v.To)}
		if i := slices.IndexFunc(was, func(o upgrade.Change) bool { return o.Pin.Source == v.Source }); i >= 0 {
			c.Addon = was[i].Addon
		}
		c.Pin.Source = v.Source
		p.Changes = append(p.Changes, c)
	}
	return p
}

// saysAlready compares dashboards. Servers that want to be left alone for an hour say so with another time whenever they are asked.
func saysAlready(before, now string) bool {
	return waitingTime.ReplaceAllString(plainText(before), "") == waitingTime.ReplaceAllString(plainText(now), "")
}

var waitingTime = regexp.MustCompile(`asks to wait until [-0-9]{10} [:0-9]{5,8}`)

// plainText is a text as a forge keeps it.
func plainText(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
