package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// argoCDModule is where Argo CD's own CRDs are read from, at the version in go.mod.
const argoCDModule = "github.com/argoproj/argo-cd/v2"

func installArgoCD(ctx context.Context, mgmt *plane.ControlPlane, o ArgoCDOptions) error {
	dir, err := plane.ModuleDir(ctx, argoCDModule)
	if err != nil {
		return err
	}
	for _, name := range []string{"application-crd.yaml", "applicationset-crd.yaml", "appproject-crd.yaml"} {
		if err := ApplyFile(ctx, mgmt.Config, filepath.Join(dir, "manifests", "crds", name)); err != nil {
			return err
		}
	}
	settings := map[string]string{"timeout.reconciliation": o.Resync.String()}
	for key, value := range o.Settings {
		settings[key] = value
	}
	c, err := client.New(mgmt.Config, client.Options{})
	if err != nil {
		return err
	}
	for _, object := range []client.Object{
		&corev1.Namespace{TypeMeta: kind("Namespace"), ObjectMeta: metav1.ObjectMeta{Name: Namespace}},
		configMap("argocd-cm", settings),
		configMap("argocd-rbac-cm", nil),
		configMap("argocd-gpg-keys-cm", nil),
		&corev1.Secret{
			TypeMeta:   kind("Secret"),
			ObjectMeta: partOfArgoCD("argocd-secret"),
			StringData: map[string]string{"server.secretkey": "only-for-the-sandbox"},
		},
	} {
		if err := apply(ctx, c, object); err != nil {
			return err
		}
	}
	project := func(ctx context.Context) error { return Apply(ctx, mgmt.Config, bytes.NewReader(defaultProject)) }
	return plane.Until(ctx, project) // the CRDs take a moment
}

var defaultProject = []byte(`
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: "*"}]
  clusterResourceWhitelist: [{group: "*", kind: "*"}]
`)

func kind(name string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: name} }

func partOfArgoCD(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"}}
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{TypeMeta: kind("ConfigMap"), ObjectMeta: partOfArgoCD(name), Data: data}
}

// ApplyFile applies a file as Apply does.
func ApplyFile(ctx context.Context, config *rest.Config, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := Apply(ctx, config, f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Apply applies every object of a YAML stream, as `kubectl apply --server-side --force-conflicts` would.
func Apply(ctx context.Context, config *rest.Config, manifests io.Reader) error {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(manifests, 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := apply(ctx, c, object); err != nil {
			return err
		}
	}
}

func apply(ctx context.Context, c client.Client, object client.Object) error {
	name := object.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
	//nolint:staticcheck // the typed replacement needs generated apply configurations
	err := c.Patch(ctx, object, client.Apply, client.FieldOwner("sandbox"), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	return nil
}
