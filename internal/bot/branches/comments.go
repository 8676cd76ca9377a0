package branches

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// note is what the bot hides in its comments, to find them again. Whoever copies it gains nothing: only the bot's own comments count.
type note struct {
	Kind string `json:"kind"`
	// Base and Head are what a comparison is about.
	Base string `json:"base,omitempty"`
	Head string `json:"head,omitempty"`
}

// The kinds of comments.
const (
	kindLedger = "ledger"
	kindDiff   = "diff"
)

const noteOpen, noteClose = "<!-- branch-bot ", " -->"

// hide puts a note before a text.
func (n note) hide(text string) string {
	data, err := json.Marshal(n)
	if err != nil {
		panic(err) // Three strings are always JSON.
	}
	return noteOpen + string(data) + noteClose + "\n" + text
}

// find is the bot's oldest comment of a kind; nil when there is none.
func (w *world) find(all []forge.Comment, kind string) (*forge.Comment, note) {
	for i, c := range all {
		first, _, _ := strings.Cut(c.Body, "\n")
		text, opens := strings.CutPrefix(strings.TrimRight(first, "\r"), noteOpen)
		text, closes := strings.CutSuffix(text, noteClose)
		var n note
		if c.Author == w.Login && opens && closes && json.Unmarshal([]byte(text), &n) == nil && n.Kind == kind {
			return &all[i], n
		}
	}
	return nil, note{}
}

// say writes the bot's comment of a kind: edited in place, and not at all when it says the same already.
func (w *world) say(ctx context.Context, pull int, kind, body string) error {
	all, err := w.Hub.Comments(ctx, pull)
	if err != nil {
		return err
	}
	switch c, _ := w.find(all, kind); {
	case c == nil:
		_, err = w.Hub.Comment(ctx, pull, body)
	case same(c.Body, body):
	default:
		err = w.Hub.EditComment(ctx, c.ID, body)
	}
	return err
}

// same compares texts as a forge keeps them.
func same(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(a) == plain(b)
}

// ledgers says on source pull requests where their changes are.
func (w *world) ledgers(ctx context.Context) (plan []*steps.Step, failed error) {
	if w.Hub == nil {
		return nil, nil
	}
	for _, s := range w.subjects() {
		body, any := w.standing(w.Ledger, s.pull.Number)
		if !any {
			continue
		}
		step := &steps.Step{Action: "comment", Pull: s.pull.Number, What: "say where the change is"}
		step.Do = func(ctx context.Context) error {
			body, any := w.standing(w.latest(), s.pull.Number)
			if !any {
				return nil
			}
			return w.say(ctx, s.pull.Number, kindLedger, body)
		}
		if !w.busy[s.pull.Number] {
			all, err := w.Hub.Comments(ctx, s.pull.Number)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("comments of #%d: %w", s.pull.Number, err))
				continue
			}
			if c, _ := w.find(all, kindLedger); c == nil && s.settled || c != nil && same(c.Body, body) {
				continue
			}
		}
		plan = append(plan, step)
	}
	return plan, failed
}

// subject is a source pull request that may need a comment. Settled ones are not told of for the first time: they are old.
type subject struct {
	pull    *forge.Pull
	settled bool
}

// fresh is how many of the settled pull requests are looked at again: those that were updated last.
const fresh = 30

// subjects are the source pull requests whose comment may be out of date, oldest first: those with a change that is not settled everywhere,
// those in the newest releases, and those that were updated last.
func (w *world) subjects() (all []subject) {
	newest := history.Newest(w.refs, w.Distribution)
	unsettled, again := map[int]bool{}, map[int]bool{}
	var order []*forge.Pull
	for _, c := range w.Facts.Changes {
		if c.Pull == nil {
			continue
		}
		if !slices.ContainsFunc(order, func(p *forge.Pull) bool { return p.Number == c.Pull.Number }) {
			order = append(order, c.Pull)
		}
		for _, e := range w.rows[c.Hash].Branches {
			switch is := history.Recent(w.rows[c.Hash], e, newest); {
			case is && e.Tag == "", e.State != ledger.Landed && e.State != ledger.Skipped:
				unsettled[c.Pull.Number] = true
			case is:
				again[c.Pull.Number] = true
			}
		}
	}
	last := slices.Clone(order)
	slices.SortStableFunc(last, func(a, b *forge.Pull) int { return b.Updated.Compare(a.Updated) })
	for _, p := range last[:min(fresh, len(last))] {
		again[p.Number] = true
	}
	for _, p := range order {
		if unsettled[p.Number] || again[p.Number] || w.busy[p.Number] {
			all = append(all, subject{pull: p, settled: !unsettled[p.Number]})
		}
	}
	return all
}

// standing is the comment on a source pull request. Branches that were cut with the changes are left out; none left means that there is
// nothing to say.
func (w *world) standing(l ledger.Ledger, pull int) (body string, any bool) {
	var rows []ledger.Row
	for i := len(w.Facts.Changes) - 1; i >= 0; i-- {
		if p := w.Facts.Changes[i].Pull; p == nil || p.Number != pull {
			continue
		}
		row := l.Changes[len(w.Facts.Changes)-1-i]
		row.Branches = maps.Clone(row.Branches)
		maps.DeleteFunc(row.Branches, func(_ string, e ledger.Entry) bool { return e.State == ledger.Landed && e.Commit == row.Commit })
		if len(row.Branches) > 0 {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return "", false
	}
	return note{Kind: kindLedger}.hide(ledger.Comment(rows, w.URL)), true
}
