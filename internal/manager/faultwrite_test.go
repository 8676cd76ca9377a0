package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
)

// What the API server refuses for long is told where people look, and no more once it takes it.
func TestRefusedWriteIsTold(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t)
	refused := w.proxy.Inject(faultproxy.Rule{Verb: "patch", Resource: "applicationsets", Fault: faultproxy.Forbidden()})
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", nil)
	w.run()
	told := func() (bool, error) {
		ca, err := w.report("tokyo-1")
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(ca.Status.Problems, func(r v1alpha1.Reason) bool {
			return r.Code == string(manager.CodeWriteFailed) && strings.Contains(r.Message, "apply ApplicationSet")
		}), nil
	}
	w.eventually("it is told", func() error {
		if yes, err := told(); err != nil || !yes {
			return fmt.Errorf("told: %v, %w", yes, err)
		}
		return nil
	})
	refused.Remove()
	w.expect("tokyo-1", "beta keep v1.31-ake.1 ready")
	w.eventually("it is told no more", func() error {
		if yes, err := told(); err != nil || yes {
			return fmt.Errorf("told: %v, %w", yes, err)
		}
		return nil
	})
}
