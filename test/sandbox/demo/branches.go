package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

// The repository on the stand-in for GitHub, and whose releases are told of there too.
const (
	owner, repository = "platform", "addons"
	developer         = "alice"
	publisher         = "kubernetes-sigs"
)

// upgraded is the addon that gets a newer version, by the chart that its catalog entry names.
const (
	upgraded = "coredns-autoscaler"
	chart    = "cluster-proportional-autoscaler"
)

// followChart is the catalog whose DNS autoscaler follows a chart of a Helm repository, as its publisher has one.
func (d *demo) followChart(source fs.FS) (fs.FS, error) {
	var err error
	if d.charts, err = upstreams.StartHelm(); err != nil {
		return nil, err
	}
	if err := d.charts.Add(upstreams.Chart{Name: chart, Version: "1.2.0", AppVersion: "v1.9.0", KubeVersion: ">=1.29.0-0"}); err != nil {
		return nil, err
	}
	was, err := fs.ReadFile(source, "catalog.yaml")
	if err != nil {
		return nil, err
	}
	const image = "    image: registry.k8s.io/cpa/cluster-proportional-autoscaler\n"
	now := strings.Replace(string(was), image, fmt.Sprintf("    helm: {repository: %q, chart: %s}\n", d.charts.URL(), chart), 1)
	if now == string(was) {
		return nil, fmt.Errorf("catalog.yaml has no line %q", image)
	}
	all, is := source.(fstest.MapFS)
	if !is {
		return nil, errors.New("the catalog cannot be changed")
	}
	all["catalog.yaml"] = &fstest.MapFile{Data: []byte(now)}
	return all, nil
}

// upgradeAddon takes a new version of an addon from its publisher to the clusters: found, proposed, merged, picked to the release branches, tagged, delivered.
func upgradeAddon(ctx context.Context, d *demo) error {
	if err := d.startForge(); err != nil {
		return err
	}
	if err := d.publish(); err != nil {
		return err
	}
	d.note("%s publishes the charts %s 1.3.0, and 1.4.0 that needs Kubernetes 1.32", publisher, chart)
	if err := d.show(ctx, "", "branch-bot", d.botArgs("upgrade", "--addon", upgraded, "--apply", "--upstream-github-url", d.forge.APIURL(), "--fleet", d.sandbox.Manager.MetricsURL())...); err != nil {
		return err
	}
	proposed, err := d.pulls("upgrade/")
	if err != nil {
		return err
	}
	if err := exactly(proposed, "main", "release-1.31"); err != nil {
		return err
	}
	d.note("to be read in a browser, with what it does to the manifests: %s/pull/%d", d.page(), proposed["main"].Number)
	d.note("1.31 cannot run 1.4.0, so it has one of its own to 1.3.0: %s/pull/%d", d.page(), proposed["release-1.31"].Number)
	for _, branch := range []string{"main", "release-1.31"} {
		if _, err := d.repository().MergePull(proposed[branch].Number, developer, github.Merge{Method: "squash"}); err != nil {
			return err
		}
	}
	d.note("%s merged both", developer)
	if err := d.show(ctx, "", "branch-bot", d.botArgs("reconcile", "--apply")...); err != nil {
		return err
	}
	if err := d.mergePicks(ctx); err != nil {
		return err
	}
	return d.release3(ctx)
}

// mergePicks merges the picks, the one in conflict after it was finished by hand.
func (d *demo) mergePicks(ctx context.Context) error {
	picks, err := d.pulls("pick/")
	if err != nil {
		return err
	}
	if err := exactly(picks, "release-1.32", "release-1.33"); err != nil {
		return err
	}
	for branch, p := range picks {
		if p.Draft != (branch == "release-1.32") {
			return fmt.Errorf("the pick to %s is %+v, want one that is a draft on release-1.32 only", branch, p)
		}
	}
	d.note("the pick to release-1.33 is clean: %s/pull/%d; release-1.31 gets none, since it cannot run the chart", d.page(), picks["release-1.33"].Number)
	d.note("release-1.32 still has the mistake in that line, so its pick is a draft that says how to finish it: %s/pull/%d", d.page(), picks["release-1.32"].Number)
	const file = "addons/" + upgraded + "/deployment.yaml"
	right, err := d.repository().Git.Git("show", "main:"+file)
	if err != nil {
		return err
	}
	if _, err := d.repository().Git.Apply(picks["release-1.32"].Head, "Take main's image, and the registry that exists", gitrepo.File(file, right+"\n")); err != nil {
		return err
	}
	if err := d.repository().SetDraft(picks["release-1.32"].Number, developer, false); err != nil {
		return err
	}
	if err := d.show(ctx, "", "branch-bot", d.botArgs("reconcile", "--apply")...); err != nil {
		return err
	}
	for _, branch := range []string{"release-1.32", "release-1.33"} {
		if _, err := d.repository().MergePull(picks[branch].Number, developer, github.Merge{Method: "squash"}); err != nil {
			return err
		}
	}
	d.note("%s finished the draft with main's line, and merged both", developer)
	return nil
}

// release3 tags the three branches, and waits until the clusters have the releases.
func (d *demo) release3(ctx context.Context) error {
	for _, minor := range []string{"1.31", "1.32", "1.33"} {
		if err := d.show(ctx, "", "branch-bot", d.botArgs("tag", minor, "--apply")...); err != nil {
			return err
		}
	}
	tokyo, paris, oslo := d.fleet[0], d.fleet[1], d.fleet[2]
	tokyo.release, paris.release, oslo.release = nth("1.32", "4"), nth("1.32", "4"), nth("1.33", "2")
	if err := d.awaitAll(ctx, tokyo, paris, oslo); err != nil {
		return err
	}
	if err := d.show(ctx, "", "branch-bot", d.botArgs("reconcile", "--apply")...); err != nil {
		return err
	}
	return d.show(ctx, "", "branch-bot", d.botArgs("ledger")...)
}

// botArgs are the arguments of a command of branch-bot on the repository.
func (d *demo) botArgs(command string, args ...string) []string {
	return append([]string{command}, append(args, "--repository", d.repository().CloneURL(), "--mirror", filepath.Join(d.dir, "branch-bot"))...)
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

// publish brings newer versions of the chart, and says on GitHub what is new in them.
func (d *demo) publish() error {
	at, err := d.forge.AddRepository(publisher, chart, github.RepositoryOptions{})
	if err != nil {
		return err
	}
	if _, err := at.Git.Apply("main", "Begin", gitrepo.File("README.md", "# "+chart+"\n")); err != nil {
		return err
	}
	for _, r := range []struct{ version, app, kubernetes, notes string }{
		{"1.3.0", "v1.9.1", ">=1.29.0-0", "- Fixes a crash when the number of cores is not known, thanks to @maintainer (#123)"},
		{"1.4.0", "v1.10.0", ">=1.32.0-0", "- Reads node counts from the watch cache, which needs Kubernetes 1.32\n- Uses less memory on large clusters"},
	} {
		if err := at.Git.AnnotatedTag(r.app, "main", "Release "+r.app); err != nil {
			return err
		}
		if err := at.Publish(r.app, r.notes); err != nil {
			return err
		}
		if err := d.charts.Add(upstreams.Chart{
			Name: chart, Version: r.version, AppVersion: r.app, KubeVersion: r.kubernetes, Sources: []string{d.forge.URL() + "/" + publisher + "/" + chart},
		}); err != nil {
			return err
		}
	}
	return nil
}

// pulls are the open pull requests from branches that begin with a prefix, by the branch that they are for.
func (d *demo) pulls(prefix string) (map[string]github.Pull, error) {
	found := map[string]github.Pull{}
	for _, p := range d.repository().Pulls() {
		if p.State == "open" && strings.HasPrefix(p.Head, prefix) {
			if _, twice := found[p.Base]; twice {
				return nil, fmt.Errorf("there are two pull requests for %s, want one", p.Base)
			}
			found[p.Base] = p
		}
	}
	return found, nil
}

// exactly is an error unless there are pull requests for these branches, and no others.
func exactly(found map[string]github.Pull, branches ...string) error {
	for _, b := range branches {
		if _, is := found[b]; !is {
			return fmt.Errorf("there is no pull request for %s, want one", b)
		}
	}
	if len(found) != len(branches) {
		return fmt.Errorf("there are pull requests for %d branches, want them for %s only", len(found), strings.Join(branches, ", "))
	}
	return nil
}

func (d *demo) repository() *github.Repository { return d.forge.Repository(owner + "/" + repository) }

func (d *demo) page() string { return d.forge.URL() + "/" + owner + "/" + repository }
