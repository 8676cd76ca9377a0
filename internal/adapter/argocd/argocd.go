// Package argocd is the only place that knows Argo CD's types: it compiles decisions into ApplicationSets, and reads what
// ApplicationSets and Applications say back into values.
package argocd

import (
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Labels on every Application and ApplicationSet of ours (DESIGN: What the manager writes).
const (
	LabelAddon     = catalog.LabelPrefix + "addon"
	LabelCluster   = catalog.LabelPrefix + "cluster"
	LabelRelease   = catalog.LabelPrefix + "release"
	LabelMinor     = catalog.LabelPrefix + "kubernetes-minor"
	LabelPlacement = catalog.LabelPrefix + "placement"
	// LabelManagedBy marks the objects that the manager may touch.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// Manager is the value of LabelManagedBy, and the field manager of every write.
	Manager = "addon-manager"
)

// Annotations on every Application of ours.
const (
	// AnnotationCluster is the cluster's whole name: a label may have to shorten it.
	AnnotationCluster = catalog.LabelPrefix + "cluster-name"
	// AnnotationCommit is the commit of the release, also where the Application names the tag.
	AnnotationCommit = catalog.LabelPrefix + "commit"
	// AnnotationOnDisable is what happens to the addon's objects when it leaves.
	AnnotationOnDisable = catalog.LabelPrefix + "on-disable"
)

// Annotations on an Application of ours that is on its way out.
const (
	// AnnotationDisabled is since when the addon has been switched off, in RFC 3339.
	AnnotationDisabled = catalog.LabelPrefix + "disabled-since"
	// AnnotationGrace is how long it stays, where the catalog said so.
	AnnotationGrace = catalog.LabelPrefix + "grace"
	// AnnotationPruneCRDs is "true" where its CustomResourceDefinitions go too.
	AnnotationPruneCRDs = catalog.LabelPrefix + "prune-crds"
)

// Annotations on every ApplicationSet of ours.
const (
	// AnnotationAdmitted is the release that the cluster was let to, AnnotationAdmittedAt when, in RFC 3339.
	AnnotationAdmitted   = catalog.LabelPrefix + "admitted"
	AnnotationAdmittedAt = catalog.LabelPrefix + "admitted-at"
)

// AnnotationBreakGlass on an object of ours lets others than the manager delete it; its value says why.
const AnnotationBreakGlass = catalog.LabelPrefix + "break-glass"

// resourcesFinalizer makes the deletion of an Application delete its objects first.
const resourcesFinalizer = argo.ResourcesFinalizerName

// AddToScheme registers Argo CD's types.
func AddToScheme(s *runtime.Scheme) error { return argo.AddToScheme(s) }

// The kinds this package reads and writes.
var (
	ApplicationGVK    = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}
	ApplicationSetGVK = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "ApplicationSet"}
)

// Application and ApplicationSet are Argo CD's, so that callers can watch them without importing its packages.
type (
	Application        = argo.Application
	ApplicationList    = argo.ApplicationList
	ApplicationSet     = argo.ApplicationSet
	ApplicationSetList = argo.ApplicationSetList
)
