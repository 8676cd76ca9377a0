package sandbox

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// BreakGlass is the annotation that allows to delete what only addon-manager deletes; its value says why.
const BreakGlass = "addons.kaas.dev/break-glass"

// Refused reports whether an error is the refusal of the policy in deploy/ that guards what addon-manager delivers.
func Refused(err error) bool {
	return err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'addon-manager-deliveries'")
}

// awaitPolicy waits until the API server goes by that policy, which takes a second or two. What it asks with is an Application in a
// namespace that Argo CD does not look at.
func (s *Sandbox) awaitPolicy(ctx context.Context) error {
	probe := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"spec": map[string]any{"project": "default", "destination": map[string]any{}},
	}}
	probe.SetNamespace(metav1.NamespaceDefault)
	probe.SetName("is-guarded")
	probe.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "addon-manager"})
	probe.SetAnnotations(map[string]string{BreakGlass: ""})
	c := s.Client("")
	if err := c.Create(ctx, probe); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	err := plane.Until(ctx, func(ctx context.Context) error {
		switch err := c.Delete(ctx, probe, client.DryRunAll); {
		case Refused(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("Application %q in namespace %q can be deleted by anybody", probe.GetName(), probe.GetNamespace())
	})
	if err != nil {
		return fmt.Errorf("wait for the admission policy: %w", err)
	}
	broken := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+BreakGlass+`":"it was there to be refused"}}}`))
	if err := c.Patch(ctx, probe, broken); err != nil {
		return err
	}
	return c.Delete(ctx, probe)
}
