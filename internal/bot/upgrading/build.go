package upgrading

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Build makes the commit of a proposal on top of another: the scalars, lock files, and what is vendored. What cannot be done whole is an error, and nothing is done.
func Build(ctx context.Context, o Options, base string, p upgrade.Proposal) (Built, error) {
	b := builder{Options: o, base: base, changed: map[string]change.Entry{}}
	if err := b.begin(ctx); err != nil {
		return Built{}, err
	}
	for _, step := range []func(context.Context, upgrade.Change) error{b.scalars, b.vendored} {
		for _, c := range p.Changes {
			if err := step(ctx, c); err != nil {
				return Built{}, fmt.Errorf("%s: %w", c.Addon, err)
			}
		}
	}
	if err := b.locks(ctx, p.Changes); err != nil {
		return Built{}, err
	}
	return b.finish(ctx, p)
}

// builder makes one commit.
type builder struct {
	Options
	base string
	// from is the base as a commit, files are what it holds.
	from  change.Commit
	files map[string]change.Entry
	// changed are the paths that are other than in the base; zero for those that are gone.
	changed map[string]change.Entry
	// tree has the files with what was changed so far.
	tree    fs.FS
	remarks []string
}

func (b *builder) begin(ctx context.Context) error {
	log, err := b.Mirror.Log(ctx, native.LogRequest{Of: []string{b.base}, Alone: true})
	if err != nil {
		return err
	}
	b.from = log[len(log)-1]
	if b.files, err = b.Mirror.Files(ctx, b.base); err != nil {
		return err
	}
	b.tree, err = b.Mirror.Repository().Tree(b.base)
	return err
}

// scalars writes the new version to where the old one is.
func (b *builder) scalars(ctx context.Context, c upgrade.Change) error {
	for _, v := range []string{c.To, c.Write} {
		if !version.Published(v) {
			return fmt.Errorf("%.150q is no version that anything can be named after", v)
		}
	}
	digest := c.Digest
	if c.Pin.Source.Kind == upstream.GitHub && c.Pin.Vendored != "" {
		var err error
		if digest, err = b.asset(ctx, c); err != nil {
			return err
		}
	}
	edited, err := upstream.Edit(b.tree, c.Pin, c.Write, digest)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(edited)) {
		if err := b.write(ctx, path, edited[path]); err != nil {
			return err
		}
	}
	return b.turn(ctx)
}

// entry is a path as it is by now.
func (b *builder) entry(path string) change.Entry {
	if e, is := b.changed[path]; is {
		return e
	}
	return b.files[path]
}

// write gives a file another content. It stays what it was: executable or not.
func (b *builder) write(ctx context.Context, path string, data []byte) error {
	e := b.entry(path)
	if e.Mode == "" {
		e.Mode = "100644"
	}
	return b.put(ctx, path, e.Mode, data)
}

func (b *builder) put(ctx context.Context, path, mode string, data []byte) error {
	blob, err := b.Mirror.WriteBlob(ctx, data)
	if err != nil {
		return err
	}
	b.changed[path] = change.Entry{Mode: mode, Blob: blob}
	return nil
}

func (b *builder) remove(path string) { b.changed[path] = change.Entry{} }

// turn makes what was changed readable as files.
func (b *builder) turn(ctx context.Context) error {
	commit, err := b.commit(ctx, "Half of an upgrade")
	if err != nil {
		return err
	}
	b.tree, err = b.Mirror.Repository().Tree(commit)
	return err
}

func (b *builder) commit(ctx context.Context, message string) (hash string, err error) {
	c := change.Commit{Parents: []string{b.base}, Message: message, Author: b.Committer, Committer: b.Committer}
	if c.Tree, err = b.Mirror.WriteTree(ctx, b.from.Tree, b.changed); err != nil {
		return "", err
	}
	// The time of the base makes the same upgrade the same commit, whenever it is made.
	c.Author.When, c.Committer.When = b.from.Committer.When, b.from.Committer.When
	return b.Mirror.Commit(ctx, c)
}

func (b *builder) finish(ctx context.Context, p upgrade.Proposal) (Built, error) {
	maps.DeleteFunc(b.changed, func(path string, e change.Entry) bool { return b.files[path] == e })
	if len(b.changed) == 0 {
		return Built{}, errors.New("nothing would change: the files have these versions already")
	}
	tip, err := b.commit(ctx, message(p))
	return Built{Tip: tip, Base: b.base, Files: slices.Sorted(maps.Keys(b.changed)), Remarks: b.remarks}, err
}

func (b *builder) remark(format string, args ...any) {
	b.remarks = append(b.remarks, fmt.Sprintf(format, args...))
}
