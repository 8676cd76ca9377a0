package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsinstall "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// wholeCluster are the built-in kinds without a namespace that addons may use. One that is missing here is taken as
// namespaced, and TestObjectsAreWhole or the API server says so.
var wholeCluster = map[schema.GroupKind]bool{
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}:        true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}: true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:   true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:     true,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:                 true,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:                             true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                                true,
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                                      true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:                         true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}:                  true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                               true,
	{Group: "storage.k8s.io", Kind: "CSIDriver"}:                                      true,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                                   true,
	{Kind: "Namespace"}:        true,
	{Kind: "PersistentVolume"}: true,
	// Custom resources of this catalog's own definitions; TestCustomResources compares these with the definitions.
	{Group: "kyverno.io", Kind: "ClusterPolicy"}: true,
}

// namespaced says whether an object lives in a namespace.
func (b build) namespaced(o object) bool {
	return !wholeCluster[o.GroupVersionKind().GroupKind()]
}

// builtIn knows every kind that an API server serves by itself.
func builtIn(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// definition is one CRD that the catalog ships.
type definition struct {
	owner string
	crd   apiextensions.CustomResourceDefinition
}

// definitions are the CRDs of one minor, by the kind they define.
func definitions(t *testing.T, all []build, m version.Minor) map[schema.GroupKind]definition {
	t.Helper()
	s := runtime.NewScheme()
	apiextensionsinstall.Install(s)
	found := map[schema.GroupKind]definition{}
	for _, b := range all {
		if b.minor != m {
			continue
		}
		for _, o := range b.objects {
			if o.GetKind() != "CustomResourceDefinition" {
				continue
			}
			var v1 apiextensionsv1.CustomResourceDefinition
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &v1); err != nil {
				t.Fatalf("%s: %s: %v", b, o.GetName(), err)
			}
			s.Default(&v1)
			d := definition{owner: b.addon.Name}
			if err := s.Convert(&v1, &d.crd, nil); err != nil {
				t.Fatalf("%s: %s: %v", b, o.GetName(), err)
			}
			// What the API server fills in before it validates.
			d.crd.Status.StoredVersions = []string{v1.Spec.Versions[0].Name}
			found[schema.GroupKind{Group: v1.Spec.Group, Kind: v1.Spec.Names.Kind}] = d
		}
	}
	return found
}

// TestBuiltInKinds decodes every object of a built-in kind into its type, where an unknown field or a value of another
// type is an error, and asks the type whether that minor serves it.
func TestBuiltInKinds(t *testing.T) {
	known := builtIn(t)
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, known, known, json.SerializerOptions{Strict: true})
	for name, cluster := range map[string]clusterFacts{"tokyo": tokyo, "values like numbers": numeric, "defaults": silent} {
		t.Run(name, func(t *testing.T) {
			for _, b := range builds(t, load(t), cluster) {
				for _, o := range b.objects {
					if !known.IsGroupRegistered(o.GroupVersionKind().Group) {
						continue
					}
					text, err := o.MarshalJSON()
					if err != nil {
						t.Fatal(err)
					}
					typed, _, err := strict.Decode(text, nil, nil)
					if err != nil {
						t.Errorf("%s: %s: %v", b, b.identify(o), err)
						continue
					}
					if err := served(typed, b.minor); err != nil {
						t.Errorf("%s: %s: %v", b, b.identify(o), err)
					}
				}
			}
		})
	}
}

// served asks the type itself: those that come or go with a minor say so.
func served(o runtime.Object, m version.Minor) error {
	if i, ok := o.(interface{ APILifecycleIntroduced() (int, int) }); ok {
		if major, minor := i.APILifecycleIntroduced(); m.Compare(version.Minor{Major: major, Minor: minor}) < 0 {
			return fmt.Errorf("is served from Kubernetes %d.%d on", major, minor)
		}
	}
	if r, ok := o.(interface{ APILifecycleRemoved() (int, int) }); ok {
		if major, minor := r.APILifecycleRemoved(); m.Compare(version.Minor{Major: major, Minor: minor}) >= 0 {
			return fmt.Errorf("is no longer served from Kubernetes %d.%d on", major, minor)
		}
	}
	return nil
}

func TestDefinitions(t *testing.T) {
	c := load(t)
	all := builds(t, c, tokyo)
	for _, m := range c.Minors {
		for kind, d := range definitions(t, all, m) {
			for _, err := range crdvalidation.ValidateCustomResourceDefinition(context.Background(), &d.crd) {
				t.Errorf("%s/%s: the definition of %s: %v", d.owner, m, kind, err)
			}
			if strings.HasSuffix(kind.Group, ".k8s.io") && d.crd.Annotations["api-approved.kubernetes.io"] == "" {
				t.Errorf("%s/%s: the definition of %s needs the annotation api-approved.kubernetes.io", d.owner, m, kind)
			}
		}
	}
}

// TestCustomResources checks every custom resource against the definition that the same catalog ships, and that its
// addon waits for the addon with that definition.
func TestCustomResources(t *testing.T) {
	c := load(t)
	all := builds(t, c, tokyo)
	known := builtIn(t)
	for _, b := range all {
		for _, o := range b.objects {
			gvk := o.GroupVersionKind()
			if known.IsGroupRegistered(gvk.Group) {
				continue
			}
			d, ok := definitions(t, all, b.minor)[gvk.GroupKind()]
			if !ok {
				t.Errorf("%s: no addon defines %s for Kubernetes %s", b, gvk.GroupKind(), b.minor)
				continue
			}
			if d.owner != b.addon.Name && !dependsOn(c, b.addon.Name, d.owner) {
				t.Errorf("%s: %s is defined by %s, which is not in its dependsOn", b, b.identify(o), d.owner)
			}
			if namespaced := d.crd.Spec.Scope == apiextensions.NamespaceScoped; namespaced != b.namespaced(o) {
				t.Errorf("%s: the definition of %s says namespaced is %t, wholeCluster here says otherwise", b, gvk.GroupKind(), namespaced)
			}
			for _, err := range customErrors(d, o) {
				t.Errorf("%s: %s: %v", b, b.identify(o), err)
			}
		}
	}
}

// customErrors are what an API server with strict field validation would say of a custom resource.
func customErrors(d definition, o object) []error {
	props, err := apiextensions.GetSchemaForVersion(&d.crd, o.GroupVersionKind().Version)
	if err != nil {
		return []error{err}
	}
	if props == nil {
		return []error{fmt.Errorf("version %q is not in the definition", o.GroupVersionKind().Version)}
	}
	s, err := structural.NewStructural(props.OpenAPIV3Schema)
	if err != nil {
		return []error{err}
	}
	var errs []error
	unknown := pruning.PruneWithOptions(o.DeepCopy().Object, s, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		errs = append(errs, fmt.Errorf("field %s is not in the definition", path))
	}
	v, _, err := validation.NewSchemaValidator(props.OpenAPIV3Schema)
	if err != nil {
		return append(errs, err)
	}
	for _, err := range validation.ValidateCustomResource(nil, o.Object, v) {
		errs = append(errs, err)
	}
	return errs
}

// dependsOn reports whether an addon waits for another, directly or through others.
func dependsOn(c catalog.Catalog, name, on string) bool {
	for _, a := range c.Addons {
		if a.Name != name {
			continue
		}
		for _, d := range a.DependsOn {
			if d == on || dependsOn(c, d, on) {
				return true
			}
		}
	}
	return false
}
