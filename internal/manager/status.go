package manager

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// statusOf turns a decision into the status that people see. old gives conditions their transition times.
func statusOf(plan resolve.ClusterPlan, facts cluster.Facts, old []metav1.Condition, generation int64) v1alpha1.ClusterAddonsStatus {
	s := v1alpha1.ClusterAddonsStatus{
		DisplayName: cut(facts.DisplayName, 256), KubernetesVersion: plan.KubernetesVersion, Minor: plan.Minor, Release: plan.Release,
		Reasons: reasonsOf(plan.Reasons), Conditions: slices.Clone(old), Succeeded: plan.Succeeded, Released: settings.Released(plan.Released),
		Leaving: leavingLine(plan),
	}
	for _, p := range plan.Problems[:min(len(plan.Problems), maxListed)] {
		s.Problems = append(s.Problems, v1alpha1.Reason{Code: string(p.Code), Message: cut(p.Error(), maxMessage)})
	}
	ready, total := 0, 0
	var delivered []string
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		s.Addons = append(s.Addons, addonStatus(p))
		if p.Delivered != "" && !slices.Contains(delivered, p.Delivered) {
			delivered = append(delivered, p.Delivered)
		}
		if p.Action == resolve.Remove || p.Action == resolve.Release || p.Action == resolve.Disable {
			continue
		}
		total++
		if p.Ready() {
			ready++
		}
	}
	slices.Sort(delivered)
	s.Delivered = strings.Join(delivered, ",")
	s.Ready = fmt.Sprintf("%d/%d", ready, total)
	s.Hold = holdLine(plan)
	setCondition(&s.Conditions, holdCondition(s.Hold, plan), generation)
	setCondition(&s.Conditions, readyCondition(ready, total, s.Hold, plan), generation)
	return s
}

const (
	// maxListed bounds lists of reasons, maxMessage each of them: status must fit the object.
	maxListed  = 20
	maxMessage = 600
)

func addonStatus(p *resolve.Pair) v1alpha1.AddonStatus {
	ready := p.Ready()
	var disabled, removal *metav1.Time
	if p.Element != nil && p.Element.Disabled != "" && !p.RemovalAt.IsZero() {
		until := metav1.NewTime(p.RemovalAt)
		removal = &until
		if since, err := time.Parse(time.RFC3339, p.Element.Disabled); err == nil {
			at := metav1.NewTime(since)
			disabled = &at
		}
	}
	return v1alpha1.AddonStatus{
		DisabledSince: disabled, RemovalAt: removal,
		Name: p.Addon, Application: p.Application, Placement: string(p.Placement), EnabledBy: string(p.On), Wanted: p.Wanted, Delivered: p.Delivered, Action: string(p.Action),
		Sync: p.Status.Sync, Health: p.Status.Health, Synced: p.SyncedAtRevision(), Healthy: ready, Message: cut(p.Status.Message, maxMessage),
		Reasons: reasonsOf(p.Reasons),
	}
}

func reasonsOf(reasons []fault.Reason) (out []v1alpha1.Reason) {
	for _, r := range reasons[:min(len(reasons), maxListed)] {
		out = append(out, v1alpha1.Reason{Code: string(r.Code), Message: cut(r.Message, maxMessage)})
	}
	return out
}

// holdLine says in one line what holds: the cluster as a whole, or how many of its pairs and the first of them.
func holdLine(plan resolve.ClusterPlan) string {
	if plan.Held {
		codes := make([]string, 0, len(plan.Reasons))
		for _, r := range plan.Reasons {
			codes = append(codes, string(r.Code))
		}
		return strings.Join(slices.Compact(codes), ", ")
	}
	first, count := "", 0
	for _, p := range plan.Pairs {
		if p.Action != resolve.Hold {
			continue
		}
		if count++; count == 1 {
			first = p.Addon
			if why := heldBy(&p); why != "" {
				first += ": " + string(why)
			}
		}
	}
	if count > 1 {
		return fmt.Sprintf("%s (and %d more)", first, count-1)
	}
	return first
}

// heldBy is why a pair is held. One that is to leave says first why it should, and then what keeps it.
func heldBy(p *resolve.Pair) fault.Code {
	if len(p.Reasons) > 1 {
		switch p.Reasons[0].Code {
		case resolve.CodeSwitchedOff, resolve.CodeLabelRemoved, resolve.CodeNotInRelease, resolve.CodeOutOfRange:
			return p.Reasons[1].Code
		}
	}
	return codeOf(p.Reasons)
}

// leavingLine says in one line which addons are on their way out, and until when that can be undone.
func leavingLine(plan resolve.ClusterPlan) string {
	var words []string
	for i := range plan.Pairs {
		switch p := &plan.Pairs[i]; p.Action {
		case resolve.Disable:
			words = append(words, p.Addon+" until "+p.RemovalAt.UTC().Format("15:04:05Z"))
		case resolve.Remove, resolve.Release:
			words = append(words, p.Addon+" now")
		}
	}
	return strings.Join(words, ", ")
}

func holdCondition(line string, plan resolve.ClusterPlan) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionNotHeld, Status: metav1.ConditionTrue, Reason: "Free", Message: "nothing is held"}
	if line == "" {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, "PairsHeld", line
	if plan.Held && len(plan.Reasons) > 0 {
		r := plan.Reasons[len(plan.Reasons)-1]
		c.Reason, c.Message = string(r.Code), cut(r.Message, maxMessage)
	}
	return c
}

func readyCondition(ready, total int, hold string, plan resolve.ClusterPlan) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "AllReady", Message: fmt.Sprintf("%d of %d addons are Synced and Healthy at the release wanted", ready, total)}
	switch {
	case ready < total:
		c.Status, c.Reason = metav1.ConditionFalse, "Progressing"
	case plan.Held:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, "Held", hold
	}
	return c
}

func setCondition(conditions *[]metav1.Condition, c metav1.Condition, generation int64) {
	c.ObservedGeneration = generation
	meta.SetStatusCondition(conditions, c)
}

// cut bounds text on a rune.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
