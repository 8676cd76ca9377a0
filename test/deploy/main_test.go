package deploy_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// root is the repository's, as tests see it.
const root = "../.."

const namespace = "argocd"

// cluster is one API server for all tests of this package.
var cluster plane.Shared

func TestMain(m *testing.M) { os.Exit(cluster.Run(m)) }

// build renders a folder of manifests as `kubectl kustomize` does, in the order in which it applies them.
func build(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	objects := make([]*unstructured.Unstructured, 0, resources.Size())
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects
}

// readFile decodes a manifest that is one object.
func readFile(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object
}

// apply applies objects as `kubectl apply --server-side` does. An unknown field is an error.
func apply(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	strict := client.WithFieldValidation(c, metav1.FieldValidationStrict)
	for _, o := range objects {
		var refused error
		err := plane.Until(ctx, func(ctx context.Context) error { // A CRD takes a moment until its objects are known.
			//nolint:staticcheck // the typed replacement needs generated apply configurations
			refused = strict.Patch(ctx, o.DeepCopy(), client.Apply, client.FieldOwner("test"))
			if meta.IsNoMatchError(refused) || apierrors.IsNotFound(refused) {
				return refused
			}
			return nil
		})
		if err := cmp.Or(err, refused); err != nil {
			t.Fatalf("apply %s %q: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

var install sync.Once

// installed is a cluster that deploy/ has been applied to.
func installed(t *testing.T) client.Client {
	t.Helper()
	cp := cluster.Get(t)
	c, err := client.New(cp.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	install.Do(func() {
		argoCD, err := plane.ModuleDir(t.Context(), "github.com/argoproj/argo-cd/v2")
		if err != nil {
			t.Fatal(err)
		}
		for _, crd := range []string{"application-crd.yaml", "applicationset-crd.yaml", "appproject-crd.yaml"} {
			apply(t, c, []*unstructured.Unstructured{readFile(t, filepath.Join(argoCD, "manifests", "crds", crd))})
		}
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			t.Fatal(err)
		}
		apply(t, c, build(t, "deploy"))
	})
	if t.Failed() {
		t.FailNow()
	}
	return c
}
