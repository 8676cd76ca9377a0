package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// ClusterAPI finds the versions of clusters that Cluster API made, in the management cluster.
type ClusterAPI struct {
	// Reader reads past any cache. Nothing is watched: Cluster API may be there or not, now or later.
	Reader client.Reader
}

// clusterKind is Cluster API's Cluster; the version of its API is the oldest that all its releases since 1.0 serve.
var clusterKind = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Cluster"}

// Version is the version of the Cluster with this name, whichever namespace it is in. found is false where Cluster API is not installed or
// knows no such cluster, or tells no version of it: then the cluster itself is asked. Two of one name are an error.
//
// What the control plane runs counts before what the topology wants: during an upgrade the API server still serves the old minor.
func (c ClusterAPI) Version(ctx context.Context, name string) (v version.Kubernetes, found bool, err error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(clusterKind.GroupVersion().WithKind(clusterKind.Kind + "List"))
	err = c.Reader.List(ctx, list, client.MatchingFields{"metadata.name": name})
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return v, false, nil // Not installed, or not for us to read: its rights are optional.
	}
	if err != nil {
		return v, false, fmt.Errorf("look for Cluster API's Cluster %q: %w", name, err)
	}
	switch len(list.Items) {
	case 0:
		return v, false, nil
	case 1:
	default:
		return v, false, fmt.Errorf("%d Clusters of Cluster API are named %q; set the version by annotation", len(list.Items), name)
	}
	text, err := c.versionOf(ctx, &list.Items[0])
	if err != nil || text == "" {
		return v, false, err
	}
	v, err = version.ParseKubernetes(text)
	return v, err == nil, err
}

func (c ClusterAPI) versionOf(ctx context.Context, cluster *unstructured.Unstructured) (string, error) {
	ref, ok, _ := unstructured.NestedStringMap(cluster.Object, "spec", "controlPlaneRef")
	if ok && ref["kind"] != "" && ref["name"] != "" {
		plane := &unstructured.Unstructured{}
		plane.SetAPIVersion(ref["apiVersion"])
		plane.SetKind(ref["kind"])
		namespace := ref["namespace"]
		if namespace == "" {
			namespace = cluster.GetNamespace()
		}
		err := c.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref["name"]}, plane)
		if err != nil && client.IgnoreNotFound(err) != nil && !meta.IsNoMatchError(err) {
			return "", fmt.Errorf("get %s %q of Cluster API's Cluster: %w", ref["kind"], ref["name"], err)
		}
		if text, _, _ := unstructured.NestedString(plane.Object, "status", "version"); text != "" {
			return text, nil
		}
	}
	text, _, _ := unstructured.NestedString(cluster.Object, "spec", "topology", "version")
	return text, nil
}
