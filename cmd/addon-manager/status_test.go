package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
)

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
			if err := printStatus(&b, selectStatus(reports(), tc.cluster, tc.addon)); err != nil {
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
argo cd     Synced, Healthy (at another revision than the one wanted: no evidence yet)
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
			explain(&b, &report, tc.addon)
			if d := cmp.Diff(tc.want, b.String()); d != "" {
				t.Errorf("explain (-want +got):\n%s", d)
			}
		})
	}
}
