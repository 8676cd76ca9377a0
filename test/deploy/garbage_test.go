package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// TestGarbageCollectorTakesNoApplication breaks the glass of ApplicationSets only, and lets Kubernetes' own controllers delete whatever they
// would: with Argo CD's controller away and the finalizer off, which is the worst case. An Application of others, with the same owner, shows
// that they are at work. Where the owner goes without its Applications, both stay and are nobody's.
func TestGarbageCollectorTakesNoApplication(t *testing.T) {
	audit := filepath.Join(t.TempDir(), "audit.log")
	rules := filepath.Join(t.TempDir(), "audit.yaml")
	if err := os.WriteFile(rules, []byte(auditRules), 0o600); err != nil {
		t.Fatal(err)
	}
	cp := plane.Start(t, plane.Options{
		// The oldest Kubernetes that can be had: the policy must compile there too.
		Minor: "1.31", ControllerManager: true, APIServerArgs: []string{"--audit-policy-file=" + rules, "--audit-log-path=" + audit, "--audit-log-mode=blocking"},
	})
	c, err := client.New(cp.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	argoCD, err := plane.ModuleDir(t.Context(), "github.com/argoproj/argo-cd/v2")
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range []string{"application-crd.yaml", "applicationset-crd.yaml"} {
		apply(t, c, []*unstructured.Unstructured{readFile(t, filepath.Join(argoCD, "manifests", "crds", crd))})
	}
	for _, o := range build(t, "deploy") {
		if strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy") {
			apply(t, c, []*unstructured.Unstructured{o})
		}
	}
	f := family{t: t, c: c, config: cp.Config, namespace: "kinds"}
	f.create() // which waits until the API server knows the kinds
	// The garbage collector looks for new kinds every 30 s, and at its start.
	cp.ControllerManager.Stop()
	if err := cp.ControllerManager.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, how := range map[string]struct {
		propagation metav1.DeletionPropagation
		// stays says that the ApplicationSet waits for its Applications.
		stays bool
		// namespace says that the namespace is deleted too.
		namespace bool
	}{
		"background": {propagation: metav1.DeletePropagationBackground},
		"foreground": {propagation: metav1.DeletePropagationForeground, stays: true},
		"orphan":     {propagation: metav1.DeletePropagationOrphan},
		"namespace":  {propagation: metav1.DeletePropagationBackground, namespace: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := family{t: t, c: c, config: cp.Config, namespace: name}
			f.create()
			refused := f.refusals()
			if err := c.Delete(t.Context(), f.set.DeepCopy(), client.PropagationPolicy(how.propagation)); err != nil {
				t.Fatal(err)
			}
			if how.namespace {
				if err := c.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
					t.Fatal(err)
				}
			}
			if how.propagation == metav1.DeletePropagationOrphan {
				f.until("the ApplicationSet is gone", func() error { return f.gone(f.set) })
				f.unharmed()
				if owners := f.live(f.own).GetOwnerReferences(); len(owners) > 0 {
					t.Errorf("the Application still has owners: %v", owners)
				}
				return
			}
			f.until("the Application of others is gone", func() error { return f.gone(f.foreign) })
			f.until("the Application of ours was to go too", func() error {
				f.unharmed()
				if now := f.refusals(); now <= refused {
					return fmt.Errorf("the policy has refused %v deletions", now-refused)
				}
				return nil
			})
			f.unharmed()
			if how.stays {
				if err := f.gone(f.set); err == nil {
					t.Error("the ApplicationSet is gone before its Applications")
				}
			}
			f.free()
			f.until("the ApplicationSet is gone", func() error { return f.gone(f.set) })
			f.unharmed()
			if !how.namespace { // There, it is a matter of luck who comes first.
				audited(t, audit, name)
			}
		})
	}
}

// auditRules log who deletes what.
const auditRules = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, verbs: [delete], resources: [{group: argoproj.io}]}
- {level: None}
`

// audited wants the audit log to tell with which reason the ApplicationSet of a namespace was deleted, and that its Application was not.
func audited(t *testing.T, log, namespace string) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		User           struct{ Username string }
		ObjectRef      struct{ Resource, Namespace, Name string }
		ResponseStatus struct{ Code int }
		Annotations    map[string]string
	}
	type fact struct {
		resource, reason string
		code             int
		denied           bool
	}
	found := map[fact]bool{}
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("audit log: %v in %s", err, line)
		}
		if e.ObjectRef.Namespace == namespace && e.ObjectRef.Name != "foreign" {
			_, denied := e.Annotations["validation.policy.admission.k8s.io/validation_failure"]
			found[fact{e.ObjectRef.Resource, e.Annotations["addon-manager-deliveries/break-glass"], e.ResponseStatus.Code, denied}] = true
		}
	}
	want := map[fact]bool{
		{"applicationsets", "to see what becomes of the others", http.StatusOK, false}: true,
		{"applications", "", http.StatusForbidden, true}:                               true,
	}
	if diff := cmp.Diff(want, found, cmp.AllowUnexported(fact{})); diff != "" {
		t.Errorf("audit log of namespace %s (-want +got):\n%s", namespace, diff)
	}
}

// family is an ApplicationSet with two Applications, of which the second is not ours.
type family struct {
	t                 *testing.T
	c                 client.Client
	config            *rest.Config
	namespace         string
	set, own, foreign *unstructured.Unstructured
}

func (f *family) create() {
	f.t.Helper()
	if err := f.c.Create(f.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}); err != nil {
		f.t.Fatal(err)
	}
	f.set = delivered("ApplicationSet", f.namespace, "tokyo-1")
	f.own, f.foreign = delivered("Application", f.namespace, "tokyo-1-base"), delivered("Application", f.namespace, "foreign")
	f.foreign.SetLabels(nil)
	f.set.SetAnnotations(map[string]string{glass: "to see what becomes of the others"})
	yes := true
	for _, o := range []*unstructured.Unstructured{f.set, f.own, f.foreign} {
		if o != f.set {
			o.SetOwnerReferences([]metav1.OwnerReference{{
				APIVersion: "argoproj.io/v1alpha1", Kind: "ApplicationSet", Name: "tokyo-1", UID: f.set.GetUID(), Controller: &yes, BlockOwnerDeletion: &yes,
			}})
		}
		f.until("create "+o.GetName(), func() error { return f.c.Create(f.t.Context(), o) }) // The kinds are new: that takes a moment.
	}
}

// refusals is how often the API server has refused to delete what is ours.
func (f *family) refusals() float64 {
	f.t.Helper()
	connection, err := rest.HTTPClientFor(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.config.Host+"/metrics", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	response, err := connection.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	var sum float64
	for _, m := range denials.FindAllSubmatch(text, -1) {
		n, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			f.t.Fatal(err)
		}
		sum += n
	}
	return sum
}

var denials = regexp.MustCompile(`(?m)^apiserver_validating_admission_policy_check_total\{enforcement_action="deny",.*policy="addon-manager-deliveries".*\} (\S+)$`)

func (f *family) until(what string, done func() error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	if err := plane.Until(ctx, func(context.Context) error { return done() }); err != nil {
		f.t.Fatalf("%s: %v", what, err)
	}
}

func (f *family) gone(o *unstructured.Unstructured) error {
	err := f.c.Get(f.t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy())
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return errors.New("it is still there")
}

// unharmed wants our Application to be the same as ever.
func (f *family) unharmed() {
	f.t.Helper()
	if now := f.live(f.own); now.GetUID() != f.own.GetUID() || now.GetDeletionTimestamp() != nil {
		f.t.Fatalf("the Application is another one, or is being deleted: %v", now.Object["metadata"])
	}
}

func (f *family) live(o *unstructured.Unstructured) *unstructured.Unstructured {
	f.t.Helper()
	now := o.DeepCopy()
	if err := f.c.Get(f.t.Context(), client.ObjectKeyFromObject(o), now); err != nil {
		f.t.Fatal(err)
	}
	return now
}

// free takes the owner off our Application, as Argo CD's ApplicationSet controller does before an ApplicationSet goes.
func (f *family) free() {
	f.t.Helper()
	merge := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"ownerReferences":null}}`))
	if err := f.c.Patch(f.t.Context(), f.own.DeepCopy(), merge); err != nil {
		f.t.Fatal(err)
	}
}
