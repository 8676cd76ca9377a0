package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// TestEveryMoment looks at a small fleet in every state that three clusters in two groups can be in, with two releases, halts and rollbacks:
// since a decision remembers nothing, what holds for each of these holds for every history that leads to them.
func TestEveryMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of decisions; run without -short")
	}
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	m := minorPool[0]
	first, second := release.Tag{Minor: m, Distribution: "ake", N: 1}, release.Tag{Minor: m, Distribution: "ake", N: 2}
	pace := rollout.Pace{MaxConcurrency: rollout.Limit{Value: 1}, MinSuccessTime: 10 * time.Minute, ProgressDeadline: 30 * time.Minute}
	var standings []rollout.Cluster
	for _, at := range []release.Tag{{}, first, second} {
		long, just := now.Add(-time.Hour), now.Add(-time.Minute)
		standings = append(standings,
			rollout.Cluster{At: at, Since: just},
			rollout.Cluster{At: at, Since: just, Unreachable: "dead"},
			rollout.Cluster{At: at, Since: long, Ready: true, ReadySince: long})
		if at.IsZero() {
			continue
		}
		standings = append(standings,
			rollout.Cluster{At: at, Since: long},
			rollout.Cluster{At: at, Since: just, Ready: true, ReadySince: just},
			rollout.Cluster{At: at, Since: long, Failed: "broken"},
			rollout.Cluster{At: at, Since: long, Proven: true, Unreachable: "dead"})
	}
	standings = append(standings, rollout.Cluster{Empty: true}, rollout.Cluster{At: first, Exempt: "paused"})
	rules := []func(moment) error{inOrder, notCrowded, notHalted, mandatoryWhole, evident, revisions, stays, fallbacks, counts}
	in := rollout.Input{Now: now, Releases: []rollout.Release{{Tag: first, Usable: true}, {Tag: second, Usable: true}}, Clusters: make([]rollout.Cluster, 3)}
	moments := 0
	canary := labels.Set{"tier": "canary"}
	look := func(a, b, c rollout.Cluster) {
		in.Clusters[0], in.Clusters[1], in.Clusters[2] = a, b, c
		for i := range in.Clusters {
			in.Clusters[i].Name, in.Clusters[i].Minor = namePool[i], m
			if i < 2 {
				in.Clusters[i].Labels = canary
			}
		}
		moments++
		at := momentOf(in, rollout.Decide)
		for _, holds := range rules {
			if err := holds(at); err != nil {
				t.Fatal(fmt.Errorf("%w\n%+v\n%s", err, in, write(at.out)))
			}
		}
	}
	for _, group := range []rollout.Group{{}, {Pace: rollout.Pace{MaxFailures: rollout.Limit{Value: 1}}}, {Mandatory: true}} {
		for _, order := range []string{"", "halt", "rollback", "emergency"} {
			pace.MaxFailures = group.Pace.MaxFailures
			in.Policy = rollout.Policy{
				Groups:     []rollout.Group{{Name: "canary", Selector: labels.SelectorFromSet(canary), Pace: pace, Mandatory: group.Mandatory}},
				Rest:       rollout.Group{Name: "rest", Pace: pace},
				Halted:     map[string]bool{second.String(): order == "halt"},
				RolledBack: map[string]bool{second.String(): order == "rollback"},
				Emergency:  map[string]bool{second.String(): order == "emergency"},
			}
			for i, a := range standings {
				for _, b := range standings[i:] { // Those of one group only differ by name.
					for _, c := range standings {
						look(a, b, c)
					}
				}
			}
		}
	}
	t.Logf("%d moments", moments)
}
