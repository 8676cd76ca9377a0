package apis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

func minor(n int) version.Minor { return version.Minor{Major: 1, Minor: n} }

func of(t testing.TB, n int) *apis.Set {
	t.Helper()
	s, err := apis.Of(minor(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// object reads YAML as a render would.
func object(t *testing.T, text string) manifest.Object {
	t.Helper()
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	group, version, _ := strings.Cut(manifest.Text(content, "apiVersion"), "/")
	return manifest.Object{
		ID:      manifest.ID{Group: group, Version: version, Kind: manifest.Text(content, "kind"), Name: manifest.Text(content, "metadata", "name")},
		Content: content,
	}
}

func TestMinors(t *testing.T) {
	var want []version.Minor
	for n := 28; n <= 36; n++ {
		want = append(want, minor(n))
	}
	if diff := cmp.Diff(want, apis.Minors()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, m := range apis.Minors() {
		if n := len(of(t, m.Minor).Versions()); n < 60 {
			t.Errorf("%v serves only %d versions and kinds", m, n)
		}
	}
}

func TestAMinorThatNobodyKnows(t *testing.T) {
	for _, n := range []int{0, 27, 99} {
		s, err := apis.Of(minor(n))
		want := fmt.Sprintf("it is not known what Kubernetes 1.%d serves, only of 1.28 to 1.36: update branch-bot, or offer a minor that it knows", n)
		if s != nil || err == nil || err.Error() != want {
			t.Errorf("got  %v, %v\nwant %s", s, err, want)
		}
	}
}

// TestServes has what people met when they upgraded.
func TestServes(t *testing.T) {
	for _, tc := range []struct {
		group, version, kind string
		from, to             int // the minors that serve it; 0 is none
	}{
		{"apps", "v1", "Deployment", 28, 36},
		{"", "v1", "ConfigMap", 28, 36},
		{"", "v1", "Binding", 28, 36},
		{"authorization.k8s.io", "v1", "SubjectAccessReview", 28, 36},
		{"apiextensions.k8s.io", "v1", "CustomResourceDefinition", 28, 36},
		{"apiregistration.k8s.io", "v1", "APIService", 28, 36},
		{"flowcontrol.apiserver.k8s.io", "v1beta2", "FlowSchema", 28, 28},
		{"flowcontrol.apiserver.k8s.io", "v1beta3", "FlowSchema", 28, 31},
		{"flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", 29, 36},
		{"admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", 30, 36},
		{"networking.k8s.io", "v1", "ServiceCIDR", 33, 36},
		{"resource.k8s.io", "v1", "ResourceClaim", 34, 36},
		{"storage.k8s.io", "v1", "VolumeAttributesClass", 34, 36},
		{"admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", 36, 36},
		// Beta is off unless somebody switches it on, and so is alpha.
		{"resource.k8s.io", "v1beta1", "ResourceClaim", 0, 0},
		{"admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicy", 0, 0},
		{"storage.k8s.io", "v1alpha1", "VolumeAttributesClass", 0, 0},
		// Removed before the first minor here.
		{"policy", "v1beta1", "PodSecurityPolicy", 0, 0},
		{"batch", "v1beta1", "CronJob", 0, 0},
		{"autoscaling", "v2beta2", "HorizontalPodAutoscaler", 0, 0},
		// A subresource's kind, a list, a resource's name and a kind of another group are no kinds.
		{"autoscaling", "v1", "Scale", 0, 0},
		{"apps", "v1", "DeploymentList", 0, 0},
		{"apps", "v1", "deployments", 0, 0},
		{"batch", "v1", "Deployment", 0, 0},
	} {
		for _, m := range apis.Minors() {
			want := m.Minor >= tc.from && m.Minor <= tc.to
			if got := of(t, m.Minor).Serves(tc.group, tc.version, tc.kind); got != want {
				t.Errorf("%v: Serves(%q, %q, %q) = %t, want %t", m, tc.group, tc.version, tc.kind, got, want)
			}
		}
	}
}

func TestGroupsAndScopes(t *testing.T) {
	for _, tc := range []struct {
		group, kind                    string
		served132, namespaced, known   bool
		served134, namespaced34, has34 bool
	}{
		{"apps", "Deployment", true, true, true, true, true, true},
		{"", "Namespace", true, false, true, true, false, true},
		{"", "Pod", true, true, true, true, true, true},
		{"apps", "Unheard", true, false, false, true, false, false},
		{"resource.k8s.io", "ResourceClaim", false, false, false, true, true, true},
		{"cert-manager.io", "Certificate", false, false, false, false, false, false},
		{"extensions", "Ingress", false, false, false, false, false, false},
	} {
		check := func(n int, served, namespaced, known bool) {
			s := of(t, n)
			gotNamespaced, gotKnown := s.Namespaced(tc.group, tc.kind)
			if s.GroupServed(tc.group) != served || gotNamespaced != namespaced || gotKnown != known {
				t.Errorf("1.%d %s/%s: group served %t, namespaced %t, known %t; want %t %t %t", n, tc.group, tc.kind,
					s.GroupServed(tc.group), gotNamespaced, gotKnown, served, namespaced, known)
			}
		}
		check(32, tc.served132, tc.namespaced, tc.known)
		check(34, tc.served134, tc.namespaced34, tc.has34)
	}
}

// TestVersions has what charts ask for with .Capabilities.APIVersions.Has.
func TestVersions(t *testing.T) {
	got := of(t, 31).Versions()
	for text, want := range map[string]bool{
		"v1":                       true,
		"v1/ConfigMap":             true,
		"apps/v1":                  true,
		"apps/v1/Deployment":       true,
		"policy/v1":                true,
		"policy/v1beta1":           false,
		"v1/Binding":               false, // cannot be listed
		"authorization.k8s.io/v1":  false, // nothing in it can
		"monitoring.coreos.com/v1": false,
		"apps/v1 Deployment":       false,
		"flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema": true,
	} {
		if slices.Contains(got, text) != want {
			t.Errorf("%q in Versions: %t, want %t", text, !want, want)
		}
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("not sorted, or not unique: %q", got)
	}
	if one, two := append(got, "a"), append(got, "b"); one[len(got)] != "a" || two[len(got)] != "b" {
		t.Error("two that append to the versions write to the same memory")
	}
}

const monitors = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.example.com}
spec:
  group: monitoring.example.com
  scope: Namespaced
  names: {kind: ServiceMonitor, plural: servicemonitors}
  versions:
  - {name: v1alpha1, served: false, storage: false}
  - {name: v1beta1, served: true, storage: false}
  - {name: v1, served: true, storage: true}
`

func TestWith(t *testing.T) {
	base := of(t, 33)
	before, print := slices.Clone(base.Versions()), base.Fingerprint()
	wide := strings.NewReplacer("Namespaced", "Cluster", "ServiceMonitor", "Issuer", "servicemonitors", "issuers").Replace(monitors)
	set := base.With([]manifest.Object{object(t, monitors)}).With([]manifest.Object{object(t, wide), object(t, monitors)})

	want := append(slices.Clone(before),
		"monitoring.example.com/v1", "monitoring.example.com/v1/Issuer", "monitoring.example.com/v1/ServiceMonitor",
		"monitoring.example.com/v1beta1", "monitoring.example.com/v1beta1/Issuer", "monitoring.example.com/v1beta1/ServiceMonitor")
	slices.Sort(want)
	if diff := cmp.Diff(want, set.Versions()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if set.Serves("monitoring.example.com", "v1alpha1", "ServiceMonitor") || !set.Serves("monitoring.example.com", "v1", "Issuer") || !set.GroupServed("monitoring.example.com") {
		t.Error("the set has the wrong versions")
	}
	for kind, want := range map[string]bool{"ServiceMonitor": true, "Issuer": false} {
		if got, known := set.Namespaced("monitoring.example.com", kind); got != want || !known {
			t.Errorf("%s: namespaced %t, known %t, want %t, true", kind, got, known, want)
		}
	}
	if !slices.Equal(base.Versions(), before) || base.Fingerprint() != print || base.GroupServed("monitoring.example.com") || of(t, 33) != base {
		t.Error("the set that was extended has changed")
	}
}

// TestWithIgnores has what adds nothing: the very same set is the answer.
func TestWithIgnores(t *testing.T) {
	base := of(t, 33)
	for name, text := range map[string]string{
		"an older definition":       strings.Replace(monitors, "apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1", 1),
		"another kind":              strings.Replace(monitors, "kind: CustomResourceDefinition", "kind: ConfigMap", 1),
		"another group":             strings.Replace(monitors, "apiextensions.k8s.io/v1", "example.com/v1", 1),
		"nothing served":            strings.ReplaceAll(monitors, "served: true", "served: false"),
		"served is text":            strings.ReplaceAll(monitors, "served: true", "served: 'true'"),
		"no group":                  strings.Replace(monitors, "group: monitoring.example.com", "group: ''", 1),
		"no kind":                   strings.Replace(monitors, "kind: ServiceMonitor", "kind: 7", 1),
		"no versions":               "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {versions: {name: v1}}\n",
		"no spec":                   "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: [a]\n",
		"what is built in":          strings.NewReplacer("monitoring.example.com", "apps", "ServiceMonitor", "Deployment", "v1beta1, served: true", "v1, served: true", "Namespaced", "Cluster").Replace(monitors),
		"versions that are no maps": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: a, names: {kind: A}, versions: [v1, null, 1]}\n",
	} {
		if got := base.With([]manifest.Object{object(t, text)}); got != base {
			t.Errorf("%s: it adds something", name)
		}
	}
	if base.With(nil) != base {
		t.Error("nothing adds something")
	}
}

// TestBuiltInKindsStay: a definition that names a built-in kind changes nothing of it, also where others add something.
func TestBuiltInKindsStay(t *testing.T) {
	taken := strings.NewReplacer("monitoring.example.com", "apps", "ServiceMonitor", "Deployment", "Namespaced", "Cluster").Replace(monitors)
	set := of(t, 33).With([]manifest.Object{object(t, taken), object(t, monitors)})
	if namespaced, known := set.Namespaced("apps", "Deployment"); !namespaced || !known || !set.Serves("apps", "v1beta1", "Deployment") {
		t.Errorf("Deployment: namespaced %t, known %t", namespaced, known)
	}
}

// TestContradictions: of two definitions of one kind, none of which a cluster would take after the other, the answer is always the same.
func TestContradictions(t *testing.T) {
	other := strings.NewReplacer("Namespaced", "Cluster", "name: v1,", "name: v2,", "name: v1beta1", "name: v2beta1").Replace(monitors)
	for range 20 {
		set := of(t, 33).With([]manifest.Object{object(t, monitors), object(t, other)})
		if namespaced, _ := set.Namespaced("monitoring.example.com", "ServiceMonitor"); !namespaced {
			t.Fatal("the scope changes from run to run")
		}
	}
}

func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	crd, wide := object(t, monitors), object(t, strings.Replace(monitors, "Namespaced", "Cluster", 1))
	for name, s := range map[string]*apis.Set{
		"1.28": of(t, 28), "1.29": of(t, 29), "1.30": of(t, 30), "1.33": of(t, 33),
		"1.33 with a definition": of(t, 33).With([]manifest.Object{crd}), "1.33 with it for the cluster": of(t, 33).With([]manifest.Object{wide}),
		"1.32 with it": of(t, 32).With([]manifest.Object{crd}),
	} {
		if other, ok := seen[s.Fingerprint()]; ok || len(s.Fingerprint()) != 32 {
			t.Errorf("%s and %s have the fingerprint %q", name, other, s.Fingerprint())
		}
		seen[s.Fingerprint()] = name
	}
	// 1.30 and 1.31 serve the same.
	if of(t, 30).Fingerprint() != of(t, 31).Fingerprint() {
		t.Error("1.30 and 1.31 have different fingerprints")
	}
	if a, b := of(t, 33).With([]manifest.Object{crd}), of(t, 33).With([]manifest.Object{crd, crd}); a.Fingerprint() != b.Fingerprint() {
		t.Error("one definition and the same twice have different fingerprints")
	}
}

func BenchmarkOf(b *testing.B) {
	for b.Loop() {
		_ = of(b, 33).Versions()
	}
}

func BenchmarkWith(b *testing.B) {
	crd := manifest.Object{ID: manifest.ID{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, Content: map[string]any{
		"spec": map[string]any{"group": "example.com", "scope": "Namespaced", "names": map[string]any{"kind": "A"}, "versions": []any{map[string]any{"name": "v1", "served": true}}},
	}}
	for b.Loop() {
		_ = of(b, 33).With([]manifest.Object{crd}).Versions()
	}
}
