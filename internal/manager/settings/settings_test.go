package settings_test

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// spec reads the spec of a CatalogSource as people write it.
func spec(t *testing.T, text string) (s v1alpha1.CatalogSourceSpec) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPolicy reads what a CatalogSource says; where it says nothing, the documented defaults count.
func TestPolicy(t *testing.T) {
	all, none := rollout.Limit{Value: 100, Percent: true}, rollout.Limit{}
	for name, tc := range map[string]struct {
		spec string
		want resolve.Policy
	}{
		"nothing said": {
			spec: `url: https://git.example.com/addons.git`,
			want: resolve.Policy{
				Deletion: resolve.Deletion{Grace: 10 * time.Minute, Budget: &budget.Policy{PerAddon: budget.Limit{Value: 10, Percent: true}, Fleet: budget.Limit{Value: 10, Percent: true}}},
				Rollout:  rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{MaxConcurrency: all, MaxFailures: all}}},
			},
		},
		"a rollout in steps tolerates no failure": {
			spec: "url: x\nrollout: {maxConcurrency: 100%}",
			want: resolve.Policy{
				Deletion: resolve.DefaultPolicy().Deletion,
				Rollout:  rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{MaxConcurrency: all, MaxFailures: none}}},
			},
		},
		"orders about releases make no steps": {
			spec: "url: x\nrollout: {halted: [v1.31-ake.3]}",
			want: resolve.Policy{
				Deletion: resolve.DefaultPolicy().Deletion,
				Rollout: rollout.Policy{
					Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{MaxConcurrency: all, MaxFailures: all}}, Halted: map[string]bool{"v1.31-ake.3": true},
				},
			},
		},
		"everything said": {
			spec: `
url: x
paused: true
deletion: {grace: 1h, budget: {perAddon: 3, fleet: 5%}, approved: [abcdefabcdef]}
rollout:
  maxConcurrency: 10
  progressDeadline: 30m
  maxFailures: 10%
  groups:
  - {name: canary, selector: {matchLabels: {tier: canary}}, mandatory: true, minSuccessTime: 10m, maxFailures: 0}
  - {name: early, selector: {}, progressDeadline: None, maxConcurrency: 25%}
  halted: [v1.31-ake.3]
  rolledBack: [v1.31-ake.2]
  emergency: [v1.31-ake.4]
  resumed: [{release: v1.31-ake.5, accept: [tokyo-1]}]`,
			want: resolve.Policy{
				Paused: true,
				Deletion: resolve.Deletion{Grace: time.Hour, Budget: &budget.Policy{
					PerAddon: budget.Limit{Value: 3}, Fleet: budget.Limit{Value: 5, Percent: true}, Approved: map[string]bool{"abcdefabcdef": true},
				}},
				Rollout: rollout.Policy{
					Groups: []rollout.Group{
						{
							Name: "canary", Selector: selector(t, "tier=canary"), Mandatory: true,
							Pace: rollout.Pace{MaxConcurrency: rollout.Limit{Value: 10}, MinSuccessTime: 10 * time.Minute, ProgressDeadline: 30 * time.Minute},
						},
						{
							Name: "early", Selector: labels.Everything(),
							Pace: rollout.Pace{MaxConcurrency: rollout.Limit{Value: 25, Percent: true}, MaxFailures: rollout.Limit{Value: 10, Percent: true}},
						},
					},
					Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{
						MaxConcurrency: rollout.Limit{Value: 10}, ProgressDeadline: 30 * time.Minute, MaxFailures: rollout.Limit{Value: 10, Percent: true},
					}},
					Halted: map[string]bool{"v1.31-ake.3": true}, RolledBack: map[string]bool{"v1.31-ake.2": true}, Emergency: map[string]bool{"v1.31-ake.4": true},
					Accepted: map[string]map[string]bool{"v1.31-ake.5": {"tokyo-1": true}},
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := settings.Policy(spec(t, tc.spec))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			same := cmp.Comparer(func(a, b labels.Selector) bool {
				return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
			})
			if d := cmp.Diff(tc.want, got, same); d != "" {
				t.Errorf("policy (-want +got):\n%s", d)
			}
		})
	}
}

func selector(t *testing.T, text string) labels.Selector {
	t.Helper()
	s, err := labels.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBadPolicyStopsEverything names what cannot be read, and lets nothing move or go meanwhile.
func TestBadPolicyStopsEverything(t *testing.T) {
	const rest = "; until it is mended no release moves on and nothing is deleted"
	for name, tc := range map[string]struct{ spec, where, message string }{
		"a schedule": {
			`{url: x, rollout: {windows: [{schedule: "99 * * * *", duration: 1h}]}}`, "CatalogSource: spec.rollout.windows[0]",
			`schedule "99 * * * *": it is no cron expression; write minute, hour, day of month, month and day of week, such as "0 22 * * 1-5"`,
		},
		"a time zone": {
			`{url: x, rollout: {groups: [{name: a, selector: {}, windows: [{schedule: "0 1 * * *", duration: 1h, timeZone: Mars/Base}]}]}}`, "CatalogSource: spec.rollout.groups[a].windows[0]",
			`timeZone "Mars/Base" is not known: write the name of an IANA time zone such as Europe/Berlin`,
		},
		"a selector": {
			`{url: x, rollout: {groups: [{name: a, selector: {matchExpressions: [{key: tier, operator: Near}]}}]}}`, "CatalogSource: spec.rollout.groups[a].selector",
			`"Near" is not a valid label selector operator`,
		},
		"the name of the last group": {
			`{url: x, rollout: {groups: [{name: rest, selector: {}}]}}`, "CatalogSource: spec.rollout.groups[rest]",
			`the name "rest" is that of the implicit last group; choose another`,
		},
		"a deadline": {`{url: x, rollout: {progressDeadline: soon}}`, "CatalogSource: spec.rollout.progressDeadline", `"soon" is no duration such as 30m, nor None`},
		"a concurrency": {
			`{url: x, rollout: {maxConcurrency: -1}}`, "CatalogSource: spec.rollout.maxConcurrency",
			`"-1" is out of range: write a number from 0 to 100000 such as 3`,
		},
		"a budget": {
			`{url: x, deletion: {budget: {fleet: "150%"}}}`, "CatalogSource: spec.deletion.budget.fleet",
			`the limit "150%" is out of range; write a number from 0 to 100000, or a percentage from 0% to 100%`,
		},
		"a grace": {`{url: x, deletion: {grace: -1s}}`, "CatalogSource: spec.deletion.grace", `-1s is negative`},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := settings.Policy(spec(t, tc.spec))
			want := []fault.Problem{{Code: settings.CodePolicyInvalid, Where: tc.where, Message: tc.message + rest}}
			if d := cmp.Diff(want, problems); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
			if got.Invalid == nil || got.Invalid.Code != settings.CodePolicyInvalid || got.Invalid.Message != tc.where+": "+tc.message+rest {
				t.Errorf("the policy is %+v", got)
			}
		})
	}
}

// TestLedgerIsRemembered writes a ledger into a status and reads the same back.
func TestLedgerIsRemembered(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	ledger := budget.Ledger{
		Grants: []budget.Grant{
			{Cluster: "a", Addon: "loki", Action: "remove", At: at},
			{Cluster: "b", Addon: "loki", Action: "remove", At: at},
			{Cluster: "c", Addon: "loki", Action: "remove", At: at.Add(time.Minute), Approval: "abcdefabcdef"},
			{Cluster: "a", Addon: "mon", Action: "release", At: at},
		},
		Spent: []budget.Spent{{Addon: "loki", At: at, Count: 2}},
		Used:  []string{"abcdefabcdef"},
	}
	quarantine := &budget.Quarantine{Hash: "0123456789ab", Message: "too many", Deletions: []budget.Deletion{{Cluster: "d", Addon: "mon"}}}
	status := settings.DeletionStatus(ledger, quarantine)
	if d := cmp.Diff(ledger, settings.Ledger(status)); d != "" {
		t.Errorf("ledger (-want +got):\n%s", d)
	}
	if want := (&v1alpha1.Quarantine{Hash: "0123456789ab", Count: 1, Message: "too many", Pairs: []string{"d/mon"}}); !cmp.Equal(want, status.Quarantine) {
		t.Errorf("quarantine: %s", cmp.Diff(want, status.Quarantine))
	}
	if len(status.Granted) != 3 {
		t.Errorf("%d groups of grants, want those of one decision together: %+v", len(status.Granted), status.Granted)
	}
	if settings.DeletionStatus(budget.Ledger{}, nil) != nil {
		t.Error("an empty ledger is written")
	}
}

// TestRecall gives a cluster its orders and what was recorded of it.
func TestRecall(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	ca := &v1alpha1.ClusterAddons{
		Spec: v1alpha1.ClusterAddonsSpec{
			Pins:         []v1alpha1.Pin{{Addon: "loki", Release: "v1.31-ake.1", Reason: "broken", Owner: "ann", Expires: at}},
			Freeze:       &v1alpha1.Freeze{Reason: "sale", Owner: "bob", Until: at},
			Decommission: &v1alpha1.Decommission{Mode: v1alpha1.DecommissionAbandon, Requested: at},
			Adopt:        []string{"mon"}, Forget: []v1alpha1.Forget{{Addon: "old", Since: at}},
		},
		Status: v1alpha1.ClusterAddonsStatus{
			Succeeded: "v1.31-ake.1",
			Released:  []v1alpha1.ReleasedAddon{{Name: "old", Since: at, Release: "v1.31-ake.1", Namespace: "old", Reason: v1alpha1.Reason{Code: "SwitchedOff", Message: "off"}}},
		},
	}
	var c resolve.Cluster
	settings.Recall(&c, ca)
	want := resolve.Cluster{
		Orders: resolve.Orders{
			Pins:         []resolve.Pin{{Addon: "loki", Release: "v1.31-ake.1", Reason: "broken", Owner: "ann", Expires: at.Time}},
			Freeze:       &resolve.Freeze{Reason: "sale", Owner: "bob", Until: at.Time},
			Decommission: &resolve.Decommission{Abandon: true, Requested: at.Time, Deadline: at.Add(time.Hour)},
			Adopt:        []string{"mon"}, Forget: map[string]time.Time{"old": at.Time},
		},
		Succeeded: "v1.31-ake.1",
		Released:  []resolve.Released{{Addon: "old", Since: at.Time, Release: "v1.31-ake.1", Namespace: "old", Why: fault.Reason{Code: "SwitchedOff", Message: "off"}}},
	}
	if d := cmp.Diff(want.Orders, c.Orders); d != "" {
		t.Errorf("orders (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want.Released, c.Released); d != "" || c.Succeeded != want.Succeeded {
		t.Errorf("succeeded %q, released (-want +got):\n%s", c.Succeeded, d)
	}
	if d := cmp.Diff(ca.Status.Released, settings.Released(c.Released)); d != "" {
		t.Errorf("written back (-want +got):\n%s", d)
	}
}
