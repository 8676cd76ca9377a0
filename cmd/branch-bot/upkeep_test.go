package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestReconcileUpgrades looks for newer versions once main's catalog asks for it, and takes what is merged to the branches that can run it: the one that cannot has
// its own pull request.
func TestReconcileUpgrades(t *testing.T) {
	if testing.Short() {
		t.Skip("eight reconciles take some seconds")
	}
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, err := hub.AddRepository("kubernetes", "kubernetes", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := kubernetes.Publish("v1.32.0", "1.32"); err != nil {
		t.Fatal(err)
	}
	charts := upstreams.NewHelm(t)
	for version, kubernetes := range map[string]string{"4.1.0": "", "4.2.3": "", "4.3.0": ">=1.32.0-0"} {
		if err := charts.Add(upstreams.Chart{Name: "web", Version: version, KubeVersion: kubernetes, Files: map[string]string{"values.yaml": "{}\n"}}); err != nil {
			t.Fatal(err)
		}
	}
	const offer = "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\", \"1.32\"]}\naddons: [{name: web, namespace: web}]\n"
	files := map[string]string{
		"catalog.yaml":                  offer,
		"addons/web/kustomization.yaml": "helmCharts:\n- {name: web, repo: \"" + charts.URL() + "\", version: 4.1.0, releaseName: web}\n",
	}
	commit := func(files map[string]string, message string) {
		t.Helper()
		if _, err := repo.Git.Commit("main", files, message); err != nil {
			t.Fatal(err)
		}
		if err := repo.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	commit(files, "Begin")
	repo.Allow("keeper", "write")
	t.Setenv(envToken, hub.AddToken("keeper"))
	reconcile := func() {
		t.Helper()
		cmd := newRoot()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs([]string{"reconcile", "--repository", repo.CloneURL(), "--upstream-github-url", hub.APIURL(), "--apply"})
		if err := cmd.Execute(); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	open := func() (all []string) {
		for _, p := range repo.Pulls() {
			if p.State == "open" {
				all = append(all, p.Head[:strings.IndexByte(p.Head, '/')]+" "+p.Base+": "+p.Title)
			}
		}
		slices.Sort(all)
		return all
	}
	merge := func(base string) {
		t.Helper()
		for _, p := range repo.Pulls() {
			if p.State == "open" && p.Base == base {
				if _, err := repo.MergePull(p.Number, "keeper", github.Merge{Method: "squash"}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}

	reconcile()
	if pulls := open(); len(pulls) > 0 {
		t.Errorf("nobody asked for upgrades, and there are %q", pulls)
	}
	commit(map[string]string{"catalog.yaml": offer + "upgrades: {}\n"}, "Ask for upgrades")
	reconcile() // Also carries that change to the branches.
	for _, branch := range []string{"release-1.31", "release-1.32"} {
		for _, p := range repo.Pulls() {
			if p.State == "open" && p.Base == branch && strings.HasPrefix(p.Head, "pick/") {
				if _, err := repo.MergePull(p.Number, "keeper", github.Merge{Method: "squash"}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	reconcile()
	if d := cmp.Diff([]string{"upgrade main: Upgrade web from 4.1.0 to 4.3.0", "upgrade release-1.31: Upgrade web from 4.1.0 to 4.2.3 on release-1.31"}, open()); d != "" {
		t.Fatal(d)
	}
	reconcile()
	hub.ForgetRequests()
	reconcile()
	if w := hub.Writes(); len(w) > 0 {
		t.Errorf("with nothing new it wrote %v", w)
	}

	merge("main")
	reconcile()
	if d := cmp.Diff([]string{"pick release-1.32: [release-1.32] Upgrade web from 4.1.0 to 4.3.0", "upgrade release-1.31: Upgrade web from 4.1.0 to 4.2.3 on release-1.31"}, open()); d != "" {
		t.Error(d)
	}
	merge("release-1.31")
	merge("release-1.32")
	reconcile()
	if pulls := open(); len(pulls) > 0 {
		t.Errorf("everything is merged, and there are %q", pulls)
	}
}
