package apis_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestLifeOf has what Kubernetes' guide to deprecated APIs says, and what has become of it since.
func TestLifeOf(t *testing.T) {
	never := version.Minor{}
	for _, tc := range []struct {
		group, version, kind string
		want                 apis.Life
	}{
		{"policy", "v1beta1", "PodSecurityPolicy", apis.Life{Introduced: minor(10), Deprecated: minor(21), Removed: minor(25)}},
		{"policy", "v1beta1", "PodDisruptionBudget", apis.Life{Introduced: minor(5), Deprecated: minor(21), Removed: minor(25), Replacement: "policy/v1"}},
		{"batch", "v1beta1", "CronJob", apis.Life{Introduced: minor(8), Deprecated: minor(21), Removed: minor(25), Replacement: "batch/v1"}},
		{"extensions", "v1beta1", "Ingress", apis.Life{Introduced: minor(1), Deprecated: minor(14), Removed: minor(22), Replacement: "networking.k8s.io/v1"}},
		{"extensions", "v1beta1", "Deployment", apis.Life{Introduced: minor(1), Deprecated: minor(8), Removed: minor(16), Replacement: "apps/v1"}},
		// It once said policy/v1beta1, which is gone too.
		{"extensions", "v1beta1", "PodSecurityPolicy", apis.Life{Introduced: minor(2), Deprecated: minor(11), Removed: minor(16)}},
		{"autoscaling", "v2beta1", "HorizontalPodAutoscaler", apis.Life{Introduced: minor(8), Deprecated: minor(22), Removed: minor(25), Replacement: "autoscaling/v2"}},
		{"autoscaling", "v2beta2", "HorizontalPodAutoscaler", apis.Life{Introduced: minor(12), Deprecated: minor(23), Removed: minor(26), Replacement: "autoscaling/v2"}},
		{"discovery.k8s.io", "v1beta1", "EndpointSlice", apis.Life{Introduced: minor(16), Deprecated: minor(21), Removed: minor(25), Replacement: "discovery.k8s.io/v1"}},
		// The source names no replacement for these two.
		{"events.k8s.io", "v1beta1", "Event", apis.Life{Introduced: minor(8), Deprecated: minor(22), Removed: minor(25), Replacement: "events.k8s.io/v1"}},
		{"node.k8s.io", "v1beta1", "RuntimeClass", apis.Life{Introduced: minor(13), Deprecated: minor(22), Removed: minor(25), Replacement: "node.k8s.io/v1"}},
		{"storage.k8s.io", "v1beta1", "CSIStorageCapacity", apis.Life{Introduced: minor(21), Deprecated: minor(24), Removed: minor(27), Replacement: "storage.k8s.io/v1"}},
		// It was to be v1beta3.
		{"flowcontrol.apiserver.k8s.io", "v1beta2", "FlowSchema", apis.Life{Introduced: minor(23), Deprecated: minor(26), Removed: minor(29), Replacement: "flowcontrol.apiserver.k8s.io/v1"}},
		{"flowcontrol.apiserver.k8s.io", "v1beta3", "PriorityLevelConfiguration", apis.Life{Introduced: minor(26), Deprecated: minor(29), Removed: minor(32), Replacement: "flowcontrol.apiserver.k8s.io/v1"}},
		{"apiextensions.k8s.io", "v1beta1", "CustomResourceDefinition", apis.Life{Introduced: minor(7), Deprecated: minor(16), Removed: minor(22), Replacement: "apiextensions.k8s.io/v1"}},
		{"apiregistration.k8s.io", "v1beta1", "APIService", apis.Life{Introduced: minor(7), Deprecated: minor(19), Removed: minor(22), Replacement: "apiregistration.k8s.io/v1"}},
		{"admissionregistration.k8s.io", "v1beta1", "ValidatingWebhookConfiguration", apis.Life{Introduced: minor(9), Deprecated: minor(16), Removed: minor(22), Replacement: "admissionregistration.k8s.io/v1"}},
		{"resource.k8s.io", "v1beta1", "ResourceClaim", apis.Life{Introduced: minor(32), Deprecated: minor(35), Removed: minor(38), Replacement: "resource.k8s.io/v1"}},
		// Dropped before the time that its last source announced.
		{"resource.k8s.io", "v1alpha3", "ResourceClaim", apis.Life{Introduced: minor(31), Removed: minor(34), Replacement: "resource.k8s.io/v1"}},
		{"networking.k8s.io", "v1alpha1", "ClusterCIDR", apis.Life{Introduced: minor(25), Deprecated: minor(28), Removed: minor(29)}},
		// No source says when these came, only that their types are gone.
		{"settings.k8s.io", "v1alpha1", "PodPreset", apis.Life{Removed: minor(20)}},
		{"resource.k8s.io", "v1alpha2", "ResourceClaim", apis.Life{Removed: minor(31), Replacement: "resource.k8s.io/v1"}},
		// Stable, so there is no end in sight, and still the server warns.
		{"", "v1", "Endpoints", apis.Life{Deprecated: minor(33), Replacement: "discovery.k8s.io/v1"}},
		{"", "v1", "ComponentStatus", apis.Life{Deprecated: minor(19)}},
		{"apps", "v1", "Deployment", apis.Life{Introduced: minor(9), Deprecated: never, Removed: never}},
	} {
		if got, ok := apis.LifeOf(tc.group, tc.version, tc.kind); got != tc.want || !ok {
			t.Errorf("LifeOf(%q, %q, %q)\ngot  %+v, %t\nwant %+v", tc.group, tc.version, tc.kind, got, ok, tc.want)
		}
	}
	for _, unknown := range [][3]string{
		{"cert-manager.io", "v1", "Certificate"},
		{"apps", "v1", "DeploymentList"},
		{"apps", "v1", "Unheard"},
		{"", "v1", "Pod"}, // there from the beginning, and to stay
		{"", "v1", "PodAttachOptions"},
		{"", "v1", "PodStatusResult"},
	} {
		if got, ok := apis.LifeOf(unknown[0], unknown[1], unknown[2]); ok || got != (apis.Life{}) {
			t.Errorf("LifeOf(%q) = %+v, %t; want nothing", unknown, got, ok)
		}
	}
}
