package ledger_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// edits say what a commit makes of files; "" removes one.
type edits map[string]string

// world is a small history of whole files, told in words.
type world struct {
	facts   ledger.Facts
	main    []tree
	release map[string]*branch
}

type tree map[string]string

type branch struct {
	ledger.Branch
	trees []tree // after the fork, and after each commit
}

func newWorld() *world {
	return &world{
		facts:   ledger.Facts{Main: "main", Folders: map[string]string{"cert": "addons/cert", "dns": "addons/dns"}},
		release: map[string]*branch{},
	}
}

func hashOf(parts ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(parts...))))[:40]
}

func entry(content string) change.Entry {
	if content == "" {
		return change.Entry{}
	}
	return change.Entry{Mode: "100644", Blob: hashOf("blob", content)}
}

// commit is made of a tree and edits to it.
func commit(message string, before tree, e edits, parents ...string) (change.Commit, tree) {
	after := maps.Clone(before)
	if after == nil {
		after = tree{}
	}
	c := change.Commit{Message: message, Parents: parents}
	var patch strings.Builder
	for _, path := range slices.Sorted(maps.Keys(e)) {
		if before[path] == e[path] {
			continue
		}
		c.Files = append(c.Files, change.File{Path: path, Old: entry(before[path]), New: entry(e[path])})
		fmt.Fprintln(&patch, path, before[path], e[path])
		if after[path] = e[path]; e[path] == "" {
			delete(after, path)
		}
	}
	if len(c.Files) > 0 {
		c.PatchID = hashOf("patch", patch.String())
	}
	c.Hash = hashOf("commit", message, parents, patch.String())
	return c, after
}

func last[T any](s []T) (v T) {
	if len(s) > 0 {
		v = s[len(s)-1]
	}
	return v
}

// Main merges a change to main.
func (w *world) Main(message string, e edits) string {
	c, after := commit(message, last(w.main), e, last(w.facts.Changes).Hash)
	w.facts.Changes = append(w.facts.Changes, ledger.Change{Commit: c, Number: change.PullOf(message)})
	w.main = append(w.main, after)
	return c.Hash
}

// Merge merges a pull request to main.
func (w *world) Merge(number int, title string, e edits, labels ...string) string {
	h := w.Main(fmt.Sprintf("%s (#%d)", title, number), e)
	w.facts.Changes[len(w.facts.Changes)-1].Pull = &forge.Pull{Number: number, Title: title, Merged: true, MergeCommit: h, Labels: labels}
	return h
}

// Cut makes a release branch of what main is now.
func (w *world) Cut(minor string) {
	m, err := version.ParseMinor(minor)
	if err != nil {
		panic(err)
	}
	fork := last(w.facts.Changes).Hash
	w.release[minor] = &branch{
		Branch: ledger.Branch{Name: release.Branch(m), Minor: m, Fork: fork, Tip: fork, Contains: len(w.facts.Changes), TagOf: map[string]release.Tag{}},
		trees:  []tree{last(w.main)},
	}
}

// Commit commits to a release branch.
func (w *world) Commit(minor, message string, e edits) string {
	b := w.release[minor]
	c, after := commit(message, last(b.trees), e, b.Tip)
	b.Commits, b.trees, b.Tip = append(b.Commits, c), append(b.trees, after), c.Hash
	return c.Hash
}

// Pick picks a change by whole files, with a trailer.
func (w *world) Pick(minor, hash string) string {
	c := w.change(hash)
	e := edits{}
	for i := range w.facts.Changes {
		if w.facts.Changes[i].Hash == hash {
			for _, f := range c.Files {
				e[f.Path] = w.main[i][f.Path]
			}
		}
	}
	return w.Commit(minor, change.Picked(change.Pick{Message: c.Message, Commit: hash}), e)
}

// Revert undoes a commit of a branch.
func (w *world) Revert(minor, hash string) string {
	b := w.release[minor]
	e := edits{}
	for i, c := range b.Commits {
		if c.Hash == hash {
			for _, f := range c.Files {
				e[f.Path] = b.trees[i][f.Path]
			}
		}
	}
	return w.Commit(minor, "Revert "+hash, e)
}

// Tag makes the next release of a branch.
func (w *world) Tag(minor string, n int) {
	b := w.release[minor]
	tag := release.Tag{Minor: b.Minor, Distribution: "ake", N: n}
	for _, c := range w.facts.Changes[:b.Contains] {
		if _, is := b.TagOf[c.Hash]; !is {
			b.TagOf[c.Hash] = tag
		}
	}
	for _, c := range b.Commits {
		if _, is := b.TagOf[c.Hash]; !is {
			b.TagOf[c.Hash] = tag
		}
	}
}

// Propose opens a pull request of the bot.
func (w *world) Propose(minor string, number int, brings ...string) *ledger.Pull {
	b := w.release[minor]
	b.Pulls = append(b.Pulls, ledger.Pull{Pull: forge.Pull{Number: number, Author: "bot", Open: true, Base: b.Name}, Ours: true, Brings: brings})
	return &b.Pulls[len(b.Pulls)-1]
}

func (w *world) change(hash string) *ledger.Change {
	for i := range w.facts.Changes {
		if w.facts.Changes[i].Hash == hash {
			return &w.facts.Changes[i]
		}
	}
	panic("no change " + hash)
}

// undoes finds what each commit undoes exactly, as the bot finds it in Git.
func undoes(c change.Commit, others []change.Commit) (found []string) {
	for _, o := range others {
		same := len(o.Files) > 0 && len(o.Files) == len(c.Files)
		for i := range o.Files {
			same = same && o.Files[i] == change.File{Path: c.Files[i].Path, Old: c.Files[i].New, New: c.Files[i].Old}
		}
		if same {
			found = append(found, o.Hash)
		}
	}
	return found
}

// Facts are what the bot would read.
func (w *world) Facts() ledger.Facts {
	f := w.facts
	f.Changes = slices.Clone(f.Changes)
	var before []change.Commit
	for i := range f.Changes {
		f.Changes[i].RevertsProven = undoes(f.Changes[i].Commit, before)
		before = append(before, f.Changes[i].Commit)
	}
	for _, minor := range slices.Sorted(maps.Keys(w.release)) {
		b := *w.release[minor]
		b.RevertsProven, b.Files = map[string][]string{}, map[string]change.Entry{}
		others := slices.Clone(before)
		for _, c := range b.Commits {
			if found := undoes(c, others); found != nil {
				b.RevertsProven[c.Hash] = found
			}
			others = append(others, c)
		}
		for path, content := range last(b.trees) {
			b.Files[path] = entry(content)
		}
		f.Branches = append(f.Branches, b.Branch)
	}
	return f
}
