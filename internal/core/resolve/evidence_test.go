package resolve_test

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// TestEvidence holds one report of Argo CD against a revision that was written at noon: what it opens, and whether it counts as a failure. The
// pair is asked itself, and so are a pair that depends on it, and the wave that its cluster is in.
func TestEvidence(t *testing.T) {
	const old, wanted = "v1.31-ake.1", "v1.31-ake.2"
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	before, after := noon.Add(-time.Minute), noon.Add(time.Minute)
	at := commitOf(wanted)
	done := resolve.Operation{Phase: "Succeeded", Revision: at, Finished: after}
	good := resolve.Status{Sync: "Synced", Health: "Healthy", Revision: at, Reconciled: after, HealthSince: after, Operation: done}
	changed := func(change func(s *resolve.Status)) resolve.Status {
		s := good
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		status              resolve.Status
		ready, failed, skip bool
	}{
		"synced and healthy there":                          {status: good, ready: true},
		"nothing reported":                                  {},
		"healthy, and never compared":                       {status: changed(func(s *resolve.Status) { s.Sync, s.Revision = "", "" })},
		"about the revision before":                         {status: changed(func(s *resolve.Status) { s.Revision = commitOf(old) })},
		"about a revision that nobody knows":                {status: changed(func(s *resolve.Status) { s.Revision = commitOf("other") })},
		"about the name of the tag, which may have moved":   {status: changed(func(s *resolve.Status) { s.Revision = wanted })},
		"found before it was written":                       {status: changed(func(s *resolve.Status) { s.Reconciled = before })},
		"found in the second it was written":                {status: changed(func(s *resolve.Status) { s.Reconciled = noon }), ready: true},
		"without times, as an old Argo CD":                  {status: changed(func(s *resolve.Status) { s.Reconciled, s.Operation = time.Time{}, resolve.Operation{} }), ready: true},
		"without times, and the last sync is from before":   {status: changed(func(s *resolve.Status) { s.Reconciled, s.Operation.Finished = time.Time{}, before })},
		"the same manifests: compared after, synced before": {status: changed(func(s *resolve.Status) { s.Operation.Finished, s.Operation.Revision = before, commitOf(old) }), ready: true},
		"a sync is running":                                 {status: changed(func(s *resolve.Status) { s.Operation = resolve.Operation{Phase: "Running"} })},
		"a sync is being stopped":                           {status: changed(func(s *resolve.Status) { s.Operation = resolve.Operation{Phase: "Terminating"} })},
		"the sync failed":                                   {status: changed(func(s *resolve.Status) { s.Operation.Phase = "Failed" }), failed: true},
		"the sync ended in an error":                        {status: changed(func(s *resolve.Status) { s.Sync, s.Operation.Phase = "OutOfSync", "Error" }), failed: true},
		"a sync of the revision before failed":              {status: changed(func(s *resolve.Status) { s.Operation.Phase, s.Operation.Revision = "Failed", commitOf(old) }), ready: true},
		"the sync failed before it was written":             {status: changed(func(s *resolve.Status) { s.Operation.Phase, s.Operation.Finished = "Failed", before }), ready: true},
		"out of sync":                                       {status: changed(func(s *resolve.Status) { s.Sync = "OutOfSync" })},
		"Progressing":                                       {status: changed(func(s *resolve.Status) { s.Health = "Progressing" })},
		"Missing":                                           {status: changed(func(s *resolve.Status) { s.Health = "Missing" })},
		"Suspended":                                         {status: changed(func(s *resolve.Status) { s.Health = "Suspended" })},
		"no word on health":                                 {status: changed(func(s *resolve.Status) { s.Health = "" })},
		"a health that is not known":                        {status: changed(func(s *resolve.Status) { s.Health = "Unknown" })},
		"Degraded":                                          {status: changed(func(s *resolve.Status) { s.Health = "Degraded" }), failed: true},
		"Degraded, found before it was written":             {status: changed(func(s *resolve.Status) { s.Health, s.Reconciled = "Degraded", before })},
		"Degraded at the revision before":                   {status: changed(func(s *resolve.Status) { s.Health, s.Revision = "Degraded", commitOf(old) })},
		"the cluster does not answer":                       {status: changed(func(s *resolve.Status) { s.Sync, s.Message = "Unknown", "dial tcp: i/o timeout" }), skip: true},
		"the cluster did not answer before it was written":  {status: changed(func(s *resolve.Status) { s.Sync, s.Reconciled = "Unknown", before }), skip: true},
		"no manifests can be made of it":                    {status: changed(func(s *resolve.Status) { s.Sync, s.Message = "Unknown", "failed to generate target state: boom" }), failed: true},
		"no manifests could be made before it was written": {status: changed(func(s *resolve.Status) {
			s.Sync, s.Message, s.Reconciled = "Unknown", "failed to generate target state: boom", before
		})},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.now = noon
			w.release(old, "name: a, enabled: always")
			w.secrets(secret("c1"), secret("c2"))
			mustSettle(t, w)
			w.release(wanted, "name: a, enabled: always", "name: b, enabled: always, dependsOn: [a]")
			w.policy.Rollout.Rest = rollout.Group{Name: "rest", Pace: rollout.Pace{MaxConcurrency: rollout.Limit{Value: 1}, MaxFailures: rollout.Limit{Value: 2}}}
			w.health = script{"*/* stale"}
			mustSettle(t, w)
			w.now = after
			in := w.input()
			delivered := &in.Delivered["c1"][0]
			if delivered.Release != wanted || delivered.Moved != noon.Format(time.RFC3339) {
				t.Fatalf("the pair has %s, written at %s", delivered.Release, delivered.Moved)
			}
			tc.status.Release = wanted
			delivered.Status = tc.status
			plan := resolve.Make(in)
			byName := map[string]*resolve.Pair{}
			for i := range plan.Pairs {
				byName[plan.Pairs[i].Cluster+"/"+plan.Pairs[i].Addon] = &plan.Pairs[i]
			}
			if got := byName["c1/a"].Ready(); got != tc.ready {
				t.Errorf("ready %v, want %v", got, tc.ready)
			}
			if got := byName["c1/b"].Action == resolve.Install; got != tc.ready {
				t.Errorf("what depends on it: %s %v", byName["c1/b"].Action, byName["c1/b"].Reasons)
			}
			group := plan.Rollouts[0].Groups[0]
			if got := group.Failed == 1; got != tc.failed {
				t.Errorf("failed %v, want %v: %+v", got, tc.failed, group)
			}
			if got := group.Skip == 1; got != tc.skip {
				t.Errorf("skipped %v, want %v: %+v", got, tc.skip, group)
			}
			// The next cluster gets it when this one is through; b is still to come where a is ready.
			if moves := byName["c2/a"].Action == resolve.Move; moves != (tc.failed || tc.skip) {
				t.Errorf("the next cluster: %s %v", byName["c2/a"].Action, byName["c2/a"].Reasons)
			}
		})
	}
}
