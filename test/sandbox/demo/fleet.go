package main

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// member is one workload cluster of the demo and what it should have. Steps change it as the story goes on.
type member struct {
	sandbox.Workload
	release string
	labels  []string // switched on when it is registered
	addons  []string // what it has then; those that every cluster has come on top
}

// everywhere is what the catalog gives every cluster: enabled always, or by default.
var everywhere = []string{"coredns-autoscaler", "gateway-api-crds", "network-policies", "priority-classes", "prometheus-operator-crds"}

// fleet is one cluster for each minor. Left out of the demo is metrics-server only: no container runs, so no API answers behind it.
func fleet() []*member {
	with := func(name, minor string, addons ...string) *member {
		return &member{
			Workload: sandbox.Workload{Name: name, Minor: minor, Nodes: 2}, release: nth(minor, "1"),
			labels: addons, addons: append(slices.Clone(everywhere), addons...),
		}
	}
	return []*member{
		with("tokyo-1", "1.31", "csi-cinder-legacy", "external-dns", "kube-state-metrics", "node-exporter"),
		with("paris-1", "1.32", "control-plane-alerts", "log-forwarder", "node-exporter", "policy-engine"),
		with("oslo-1", "1.33", "baseline-policies", "cluster-autoscaler", "csi-cinder", "node-auto-repair", "node-exporter", "policy-engine"),
	}
}

func nth(minor, n string) string { return "v" + minor + "-" + sandbox.Distribution + "." + n }

func (m *member) wanted() sandbox.Delivery {
	return sandbox.Delivery{Cluster: m.Name, Release: m.release, Addons: slices.Clone(m.addons)}
}

func (m *member) without(addon string) {
	m.addons = slices.DeleteFunc(m.addons, func(a string) bool { return a == addon })
}

const (
	// canary is the label of the clusters that get a release first, with the value canary.
	canary = "tier"
	// grace is how long an addon that was switched off stays, soak how long a canary must be healthy: short, for there are people watching.
	grace = 5 * time.Second
	soak  = 5 * time.Second
)

// policy is how the demo's CatalogSource differs from one that says nothing. The budget is the default: one deletion of each addon here.
func policy(spec *v1alpha1.CatalogSourceSpec) {
	spec.Deletion = v1alpha1.Deletion{Grace: &metav1.Duration{Duration: grace}}
	spec.Rollout = &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{{
		Name:      "canary",
		Selector:  metav1.LabelSelector{MatchLabels: map[string]string{canary: "canary"}},
		Pace:      v1alpha1.Pace{MinSuccessTime: &metav1.Duration{Duration: soak}, ProgressDeadline: "5m"},
		Mandatory: true,
	}}}
}
