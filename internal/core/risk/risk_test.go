package risk_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/risk"
)

func TestNothingIsNoRisk(t *testing.T) {
	if got := risk.Flags(diff.Result{}, facts(t, "minor: '1.32'")); got != nil {
		t.Errorf("got %v", got)
	}
	if got := risk.Flags(diff.Result{}, risk.Facts{}); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestRanks(t *testing.T) {
	codes := risk.Codes()
	if codes[0] != risk.AddonRemoved || codes[len(codes)-1] != risk.ImageNoDigest || len(codes) != 24 {
		t.Errorf("the codes are %v", codes)
	}
	for i, c := range codes {
		if risk.Rank(c) != i || slices.Index(codes, c) != i {
			t.Errorf("the rank of %s is %d, want %d", c, risk.Rank(c), i)
		}
	}
	if risk.Rank("Unheard") != len(codes) {
		t.Errorf("the rank of an unknown code is %d", risk.Rank("Unheard"))
	}
	codes[0] = "Changed"
	if risk.Codes()[0] != risk.AddonRemoved {
		t.Error("a caller changed the list of codes")
	}
}

// TestOrder mixes the changes: what they raise is the same, in the same order.
func TestOrder(t *testing.T) {
	text := ""
	for i := range 9 {
		text += fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d, namespace: kube-system, labels: {addons.kaas.dev/x: y}}\n", i)
		text += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: app}\nspec: {hostPID: true, hostNetwork: true, containers: [{name: a, image: b, securityContext: {privileged: true}}]}\n", i)
	}
	r := compare(t, "", text)
	want := risk.Flags(r, facts(t, "minor: '1.32'"))
	if len(want) != 9*5+1 {
		t.Errorf("got %d flags, want 5 of each pair of objects and 1 of their image", len(want))
	}
	for seed := range int64(5) {
		rand.New(rand.NewSource(seed)).Shuffle(len(r.Changes), func(i, j int) { r.Changes[i], r.Changes[j] = r.Changes[j], r.Changes[i] })
		got := risk.Flags(r, facts(t, "minor: '1.32'"))
		// The image is in all of them, and told of where it is first.
		if d := cmp.Diff(want[:45], got[:45]); d != "" {
			t.Errorf("in another order:\n%s", d)
		}
	}
	for i := 1; i < len(want); i++ {
		if risk.Rank(want[i-1].Code) > risk.Rank(want[i].Code) {
			t.Errorf("%s comes before %s", line(want[i-1]), line(want[i]))
		}
	}
}

// TestEveryRemovalIsSaid removes each kind of object that the product ships or knows, one by one.
func TestEveryRemovalIsSaid(t *testing.T) {
	kinds := []string{
		"v1/Namespace", "v1/PersistentVolumeClaim", "v1/ServiceAccount", "v1/Secret", "v1/ConfigMap", "v1/Service", "v1/Pod", "apps/v1/StatefulSet", "apps/v1/DaemonSet",
		"apps/v1/Deployment", "batch/v1/Job", "rbac.authorization.k8s.io/v1/ClusterRole", "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
		"apiextensions.k8s.io/v1/CustomResourceDefinition", "example.com/v1/Thing", "storage.k8s.io/v1/StorageClass", "scheduling.k8s.io/v1/PriorityClass",
	}
	for _, k := range kinds {
		at := strings.LastIndexByte(k, '/')
		r := compare(t, fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: a}\n", k[:at], k[at+1:]), "")
		got := risk.Flags(r, risk.Facts{})
		if len(got) != 1 || got[0].Code != risk.ObjectRemoved || got[0].Object != k+"/a" || !strings.HasPrefix(got[0].Message, "Argo CD deletes it with this release") {
			t.Errorf("%s: got %v", k, got)
		}
	}
}

func TestLargeObjects(t *testing.T) {
	made := func(kind string, size int, annotations map[string]any) *manifest.Object {
		o := manifest.Object{ID: manifest.ID{Version: "v1", Kind: kind, Namespace: "app", Name: "a"}, Content: map[string]any{
			"metadata": map[string]any{"annotations": annotations}, "data": strings.Repeat("a", size),
		}}
		return &o
	}
	server := map[string]any{"argocd.argoproj.io/sync-options": "ServerSideApply=true"}
	for name, tc := range map[string]struct {
		before, after *manifest.Object
		facts         string
		want          []string
	}{
		"small":                        {after: made("ConfigMap", 262_000, nil)},
		"too large for the annotation": {after: made("ConfigMap", 262_144, nil), want: []string{"LargeObject v1/ConfigMap/app/a: has 262187 bytes as JSON, more than the 262144 of a last-applied annotation: the sync fails without syncOptions [ServerSideApply=true]"}},
		"it was before":                {before: made("ConfigMap", 262_145, nil), after: made("ConfigMap", 262_144, nil)},
		"it grows":                     {before: made("ConfigMap", 100, nil), after: made("ConfigMap", 300_000, nil), want: []string{"LargeObject v1/ConfigMap/app/a: has 300043 bytes as JSON, more than the 262144 of a last-applied annotation: the sync fails without syncOptions [ServerSideApply=true]"}},
		"applied by the server":        {after: made("ConfigMap", 262_144, nil), facts: "syncOptions: [ServerSideApply=true]"},
		"applied so by its annotation": {after: made("ConfigMap", 262_144, server)},
		"too large for etcd":           {after: made("ConfigMap", 1<<20, server), want: []string{"LargeObject v1/ConfigMap/app/a: has 1048673 bytes as JSON: etcd refuses objects above about 1.5 MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := diff.Change{Object: tc.after.ID, Kind: diff.Added, Before: tc.before, After: tc.after}
			if tc.before != nil {
				c.Kind = diff.Changed
			}
			var got []string
			for _, f := range risk.Flags(diff.Result{Changes: []diff.Change{c}}, facts(t, tc.facts)) {
				got = append(got, line(f))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestLongValues puts values into messages that nobody wants to read in full.
func TestLongValues(t *testing.T) {
	long := strings.Repeat("x", 5000)
	many := strings.Repeat("{apiGroups: [\""+long+"\"], resources: [\"a\\nb\"], verbs: [get]},", 3)
	r := compare(t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: app}\n", fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: app}\nrules: [%s]\n---\n", many)+fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: app}\nspec: {volumes: [{hostPath: {path: /%s}}], containers: [{name: %s, securityContext: {privileged: true}}]}\n", long, long))
	flags := risk.Flags(r, risk.Facts{})
	if len(flags) != 3 {
		t.Errorf("got %d flags, want a right, a path and a privilege", len(flags))
	}
	for _, f := range flags {
		if len(f.Message) > 1600 || strings.ContainsAny(f.Message, "\n\t") {
			t.Errorf("the message has %d bytes: %q", len(f.Message), f.Message)
		}
	}
}
