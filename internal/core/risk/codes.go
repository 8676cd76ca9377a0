package risk

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// The risks.
const (
	// AddonRemoved is an addon that clusters lose: the catalog has it no more, or offers it to the minor no more.
	AddonRemoved fault.Code = "AddonRemoved"
	// ObjectRemoved is an object that Argo CD deletes from the clusters, or that gets another name.
	ObjectRemoved fault.Code = "ObjectRemoved"
	// NamespaceChanged is an object that is deleted in one namespace and made in another.
	NamespaceChanged fault.Code = "NamespaceChanged"
	// HookDeletes is an object that Argo CD deletes on its own accord, or that acts when the addon is deleted.
	HookDeletes fault.Code = "HookDeletes"
	// CRDVersionRemoved is a version of a custom resource that is served no more.
	CRDVersionRemoved fault.Code = "CRDVersionRemoved"
	// CRDStorageChanged is a custom resource that is stored in, or converted by, something else.
	CRDStorageChanged fault.Code = "CRDStorageChanged"
	// APIRemoved is an object whose API version the minor does not serve.
	APIRemoved fault.Code = "APIRemoved"
	// APIVersionsAssumed is an object that Argo CD makes otherwise than shown: its helm takes API versions for served that are not.
	APIVersionsAssumed fault.Code = "APIVersionsAssumed"
	// UnknownKind is an object of a kind that neither the minor nor the release has.
	UnknownKind fault.Code = "UnknownKind"
	// ImmutableField is a changed field that the API server refuses to change.
	ImmutableField fault.Code = "ImmutableField"
	// LargeObject is an object that is too large to be applied, or nearly.
	LargeObject fault.Code = "LargeObject"
	// PlainSecret is a secret in a manifest.
	PlainSecret fault.Code = "PlainSecret"
	// RBACWider is somebody who may do more than before.
	RBACWider fault.Code = "RBACWider"
	// PrivilegeGained is a pod that can do more to its node than before.
	PrivilegeGained fault.Code = "PrivilegeGained"
	// ManagedObject is an object that means something to Argo CD or to addon-manager itself.
	ManagedObject fault.Code = "ManagedObject"
	// ForeignNamespace is a new object outside the addon's namespace.
	ForeignNamespace fault.Code = "ForeignNamespace"
	// WebhookChanged is an admission check that refuses, sees or fails other requests than before.
	WebhookChanged fault.Code = "WebhookChanged"
	// CRDFieldRequired is a field of a custom resource that existing objects may lack.
	CRDFieldRequired fault.Code = "CRDFieldRequired"
	// CRDSchemaNarrowed is a schema that existing custom resources may not fit.
	CRDSchemaNarrowed fault.Code = "CRDSchemaNarrowed"
	// ScaledToZero is a workload that stops.
	ScaledToZero fault.Code = "ScaledToZero"
	// ProtectionRemoved is a budget, request, limit, probe, priority or network policy that went or got weaker.
	ProtectionRemoved fault.Code = "ProtectionRemoved"
	// APIDeprecated is an object whose API version goes with a later minor.
	APIDeprecated fault.Code = "APIDeprecated"
	// ImageRegistryChanged is an image that comes from another registry.
	ImageRegistryChanged fault.Code = "ImageRegistryChanged"
	// ImageNoDigest is an image that can become another without a change here.
	ImageNoDigest fault.Code = "ImageNoDigest"
)

// ranked are all codes: first what loses data or objects, then what stops a sync, then what opens a cluster, then what may fail later.
var ranked = []fault.Code{
	AddonRemoved, ObjectRemoved, NamespaceChanged, HookDeletes, CRDVersionRemoved, CRDStorageChanged,
	APIRemoved, APIVersionsAssumed, ImmutableField, UnknownKind, LargeObject,
	PlainSecret, RBACWider, PrivilegeGained, ManagedObject, ForeignNamespace,
	WebhookChanged, CRDFieldRequired, CRDSchemaNarrowed, ScaledToZero, ProtectionRemoved, APIDeprecated, ImageRegistryChanged, ImageNoDigest,
}

// Codes are all risks that Flags knows, the worst first.
func Codes() []fault.Code { return slices.Clone(ranked) }

// Rank orders codes: the lower, the worse. An unknown code comes last.
func Rank(c fault.Code) int {
	if i := slices.Index(ranked, c); i >= 0 {
		return i
	}
	return len(ranked)
}
