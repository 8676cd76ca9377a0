package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// TestMatches are the selectors of Gatekeeper's constraints.
func TestMatches(t *testing.T) {
	pod := policy.Subject{Kind: "Pod", Namespace: "shop-eu", Name: "web-1", Labels: map[string]string{"app": "web"}, NamespaceLabels: map[string]string{"team": "shop"}}
	deployment := policy.Subject{Group: "apps", Kind: "Deployment", Namespace: "kube-system", Name: "dns"}
	role := policy.Subject{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "admin"}
	namespace := policy.Subject{Kind: "Namespace", Name: "shop-eu", Labels: map[string]string{"team": "shop"}}
	foreign := policy.Subject{Group: "example.com", Kind: "Namespace", Namespace: "kube-system", Name: "x"}
	generated := policy.Subject{Kind: "Job", Group: "batch", Namespace: "a", GenerateName: "backup-"}
	all := map[string]policy.Subject{
		"pod": pod, "deployment": deployment, "role": role, "namespace": namespace, "foreign": foreign, "generated": generated,
	}
	for match, want := range map[string]string{
		`{}`: "deployment foreign generated namespace pod role",
		`{"kinds":[{"apiGroups":["apps"],"kinds":["Deployment","StatefulSet"]},{"apiGroups":[""],"kinds":["Pod"]}]}`: "deployment pod",
		`{"kinds":[{"apiGroups":["*"],"kinds":["Namespace"]}]}`:                                                      "foreign namespace",
		`{"kinds":[{"apiGroups":[""],"kinds":["*"]}]}`:                                                               "namespace pod",
		`{"kinds":[{"kinds":["Deployment"]}]}`:                                                                       "deployment",
		`{"kinds":[{"apiGroups":["batch"]}]}`:                                                                        "generated",
		`{"kinds":[{"apiGroups":["apps"],"kinds":["Pod"]}]}`:                                                         "",
		`{"scope":"Namespaced"}`:                                                                                     "deployment foreign generated pod",
		`{"scope":"Cluster"}`:                                                                                        "namespace role",
		`{"scope":"*"}`:                                                                                              "deployment foreign generated namespace pod role",
		`{"namespaces":["shop-*"]}`:                                                                                  "namespace pod role",
		`{"namespaces":["*-system"]}`:                                                                                "deployment foreign role",
		`{"namespaces":["*op-e*"]}`:                                                                                  "namespace pod role",
		`{"namespaces":["shop"]}`:                                                                                    "role",
		`{"excludedNamespaces":["kube-*","a"]}`:                                                                      "namespace pod role",
		`{"namespaces":["*"],"excludedNamespaces":["kube-system"]}`:                                                  "generated namespace pod role",
		`{"labelSelector":{"matchLabels":{"app":"web"}}}`:                                                            "pod",
		`{"labelSelector":{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}}`:                           "deployment foreign generated namespace role",
		`{"labelSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["db","web"]}]}}`:               "pod",
		`{"namespaceSelector":{"matchLabels":{"team":"shop"}}}`:                                                      "namespace pod role",
		`{"namespaceSelector":{"matchExpressions":[{"key":"team","operator":"NotIn","values":["shop"]}]}}`:           "deployment foreign generated role",
		`{"name":"web-*"}`:                                                                                           "pod",
		`{"name":"backup-*"}`:                                                                                        "generated",
		`{"name":"dns"}`:                                                                                             "deployment",
		`{"source":"Original"}`:                                                                                      "deployment foreign generated namespace pod role",
		`{"source":"Generated"}`:                                                                                     "",
		`{"scope":"Cluster","namespaces":["x"]}`:                                                                     "role",
	} {
		m, err := policy.ParseMatch([]byte(match))
		if err != nil {
			t.Errorf("%s: %v", match, err)
			continue
		}
		var got []string
		for _, name := range []string{"deployment", "foreign", "generated", "namespace", "pod", "role"} {
			if m.Matches(all[name]) {
				got = append(got, name)
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s matches %q, want %q", match, text, want)
		}
	}
	for match, want := range map[string]string{
		`{"kind":[]}`:                      `spec.match: unknown field "kind"`,
		`{"scope":"cluster"}`:              `spec.match.scope: "cluster" is none of *, Cluster, Namespaced`,
		`{"source":"Made"}`:                `spec.match.source: "Made" is none of All, Original, Generated`,
		`{"namespaces":"a"}`:               "spec.match.namespaces must be a list",
		`{"kinds":[{"apiGroups":"apps"}]}`: "spec.match.kinds.apiGroups must be a list",
		`{"labelSelector":[]}`:             "spec.match.labelSelector must be a map",
		`{"labelSelector":{"matchExpressions":[{"key":"a","operator":"in"}]}}`: `spec.match.labelSelector: operator "in" is none of In, NotIn, Exists, DoesNotExist`,
	} {
		if _, err := policy.ParseMatch([]byte(match)); fmt.Sprint(err) != want {
			t.Errorf("%s: %v\nwant %s", match, err, want)
		}
	}
}

func TestSelected(t *testing.T) {
	in := func(ns string) manifest.ID {
		return manifest.ID{Group: "apps", Kind: "Deployment", Namespace: ns, Name: "x"}
	}
	for _, tc := range []struct {
		globs string
		id    manifest.ID
		want  bool
	}{
		{"", in("any"), true},
		{"cert-manager kube-*", in("cert-manager"), true},
		{"cert-manager kube-*", in("kube-system"), true},
		{"cert-manager kube-*", in("cert-manager-2"), false},
		{"*-ma*ger", in("cert-manager"), true},
		{"a*a", in("a"), false},
		{"monitoring", manifest.ID{Kind: "ClusterRole", Name: "x"}, true}, // Its addon is in monitoring.
		{"other", manifest.ID{Kind: "ClusterRole", Name: "x"}, false},
		{"other", manifest.ID{Version: "v1", Kind: "Namespace", Name: "other"}, true},
		{"monitoring", manifest.ID{Version: "v1", Kind: "Namespace", Name: "other"}, false},
	} {
		if got := policy.Selected(strings.Fields(tc.globs), tc.id, "monitoring"); got != tc.want {
			t.Errorf("%q, %s: %v", tc.globs, tc.id, got)
		}
	}
}

func TestSkips(t *testing.T) {
	for said, want := range map[string]bool{
		"": false, "*": true, "owner": true, "a, owner ,b": true, "K8sRequiredLabels": true, "K8sRequiredLabels/owner": true, "K8sRequiredLabels/other": false, "own": false,
	} {
		o := manifest.Object{Content: map[string]any{"metadata": map[string]any{"annotations": map[string]any{policy.Annotation: said}}}}
		if got := policy.Skips(o, "K8sRequiredLabels/owner"); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}

func TestTell(t *testing.T) {
	web := manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	beta, site := web, web
	beta.Version, site.Name = "v1beta1", "site"
	one := func(action policy.Action, id manifest.ID, message string) policy.Finding {
		return policy.Finding{Action: action, Constraint: "Repos/allowed", Object: id, Message: message}
	}
	said := func(all []policy.Finding) (lines []string) {
		for _, f := range all {
			lines = append(lines, fmt.Sprintf("%s %s %s", f.Action, f.Object, f.Message))
		}
		return lines
	}
	digests := []string{"sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("b", 64)}
	for name, tc := range map[string]struct {
		base, head      []policy.Finding
		renamed         map[manifest.ID]manifest.ID
		New, Old, Fixed []string
	}{
		"new, old and fixed": {
			base: []policy.Finding{one(policy.Deny, web, "a"), one(policy.Deny, web, "b")}, head: []policy.Finding{one(policy.Warn, web, "d"), one(policy.Deny, web, "c"), one(policy.Deny, web, "b")},
			New: []string{"deny apps/v1/Deployment/shop/web c", "warn apps/v1/Deployment/shop/web d"}, Old: []string{"deny apps/v1/Deployment/shop/web b"}, Fixed: []string{"deny apps/v1/Deployment/shop/web a"},
		},
		"an image in another version": {
			base: []policy.Finding{one(policy.Deny, web, "docker.io/web:v1.2.3-rc.1@"+digests[0]+" is not allowed")}, head: []policy.Finding{one(policy.Deny, web, "docker.io/web:v1.4.0@"+digests[1]+" is not allowed")},
			Old: []string{"deny apps/v1/Deployment/shop/web docker.io/web:v1.4.0@" + digests[1] + " is not allowed"},
		},
		"one container more": {
			base: []policy.Finding{one(policy.Deny, web, "container 1 is privileged")}, head: []policy.Finding{one(policy.Deny, web, "container 1 is privileged"), one(policy.Deny, web, "container 2 is privileged")},
			New: []string{"deny apps/v1/Deployment/shop/web container 2 is privileged"}, Old: []string{"deny apps/v1/Deployment/shop/web container 1 is privileged"},
		},
		"another API version": {
			base: []policy.Finding{one(policy.Deny, beta, "x")}, head: []policy.Finding{one(policy.Deny, web, "x")}, Old: []string{"deny apps/v1/Deployment/shop/web x"},
		},
		"another name": {
			base: []policy.Finding{one(policy.Deny, web, "web is bad")}, head: []policy.Finding{one(policy.Deny, site, "site is bad")}, renamed: map[manifest.ID]manifest.ID{web: site},
			Old: []string{"deny apps/v1/Deployment/shop/site site is bad"},
		},
		"no warning any more": {
			base: []policy.Finding{one(policy.Warn, web, "x")}, head: []policy.Finding{one(policy.Deny, web, "x")},
			New: []string{"deny apps/v1/Deployment/shop/web x"}, Fixed: []string{"warn apps/v1/Deployment/shop/web x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := policy.Tell(tc.base, tc.head, tc.renamed)
			if diff := cmp.Diff([][]string{tc.New, tc.Old, tc.Fixed}, [][]string{said(got.New), said(got.Old), said(got.Fixed)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
