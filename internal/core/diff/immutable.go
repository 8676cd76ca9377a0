package diff

import (
	"reflect"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// frozen are fields of a kind that the API server refuses to change once the object exists. A segment * stands for any one.
type frozen struct {
	paths []string
	// free lie below paths and may change all the same.
	free []string
}

// frozenFields follows Kubernetes 1.33; each line names the function there that refuses. Kinds are those of manifest.ID.GroupKind.
var frozenFields = map[string]frozen{
	// PrepareForUpdate and ValidateUpdate of pkg/registry/apps/{deployment,daemonset,replicaset}/strategy.go
	"Deployment.apps": {paths: []string{"/spec/selector"}},
	"DaemonSet.apps":  {paths: []string{"/spec/selector"}},
	"ReplicaSet.apps": {paths: []string{"/spec/selector"}},
	// pkg/apis/apps/validation: ValidateStatefulSetUpdate, ValidateControllerRevisionUpdate
	"StatefulSet.apps": {paths: []string{"/spec"}, free: []string{
		"/spec/replicas", "/spec/template", "/spec/updateStrategy", "/spec/minReadySeconds", "/spec/ordinals", "/spec/revisionHistoryLimit",
		"/spec/persistentVolumeClaimRetentionPolicy",
	}},
	"ControllerRevision.apps": {paths: []string{"/data"}},
	// pkg/apis/batch/validation: ValidateJobSpecUpdate, validateCompletions
	"Job.batch": {paths: []string{
		"/spec/selector", "/spec/template", "/spec/completions", "/spec/completionMode", "/spec/podFailurePolicy", "/spec/backoffLimitPerIndex",
		"/spec/managedBy", "/spec/successPolicy",
	}},
	// pkg/apis/core/validation: ValidatePodUpdate
	"Pod": {paths: []string{"/spec"}, free: []string{
		"/spec/containers/*/image", "/spec/initContainers/*/image", "/spec/activeDeadlineSeconds", "/spec/terminationGracePeriodSeconds",
		"/spec/tolerations", "/spec/schedulingGates",
	}},
	// ValidateServiceUpdate: the first address and family stay, a second may come and go
	"Service": {paths: []string{"/spec/clusterIP", "/spec/clusterIPs/0", "/spec/ipFamilies/0", "/spec/loadBalancerClass", "/spec/healthCheckNodePort"}},
	// ValidatePersistentVolumeClaimUpdate, ValidatePersistentVolumeUpdate, validatePvNodeAffinity
	"PersistentVolumeClaim": {paths: []string{"/spec"}, free: []string{"/spec/resources/requests/storage", "/spec/volumeAttributesClassName"}},
	"PersistentVolume": {paths: []string{"/spec"}, free: []string{
		"/spec/capacity", "/spec/accessModes", "/spec/claimRef", "/spec/persistentVolumeReclaimPolicy", "/spec/storageClassName", "/spec/mountOptions",
		"/spec/volumeAttributesClassName",
	}},
	// ValidateSecretUpdate, ValidateResourceQuotaUpdate
	"Secret":        {paths: []string{"/type"}},
	"ResourceQuota": {paths: []string{"/spec/scopes"}},
	// pkg/apis/storage/validation: Validate{StorageClass,CSIDriver,CSIStorageCapacity,VolumeAttachment,VolumeAttributesClass}Update
	"StorageClass.storage.k8s.io":          {paths: []string{"/provisioner", "/parameters", "/reclaimPolicy", "/volumeBindingMode"}},
	"CSIDriver.storage.k8s.io":             {paths: []string{"/spec/attachRequired", "/spec/volumeLifecycleModes"}},
	"CSIStorageCapacity.storage.k8s.io":    {paths: []string{"/nodeTopology", "/storageClassName"}},
	"VolumeAttachment.storage.k8s.io":      {paths: []string{"/spec"}},
	"VolumeAttributesClass.storage.k8s.io": {paths: []string{"/driverName", "/parameters"}},
	// pkg/apis/rbac/validation: ValidateRoleBindingUpdate, ValidateClusterRoleBindingUpdate
	"RoleBinding.rbac.authorization.k8s.io":        {paths: []string{"/roleRef"}},
	"ClusterRoleBinding.rbac.authorization.k8s.io": {paths: []string{"/roleRef"}},
	// pkg/apis/scheduling/validation: ValidatePriorityClassUpdate
	"PriorityClass.scheduling.k8s.io": {paths: []string{"/value", "/preemptionPolicy"}},
	// pkg/apis/networking/validation: validateIngressClassSpecUpdate, ValidateIPAddressUpdate, ValidateServiceCIDRUpdate
	"IngressClass.networking.k8s.io": {paths: []string{"/spec/controller"}},
	"IPAddress.networking.k8s.io":    {paths: []string{"/spec/parentRef"}},
	"ServiceCIDR.networking.k8s.io":  {paths: []string{"/spec/cidrs"}},
	// pkg/apis/node/validation: ValidateRuntimeClassUpdate
	"RuntimeClass.node.k8s.io": {paths: []string{"/handler"}},
	// pkg/apis/discovery/validation: ValidateEndpointSliceUpdate
	"EndpointSlice.discovery.k8s.io": {paths: []string{"/addressType"}},
	// pkg/apis/resource/validation: ValidateResourceClaimUpdate, ValidateResourceClaimTemplateUpdate
	"ResourceClaim.resource.k8s.io":         {paths: []string{"/spec"}},
	"ResourceClaimTemplate.resource.k8s.io": {paths: []string{"/spec"}},
	// pkg/apis/certificates/validation: ValidateClusterTrustBundleUpdate
	"ClusterTrustBundle.certificates.k8s.io": {paths: []string{"/spec/signerName"}},
	// apiextensions-apiserver pkg/apis/apiextensions/validation: validateCustomResourceDefinitionSpecUpdate
	"CustomResourceDefinition.apiextensions.k8s.io": {paths: []string{"/spec/group", "/spec/scope", "/spec/names/kind", "/spec/names/plural"}},
}

// Immutable reports whether the API server refuses to change the field of an existing object that a JSON pointer leads to, or what lies
// above it in the object. It knows the kind alone: Refused looks at the values too.
func Immutable(id manifest.ID, pointer string) bool {
	fields, ok := frozenFields[id.GroupKind()]
	return ok && covered(fields.paths, pointer) && !covered(fields.free, pointer)
}

// Refused reports whether the API server refuses a changed field of an object that stays. What has another name is another object to it, and
// what Argo CD deletes and creates anew, such as a hook, is never refused.
func Refused(before, after *manifest.Object, f Field) bool {
	if before == nil || after == nil || before.Same() != after.Same() || recreated(before, after) {
		return false
	}
	fields := frozenFields[after.GroupKind()]
	switch after.GroupKind() {
	case "Service":
		return refusedService(before.Content, after.Content, f)
	case "ConfigMap", "Secret":
		// ValidateConfigMapUpdate, ValidateSecretUpdate: once immutable is true, neither it nor the data changes.
		if manifest.At(before.Content, "immutable") == true && covered([]string{"/data", "/binaryData", "/stringData", "/immutable"}, f.Path) {
			return true
		}
	case "Job.batch":
		// validateCompletions: an indexed Job may be scaled.
		if f.Path == "/spec/completions" && manifest.Text(after.Content, "spec", "completionMode") == "Indexed" {
			return false
		}
	case "PersistentVolume":
		// validatePvNodeAffinity is not asked while there is none.
		if f.Path == "/spec/nodeAffinity" && !f.HadBefore {
			return false
		}
	}
	if Immutable(after.ID, f.Path) {
		return true
	}
	// A field that is a whole subtree may hold an immutable one: the spec that went with its selector.
	for _, p := range fields.paths {
		rest, below := strings.CutPrefix(p, f.Path+"/")
		if keys := strings.Split(rest, "/"); below && !reflect.DeepEqual(manifest.At(f.Before, keys...), manifest.At(f.After, keys...)) {
			return true
		}
	}
	return false
}

// refusedService follows validateUpgradeDowngradeClusterIPs, validateUpgradeDowngradeIPFamilies and validateLoadBalancerClassField: what
// an update leaves out keeps the value that the server chose.
func refusedService(before, after map[string]any, f Field) bool {
	kind := func(o map[string]any) string { return manifest.Text(o, "spec", "type") }
	external := kind(before) == "ExternalName" || kind(after) == "ExternalName"
	switch {
	case covered([]string{"/spec/clusterIP"}, f.Path):
		return !external && f.HasAfter && f.After != ""
	case covered([]string{"/spec/clusterIPs", "/spec/ipFamilies"}, f.Path):
		list := strings.TrimPrefix(strings.TrimSuffix(f.Path, "/0"), "/spec/")
		old, now := manifest.List(before, "spec", list), manifest.List(after, "spec", list)
		return !external && len(now) > 0 && (len(old) == 0 || old[0] != now[0])
	case covered([]string{"/spec/loadBalancerClass"}, f.Path):
		return kind(before) == "LoadBalancer" && kind(after) == "LoadBalancer"
	case covered([]string{"/spec/healthCheckNodePort"}, f.Path):
		return f.HadBefore && f.HasAfter
	}
	return false
}

// recreated reports whether Argo CD deletes the object before it applies it: hooks, and what is to be replaced by force.
func recreated(before, after *manifest.Object) bool {
	options := "," + strings.ReplaceAll(manifest.Text(after.Content, "metadata", "annotations", "argocd.argoproj.io/sync-options"), " ", "") + ","
	return before.Hook != "" && after.Hook != "" || strings.Contains(options, ",Replace=true,") && strings.Contains(options, ",Force=true,")
}

// covered reports whether a pointer is one of some paths, or lies below one.
func covered(paths []string, pointer string) bool {
	for _, p := range paths {
		if prefix(strings.Split(p, "/"), strings.Split(pointer, "/")) {
			return true
		}
	}
	return false
}

func prefix(pattern, segments []string) bool {
	if len(segments) < len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != segments[i] {
			return false
		}
	}
	return true
}
