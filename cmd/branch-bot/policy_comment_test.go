package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestReconcileTellsOfPolicies has a person propose what a policy in an image denies: the comment on the pull request says so, by the policies of the branch
// that it is on.
func TestReconcileTellsOfPolicies(t *testing.T) {
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	registry := upstreams.NewRegistry(t)
	digest, err := registry.PushBundle("policies", "v1", map[string]string{"privileged.yaml": unprivileged})
	if err != nil {
		t.Fatal(err)
	}
	const catalog = "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\"]}\naddons: [{name: web, namespace: shop}]\n"
	deployment := func(more string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n" +
			"    spec: {containers: [{name: web, image: \"ghcr.io/shop/web:1\"" + more + "}]}\n"
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := func(branch string, files map[string]string, message string) {
		t.Helper()
		_, err := repo.Git.Commit(branch, files, message)
		must(err)
	}
	policies := "policies: {image: \"" + registry.Host() + "/policies@" + digest + "\"}\n"
	commit("main", map[string]string{"catalog.yaml": catalog, "addons/web/web.yaml": deployment("")}, "Begin")
	must(repo.Git.SetBranch("release-1.31", "main"))
	commit("main", map[string]string{"catalog.yaml": catalog + policies}, "Ask for policies")
	repo.Allow("ada", "write")
	repo.Allow("keeper", "write")
	numbers := map[string]int{}
	for _, base := range []string{"main", "release-1.31"} {
		head := "privileged-" + base
		must(repo.Git.SetBranch(head, base))
		commit(head, map[string]string{"addons/web/web.yaml": deployment(", securityContext: {privileged: true}")}, "Work around")
		must(repo.Sync())
		numbers[base], err = repo.OpenPull(github.NewPull{Author: "ada", Title: "Work around", Head: head, Base: base})
		must(err)
	}
	t.Setenv(envToken, hub.AddToken("keeper"))
	cmd := newRoot()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"reconcile", "--repository", repo.CloneURL(), "--apply"})
	if err := cmd.Execute(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for base, want := range map[string]bool{"main": true, "release-1.31": false} {
		text := ""
		for _, c := range repo.Comments(numbers[base]) {
			text += c.Body
		}
		if !strings.Contains(text, "PrivilegeGained") {
			t.Errorf("the pull request onto %s is not compared: %q\n%s", base, text, out.String())
		}
		for _, part := range []string{"1 new denial by policies", "K8sNoPrivileged/nobody", "container web is privileged"} {
			if strings.Contains(text, part) != want {
				t.Errorf("on %s, %q is said: %v, want %v\n%s", base, part, !want, want, text)
			}
		}
	}
}
