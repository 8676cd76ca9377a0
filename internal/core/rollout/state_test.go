package rollout_test

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestState is one cluster that was admitted at minute 0, with a soak of 10 minutes and a deadline of 30, looked at in some minute.
func TestState(t *testing.T) {
	m := version.Minor{Major: 1, Minor: 31}
	r := release.Tag{Minor: m, Distribution: "ake", N: 2}
	start := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	const never = -1
	type cluster = rollout.Cluster
	ready := func(n int) cluster { return cluster{Ready: true, ReadySince: minute(n)} }
	for name, tc := range map[string]struct {
		cluster cluster
		change  func(*cluster)
		soak    int
		late    int
		at      int
		want    rollout.State
		next    int
	}{
		"on its way":                             {at: 5, want: rollout.Progressing, next: 30},
		"just before the deadline":               {at: 29, want: rollout.Progressing, next: 30},
		"late":                                   {at: 30, want: rollout.TimeOut, next: never},
		"soaking":                                {cluster: ready(5), at: 6, want: rollout.Progressing, next: 15},
		"soaked":                                 {cluster: ready(5), at: 15, want: rollout.Succeeded, next: never},
		"healthy since before it was admitted":   {cluster: ready(-60), at: 9, want: rollout.Progressing, next: 10},
		"and soaked from then on":                {cluster: ready(-60), at: 10, want: rollout.Succeeded, next: never},
		"in time, and soaking past the deadline": {cluster: ready(25), at: 31, want: rollout.Progressing, next: 35},
		"a soak longer than the deadline":        {cluster: ready(5), soak: 120, at: 100, want: rollout.Progressing, next: 125},
		"Ready too late":                         {cluster: ready(30), at: 35, want: rollout.TimeOut, next: 40},
		"and good in the end":                    {cluster: ready(30), at: 40, want: rollout.Succeeded, next: never},
		"no soak":                                {cluster: ready(5), soak: never, at: 5, want: rollout.Succeeded, next: never},
		"no deadline":                            {late: never, at: 100_000, want: rollout.Progressing, next: never},
		"no deadline, and soaking":               {cluster: ready(100_000), late: never, at: 100_001, want: rollout.Progressing, next: 100_010},
		"nobody knows since when":                {change: func(c *cluster) { c.Since = time.Time{} }, at: 100, want: rollout.Progressing, next: never},
		"the clock went back":                    {cluster: ready(-5), at: -20, want: rollout.Progressing, next: 10},
		"the clock went back, and it was Ready later": {cluster: ready(50), at: 20, want: rollout.Progressing, next: 30},
		"failed":                                 {cluster: cluster{Failed: "broken"}, at: 5, want: rollout.Failed, next: never},
		"failed long ago":                        {cluster: cluster{Failed: "broken"}, at: 500, want: rollout.Failed, next: never},
		"failed though proven and dead":          {cluster: cluster{Failed: "broken", Proven: true, Unreachable: "dead"}, at: 5, want: rollout.Failed, next: never},
		"dead":                                   {cluster: cluster{Unreachable: "dead"}, at: 5, want: rollout.Skip, next: never},
		"dead, last seen healthy":                {cluster: cluster{Unreachable: "dead", Ready: true}, at: 50, want: rollout.Skip, next: never},
		"proven, then something was switched on": {cluster: cluster{Proven: true}, at: 500, want: rollout.Succeeded, next: never},
		"proven, then dead":                      {cluster: cluster{Proven: true, Unreachable: "dead"}, at: 500, want: rollout.Succeeded, next: never},
		"proven elsewhere":                       {cluster: cluster{Proven: true, Ready: true}, change: func(c *cluster) { c.At.N = 1 }, at: 5, want: rollout.Progressing, next: never},
		"failed elsewhere":                       {cluster: cluster{Failed: "broken"}, change: func(c *cluster) { c.At.N = 1 }, at: 5, want: rollout.Progressing, next: never},
		"elsewhere and dead":                     {cluster: cluster{Unreachable: "dead"}, change: func(c *cluster) { c.At.N = 1 }, at: 5, want: rollout.Skip, next: never},
	} {
		t.Run(name, func(t *testing.T) {
			span := func(n, otherwise int) time.Duration {
				switch n {
				case 0:
					n = otherwise
				case never:
					n = 0
				}
				return time.Duration(n) * time.Minute
			}
			c := tc.cluster
			c.Name, c.Minor, c.At, c.Since = "a", m, r, start
			if tc.change != nil {
				tc.change(&c)
			}
			out := rollout.Decide(rollout.Input{
				Now: minute(tc.at), Clusters: []cluster{c}, Releases: []rollout.Release{{Tag: r, Usable: true}},
				Policy: rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{
					MaxConcurrency: rollout.Limit{Value: 1}, MinSuccessTime: span(tc.soak, 10), ProgressDeadline: span(tc.late, 30), MaxFailures: rollout.Limit{Value: 1},
				}}},
			})
			next := time.Time{}
			if tc.next != never {
				next = minute(tc.next)
			}
			if got := out.Permits["a"].State; got != tc.want || !out.Next.Equal(next) {
				t.Errorf("got %s until %s, want %s until %s", got, out.Next, tc.want, next)
			}
		})
	}
}
