package picking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// Trial is what would come of picking one change.
type Trial struct {
	Change  ledger.Change
	Outcome pick.Outcome
	// After are earlier trials of the same files that apply, Without those that do not: the change was tried on top of the former.
	After, Without []string
}

// Plan tries changes one by one, oldest first, each on top of the earlier ones of the same files that apply. Nothing is kept but objects that nobody
// names.
func Plan(ctx context.Context, o Options, t Target, changes []ledger.Change) ([]Trial, error) {
	hashes := make([]string, len(changes))
	for i, c := range changes {
		hashes[i] = c.Hash
	}
	alone, err := o.Mirror.PickEach(ctx, t.Onto, hashes)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", t.Branch, err)
	}
	for _, m := range alone {
		for i, c := range m.Conflicts {
			// Git was told the branch's commit only.
			m.Conflicts[i].Message = strings.ReplaceAll(c.Message, t.Onto[:12], t.Branch)
		}
	}
	p := planner{Options: o, target: t, tip: t.Onto, on: map[string]bool{}}
	trials := make([]Trial, 0, len(changes))
	for i, c := range changes {
		trial, err := p.try(ctx, c, &alone[i], trials)
		if err != nil {
			return nil, err
		}
		trials = append(trials, trial)
	}
	return trials, nil
}

type planner struct {
	Options
	target Target
	// tip has the changes that are on.
	tip string
	on  map[string]bool
}

// try tries one change after others. Alone is what came of it on the branch as it is, which is right for all but those that come after another.
func (p *planner) try(ctx context.Context, c ledger.Change, alone *native.Picked, earlier []Trial) (Trial, error) {
	trial := Trial{Change: c}
	for _, e := range earlier {
		switch {
		case !overlap(e.Change.Files, c.Files):
		case e.Outcome.Clean():
			trial.After = append(trial.After, e.Change.Hash)
		default:
			trial.Without = append(trial.Without, e.Change.Hash)
		}
	}
	target := p.target
	if len(trial.After) > 0 {
		if err := p.advance(ctx, earlier); err != nil {
			return trial, err
		}
		target.Onto, alone = p.tip, nil
	}
	s := pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}}
	out, err := pickAll(ctx, p.Options, target, s, alone)
	if err != nil {
		return trial, fmt.Errorf("plan %s: %w", p.target.Branch, err)
	}
	trial.Outcome = out
	if target.Onto == p.tip && out.Clean() {
		p.tip = out.Tip
		p.on[c.Hash] = true
	}
	return trial, nil
}

// advance puts on the tip what applied and is not there yet. It is not checked again.
func (p *planner) advance(ctx context.Context, earlier []Trial) error {
	o := p.Options
	o.Renders = nil
	for _, e := range earlier {
		if p.on[e.Change.Hash] || !e.Outcome.Clean() {
			continue
		}
		target := p.target
		target.Onto = p.tip
		out, err := pickAll(ctx, o, target, pick.Source{Pull: e.Change.Pull, Changes: []ledger.Change{e.Change}}, nil)
		if err != nil {
			return fmt.Errorf("plan %s: %w", p.target.Branch, err)
		}
		if out.Clean() {
			p.tip = out.Tip
		}
		p.on[e.Change.Hash] = true
	}
	return nil
}

// overlap tells whether two changes touch a path in common.
func overlap(a, b []change.File) bool {
	return slices.ContainsFunc(a, func(f change.File) bool {
		_, found := slices.BinarySearchFunc(b, f.Path, func(f change.File, path string) int {
			switch {
			case f.Path < path:
				return -1
			case f.Path > path:
				return 1
			}
			return 0
		})
		return found
	})
}
