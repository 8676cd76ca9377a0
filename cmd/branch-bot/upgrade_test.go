package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

const twoClusters = `apiVersion: v1
kind: Secret
metadata:
  name: tokyo-1
  labels: {argocd.argoproj.io/secret-type: cluster, addons.kaas.dev/web: enabled}
  annotations: {addons.kaas.dev/kubernetes-version: v1.31.4}
stringData: {name: tokyo-1, server: "https://tokyo-1.example.com"}
---
apiVersion: v1
kind: Secret
metadata:
  name: osaka-1
  labels: {argocd.argoproj.io/secret-type: cluster}
  annotations: {addons.kaas.dev/kubernetes-version: v1.31.4}
stringData: {name: osaka-1, server: "https://osaka-1.example.com"}
`

// TestUpgradeApplies opens the pull requests of a vendored chart and of a copied file, with what real servers publish, and has nothing to do the second time.
func TestUpgradeApplies(t *testing.T) {
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	crds, err := hub.AddRepository("shop", "crds", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, err := hub.AddRepository("kubernetes", "kubernetes", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := kubernetes.Publish("v1.31.0", "1.31"); err != nil {
		t.Fatal(err)
	}
	const first, second = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n"
	for tag, content := range map[string]string{"v1.0.0": first, "v1.1.0": second} {
		if err := crds.Publish(tag, "Notes of "+tag+" for @everybody.", github.Asset{Name: "crds.yaml", Data: []byte(content)}); err != nil {
			t.Fatal(err)
		}
	}
	charts := upstreams.NewHelm(t)
	old, next := upstreams.Chart{Name: "web", Version: "4.1.0", AppVersion: "1.0.0"}, upstreams.Chart{Name: "web", Version: "4.2.3", AppVersion: "1.1.0", Home: hub.URL() + "/shop/crds"}
	if err := charts.Add(old, next, upstreams.Chart{Name: "web", Version: "5.0.0", KubeVersion: ">=1.32.0-0"}); err != nil {
		t.Fatal(err)
	}
	archive, err := old.Pack()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"catalog.yaml": `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31"]}
upgrades: {}
addons:
- name: crds
  upstream: {github: {repository: shop/crds, asset: crds.yaml, version: v1.0.0, sha256: ` + strings.Repeat("ab", 32) + `}} # copied
- name: web
`,
		"addons/crds/crds.yaml":           first,
		"addons/web/Chart.yaml":           "apiVersion: v2\nname: x\nversion: 0.1.0\ndependencies: [{name: web, version: 4.1.0, repository: \"" + charts.URL() + "\"}]\n",
		"addons/web/charts/web-4.1.0.tgz": string(archive),
	}
	if _, err := repo.Git.Commit("main", files, "Begin"); err != nil {
		t.Fatal(err)
	}
	repo.Allow("keeper", "write")
	t.Setenv(envToken, hub.AddToken("keeper"))
	cache, clusters := t.TempDir(), filepath.Join(t.TempDir(), "clusters.yaml")
	if err := os.WriteFile(clusters, []byte(twoClusters), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() string {
		t.Helper()
		cmd := newRoot()
		var out, errs bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		cmd.SetArgs([]string{"upgrade", "--repository", repo.CloneURL(), "--upstream-github-url", hub.APIURL(), "--upstream-cache", cache, "--clusters", clusters, "--apply"})
		if err := cmd.Execute(); err != nil {
			t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
		}
		return out.String()
	}
	told := run()
	git := func(args ...string) string {
		t.Helper()
		text, err := repo.Git.Git(args...)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	heads := strings.Fields(git("for-each-ref", "--format=%(refname:short)", "refs/heads/upgrade"))
	if want := []string{"upgrade/main/crds", "upgrade/main/web"}; !slices.Equal(heads, want) {
		t.Fatalf("there are %v, want %v\n%s", heads, want, told)
	}
	if got, want := git("diff", "--name-status", "--no-renames", "main", "upgrade/main/web"), "M\taddons/web/Chart.yaml\nD\taddons/web/charts/web-4.1.0.tgz\nA\taddons/web/charts/web-4.2.3.tgz"; got != want {
		t.Errorf("web is changed in\n%s\nwant\n%s", got, want)
	}
	if got := git("show", "upgrade/main/crds:addons/crds/crds.yaml"); got != strings.TrimSpace(second) {
		t.Errorf("the copy is %q", got)
	}
	if got, want := git("show", "upgrade/main/crds:catalog.yaml"), "version: v1.1.0, sha256: "; !strings.Contains(got, want) || strings.Contains(got, "abab") || !strings.Contains(got, "}} # copied\n") {
		t.Errorf("the catalog is %s", got)
	}
	for _, p := range []struct {
		head  string
		parts []string
	}{
		{"upgrade/main/crds", []string{"v1.0.0", "v1.1.0", "Notes of v1.1.0"}},
		{"upgrade/main/web", []string{"4.1.0", "4.2.3", "5.0.0", "its chart is for Kubernetes &#62;=1.32.0-0, and 1.31 is not", "Notes of v1.1.0", "1 of 2 clusters", "tokyo-1"}},
	} {
		pulls := slices.DeleteFunc(repo.Pulls(), func(o github.Pull) bool { return o.Head != p.head })
		if len(pulls) != 1 {
			t.Fatalf("%s has %d pull requests", p.head, len(pulls))
		}
		body := pulls[0].Body
		for _, part := range p.parts {
			if !strings.Contains(body, part) {
				t.Errorf("the pull request of %s says nothing of %q:\n%s", p.head, part, body)
			}
		}
	}
	hub.ForgetRequests()
	before := len(charts.Requests())
	if told = run(); len(hub.Writes()) > 0 {
		t.Errorf("the second run wrote %v\n%s", hub.Writes(), told)
	}
	asked, unchanged := charts.Count("index.yaml")
	t.Logf("the second run made %d requests to GitHub and %d for charts; of %d for the index, %d found it unchanged", len(hub.Requests()), len(charts.Requests())-before, asked, unchanged)
}

// TestUpgradeWithoutCatalog says once what is wrong with the catalog.
func TestUpgradeWithoutCatalog(t *testing.T) {
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Git.Commit("main", map[string]string{"catalog.yaml": "a: b\n"}, "Begin"); err != nil {
		t.Fatal(err)
	}
	repo.Allow("keeper", "write")
	t.Setenv(envToken, hub.AddToken("keeper"))
	cmd := newRoot()
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{"upgrade", "--repository", repo.CloneURL(), "--upstream-github-url", hub.APIURL(), "--apply"})
	err = cmd.Execute()
	if err == nil || strings.Count(err.Error(), `"a" is not a known field`) != 1 {
		t.Errorf("it says: %v", err)
	}
}
