package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// allowedRepos wants images from one place, noSecrets quotes what it finds.
const allowedRepos = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8sallowedrepos}
spec:
  crd: {spec: {names: {kind: K8sAllowedRepos}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8sallowedrepos

      violation[{"msg": msg}] {
        c := input.review.object.spec.template.spec.containers[_]
        not startswith(c.image, input.parameters.from)
        msg := sprintf("container %v has the image %v, which is not from %v", [c.name, c.image, input.parameters.from])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sAllowedRepos
metadata: {name: ours}
spec:
  match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}
  parameters: {from: ghcr.io/shop/}
`

const shows = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8sshows}
spec:
  crd: {spec: {names: {kind: K8sShows}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8sshows

      violation[{"msg": msg}] {
        input.review.object.kind == "ConfigMap"
        msg := sprintf("it holds %v", [input.review.object.data.text])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sShows
metadata: {name: shows}
spec: {enforcementAction: warn}
`

func deployment(name, image, annotation string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, annotations: {addons.kaas.dev/skip-policies: "%s"}}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec: {containers: [{name: c, image: "%s"}]}
`, name, annotation, image)
}

// told are what a report says of policies, in lines.
func told(p *report.Policies) []string {
	if p == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("%d constraints, %d fixed, altered: %v", p.Constraints, p.Fixed, p.Altered)}
	add := func(what string, all []report.Violation) {
		for _, v := range all {
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s %v: %s", what, v.Action, v.Constraint, v.Addon, v.Object, v.Minors, v.Message))
		}
	}
	add("new", p.New)
	add("old", p.Old)
	add("out", p.OptedOut)
	return append(lines, p.Problems...)
}

func TestPolicies(t *testing.T) {
	w := newWorld(t)
	engine := policy.New(policy.Options{Time: 300 * time.Millisecond})
	t.Cleanup(engine.Close)
	w.options.Policies = engine
	offer := func(settings string) string {
		return offers + "[{name: web, namespace: shop}]\npolicies: {path: policies" + settings + "}\n"
	}
	base := func() map[string]string {
		return map[string]string{
			"catalog.yaml": offer(""), "policies/repos.yaml": allowedRepos,
			"addons/web/a.yaml": deployment("a", "docker.io/web:1.0.0", ""), "addons/web/b.yaml": deployment("b", "docker.io/web:1.0.0", ""),
		}
	}
	for name, tc := range map[string]struct {
		base, head map[string]string
		want       []string
	}{
		"new, old and fixed": {
			head: map[string]string{
				"addons/web/a.yaml": deployment("a", "docker.io/web:1.1.0", ""), "addons/web/b.yaml": deployment("b", "ghcr.io/shop/web:1.0.0", ""),
				"addons/web/c.yaml": deployment("c", "quay.io/web:1", ""),
			},
			want: []string{
				"1 constraints, 1 fixed, altered: false",
				"new deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/c [1.31 1.32]: container c has the image quay.io/web:1, which is not from ghcr.io/shop/",
				"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/a [1.31 1.32]: container c has the image docker.io/web:1.1.0, which is not from ghcr.io/shop/",
			},
		},
		"another namespace is not looked at": {
			head: map[string]string{"catalog.yaml": offer(`, namespaces: ["kube-*"]`), "addons/web/a.yaml": deployment("a", "docker.io/web:1.1.0", "")},
			want: []string{"1 constraints, 0 fixed, altered: true"},
		},
		"an object opts out": {
			head: map[string]string{"addons/web/c.yaml": deployment("c", "quay.io/web:1", "ours")},
			want: []string{
				"1 constraints, 0 fixed, altered: false",
				"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/a [1.31 1.32]: container c has the image docker.io/web:1.0.0, which is not from ghcr.io/shop/",
				"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/b [1.31 1.32]: container c has the image docker.io/web:1.0.0, which is not from ghcr.io/shop/",
				"out deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/c [1.31 1.32]: container c has the image quay.io/web:1, which is not from ghcr.io/shop/",
			},
		},
		"the change alters the policies": {
			head: map[string]string{"policies/repos.yaml": strings.Replace(allowedRepos, "ghcr.io/shop/", "docker.io/", 1), "addons/web/a.yaml": deployment("a", "docker.io/web:1.1.0", "")},
			want: []string{"1 constraints, 0 fixed, altered: true"},
		},
		"the change drops the policies": {
			head: map[string]string{"catalog.yaml": offers + "[{name: web, namespace: shop}]\n"},
			want: []string{"0 constraints, 0 fixed, altered: true"},
		},
		"nothing but the policies changes, and they are broken": {
			head: map[string]string{"policies/repos.yaml": "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sGone\nmetadata: {name: x}\n"},
			want: []string{
				"0 constraints, 0 fixed, altered: true",
				"the policies cannot be used: policies/repos.yaml:1: there is no ConstraintTemplate of the kind K8sGone: is it named k8sgone?",
			},
		},
		"a folder that is not there": {
			head: map[string]string{"catalog.yaml": strings.Replace(offer(""), "path: policies", "path: rules", 1), "addons/web/a.yaml": deployment("a", "x", "")},
			want: []string{"0 constraints, 0 fixed, altered: true", "the policies cannot be used: there is no folder rules"},
		},
		"a message quotes a secret": {
			head: map[string]string{
				"policies/shows.yaml": shows,
				"addons/web/s.yaml":   "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: hunter2hunter2}\n",
				"addons/web/m.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {text: see hunter2hunter2}\n",
			},
			want: []string{
				"2 constraints, 0 fixed, altered: true",
				"new warn K8sShows/shows web v1/ConfigMap/shop/m [1.31 1.32]: it holds see SECRET",
				"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/a [1.31 1.32]: container c has the image docker.io/web:1.0.0, which is not from ghcr.io/shop/",
				"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/b [1.31 1.32]: container c has the image docker.io/web:1.0.0, which is not from ghcr.io/shop/",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.t, w.repo = t, newWorld(t).repo
			got := told(w.diff(base(), tc.head).Policies)
			for i := range got {
				if at := strings.Index(got[i], "<secret:"); at >= 0 {
					got[i] = got[i][:at] + "SECRET" + got[i][at+len("<secret:12345678>"):]
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	// Who checks nothing is told nothing.
	w.options.Policies = nil
	w.t, w.repo = t, newWorld(t).repo
	if p := w.diff(base(), map[string]string{"addons/web/a.yaml": deployment("a", "x", "")}).Policies; p != nil {
		t.Errorf("without an engine the report has %v", told(p))
	}
}

// TestPolicyImage reads the policies of an image, which is fetched once.
func TestPolicyImage(t *testing.T) {
	w, r := newWorld(t), upstreams.NewRegistry(t)
	digest, err := r.PushBundle("policies", "v1", map[string]string{"repos.yaml": allowedRepos, "README.md": "Ours.\n"})
	if err != nil {
		t.Fatal(err)
	}
	engine := policy.New(policy.Options{Bundle: registry.New(registry.Options{}).Bundle})
	t.Cleanup(engine.Close)
	w.options.Policies = engine
	image := r.Image("policies") + "@" + digest
	files := func(image string) map[string]string {
		return map[string]string{"catalog.yaml": offers + "[{name: web, namespace: shop}]\npolicies: {image: \"" + image + "\"}\n", "addons/web/a.yaml": deployment("a", "docker.io/web:1", "")}
	}
	want := []string{
		"1 constraints, 0 fixed, altered: false",
		"new deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/b [1.31 1.32]: container c has the image quay.io/web:1, which is not from ghcr.io/shop/",
		"old deny K8sAllowedRepos/ours web apps/v1/Deployment/shop/a [1.31 1.32]: container c has the image docker.io/web:1, which is not from ghcr.io/shop/",
	}
	got := told(w.diff(files(image), map[string]string{"addons/web/b.yaml": deployment("b", "quay.io/web:1", "")}).Policies)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.repo = newWorld(t).repo
	w.diff(files(image), map[string]string{"addons/web/b.yaml": deployment("b", "quay.io/web:2", "")})
	if asked, _ := r.Count("/manifests/" + digest); asked != 1 {
		t.Errorf("the image was asked for %d times", asked)
	}
	other := r.Image("policies") + "@sha256:" + strings.Repeat("0", 64)
	w.repo = newWorld(t).repo
	got = told(w.diff(files(image), map[string]string{"catalog.yaml": files(other)["catalog.yaml"]}).Policies)
	if len(got) != 2 || got[0] != "0 constraints, 0 fixed, altered: true" || !strings.HasPrefix(got[1], "the policies cannot be used: ") || !strings.Contains(got[1], other[strings.LastIndex(other, "@")+1:]) {
		t.Errorf("an image that is not there: %q", got)
	}
}
