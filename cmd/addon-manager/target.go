package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// findSource reads the CatalogSource that serves the fleet, as the manager chooses it: the oldest. It is nil when there is none.
func findSource(ctx context.Context, c client.Reader, namespace string) (*v1alpha1.CatalogSource, error) {
	var list v1alpha1.CatalogSourceList
	if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list CatalogSources in namespace %q: %w", namespace, err)
	}
	return serving(list.Items), nil
}

// serving is the source that counts among those there are; nil when none does.
func serving(all []v1alpha1.CatalogSource) *v1alpha1.CatalogSource {
	all = slices.DeleteFunc(slices.Clone(all), func(s v1alpha1.CatalogSource) bool { return s.DeletionTimestamp != nil })
	if len(all) == 0 {
		return nil
	}
	oldest := slices.MinFunc(all, func(a, b v1alpha1.CatalogSource) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return &oldest
}

// source is the target of orders about the whole fleet.
func (o *order) source(ctx context.Context, c client.Reader) (*v1alpha1.CatalogSource, error) {
	return requireSource(ctx, c, o.connect.namespace)
}

func requireSource(ctx context.Context, c client.Reader, namespace string) (*v1alpha1.CatalogSource, error) {
	s, err := findSource(ctx, c, namespace)
	if err == nil && s == nil {
		err = fmt.Errorf("namespace %q has no CatalogSource; -n names the namespace of Argo CD and the manager", namespace)
	}
	return s, err
}

// aboutSource makes a decision of one that needs nothing but the CatalogSource.
func aboutSource(decide func(*v1alpha1.CatalogSource) (said, error)) decision[*v1alpha1.CatalogSource] {
	return func(_ context.Context, _ client.Reader, s *v1alpha1.CatalogSource) (said, error) {
		told, err := decide(s)
		if err == nil && s.Spec.Paused {
			told.Details = append(told.Details, fmt.Sprintf("CatalogSource %q is paused: nothing happens until `addon-manager unpause`", s.Name))
		}
		return told, err
	}
}

// justSource is aboutSource for those that are about the pause itself.
func justSource(decide func(*v1alpha1.CatalogSource) (said, error)) decision[*v1alpha1.CatalogSource] {
	return func(_ context.Context, _ client.Reader, s *v1alpha1.CatalogSource) (said, error) { return decide(s) }
}

// cluster is the target of orders about one cluster. A cluster that the manager has not reported on yet is known by its Secret or its
// Applications; its ClusterAddons is then created as the manager would.
func (o *order) cluster(name string) target[*v1alpha1.ClusterAddons] {
	return func(ctx context.Context, c client.Reader) (*v1alpha1.ClusterAddons, error) {
		key := client.ObjectKey{Namespace: o.connect.namespace, Name: name}
		report := &v1alpha1.ClusterAddons{}
		err := c.Get(ctx, key, report)
		if err == nil {
			return report, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("get ClusterAddons %q: %w", name, err)
		}
		secret, err := clusterSecret(ctx, c, key)
		if err != nil {
			return nil, err
		}
		apps, err := applicationsOf(ctx, c, key)
		if err != nil {
			return nil, err
		}
		if secret == nil && len(apps) == 0 {
			return nil, fmt.Errorf("there is no cluster %q: namespace %q has no ClusterAddons, no cluster Secret and no Application of it; `kubectl get ca` lists the clusters", name, key.Namespace)
		}
		return &v1alpha1.ClusterAddons{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: key.Namespace,
			Labels: map[string]string{argocd.LabelManagedBy: argocd.Manager, argocd.LabelCluster: resolve.LabelValue(name)},
		}}, nil
	}
}

// aboutCluster makes a decision of one that needs nothing but the ClusterAddons.
func aboutCluster(decide func(*v1alpha1.ClusterAddons) (said, error)) decision[*v1alpha1.ClusterAddons] {
	return func(_ context.Context, _ client.Reader, ca *v1alpha1.ClusterAddons) (said, error) { return decide(ca) }
}

// clusterSecret is the metadata of a cluster's Secret, nil when there is none. Its credentials are not read.
func clusterSecret(ctx context.Context, c client.Reader, key client.ObjectKey) (*metav1.PartialObjectMetadata, error) {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	switch err := c.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get cluster Secret %q: %w", key.Name, err)
	case secret.Labels[cluster.SecretTypeLabel] != cluster.SecretType:
		return nil, nil
	}
	return secret, nil
}

// applicationsOf are the metadata of the Applications that the manager delivers to a cluster, sorted by name.
func applicationsOf(ctx context.Context, c client.Reader, key client.ObjectKey) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(argocd.ApplicationGVK.GroupVersion().WithKind(argocd.ApplicationGVK.Kind + "List"))
	err := c.List(ctx, list, client.InNamespace(key.Namespace),
		client.MatchingLabels{argocd.LabelManagedBy: argocd.Manager, argocd.LabelCluster: resolve.LabelValue(key.Name)})
	if err != nil {
		return nil, fmt.Errorf("list Applications of cluster %q: %w", key.Name, err)
	}
	apps := slices.DeleteFunc(list.Items, func(a metav1.PartialObjectMetadata) bool {
		name, ours := argocd.ClusterOf(a.Labels, a.Annotations)
		return !ours || name != key.Name
	})
	slices.SortFunc(apps, func(a, b metav1.PartialObjectMetadata) int { return cmp.Compare(a.Name, b.Name) })
	return apps, nil
}
