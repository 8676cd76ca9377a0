// Package cluster reads the facts of one cluster from its Argo CD cluster Secret.
package cluster

import (
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// What the platform and cluster owners write on a cluster Secret (DESIGN: Clusters).
const (
	// SecretTypeLabel and SecretType make a Secret a cluster of Argo CD's.
	SecretTypeLabel = "argocd.argoproj.io/secret-type"
	SecretType      = "cluster"
	// VersionAnnotation is the Kubernetes version as the platform knows it; it wins over detection.
	VersionAnnotation = catalog.LabelPrefix + "kubernetes-version"
	// PausedAnnotation set to "true" keeps everything on the cluster as it is.
	PausedAnnotation = catalog.LabelPrefix + "paused"
	// OnDisableAnnotation overrides what the catalog says of the objects of addons that leave.
	OnDisableAnnotation = catalog.LabelPrefix + "on-disable"
)

// Switch is what a label says of one addon.
type Switch string

// The switches. Unset is the absence of the label; Invalid is any value but the two that are offered.
const (
	Unset    Switch = ""
	Enabled  Switch = "enabled"
	Disabled Switch = "disabled"
	Invalid  Switch = "invalid"
)

// Facts is one cluster as its Secret describes it, without credentials.
type Facts struct {
	// Name is the Secret's object name: the cluster's identity for life.
	Name string
	// DisplayName is data.name, which may change freely.
	DisplayName string
	// Server is the API server's address as Argo CD reads it (no trailing slash): the destination of its Applications.
	Server string
	// Labels and Annotations are the Secret's own; read-only, shared with the cache.
	Labels, Annotations map[string]string
	// ReportedVersion is the version the platform reported by annotation; its zero value when there is none or it is unreadable.
	ReportedVersion version.Kubernetes
	// Paused keeps everything as it is.
	Paused bool
	// OnDisableInvalid is set when the Secret says something of the objects of addons that leave, and it cannot be read: nothing may
	// be removed then.
	OnDisableInvalid bool
	// Hold is set when nothing may change on this cluster, and says why: no server, an unreadable config, a Secret being deleted,
	// an unreadable version annotation.
	Hold *fault.Reason
	// BlocksArgoCD is set when Argo CD 2.14 cannot convert this Secret and therefore reconciles no ApplicationSet at all.
	BlocksArgoCD bool
	// Problems are everything worth telling about the Secret, in a fixed order. None of them quotes a credential.
	Problems []fault.Problem
}
