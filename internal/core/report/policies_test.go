package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

func found(action policy.Action, constraint, addon string, object manifest.ID, message string, minors ...version.Minor) Violation {
	return Violation{Finding: policy.Finding{Action: action, Constraint: constraint, Object: object, Message: message}, Addon: addon, Minors: minors}
}

// policed is the pull request of sample where there are policies too.
func policed() Report {
	r := sample()
	deployment := manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "cert-manager", Name: "cert-manager"}
	job := manifest.ID{Group: "batch", Version: "v1", Kind: "Job", Namespace: "cert-manager", Name: "cert-manager-startupapicheck"}
	skipped := found(policy.Deny, "K8sNoPrivileged/privileged", "cert-manager", job, "container check is privileged", three...)
	skipped.OptedOut, skipped.New = true, true
	r.Policies = &Policies{
		Constraints: 5,
		New: []Violation{
			found(policy.Deny, "K8sAllowedRepos/ours", "cert-manager", deployment, "container cert-manager has the image quay.io/jetstack/cert-manager-controller:v1.15.1, which is not from registry.example.com/", three...),
			found(policy.Warn, "K8sContainerLimits/memory", "cert-manager", deployment, "container cert-manager has no memory limit", m133),
			found(policy.DryRun, "K8sRequiredLabels/owner", "cert-manager", job, "lacks the label owner", three...),
		},
		Old: []Violation{
			found(policy.Deny, "K8sRequiredLabels/team", "cert-manager", deployment, "lacks the label team", three...),
			found(policy.Warn, "K8sRequiredLabels/costs", "cert-manager", deployment, "lacks the label costs", three...),
		},
		OptedOut: []Violation{skipped}, Fixed: 2, Altered: true,
		Problems: []string{"cert-manager: K8sSlow/slow cannot be evaluated for v1/ConfigMap/cert-manager/a: it took more than 5s, and is not asked again"},
	}
	return r
}

// TestManyViolations have room within the budget, and are counted where they have none.
func TestManyViolations(t *testing.T) {
	r := policed()
	for i := range 3000 {
		r.Policies.New = append(r.Policies.New, found(policy.Deny, "K8sAllowedRepos/ours", "a", manifest.ID{Version: "v1", Kind: "Pod", Namespace: "n", Name: fmt.Sprint("p", i)}, strings.Repeat("no ", 500), three...))
	}
	for _, limit := range []int{Limit, 3000, 800, 200} {
		out := Markdown(r, limit)
		if len(out) > limit {
			t.Errorf("%d bytes of %d", len(out), limit)
		}
		if limit > 500 && (!strings.Contains(out, "3,001 new denials by policies") || !strings.Contains(out, "violations")) {
			t.Errorf("in %d bytes it is not said how many there are:\n%s", limit, out)
		}
	}
}

// TestNothingToTell is a report with policies that find nothing: it reads as one without, but for programs.
func TestNothingToTell(t *testing.T) {
	r := sample()
	r.Policies = &Policies{Constraints: 3}
	if Markdown(r, Limit) != Markdown(sample(), Limit) || Text(r) != Text(sample()) {
		t.Error("policies that find nothing are told of")
	}
	out, err := JSON(r)
	if err != nil || !strings.Contains(string(out), `"policies": {
    "constraints": 3,`) {
		t.Errorf("%v: %s", err, out)
	}
}
