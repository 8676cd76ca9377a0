package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"k8s.io/apimachinery/pkg/api/equality"
)

// maxOrders is how many releases each list of spec.rollout holds.
const maxOrders = 64

// rolloutOrders are the orders that stand, for a decision to change; keep puts them back.
func rolloutOrders(s *v1alpha1.CatalogSource) *v1alpha1.Rollout {
	if s.Spec.Rollout == nil {
		return &v1alpha1.Rollout{}
	}
	return s.Spec.Rollout
}

// keep writes the orders. Where nothing but an order made a rollout of it, taking the order back leaves none.
func keep(s *v1alpha1.CatalogSource, r *v1alpha1.Rollout) {
	if equality.Semantic.DeepEqual(*r, v1alpha1.Rollout{}) {
		r = nil
	}
	s.Spec.Rollout = r
}

// with adds a release to one of the lists. What it drops by itself is nothing: an old order may still mean something.
func with(list []v1alpha1.ReleaseName, field string, tag release.Tag, undo string) ([]v1alpha1.ReleaseName, error) {
	if len(list) >= maxOrders {
		return nil, fmt.Errorf("spec.rollout.%s holds %d releases, at most %d allowed; take one back that no longer matters: `%s %s`", field, len(list), maxOrders, undo, list[0])
	}
	return append(slices.Clone(list), v1alpha1.ReleaseName(tag.String())), nil
}

func without(list []v1alpha1.ReleaseName, tag release.Tag) []v1alpha1.ReleaseName {
	return slices.DeleteFunc(slices.Clone(list), func(n v1alpha1.ReleaseName) bool { return string(n) == tag.String() })
}

func has(list []v1alpha1.ReleaseName, tag release.Tag) bool {
	return slices.Contains(list, v1alpha1.ReleaseName(tag.String()))
}

func halt(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
	r := rolloutOrders(s)
	if has(r.Halted, tag) {
		return said{Message: fmt.Sprintf("%s is halted already: no further cluster moves to it", tag)}, nil
	}
	if _, err := knownRelease(s, tag); err != nil {
		return said{}, err
	}
	halted, err := with(r.Halted, "halted", tag, "addon-manager rollout resume")
	if err != nil {
		return said{}, err
	}
	r.Halted = halted
	keep(s, r)
	return said{
		Message: fmt.Sprintf("halted %s: no further cluster moves to it", tag),
		Details: []string{
			fmt.Sprintf("to let it go on: addon-manager rollout resume %s", tag),
			fmt.Sprintf("to take it back: addon-manager rollout rollback %s", tag),
		},
	}, nil
}

func rollback(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
	r := rolloutOrders(s)
	to, why := before(s, tag)
	if has(r.RolledBack, tag) {
		told := said{Message: fmt.Sprintf("%s is rolled back already", tag)}
		if to != "" {
			told.Message += ": clusters that have it go back to " + to
		}
		return told, nil
	}
	if _, err := knownRelease(s, tag); err != nil {
		return said{}, err
	}
	if to == "" {
		if len(why) == 0 {
			why = []string{"it is the first that is known"}
		}
		return said{}, fmt.Errorf("there is no usable release before %s to go back to: %s; `addon-manager rollout halt %s` stops it where it is, and a newer release mends it", tag, listed(why), tag)
	}
	back, err := with(r.RolledBack, "rolledBack", tag, "addon-manager rollout rollback --undo")
	if err != nil {
		return said{}, err
	}
	r.RolledBack = back
	told := said{
		Message: fmt.Sprintf("rolled back %s: clusters that have it go back to %s, all at once, and no cluster moves to it", tag, to),
		Details: []string{fmt.Sprintf("to let it roll out again: addon-manager rollout rollback --undo %s", tag)},
	}
	if has(r.Emergency, tag) {
		r.Emergency = without(r.Emergency, tag) // Or undoing the rollback would roll it to everybody at once.
		told.Details = append(told.Details, "it is no emergency release any more")
	}
	keep(s, r)
	return told, nil
}

func undoRollback(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
	r := rolloutOrders(s)
	if !has(r.RolledBack, tag) {
		if _, err := knownRelease(s, tag); err != nil {
			return said{}, err
		}
		return said{Message: fmt.Sprintf("%s is not rolled back: nothing to undo", tag)}, nil
	}
	r.RolledBack = without(r.RolledBack, tag)
	keep(s, r)
	told := said{Message: fmt.Sprintf("%s is no longer rolled back: it may roll out again", tag)}
	if now := rollingOut(s, tag.Minor.String()); now != tag.String() {
		told.Message = fmt.Sprintf("%s is no longer rolled back; what rolls out for Kubernetes %s is %s", tag, tag.Minor, orNone(now))
	}
	return told, nil
}

func emergency(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
	r := rolloutOrders(s)
	known, err := knownRelease(s, tag)
	if err != nil {
		return said{}, err
	}
	rollout := rolloutOf(s, tag.String())
	switch now := rollingOut(s, tag.Minor.String()); {
	case known.Refused != "":
		return said{}, fmt.Errorf("%s is refused, so nothing moves to it: %s", tag, known.Refused)
	case has(r.RolledBack, tag):
		return said{}, fmt.Errorf("%s is rolled back, so nothing moves to it; first `addon-manager rollout rollback --undo %s`", tag, tag)
	case has(r.Halted, tag):
		return said{}, fmt.Errorf("%s is halted by order, so nothing moves to it; first `addon-manager rollout resume %s`", tag, tag)
	case rollout != nil && rollout.State == stateHalted:
		return said{}, fmt.Errorf("%s is halted, so nothing moves to it: %s; first `addon-manager rollout resume %s`", tag, rollout.Message, tag)
	case now != tag.String():
		return said{}, fmt.Errorf("%s is not what rolls out for Kubernetes %s, so it goes to nobody: that is %s", tag, tag.Minor, orNone(now))
	case has(r.Emergency, tag):
		return said{Message: fmt.Sprintf("%s goes to every cluster of Kubernetes %s already, past groups, limits and windows", tag, tag.Minor)}, nil
	}
	if r.Emergency, err = with(r.Emergency, "emergency", tag, "addon-manager rollout emergency --undo"); err != nil {
		return said{}, err
	}
	keep(s, r)
	told := said{Message: fmt.Sprintf("%s goes to every cluster of Kubernetes %s at once, past groups, limits and windows", tag, tag.Minor)}
	if rollout != nil {
		waiting := 0
		for _, g := range rollout.Groups {
			waiting += int(g.ToApply)
		}
		told.Details = append(told.Details, fmt.Sprintf("%s to move now", counted(waiting, "cluster is", "clusters are")))
	}
	told.Details = append(told.Details, fmt.Sprintf("to go on group by group: addon-manager rollout emergency --undo %s", tag))
	return told, nil
}

func undoEmergency(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
	r := rolloutOrders(s)
	if !has(r.Emergency, tag) {
		if _, err := knownRelease(s, tag); err != nil {
			return said{}, err
		}
		return said{Message: fmt.Sprintf("%s is no emergency release: nothing to undo", tag)}, nil
	}
	r.Emergency = without(r.Emergency, tag)
	keep(s, r)
	return said{Message: fmt.Sprintf("%s is no emergency release any more: further clusters move group by group", tag)}, nil
}

// releaseNames joins the names of releases.
func releaseNames(list []v1alpha1.ReleaseName) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}
