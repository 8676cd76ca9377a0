package tagging

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/notes"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// emptyTree is the tree without a file, the same in every repository.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// nothing is a commit whose catalog offers no addon. No ref names it, and it never leaves the mirror.
func (o Options) nothing(ctx context.Context) (string, error) {
	text := fmt.Sprintf("apiVersion: %s\nkind: %s\ndistribution: none\naddons: []\n", catalog.APIVersion, catalog.Kind)
	blob, err := o.Mirror.WriteBlob(ctx, []byte(text))
	if err != nil {
		return "", err
	}
	tree, err := o.Mirror.WriteTree(ctx, emptyTree, map[string]change.Entry{catalog.File: {Mode: "100644", Blob: blob}})
	if err != nil {
		return "", err
	}
	nobody := change.Person{Name: "nobody", Email: "nobody@noreply.invalid"}
	return o.Mirror.Commit(ctx, change.Commit{Tree: tree, Message: "Offer nothing\n", Author: nobody, Committer: nobody})
}

// compare says what differs between two commits on a minor.
func (o Options) compare(ctx context.Context, m version.Minor, base, head string) (report.Report, error) {
	b := o.Rendering
	b.Repository = o.Mirror.Repository()
	return bot.Diff(ctx, b, bot.DiffRequest{Base: base, Head: head, Minors: []version.Minor{m}, Alone: true})
}

// notes are those of a release, on the forge and in its tag. Commit is what it names. Since is its tag, or zero for one that is not made yet.
func (o Options) notes(ctx context.Context, f *facts, tag, since, previous release.Tag, commit string) (notes.Notes, error) {
	n := notes.Notes{Tag: tag, Previous: previous, Branch: f.branch, Commit: commit}
	n.Changes, n.Own = notes.Since(f.history.Facts, f.history.Ledger, f.branch, since)
	after, err := sideOf(o.Mirror.Repository(), commit)
	if err != nil {
		// Only a tag that a person made by hand can name a commit without a valid catalog.
		n.Uncompared = fmt.Sprintf("Nothing was compared: %v", err)
		return n, nil
	}
	var before *notes.Side
	if !previous.IsZero() {
		base := f.tags.of[previous].Commit
		side, err := sideOf(o.Mirror.Repository(), base)
		if err != nil {
			n.Uncompared = fmt.Sprintf("Nothing was compared with %s: %v", previous, err)
		} else {
			before = &side
			r, err := o.compare(ctx, tag.Minor, base, commit)
			if err != nil {
				return n, err
			}
			r.BaseName, r.HeadName = previous.String(), tag.String()
			n.Report = &r
		}
	}
	n.Addons = notes.Addons(before, after, tag.Minor, n.Report)
	return n, nil
}

// sideOf is a commit as notes look at it. It is an error that it has no valid catalog.
func sideOf(repo *git.Repository, commit string) (notes.Side, error) {
	tree, err := repo.Tree(commit)
	if err != nil {
		return notes.Side{}, err
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if err != nil {
		return notes.Side{}, err
	}
	c, err := catalog.Decode(catalog.File, data)
	return notes.Side{Catalog: c, Tree: tree}, err
}
