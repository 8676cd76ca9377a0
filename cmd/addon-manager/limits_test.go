package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
)

// many makes n things that are numbered from 1.
func many[T any](n int, make func(i int) T) (all []T) {
	for i := range n {
		all = append(all, make(i+1))
	}
	return all
}

func releaseNumber(i int) v1alpha1.ReleaseName {
	return v1alpha1.ReleaseName(fmt.Sprintf("v1.30-ake.%d", i))
}

// TestApprovalsAreForgotten keeps the newest 32: the oldest have had their effect.
func TestApprovalsAreForgotten(t *testing.T) {
	s := fleetSource()
	s.Spec.Deletion.Approved = many(maxApproved, func(i int) string { return fmt.Sprintf("%012d", i) })
	want := append(slices.Clone(s.Spec.Deletion.Approved[1:]), "0123456789ab")
	if _, err := approve(s, "0123456789ab"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, s.Spec.Deletion.Approved); d != "" {
		t.Errorf("approved (-want +got):\n%s", d)
	}
}

// TestWhatIsFullIsNotOverfilled refuses what the API has no room for, and says what to do.
func TestWhatIsFullIsNotOverfilled(t *testing.T) {
	tag := tagOf(t, "v1.31-ake.4")
	clusters := func(n int) []string { return many(n, func(i int) string { return fmt.Sprint("c", i) }) }
	source := func(r v1alpha1.Rollout) *v1alpha1.CatalogSource {
		s := fleetSource()
		s.Spec.Rollout = &r
		return s
	}
	full := many(maxOrders, releaseNumber)
	cluster := func(spec v1alpha1.ClusterAddonsSpec) *v1alpha1.ClusterAddons {
		ca := &v1alpha1.ClusterAddons{Spec: spec, Status: v1alpha1.ClusterAddonsStatus{
			Minor: "1.31", Released: []v1alpha1.ReleasedAddon{{Name: "loki", Since: at(0)}},
		}}
		ca.Name = "tokyo-1"
		return ca
	}
	forgotten := many(maxListedAddons, func(i int) v1alpha1.Forget { return v1alpha1.Forget{Addon: fmt.Sprint("a", i), Since: at(0)} })
	listedStill := cluster(v1alpha1.ClusterAddonsSpec{Forget: forgotten})
	for _, f := range forgotten {
		listedStill.Status.Released = append(listedStill.Status.Released, v1alpha1.ReleasedAddon{Name: f.Addon, Since: f.Since})
	}
	for name, tc := range map[string]struct {
		order func() (said, error)
		want  string
	}{
		"halt": {
			func() (said, error) { return halt(source(v1alpha1.Rollout{Halted: full}), tag) },
			"spec.rollout.halted holds 64 releases, at most 64 allowed; take one back that no longer matters: `addon-manager rollout resume v1.30-ake.1`",
		},
		"rollback": {
			func() (said, error) { return rollback(source(v1alpha1.Rollout{RolledBack: full}), tag) },
			"spec.rollout.rolledBack holds 64 releases, at most 64 allowed; take one back that no longer matters: `addon-manager rollout rollback --undo v1.30-ake.1`",
		},
		"emergency": {
			func() (said, error) { return emergency(source(v1alpha1.Rollout{Emergency: full}), tag) },
			"spec.rollout.emergency holds 64 releases, at most 64 allowed; take one back that no longer matters: `addon-manager rollout emergency --undo v1.30-ake.1`",
		},
		"resume": {
			func() (said, error) {
				resumed := many(maxOrders, func(i int) v1alpha1.ResumedRelease { return v1alpha1.ResumedRelease{Release: releaseNumber(i)} })
				return resume(source(v1alpha1.Rollout{Resumed: resumed}), tag, []string{"c1"})
			},
			"spec.rollout.resumed holds 64 releases, at most 64 allowed; remove one that no longer matters, such as v1.30-ake.1",
		},
		"resume with too many failures": {
			func() (said, error) {
				resumed := []v1alpha1.ResumedRelease{{Release: "v1.31-ake.4", Accept: clusters(maxAccepted)}}
				return resume(source(v1alpha1.Rollout{Resumed: resumed}), tag, []string{"d1"})
			},
			"1001 clusters would be accepted at v1.31-ake.4, at most 1000 allowed; roll it back instead: `addon-manager rollout rollback v1.31-ake.4`",
		},
		"pin": {
			func() (said, error) {
				pins := many(maxPins, func(i int) v1alpha1.Pin { return v1alpha1.Pin{Addon: fmt.Sprint("a", i)} })
				return setPin(fleetSource(), cluster(v1alpha1.ClusterAddonsSpec{Pins: pins}), tag, v1alpha1.Pin{Release: "v1.31-ake.4"})
			},
			`cluster "tokyo-1" has 200 pins, at most 200 allowed; remove one first with ` + "`addon-manager unpin`, or pin the whole cluster",
		},
		"adopt": {
			func() (said, error) {
				return adopt(cluster(v1alpha1.ClusterAddonsSpec{Adopt: clusters(maxListedAddons)}), "loki", "")
			},
			`spec.adopt of cluster "tokyo-1" holds 200 addons, at most 200 allowed; take one back that a label switches on: ` + "`addon-manager adopt --undo tokyo-1 c1`",
		},
		"forget, while the others are still listed": {
			func() (said, error) { return forget(listedStill, "loki") },
			`spec.forget of cluster "tokyo-1" holds 200 addons, at most 200 allowed; wait until the manager has taken them from its list`,
		},
		"forget, once the others are off the list": {
			order: func() (said, error) {
				ca := cluster(v1alpha1.ClusterAddonsSpec{Forget: slices.Clone(forgotten)})
				told, err := forget(ca, "loki")
				if d := cmp.Diff([]v1alpha1.Forget{{Addon: "loki", Since: at(0)}}, ca.Spec.Forget); d != "" {
					t.Errorf("forget (-want +got):\n%s", d)
				}
				return told, err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			told, err := tc.order()
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("said %q, error %q, want %q", told.Message, got, tc.want)
			}
		})
	}
}
