package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// ClusterSecret is the Secret that makes a control plane known to Argo CD under its name, with these labels besides Argo
// CD's own. Callers may change it before they create it.
func ClusterSecret(cp *plane.ControlPlane, labels, annotations map[string]string) (*corev1.Secret, error) {
	config, err := json.Marshal(map[string]any{
		"bearerToken":     cp.Token,
		"tlsClientConfig": map[string]any{"caData": cp.CA},
	})
	if err != nil {
		return nil, err
	}
	all := map[string]string{"argocd.argoproj.io/secret-type": "cluster"}
	maps.Copy(all, labels)
	return &corev1.Secret{
		TypeMeta:   kind("Secret"),
		ObjectMeta: metav1.ObjectMeta{Name: cp.Name, Namespace: Namespace, Labels: all, Annotations: annotations},
		StringData: map[string]string{"name": cp.Name, "server": cp.Config.Host, "config": string(config)},
	}, nil
}

// Register makes a workload cluster of this sandbox known to Argo CD. Registering it again sets the labels anew.
func (s *Sandbox) Register(ctx context.Context, cluster string, labels, annotations map[string]string) error {
	cp, ok := s.Workloads[cluster]
	if !ok {
		return fmt.Errorf("register cluster %q: the sandbox has no such workload cluster", cluster)
	}
	secret, err := ClusterSecret(cp, labels, annotations)
	if err != nil {
		return err
	}
	c, err := client.New(s.Management.Config, client.Options{})
	if err != nil {
		return err
	}
	return apply(ctx, c, secret)
}
