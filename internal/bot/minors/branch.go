package minors

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
)

// look finds out who besides the bot committed to the branch, and the commit that it begins from.
func (p *plan) look(ctx context.Context) (stranger, onto string, err error) {
	if p.ref == "" {
		return "", "", nil
	}
	commits, err := p.Mirror.Log(ctx, native.LogRequest{Of: []string{p.ref}, Not: []string{p.tip}})
	if err != nil || len(commits) == 0 {
		return "", "", err
	}
	for _, c := range commits {
		if c.Committer.Email != p.Committer.Email {
			return cmp.Or(c.Committer.Name, c.Committer.Email, "somebody without a name"), "", nil
		}
	}
	if parents := commits[0].Parents; len(parents) == 1 {
		onto = parents[0]
	}
	return "", onto, nil
}

// commit adds the minor. It stays on the commit that it was made on as long as main's catalog is the same there.
func (p *plan) commit(ctx context.Context, onto string) (string, error) {
	text, err := catalog.WithMinor(catalog.File, p.catalog, p.minor)
	if err != nil {
		return "", err
	}
	base := p.tip
	files, err := p.Mirror.Files(ctx, p.tip)
	if err != nil {
		return "", err
	}
	if onto != "" {
		before, err := p.Mirror.Files(ctx, onto)
		if err != nil {
			return "", err
		}
		if before[catalog.File] == files[catalog.File] {
			base = onto
		}
	}
	blob, err := p.Mirror.WriteBlob(ctx, text)
	if err != nil {
		return "", err
	}
	at, err := p.Mirror.Log(ctx, native.LogRequest{Of: []string{base}, Alone: true})
	if err != nil {
		return "", err
	}
	tree, err := p.Mirror.WriteTree(ctx, at[0].Tree, map[string]change.Entry{catalog.File: {Mode: files[catalog.File].Mode, Blob: blob}})
	if err != nil {
		return "", err
	}
	by := p.Committer
	by.When = at[0].Committer.When // The same commit each time.
	return p.Mirror.Commit(ctx, change.Commit{
		Tree: tree, Parents: []string{base}, Author: by, Committer: by, Message: fmt.Sprintf("Offer Kubernetes %s\n", p.minor),
	})
}

func (p *plan) push(ctx context.Context, commit string) error {
	if p.ref == commit {
		return nil
	}
	return branches.Push(ctx, p.Mirror, native.Update{Ref: "refs/heads/" + Prefix + p.minor.String(), Old: p.ref, New: commit})
}

func (p *plan) open(ctx context.Context, commit string, text proposal.Text) error {
	if err := p.push(ctx, commit); err != nil {
		return err
	}
	opened, err := p.Hub.Open(ctx, forge.NewPull{Title: text.Title, Body: text.Body, Base: p.main, Head: Prefix + p.minor.String()})
	if err != nil && !errors.Is(err, github.ErrExists) {
		return err
	}
	if opened.Number == 0 || opened.Author != p.Login {
		return nil
	}
	return p.Hub.Label(ctx, opened.Number, text.Labels...)
}

func (p *plan) update(ctx context.Context, number int, commit string, text proposal.Text) error {
	now, err := p.Hub.Pull(ctx, number)
	switch {
	case err != nil || !now.Open:
		return err
	case now.HeadCommit != p.ref && now.HeadCommit != commit:
		return errors.New("somebody else pushed to it meanwhile, so it is left as it is")
	}
	if err := p.push(ctx, commit); err != nil {
		return err
	}
	if _, err := p.Hub.Edit(ctx, number, forge.PullEdit{Body: &text.Body}); err != nil {
		return err
	}
	return p.Hub.Label(ctx, number, text.Labels...)
}
