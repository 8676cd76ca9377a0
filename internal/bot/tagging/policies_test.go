package tagging_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
)

// policies ask for a digest of every image, and warn of what has no label.
const policies = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8simagedigests}
spec:
  crd: {spec: {names: {kind: K8sImageDigests}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8simagedigests

      violation[{"msg": msg}] {
        c := input.review.object.spec.template.spec.containers[_]
        not contains(c.image, "@sha256:")
        msg := sprintf("container %v has no digest in %v", [c.name, c.image])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sImageDigests
metadata: {name: all}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sImageDigests
metadata: {name: soon}
spec: {enforcementAction: warn}
`

// TestPolicies does not release what a policy denies, whether it was there before or not.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	o := w.bot()
	engine := policy.New(policy.Options{})
	t.Cleanup(engine.Close)
	o.Rendering.Policies = engine
	said := func(r tagging.Request) (lines []string) {
		for _, c := range plan(t, o, r).Checks {
			if c.Name == "policies" {
				lines = append(lines, string(c.Result)+": "+c.Message+" ("+c.Do+")")
			}
		}
		return lines
	}
	if got := said(request); got != nil {
		t.Errorf("without policies: %q", got)
	}
	w.repo.Commit(branch, map[string]string{"catalog.yaml": offers + "policies: {path: policies}\n", "policies/images.yaml": policies}, "Ask for digests")
	const what = "web: K8sImageDigests/all denies apps/v1/Deployment/web/web: container web has no digest in ghcr.io/shop/web:1"
	want := []string{"refused: " + what + " (merge a correction to release-1.31, or an annotation addons.kaas.dev/skip-policies on the object, or say --anyway \"reason\")"}
	if diff := cmp.Diff(want, said(request)); diff != "" {
		t.Error(diff)
	}
	p, _ := run(t, o, tagging.Request{Minor: m131, Anyway: "it is urgent"})
	if p.Refused() || !slices.ContainsFunc(p.Checks, func(c tagging.Check) bool { return c.Result == tagging.Overruled && c.Message == what }) {
		t.Errorf("with a reason it is not overruled: %+v", p.Checks)
	}
	if body := w.hub.releases["v1.31-ake.1"].Body; !strings.Contains(body, "it is urgent") || !strings.Contains(body, "K8sImageDigests/all denies") {
		t.Errorf("the notes do not tell what was overruled:\n%s", body)
	}
	w.repo.Commit(branch, map[string]string{"addons/web/web.yaml": strings.Replace(web("ghcr.io/shop/web:1"), "metadata: {name: web}", "metadata: {name: web, annotations: {addons.kaas.dev/skip-policies: all}}", 1)}, "Opt out")
	if diff := cmp.Diff([]string{"ok: no object is denied by 2 constraints, and 1 violation opted out ()"}, said(request)); diff != "" {
		t.Error(diff)
	}
	template, _, _ := strings.Cut(policies, "---\n")
	w.repo.Commit(branch, map[string]string{"policies/images.yaml": template}, "Lose the constraints")
	if diff := cmp.Diff([]string{"ok: the policies hold no constraint, so nothing is checked ()"}, said(request)); diff != "" {
		t.Error(diff)
	}
	w.repo.Commit(branch, map[string]string{"policies/images.yaml": strings.Replace(policies, "package", "pakage", 1)}, "Mistype")
	got := said(request)
	if len(got) != 1 || !strings.HasPrefix(got[0], "refused: the policies cannot be used: policies/images.yaml:9: rego_parse_error: ") {
		t.Errorf("broken policies: %q", got)
	}
}
