package risk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/risk"
)

// TestRenames takes renames as given: which objects count as renamed is package diff's to say.
func TestRenames(t *testing.T) {
	one := func(apiVersion, kind, namespace, name, more string) string {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: " + namespace + "}\n" + more
	}
	for name, tc := range map[string]struct {
		base, head string
		want       []string
	}{
		"a Deployment": {one("apps/v1", "Deployment", "app", "old", ""), one("apps/v1", "Deployment", "app", "new", ""), []string{
			`ObjectRemoved apps/v1/Deployment/app/new /metadata/name: is "old" under a new name: the old one is deleted, and stops its pods, and this one made anew`,
		}},
		"another namespace": {one("v1", "PersistentVolumeClaim", "app", "a", ""), one("v1", "PersistentVolumeClaim", "other", "b", ""), []string{
			`NamespaceChanged v1/PersistentVolumeClaim/other/b /metadata/namespace: moves from namespace "app" to "other": "a" is deleted there, and the data of the volume with it unless the volume is retained, and made anew here`,
			`ForeignNamespace v1/PersistentVolumeClaim/other/b /metadata/namespace: is new in namespace "other"; the addon's is "app"`,
		}},
		"a name after the content":  {one("v1", "ConfigMap", "app", "a-2f8k6hm4tk", ""), one("v1", "ConfigMap", "app", "a-9gk2t7c5bb", ""), nil},
		"another name and content":  {one("v1", "ConfigMap", "app", "a-2f8k6hm4tk", ""), one("v1", "ConfigMap", "app", "b-9gk2t7c5bb", ""), []string{`ObjectRemoved v1/ConfigMap/app/b-9gk2t7c5bb /metadata/name: is "a-2f8k6hm4tk" under a new name: the old one is deleted: pods that need it cannot start, and this one made anew`}},
		"a name that is only short": {one("v1", "ConfigMap", "app", "a-2f8", ""), one("v1", "ConfigMap", "app", "a-9gk", ""), []string{`ObjectRemoved v1/ConfigMap/app/a-9gk /metadata/name: is "a-2f8" under a new name: the old one is deleted: pods that need it cannot start, and this one made anew`}},
		"a hook": {
			one("batch/v1", "Job", "app", "a, annotations: {argocd.argoproj.io/hook: Sync}", ""), one("batch/v1", "Job", "app", "b, annotations: {argocd.argoproj.io/hook: Sync}", ""), nil,
		},
		"what was as bad before": {
			one("v1", "Pod", "app", "a", "spec: {hostPID: true, containers: [{name: a, securityContext: {privileged: true}}]}"),
			one("v1", "Pod", "app", "b", "spec: {hostPID: true, containers: [{name: a, securityContext: {privileged: true}}]}"),
			[]string{`ObjectRemoved v1/Pod/app/b /metadata/name: is "a" under a new name: the old one is deleted, and this one made anew`},
		},
		"a field that cannot change belongs to the old one": {
			one("apps/v1", "Deployment", "app", "a", "spec: {selector: {matchLabels: {a: b}}}"), one("apps/v1", "Deployment", "app", "b", "spec: {selector: {matchLabels: {a: c}}}"),
			[]string{`ObjectRemoved apps/v1/Deployment/app/b /metadata/name: is "a" under a new name: the old one is deleted, and stops its pods, and this one made anew`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := parse(t, tc.base)[0], parse(t, tc.head)[0]
			c := diff.Change{Kind: diff.Renamed, Object: after.ID, From: &before.ID, Before: &before, After: &after, Fields: []diff.Field{
				{Path: "/spec/selector/matchLabels/a", Shown: "spec.selector.matchLabels.a", Before: "b", After: "c", HadBefore: true, HasAfter: true},
			}}
			var got []string
			for _, f := range risk.Flags(diff.Result{Changes: []diff.Change{c}}, facts(t, "")) {
				got = append(got, line(f))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
