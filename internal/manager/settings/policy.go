// Package settings turns what people write into CatalogSource and ClusterAddons into the core's values, and what the core wants remembered
// back into their status.
package settings

import (
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CodePolicyInvalid says that spec.rollout or spec.deletion of the CatalogSource cannot be read.
const CodePolicyInvalid fault.Code = "PolicyInvalid"

// Policy reads what a CatalogSource says about rollouts and deletions. Where part of it cannot be read, problems say so, and the policy
// returned is Invalid.
func Policy(spec v1alpha1.CatalogSourceSpec) (resolve.Policy, []fault.Problem) {
	var r reader
	p := resolve.DefaultPolicy()
	p.Paused = spec.Paused
	r.deletion(spec.Deletion, &p.Deletion)
	r.rollout(spec.Rollout, &p.Rollout)
	if len(r.problems) == 0 {
		return p, nil
	}
	why := fault.Reason{Code: CodePolicyInvalid, Message: r.problems[0].Error()}
	return resolve.Policy{Paused: spec.Paused, Invalid: &why, Deletion: resolve.Deletion{Grace: p.Deletion.Grace}}, r.problems
}

type reader struct{ problems []fault.Problem }

func (r *reader) problem(field string, err error) {
	r.problems = append(r.problems, fault.Problem{
		Code: CodePolicyInvalid, Where: "CatalogSource: " + field,
		Message: err.Error() + "; until it is mended no release moves on and nothing is deleted",
	})
}

func (r *reader) deletion(spec v1alpha1.Deletion, d *resolve.Deletion) {
	if spec.Grace != nil {
		d.Grace = spec.Grace.Duration
		if d.Grace < 0 {
			r.problem("spec.deletion.grace", fmt.Errorf("%s is negative", d.Grace))
		}
	}
	limit := func(field string, v *intstr.IntOrString, into *budget.Limit) {
		if v == nil {
			return
		}
		l, err := budget.ParseLimit(v.String())
		if err != nil {
			r.problem(field, err)
		}
		*into = l
	}
	limit("spec.deletion.budget.perAddon", spec.Budget.PerAddon, &d.Budget.PerAddon)
	limit("spec.deletion.budget.fleet", spec.Budget.Fleet, &d.Budget.Fleet)
	d.Budget.Approved = set(spec.Approved)
}

func (r *reader) rollout(spec *v1alpha1.Rollout, p *rollout.Policy) {
	p.Rest = resolve.DefaultRest()
	if spec == nil {
		return
	}
	if steps(spec) {
		p.Rest.Pace.MaxFailures = rollout.Limit{} // In a rollout that goes step by step none is tolerated, unless somebody says so.
	}
	p.Rest.Pace = r.pace("spec.rollout", spec.Pace, p.Rest.Pace)
	p.Windows = r.windows("spec.rollout.windows", spec.Windows)
	for i := range spec.Groups {
		g := &spec.Groups[i]
		where := fmt.Sprintf("spec.rollout.groups[%s]", g.Name)
		if g.Name == resolve.RestName {
			r.problem(where, fmt.Errorf("the name %q is that of the implicit last group; choose another", resolve.RestName))
		}
		selector, err := metav1.LabelSelectorAsSelector(&g.Selector)
		if err != nil {
			r.problem(where+".selector", err)
			continue
		}
		p.Groups = append(p.Groups, rollout.Group{
			Name: g.Name, Selector: selector, Pace: r.pace(where, g.Pace, p.Rest.Pace), Mandatory: g.Mandatory, Windows: r.windows(where+".windows", g.Windows),
		})
	}
	p.Halted, p.RolledBack, p.Emergency = set(spec.Halted), set(spec.RolledBack), set(spec.Emergency)
	for _, resumed := range spec.Resumed {
		if p.Accepted == nil {
			p.Accepted = map[string]map[string]bool{}
		}
		p.Accepted[string(resumed.Release)] = set(resumed.Accept)
	}
}

// steps reports whether a rollout goes step by step. One that only holds orders about single releases goes everywhere at once, as without any.
func steps(spec *v1alpha1.Rollout) bool {
	return len(spec.Groups) > 0 || spec.MaxConcurrency != nil || spec.MinSuccessTime != nil || spec.ProgressDeadline != ""
}

// pace is what a group says, over what counts for all.
func (r *reader) pace(where string, spec v1alpha1.Pace, pace rollout.Pace) rollout.Pace {
	limit := func(field string, v *intstr.IntOrString, into *rollout.Limit) {
		if v == nil {
			return
		}
		l, err := rollout.ParseLimit(v.String())
		if err != nil {
			r.problem(where+"."+field, err)
		}
		*into = l
	}
	limit("maxConcurrency", spec.MaxConcurrency, &pace.MaxConcurrency)
	limit("maxFailures", spec.MaxFailures, &pace.MaxFailures)
	if spec.MinSuccessTime != nil {
		pace.MinSuccessTime = spec.MinSuccessTime.Duration
	}
	switch spec.ProgressDeadline {
	case "":
	case "None":
		pace.ProgressDeadline = 0
	default:
		d, err := time.ParseDuration(spec.ProgressDeadline)
		if err != nil {
			r.problem(where+".progressDeadline", fmt.Errorf("%q is no duration such as 30m, nor None", spec.ProgressDeadline))
		}
		pace.ProgressDeadline = d
	}
	return pace
}

func (r *reader) windows(where string, spec []v1alpha1.Window) (windows []rollout.Window) {
	for i, w := range spec {
		window, err := rollout.ParseWindow(w.Schedule, w.Duration.Duration.String(), w.TimeZone)
		if err != nil {
			r.problem(fmt.Sprintf("%s[%d]", where, i), err)
			continue
		}
		windows = append(windows, window)
	}
	return windows
}

func set[S ~string](names []S) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	in := make(map[string]bool, len(names))
	for _, n := range names {
		in[string(n)] = true
	}
	return in
}
