package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// The repository on the stand-in for GitHub.
const (
	owner      = "platform"
	repository = "addons"
	developer  = "alice"
)

// keepBranches takes a change from its pull request on main to a release: picked to the release branches, merged on one, tagged, delivered.
func keepBranches(ctx context.Context, d *demo) error {
	if err := d.startForge(); err != nil {
		return err
	}
	source, err := d.proposeReplicas()
	if err != nil {
		return err
	}
	d.note("%s merged a second replica for coredns-autoscaler to main: %s/pull/%d", developer, d.page(), source)
	bot := func(command string, args ...string) []string {
		return append([]string{command}, append(args, "--repository", d.forge.Repository(owner+"/"+repository).CloneURL(), "--mirror", filepath.Join(d.dir, "branch-bot"))...)
	}
	if err := d.show(ctx, "", "branch-bot", bot("reconcile", "--apply")...); err != nil {
		return err
	}
	picks, err := d.picks()
	if err != nil {
		return err
	}
	for _, branch := range []string{"release-1.31", "release-1.32", "release-1.33"} {
		p, is := picks[branch]
		if !is || p.Draft != (branch == "release-1.32") {
			return fmt.Errorf("the pick to %s is %+v, want one that is a draft on release-1.32 only", branch, p)
		}
		d.note("%s: %s/pull/%d %s", branch, d.page(), p.Number, p.Title)
	}
	d.note("release-1.32 still has the mistake in the line below, so its pick is a draft that says how to finish it; %s merges the one to release-1.33", developer)
	if _, err := d.repository().MergePull(picks["release-1.33"].Number, developer, github.Merge{Method: "squash"}); err != nil {
		return err
	}
	if err := d.show(ctx, "", "branch-bot", bot("tag", "1.33", "--apply")...); err != nil {
		return err
	}
	oslo := d.fleet[2]
	oslo.release = nth("1.33", "2")
	if err := d.await(ctx, oslo); err != nil {
		return err
	}
	if err := d.show(ctx, "", "branch-bot", bot("reconcile", "--apply")...); err != nil {
		return err
	}
	return d.show(ctx, "", "branch-bot", bot("ledger")...)
}

// startForge puts the config repository on the stand-in for GitHub, with a token for the bot.
func (d *demo) startForge() (err error) {
	if d.forge, err = github.Start(filepath.Join(d.dir, "github"), github.Options{Merger: developer}); err != nil {
		return err
	}
	r, err := d.forge.Share(owner, repository, d.sandbox.Config.Repo.Dir, github.RepositoryOptions{Description: "Addons for all clusters"})
	if err != nil {
		return err
	}
	r.Allow(developer, "write")
	r.Allow("branch-bot", "write")
	d.token = d.forge.AddToken("branch-bot")
	d.sandbox.Environment = append(d.sandbox.Environment, "BRANCH_BOT_TOKEN="+d.token)
	d.note("a stand-in for GitHub runs at %s; its pages are to be read in a browser", d.page())
	return nil
}

// proposeReplicas merges a pull request to main.
func (d *demo) proposeReplicas() (number int, err error) {
	const file, change = "addons/coredns-autoscaler/deployment.yaml", "two-replicas"
	was, err := d.repository().Git.Git("show", "main:"+file)
	if err != nil {
		return 0, err
	}
	if err := d.repository().Git.SetBranch(change, "main"); err != nil {
		return 0, err
	}
	now := strings.Replace(was+"\n", "  replicas: 1\n", "  replicas: 2\n", 1)
	if _, err := d.repository().Git.Apply(change, "Run two replicas of the DNS autoscaler", gitrepo.File(file, now)); err != nil {
		return 0, err
	}
	number, err = d.repository().OpenPull(github.NewPull{
		Author: developer, Title: "Run two replicas of the DNS autoscaler", Base: "main", Head: change,
		Body: "One replica is away while its node is upgraded.",
	})
	if err != nil {
		return 0, err
	}
	_, err = d.repository().MergePull(number, developer, github.Merge{Method: "squash"})
	return number, err
}

// picks are the open pull requests by the branch that they are for.
func (d *demo) picks() (map[string]github.Pull, error) {
	picks := map[string]github.Pull{}
	for _, p := range d.repository().Pulls() {
		if p.State == "open" {
			if _, twice := picks[p.Base]; twice {
				return nil, fmt.Errorf("there are two pull requests for %s, want one", p.Base)
			}
			picks[p.Base] = p
		}
	}
	return picks, nil
}

func (d *demo) repository() *github.Repository { return d.forge.Repository(owner + "/" + repository) }

func (d *demo) page() string { return d.forge.URL() + "/" + owner + "/" + repository }
