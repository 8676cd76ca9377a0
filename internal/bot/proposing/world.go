package proposing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// world is what was found, and what this run has changed since.
type world struct {
	Options
	do    upgrader
	found upgrading.Found
	refs  native.Refs
	// pulls are all open pull requests, past those that are closed or merged and the bot's, by the head that was asked about, newest first.
	pulls []forge.Pull
	past  map[string][]forge.Pull
	// unknown are heads whose past could not be read: nothing is proposed from them.
	unknown map[string]bool
	known   upgrading.Known
	// board is the dashboard, nil where there is none.
	board *forge.Issue
	// orders are what people ask for.
	orders []*order
	// closing are the steps that close a pull request because a person said so, by head.
	closing map[string]*steps.Step
	// renewing are the steps that make a pull request anew, by number.
	renewing map[int]*steps.Step
	// leaving is why an open pull request of the bot's is left as it is, by number; going why it is closed.
	leaving, going map[int]string
	situations     []*situation
	// opened and closed are what steps of this plan did.
	opened map[string]forge.Pull
	closed map[int]bool
	failed error

	files    map[string]map[string]change.Entry
	catalogs map[string]catalog.Catalog
	reports  map[string]rendered
}

type rendered struct {
	report report.Report
	err    error
}

// gather looks at everything.
func gather(ctx context.Context, o Options, do upgrader) (*world, error) {
	if _, err := o.Mirror.Fetch(ctx); err != nil {
		return nil, err
	}
	w := &world{
		Options: o, do: do, past: map[string][]forge.Pull{}, unknown: map[string]bool{}, closing: map[string]*steps.Step{}, renewing: map[int]*steps.Step{},
		leaving: map[int]string{}, going: map[int]string{}, opened: map[string]forge.Pull{}, closed: map[int]bool{}, files: map[string]map[string]change.Entry{},
		catalogs: map[string]catalog.Catalog{}, reports: map[string]rendered{},
	}
	var err error
	// After Git: what was merged in between is known to be there, and waited for.
	if w.pulls, err = o.Hub.OpenPulls(ctx); err != nil {
		return nil, err
	}
	if w.refs, err = o.Mirror.Refs(ctx); err != nil {
		return nil, err
	}
	if err := w.findBoard(ctx); err != nil {
		return nil, err
	}
	if err := w.hear(ctx); err != nil {
		return nil, err
	}
	if w.found, err = do.look(ctx, o.Options, w.known); err != nil {
		return nil, err
	}
	return w, w.learn(ctx)
}

// learn finds out which pull requests of what would be proposed were closed, and decides again without what people do not want, until nothing new comes of it.
func (w *world) learn(ctx context.Context) (err error) {
	for range 20 {
		var heads []string
		for _, p := range w.found.Plan.Proposals {
			if _, asked := w.past[p.Head]; !asked && !w.unknown[p.Head] && !w.stands(p) {
				heads = append(heads, p.Head)
			}
		}
		if len(heads) == 0 {
			return nil
		}
		answers, errs := make([][]forge.Pull, len(heads)), make([]error, len(heads))
		each(len(heads), func(i int) { answers[i], errs[i] = w.Hub.PullsOf(ctx, heads[i]) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		before := len(w.known.Ignored)
		for i, head := range heads {
			if errs[i] != nil {
				w.unknown[head] = true
				w.failed = errors.Join(w.failed, fmt.Errorf("pull requests from %s: %w", head, errs[i]))
				continue
			}
			w.past[head] = slices.DeleteFunc(answers[i], func(p forge.Pull) bool { return p.Open || !w.own(p) || p.Head != head })
			for _, p := range w.past[head] {
				w.ignore(p)
			}
		}
		if err := w.hearLate(ctx, heads); err != nil {
			return err
		}
		if len(w.known.Ignored) == before {
			continue
		}
		if w.found, err = w.do.again(w.found, ctx, w.Options.Options, w.known); err != nil {
			return err
		}
	}
	return nil
}

// stands tells that the open pull request of a proposal has these versions: whether earlier ones were closed says nothing about it.
func (w *world) stands(p upgrade.Proposal) bool {
	mine := w.mine(p.Head, p.Branch)
	if mine == nil {
		return false
	}
	m, known := proposal.Find(mine.Body)
	return known && same(m.Versions, versions(p)) || w.closing[p.Head] != nil
}

// ignore notes what a person did not want when the pull request was closed.
func (w *world) ignore(p forge.Pull) {
	m, known := proposal.Find(p.Body)
	if !known || p.Open || p.Merged || m.Ignored != ignoredVersion && m.Ignored != ignoredMajor {
		return
	}
	w.known.Ignored = append(w.known.Ignored, ignored(m, p.Number)...)
}

// The values of Marker.Ignored.
const (
	ignoredVersion = "version"
	ignoredMajor   = "major"
)

func ignored(m proposal.Marker, pull int) (all []upgrade.Ignored) {
	for _, v := range m.Versions {
		all = append(all, upgrade.Ignored{Branch: m.Branch, Source: v.Source, Version: v.To, Major: m.Ignored == ignoredMajor, By: m.By, Pull: pull})
	}
	return all
}

// own tells whether a pull request is the bot's, of an upgrade.
func (w *world) own(p forge.Pull) bool {
	return p.Author == w.Login && strings.EqualFold(p.HeadRepository, w.Repository) && strings.HasPrefix(p.Head, upgrade.Prefix)
}

// mine is the bot's open pull request from a head onto a branch.
func (w *world) mine(head, branch string) *forge.Pull {
	for i, p := range w.pulls {
		if p.Open && w.own(p) && p.Head == head && p.Base == branch {
			return &w.pulls[i]
		}
	}
	return nil
}

// each does something n times, several at a time.
func each(n int, do func(i int)) {
	const parallel = 8
	var all sync.WaitGroup
	free := make(chan struct{}, parallel)
	for i := range n {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			do(i)
		})
	}
	all.Wait()
}

// listing is all paths of a commit.
func (w *world) listing(ctx context.Context, commit string) (map[string]change.Entry, error) {
	if files, known := w.files[commit]; known {
		return files, nil
	}
	files, err := w.Mirror.Files(ctx, commit)
	if err == nil {
		w.files[commit] = files
	}
	return files, err
}

// offered is the catalog of a commit.
func (w *world) offered(ctx context.Context, commit string) (catalog.Catalog, error) {
	if c, known := w.catalogs[commit]; known {
		return c, nil
	}
	files, err := w.listing(ctx, commit)
	if err != nil {
		return catalog.Catalog{}, err
	}
	data, err := w.Mirror.Blob(ctx, files[catalog.File].Blob)
	if err != nil {
		return catalog.Catalog{}, err
	}
	c, err := catalog.Decode(catalog.File, data)
	if err == nil {
		w.catalogs[commit] = c
	}
	return c, err
}
