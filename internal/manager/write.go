package manager

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// applyStatus applies the status of an object of ours and nothing else of it: a typed object would also claim the zero values of its spec.
func applyStatus(ctx context.Context, c client.Client, object client.Object, status any) error {
	_, err := applyStatusAs(ctx, c, object, status, argocd.Manager)
	return err
}

// applyStatusAs applies the part of a status that one owner has, and answers the version written. Where the object names a version, no
// other may have been written since.
func applyStatusAs(ctx context.Context, c client.Client, object client.Object, status any, owner string) (version string, err error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(status)
	if err != nil {
		return "", err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	u.SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	u.SetNamespace(object.GetNamespace())
	u.SetName(object.GetName())
	u.SetResourceVersion(object.GetResourceVersion())
	err = c.Status().Patch(ctx, u, client.Apply, client.FieldOwner(owner), client.ForceOwnership)
	return u.GetResourceVersion(), err
}
