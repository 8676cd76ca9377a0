package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

const unprivileged = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8snoprivileged}
spec:
  crd: {spec: {names: {kind: K8sNoPrivileged}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8snoprivileged

      violation[{"msg": msg}] {
        c := input.review.object.spec.template.spec.containers[_]
        c.securityContext.privileged
        msg := sprintf("container %v is privileged", [c.name])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sNoPrivileged
metadata: {name: nobody}
spec: {match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}}
`

// TestUpgradeIsReported has a new version of a chart do what a policy denies, and use an API that the next Kubernetes minor does not serve: its pull request
// says both, and nothing of what was so before.
func TestUpgradeIsReported(t *testing.T) {
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	charts := upstreams.NewHelm(t)
	deployment := func(name, more string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + "}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n" +
			"    spec: {containers: [{name: " + name + ", image: \"ghcr.io/shop/web:{{ .Chart.Version }}\"" + more + "}]}\n"
	}
	const privileged = ", securityContext: {privileged: true}"
	for version, files := range map[string]map[string]string{
		"1.0.0": {"templates/old.yaml": deployment("old", privileged), "templates/web.yaml": deployment("web", "")},
		"1.1.0": {
			"templates/old.yaml": deployment("old", privileged), "templates/web.yaml": deployment("web", privileged),
			"templates/flow.yaml": "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: web}\nspec: {priorityLevelConfiguration: {name: exempt}}\n",
		},
	} {
		files["values.yaml"] = "{}\n"
		if err := charts.Add(upstreams.Chart{Name: "web", Version: version, Files: files}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.Git.Commit("main", map[string]string{
		"catalog.yaml": "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\"]}\nupgrades: {}\n" +
			"policies: {path: policies}\naddons: [{name: web, namespace: shop}]\n",
		"policies/privileged.yaml":      unprivileged,
		"addons/web/kustomization.yaml": "helmCharts:\n- {name: web, repo: \"" + charts.URL() + "\", version: 1.0.0, releaseName: web, namespace: shop}\n",
	}, "Begin"); err != nil {
		t.Fatal(err)
	}
	repo.Allow("keeper", "write")
	t.Setenv(envToken, hub.AddToken("keeper"))
	cmd := newRoot()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"upgrade", "--repository", repo.CloneURL(), "--upstream-github-url", hub.APIURL(), "--addon", "web", "--apply"})
	if err := cmd.Execute(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	pulls := repo.Pulls()
	if len(pulls) != 1 || pulls[0].Head != "upgrade/main/web" {
		t.Fatalf("the pull requests are %+v\n%s", pulls, out.String())
	}
	body := strings.ReplaceAll(pulls[0].Body, "&#58;", ":")
	for _, part := range []string{
		"1 new denial by policies", "container web is privileged", "### What 1.32 would say", "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema/web",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the pull request does not say %q", part)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}
