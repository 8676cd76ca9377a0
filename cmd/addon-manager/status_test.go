package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
)

// noon is when everything in these tests happens.
var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func at(hours int) metav1.Time { return metav1.NewTime(noon.Add(time.Duration(hours) * time.Hour)) }

// fleetSource has one minor, whose newest release is halted while it rolls out.
func fleetSource() *v1alpha1.CatalogSource {
	return &v1alpha1.CatalogSource{
		ObjectMeta: metav1.ObjectMeta{Name: "fleet", Namespace: "argocd"},
		Status: v1alpha1.CatalogSourceStatus{
			Minors:    []v1alpha1.MinorStatus{{Minor: "1.31", Release: "v1.31-ake.4", Releases: []v1alpha1.ReleaseStatus{{Tag: "v1.31-ake.4"}, {Tag: "v1.31-ake.3"}}}},
			Rollouts:  []v1alpha1.RolloutStatus{{Minor: "1.31", Release: "v1.31-ake.4", State: "Progressing", Message: "1 of 2 clusters is on its way"}, {Minor: "1.32", Release: "v1.32-ake.1", State: "Completed"}},
			Deletions: &v1alpha1.DeletionStatus{Quarantine: &v1alpha1.Quarantine{Hash: "0123456789ab", Count: 3, Message: "3 deletions wait for approval: cert-manager has 3 due, and at most 1 of its 9 pairs may go within an hour"}},
		},
	}
}

func reports() []v1alpha1.ClusterAddons {
	return []v1alpha1.ClusterAddons{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "tokyo-1", Namespace: "argocd"},
			Status: v1alpha1.ClusterAddonsStatus{
				KubernetesVersion: "v1.31.4", Minor: "1.31", Release: "v1.31-ake.4", Delivered: "v1.31-ake.3", Ready: "1/2",
				Problems: []v1alpha1.Reason{{Code: "InvalidSwitch", Message: "label addons.kaas.dev/csi is odd"}},
				Addons: []v1alpha1.AddonStatus{
					{Name: "cert-manager", EnabledBy: "SwitchedOn", Application: "tokyo-1-cert-manager", Wanted: "v1.31-ake.4", Delivered: "v1.31-ake.3", Action: "move", Sync: "Synced", Health: "Healthy", Reasons: []v1alpha1.Reason{{Code: "NewRelease", Message: "v1.31-ake.4 is newer"}}},
					{Name: "csi", Application: "tokyo-1-csi", Wanted: "v1.31-ake.4", Delivered: "v1.31-ake.4", Action: "keep", Sync: "Synced", Health: "Degraded", Synced: true, Message: "no nodes"},
				},
			},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "osaka-1", Namespace: "argocd"},
			Status:     v1alpha1.ClusterAddonsStatus{Hold: "VersionUnknown", Reasons: []v1alpha1.Reason{{Code: "VersionUnknown", Message: "nobody knows"}}},
		},
	}
}

func TestStatusTable(t *testing.T) {
	for name, tc := range map[string]struct{ cluster, addon, want string }{
		"all": {want: `CLUSTER  KUBERNETES  ADDON         WANTED       DELIVERED    SYNC    HEALTH    ACTION  WHY
tokyo-1  v1.31.4     cert-manager  v1.31-ake.4  v1.31-ake.3  Synced  Healthy   move    v1.31-ake.4 is newer
tokyo-1  v1.31.4     csi           v1.31-ake.4  v1.31-ake.4  Synced  Degraded  keep    no nodes

osaka-1 is held: nobody knows
problem  label addons.kaas.dev/csi is odd
`},
		"one addon of one cluster": {cluster: "tokyo-1", addon: "csi", want: `CLUSTER  KUBERNETES  ADDON  WANTED       DELIVERED    SYNC    HEALTH    ACTION  WHY
tokyo-1  v1.31.4     csi    v1.31-ake.4  v1.31-ake.4  Synced  Degraded  keep    no nodes
problem  label addons.kaas.dev/csi is odd
`},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := printStatus(&b, selectStatus(nil, reports(), tc.cluster, tc.addon), noon); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, b.String()); d != "" {
				t.Errorf("status (-want +got):\n%s", d)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	for name, tc := range map[string]struct {
		report int
		addon  string
		want   string
	}{
		"moving": {0, "cert-manager", `cluster     tokyo-1
kubernetes  v1.31.4
release     v1.31-ake.4
            is the newest usable release for Kubernetes 1.31
addon       cert-manager
application tokyo-1-cert-manager
on because  the cluster's label says enabled
wanted      v1.31-ake.4
delivered   v1.31-ake.3
argo cd     Synced, Healthy (of another revision than the one wanted, or from before it was written: no evidence yet)
action      move
            NewRelease: v1.31-ake.4 is newer
`},
		"failing": {0, "csi", `cluster     tokyo-1
kubernetes  v1.31.4
release     v1.31-ake.4
            is the newest usable release for Kubernetes 1.31
addon       csi
application tokyo-1-csi
wanted      v1.31-ake.4
delivered   v1.31-ake.4
argo cd     Synced, Degraded
            no nodes
action      keep
problem     InvalidSwitch: label addons.kaas.dev/csi is odd
`},
		"off, on a cluster that is held": {1, "csi", `cluster     osaka-1
kubernetes  unknown
release     none
            VersionUnknown: nobody knows
addon       csi
            is off on this cluster. If the release offers it, switch it on with
            kubectl label secret osaka-1 addons.kaas.dev/csi=enabled -n argocd
`},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			report := reports()[tc.report]
			if err := explain(&b, fleetSource(), &report, tc.addon, noon); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, b.String()); d != "" {
				t.Errorf("explain (-want +got):\n%s", d)
			}
		})
	}
}

// TestStatusNotes shows what goes on beside the table, as a whole and for one addon of one cluster.
func TestStatusNotes(t *testing.T) {
	since, until := at(-1), at(1)
	all := []v1alpha1.ClusterAddons{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "tokyo-1"},
			Spec: v1alpha1.ClusterAddonsSpec{
				Pins: []v1alpha1.Pin{
					{Addon: "csi", Release: "v1.31-ake.3", Reason: "driver bug", Owner: "storage", Expires: at(-2)},
					{Release: "v1.31-ake.4", Reason: "fair", Owner: "sales", Expires: at(24)},
				},
				Freeze: &v1alpha1.Freeze{Reason: "fair", Owner: "sales", Until: at(48)},
			},
			Status: v1alpha1.ClusterAddonsStatus{
				Minor: "1.31", Leaving: "csi until 2026-03-02T13:00:00Z",
				Addons:   []v1alpha1.AddonStatus{{Name: "csi", Action: "disable", Delivered: "v1.31-ake.3", DisabledSince: &since, RemovalAt: &until}},
				Released: []v1alpha1.ReleasedAddon{{Name: "loki", Since: since, Release: "v1.31-ake.2", Namespace: "logs", Reason: v1alpha1.Reason{Message: "its label was removed"}}},
			},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "osaka-1"},
			Spec:       v1alpha1.ClusterAddonsSpec{Decommission: &v1alpha1.Decommission{Mode: v1alpha1.DecommissionPrune, Requested: since}},
			Status:     v1alpha1.ClusterAddonsStatus{Minor: "1.32"},
		},
	}
	for name, tc := range map[string]struct {
		cluster, addon string
		want           []string
	}{
		"all": {want: []string{
			"leaving     csi on tokyo-1: on its way out since 2026-03-02T11:00:00Z, goes at 2026-03-02T13:00:00Z at the earliest; it stays if what led to it is undone",
			"released    loki on tokyo-1: left on the cluster since 2026-03-02T11:00:00Z as of v1.31-ake.2, in namespace logs: its label was removed",
			"given up    osaka-1: decommissioned (prune) since 2026-03-02T11:00:00Z, what is left at 2026-03-02T12:00:00Z stays",
			"pin         tokyo-1: of the cluster to v1.31-ake.4 until 2026-03-03T12:00:00Z (sales: fair)",
			"expired pin tokyo-1: of csi to v1.31-ake.3 until 2026-03-02T10:00:00Z (storage: driver bug)",
			"freeze      tokyo-1: until 2026-03-04T12:00:00Z (sales: fair)",
			"rollout     1.31 v1.31-ake.4: Progressing: 1 of 2 clusters is on its way",
			"rollout     1.32 v1.32-ake.1: Completed",
			"quarantine  3 deletions wait for approval: cert-manager has 3 due, and at most 1 of its 9 pairs may go within an hour",
		}},
		"one addon of one cluster": {cluster: "tokyo-1", addon: "loki", want: []string{
			"released    loki on tokyo-1: left on the cluster since 2026-03-02T11:00:00Z as of v1.31-ake.2, in namespace logs: its label was removed",
			"pin         tokyo-1: of the cluster to v1.31-ake.4 until 2026-03-03T12:00:00Z (sales: fair)",
			"expired pin tokyo-1: of csi to v1.31-ake.3 until 2026-03-02T10:00:00Z (storage: driver bug)",
			"freeze      tokyo-1: until 2026-03-04T12:00:00Z (sales: fair)",
			"rollout     1.31 v1.31-ake.4: Progressing: 1 of 2 clusters is on its way",
			"quarantine  3 deletions wait for approval: cert-manager has 3 due, and at most 1 of its 9 pairs may go within an hour",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := statusNotes(selectStatus(fleetSource(), all, tc.cluster, tc.addon), noon)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("notes (-want +got):\n%s", d)
			}
		})
	}
}

// TestExplainOrders tells what people ordered for the cluster and the addon, and what was left of it.
func TestExplainOrders(t *testing.T) {
	since := at(-1)
	report := &v1alpha1.ClusterAddons{
		ObjectMeta: metav1.ObjectMeta{Name: "tokyo-1", Namespace: "argocd"},
		Spec: v1alpha1.ClusterAddonsSpec{
			Pins: []v1alpha1.Pin{
				{Addon: "loki", Release: "v1.31-ake.3", Reason: "index", Owner: "logs", Expires: at(-2)},
				{Addon: "csi", Release: "v1.31-ake.3", Reason: "driver bug", Owner: "storage", Expires: at(2)},
			},
			Freeze: &v1alpha1.Freeze{Reason: "fair", Owner: "sales", Until: at(-1)},
		},
		Status: v1alpha1.ClusterAddonsStatus{
			KubernetesVersion: "v1.31.4", Minor: "1.31", Release: "v1.31-ake.3",
			Reasons:  []v1alpha1.Reason{{Code: "WaitingForGroup", Message: "v1.31-ake.4 is rolling out: group canary is not done"}},
			Released: []v1alpha1.ReleasedAddon{{Name: "loki", Since: since, Release: "v1.31-ake.2", Reason: v1alpha1.Reason{Message: "its label was removed"}}},
			Addons:   []v1alpha1.AddonStatus{{Name: "csi", Application: "tokyo-1-csi", Action: "disable", Delivered: "v1.31-ake.3", DisabledSince: &since}},
		},
	}
	for addon, want := range map[string]string{
		"loki": `cluster     tokyo-1
kubernetes  v1.31.4
release     v1.31-ake.3
            v1.31-ake.4 is the newest usable release for Kubernetes 1.31
            WaitingForGroup: v1.31-ake.4 is rolling out: group canary is not done
expired pin of loki to v1.31-ake.3 until 2026-03-02T10:00:00Z (logs: index)
old freeze  until 2026-03-02T11:00:00Z (sales: fair)
addon       loki
            is off on this cluster. If the release offers it, switch it on with
            kubectl label secret tokyo-1 addons.kaas.dev/loki=enabled -n argocd
released    left on the cluster since 2026-03-02T11:00:00Z as of v1.31-ake.2: its label was removed
            have it delivered again with addon-manager adopt tokyo-1 loki
            or taken off this list with addon-manager forget tokyo-1 loki
`,
		"csi": `cluster     tokyo-1
kubernetes  v1.31.4
release     v1.31-ake.3
            v1.31-ake.4 is the newest usable release for Kubernetes 1.31
            WaitingForGroup: v1.31-ake.4 is rolling out: group canary is not done
pin         of csi to v1.31-ake.3 until 2026-03-02T14:00:00Z (storage: driver bug)
old freeze  until 2026-03-02T11:00:00Z (sales: fair)
addon       csi
application tokyo-1-csi
wanted      none
delivered   v1.31-ake.3
argo cd     unknown, unknown
leaving     on its way out since 2026-03-02T11:00:00Z; it stays if what led to it is undone
action      disable
`,
	} {
		t.Run(addon, func(t *testing.T) {
			var b strings.Builder
			if err := explain(&b, fleetSource(), report, addon, noon); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, b.String()); d != "" {
				t.Errorf("explain (-want +got):\n%s", d)
			}
		})
	}
}
