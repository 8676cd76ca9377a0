package gather_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/addon-manager/addon-manager/internal/manager/gather/delivered"
)

// registered is a cluster Secret with a version and labels.
func registered(name, kubernetes, labels string) string {
	annotations := ""
	if kubernetes != "" {
		annotations = fmt.Sprintf(", annotations: {addons.kaas.dev/kubernetes-version: %s}", kubernetes)
	}
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, labels: {argocd.argoproj.io/secret-type: cluster%s}%s}\n"+
		"stringData: {name: %[1]s, server: \"https://%[1]s\", config: \"{}\"}\n", name, labels, annotations)
}

const offered = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
addons:
- {name: a}
- {name: always, enabled: always}
- {name: default, enabled: default}
- {name: newer, enabled: always, kubernetes: ">=1.31.5"}
`

// TestImpact tells of clusters by what their Secrets, what exists and what the controller reported say.
func TestImpact(t *testing.T) {
	clusters := registered("tokyo-1", "v1.31.4", ", tier: canary") +
		registered("tokyo-2", "v1.31.9", ", addons.kaas.dev/a: enabled, addons.kaas.dev/always: disabled, addons.kaas.dev/default: disabled") +
		registered("berlin-1", "v1.32.0", ", addons.kaas.dev/a: enabled") +
		registered("oslo-1", "", ", addons.kaas.dev/a: \"true\"") +
		registered("lost-1", "", "") +
		registered("rome-1", "", "")
	policy := strings.Replace(current, "status:\n  minors", "spec: {url: x, rollout: {groups: [{name: canary, selector: {matchLabels: {tier: canary}}}, {name: none, selector: {matchLabels: {tier: none}}}]}}\nstatus:\n  minors", 1)
	more := strings.NewReplacer("tokyo-1", "oslo-1", "addon: a,", "addon: old,").Replace(current[:strings.Index(current, "---\n")]) + "---\n" +
		strings.ReplaceAll(current[:strings.Index(current, "---\n")], "tokyo-1", "gone-1") + "---\n" + `apiVersion: addons.kaas.dev/v1alpha1
kind: ClusterAddons
metadata: {name: lost-1}
status: {addons: [{name: wanted, enabledBy: SwitchedOn, action: hold}, {name: unwanted, action: disable}]}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: rome-1
  labels: {app.kubernetes.io/managed-by: addon-manager, addons.kaas.dev/cluster: rome-1}
  annotations: {addons.kaas.dev/cluster-name: rome-1, addons.kaas.dev/admitted: v1.32-ake.1}
spec: {generators: [{list: {elements: []}}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: rome-1-leaving
  deletionTimestamp: "2026-01-01T00:00:00Z"
  labels: {app.kubernetes.io/managed-by: addon-manager, addons.kaas.dev/cluster: rome-1, addons.kaas.dev/addon: leaving, addons.kaas.dev/release: v1.31-ake.1, addons.kaas.dev/placement: workload}
  annotations: {addons.kaas.dev/cluster-name: rome-1, addons.kaas.dev/commit: ` + commit + `, addons.kaas.dev/on-disable: retain}
spec: {destination: {server: "https://rome-1", namespace: b}, source: {targetRevision: ` + commit + `, path: addons/b}}
---
`
	fleet, err := delivered.Files("-", write(t, more+policy), strings.NewReader(clusters))
	if err != nil {
		t.Fatal(err)
	}
	// Nobody knows the versions of oslo-1 and rome-1, but what the one has is for 1.31, and what the other was let to for 1.32.
	c, err := catalog.Decode("catalog.yaml", []byte(offered))
	if err != nil {
		t.Fatal(err)
	}
	m31, m32 := version.Minor{Major: 1, Minor: 31}, version.Minor{Major: 1, Minor: 32}
	delivered := []impact.Cluster{
		{Name: "berlin-1", Minor: m32, Group: "rest"},
		{Name: "lost-1", Group: "rest", Addons: []string{"wanted"}},
		{Name: "oslo-1", Minor: m31, Group: "rest", Addons: []string{"old"}},
		{Name: "rome-1", Minor: m32, Group: "rest"},
		{Name: "tokyo-1", Minor: m31, Group: "canary", Addons: []string{"a", "b"}},
		{Name: "tokyo-2", Minor: m31, Group: "rest"},
	}
	withCatalog := []impact.Cluster{
		{Name: "berlin-1", Minor: m32, Group: "rest"},
		{Name: "lost-1", Group: "rest", Addons: []string{"wanted"}},
		{Name: "oslo-1", Minor: m31, Group: "rest", Addons: []string{"always", "default", "newer", "old"}},
		{Name: "rome-1", Minor: m32, Group: "rest"},
		{Name: "tokyo-1", Minor: m31, Group: "canary", Addons: []string{"a", "always", "b", "default"}},
		{Name: "tokyo-2", Minor: m31, Group: "rest", Addons: []string{"a", "always", "newer"}},
	}
	for name, tc := range map[string]struct {
		catalogOf func(version.Minor) (catalog.Catalog, bool)
		want      []impact.Cluster
	}{
		"as it is":              {nil, delivered},
		"as the catalog has it": {func(m version.Minor) (catalog.Catalog, bool) { return c, m == m31 }, withCatalog},
	} {
		t.Run(name, func(t *testing.T) {
			got := gather.Impact(fleet, tc.catalogOf)
			if d := cmp.Diff(impact.Fleet{Groups: []string{"canary", "none", "rest"}, Clusters: tc.want}, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestImpactWithoutPolicy puts everybody into one group where no CatalogSource is known, or its groups cannot be read.
func TestImpactWithoutPolicy(t *testing.T) {
	broken := "apiVersion: addons.kaas.dev/v1alpha1\nkind: CatalogSource\nmetadata: {name: x}\nspec: {url: x, rollout: {groups: [{name: a, selector: {matchExpressions: [{key: a, operator: Like}]}}]}}\n"
	for _, current := range []string{"", write(t, broken)} {
		fleet, err := delivered.Files("-", current, strings.NewReader(registered("a", "v1.31.4", "")))
		if err != nil {
			t.Fatal(err)
		}
		want := impact.Fleet{Groups: []string{"rest"}, Clusters: []impact.Cluster{{Name: "a", Minor: version.Minor{Major: 1, Minor: 31}, Group: "rest"}}}
		if d := cmp.Diff(want, gather.Impact(fleet, nil)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}
