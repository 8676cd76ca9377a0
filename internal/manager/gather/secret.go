package gather

import (
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	corev1 "k8s.io/api/core/v1"
)

// Secret is a cluster Secret as the core reads it. Labels, annotations and data are shared with s and must not be changed.
func Secret(s *corev1.Secret) cluster.Secret {
	return cluster.Secret{
		Name: s.Name, Namespace: s.Namespace, UID: string(s.UID), Labels: s.Labels, Annotations: s.Annotations, Data: s.Data,
		Deleting: s.DeletionTimestamp != nil,
	}
}
