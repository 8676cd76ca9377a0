package resolve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// TestSucceededIsKept keeps on record that a cluster proved its release while nothing is decided about the cluster: a version that cannot be
// read for a while says nothing about the release, and must not count against it.
func TestSucceededIsKept(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	if got := w.succeeded["a"]; got != "v1.31-ake.1" {
		t.Fatalf("succeeded at %q", got)
	}
	w.clusters[0].ReportedVersion, w.clusters[0].Undetected = resolve.Cluster{}.ReportedVersion, "connection refused"
	for range 2 {
		plan := resolve.Make(w.input())
		if got := plan.Rollouts[0].Groups[0]; got.Succeeded != 1 {
			t.Errorf("while it is unreachable: %+v", got)
		}
		w.apply(plan)
	}
}

// TestReturnTakesNothingAway keeps an addon that came with a release which is taken back: only a newer release takes away, or a person.
func TestReturnTakesNothingAway(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always")
	w.release("v1.31-ake.2", "name: x, enabled: always", "name: xp, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	w.policy.Rollout.RolledBack = map[string]bool{"v1.31-ake.2": true}
	mustSettle(t, w)
	const why = "NotInRelease: release v1.31-ake.1, which the cluster is taken back to, does not offer xp; only a newer release takes it away. Set label addons.kaas.dev/xp=disabled if it should go."
	if d := cmp.Diff([]string{"a/x keep", "a/xp hold " + why}, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	w.secrets(secret("a", "xp=disabled"))
	mustSettle(t, w)
	if got := w.String(); strings.Contains(got, "a-xp") {
		t.Errorf("switched off, and yet: %s", got)
	}
}

// TestWaitingTakesNothingAway keeps an addon that only a release which the cluster is not let to makes optional.
func TestWaitingTakesNothingAway(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always", "name: xp", "name: xq, enabled: default")
	w.secrets(secret("a", "xp=enabled", "xq=enabled"))
	mustSettle(t, w)
	w.release("v1.32-ake.1", "name: x", "name: xp", "name: xq")
	w.policy.Rollout = rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: resolve.DefaultPace()}, Halted: map[string]bool{"v1.32-ake.1": true}}
	w.clusters[0].ReportedVersion.Minor, w.clusters[0].ReportedVersion.Raw = minorPool[1], "v1.32.0"
	delete(w.clusters[0].Labels, "addons.kaas.dev/xp")
	w.clusters[0].Labels["addons.kaas.dev/xq"] = "disabled"
	want := []string{
		"a/x hold NotAdmitted: label addons.kaas.dev/x is not set; x goes without it once the cluster is let to v1.32-ake.1.",
		"a/xp remove LabelRemoved: label addons.kaas.dev/xp is not set, and the addon is optional.",
		`a/xq remove SwitchedOff: label addons.kaas.dev/xq is "disabled".`,
	}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
}

// TestNeededAsLongAsItIsThere keeps what an addon needs by the release that it is at, although the next has neither.
func TestNeededAsLongAsItIsThere(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: crds, enabled: always", "name: user, enabled: always, dependsOn: [crds]")
	w.secrets(secret("a"))
	mustSettle(t, w)
	w.orders["a"] = resolve.Orders{Pins: []resolve.Pin{{Addon: "user", Release: "v1.31-ake.1", Owner: "ada", Reason: "INC-7", Expires: w.now.Add(time.Hour)}}}
	w.release("v1.31-ake.2", "name: user, enabled: always")
	mustSettle(t, w)
	want := []string{
		"a/crds hold NotInRelease: release v1.31-ake.2 no longer offers crds. Required: user needs it as long as it is at v1.31-ake.1.",
		"a/user hold Pinned: it is pinned to v1.31-ake.1 by ada until 2026-01-31T13:00:00Z: INC-7.",
	}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	w.orders["a"] = resolve.Orders{}
	mustSettle(t, w)
	if got := w.String(); strings.Contains(got, "crds") || !strings.Contains(got, "v1.31-ake.2") {
		t.Errorf("in the end: %s", got)
	}
}

// TestAheadIsNotRecorded keeps what a cluster was let to while that release is refused for a time.
func TestAheadIsNotRecorded(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always")
	w.release("v1.31-ake.2", "name: x, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	before := w.admitted["a"]
	good := w.releases[1]
	bad := good
	bad.Refused, bad.Catalog = &fault.Reason{Code: resolve.CodeTagMoved, Message: "it moved"}, nil
	w.set(bad)
	w.now = w.now.Add(time.Hour)
	mustSettle(t, w)
	if d := cmp.Diff(before, w.admitted["a"]); d != "" {
		t.Errorf("let to (-before +now):\n%s", d)
	}
	w.set(good)
	if plan := resolve.Make(w.input()); plan.Pairs[0].Action != resolve.Keep || plan.Rollouts[0].Groups[0].Succeeded != 1 {
		t.Errorf("once it is back: %+v %+v", plan.Pairs[0], plan.Rollouts)
	}
}

// TestNothingUnlistedSpends asks for no deletion of what cannot be taken away as promised: it would be open for ever, and use up the budget.
func TestNothingUnlistedSpends(t *testing.T) {
	w := newWorld()
	w.policy = resolve.DefaultPolicy()
	w.release("v1.31-ake.1", "name: x")
	w.secrets(secret("a", "x=disabled"))
	in := w.input()
	in.Delivered = map[string][]resolve.Delivered{"a": {{Element: resolve.Element{Application: "a-x", Addon: "x", OnDisable: "prune"}, Exists: true}}}
	plan := resolve.Make(in)
	if p := plan.Pairs[0]; p.Action != resolve.Hold || p.Reasons[1].Code != resolve.CodeReleaseUnknown || len(plan.Ledger.Grants) > 0 {
		t.Errorf("%+v, ledger %+v", p, plan.Ledger)
	}
}

// TestOrdersWake asks for another decision when an order ends, whatever it keeps from happening.
func TestOrdersWake(t *testing.T) {
	now := newWorld().now
	for name, tc := range map[string]struct {
		orders resolve.Orders
		want   time.Time
	}{
		"none":            {},
		"a pin":           {resolve.Orders{Pins: []resolve.Pin{{Addon: "x", Release: "v1.31-ake.1", Expires: now.Add(time.Hour)}}}, now.Add(time.Hour)},
		"a cluster's pin": {resolve.Orders{Pins: []resolve.Pin{{Release: "v1.31-ake.1", Expires: now.Add(time.Hour)}}}, now.Add(time.Hour)},
		"a freeze":        {resolve.Orders{Freeze: &resolve.Freeze{Until: now.Add(time.Minute)}}, now.Add(time.Minute)},
		"the first of two": {resolve.Orders{
			Pins: []resolve.Pin{{Addon: "x", Release: "v1.31-ake.1", Expires: now.Add(-time.Hour)}, {Release: "v1.31-ake.1", Expires: now.Add(time.Hour)}}, Freeze: &resolve.Freeze{Until: now.Add(time.Minute)},
		}, now.Add(time.Minute)},
		"what ended": {resolve.Orders{Freeze: &resolve.Freeze{Until: now}}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release("v1.31-ake.1", "name: x, enabled: always")
			w.secrets(secret("a"))
			w.orders["a"] = tc.orders
			mustSettle(t, w)
			if got := resolve.Make(w.input()).Clusters[0].Next; !got.Equal(tc.want) {
				t.Errorf("next at %v, want %v", got, tc.want)
			}
		})
	}
}

// TestOrdersAreNamed says which order keeps a cluster, and that one cannot be followed even where nothing waits.
func TestOrdersAreNamed(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	until := w.now.Add(time.Hour)
	w.orders["a"] = resolve.Orders{Pins: []resolve.Pin{{Release: "v1.31-ake.9", Owner: "ada", Reason: "INC-7", Expires: until}}}
	codes := func() (codes []fault.Code) {
		for _, r := range resolve.Make(w.input()).Clusters[0].Reasons {
			codes = append(codes, r.Code)
		}
		return codes
	}
	if d := cmp.Diff([]fault.Code{resolve.CodePinUnusable}, codes()); d != "" {
		t.Errorf("a pin to nothing (-want +got):\n%s", d)
	}
	w.orders["a"] = resolve.Orders{Freeze: &resolve.Freeze{Owner: "ada", Reason: "sale", Until: until}}
	if d := cmp.Diff([]fault.Code(nil), codes()); d != "" {
		t.Errorf("frozen, with nothing to do (-want +got):\n%s", d)
	}
	w.release("v1.31-ake.2", "name: x, enabled: always")
	if d := cmp.Diff([]fault.Code{resolve.CodeFrozen}, codes()); d != "" {
		t.Errorf("frozen (-want +got):\n%s", d)
	}
}

// TestNotTakenBackWithinTheWave says that a pair is newer than what its cluster is let to, when it is.
func TestNotTakenBackWithinTheWave(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always", "name: xp, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	w.release("v1.31-ake.2", "name: x, enabled: always", "name: xp, enabled: always")
	w.policy.Rollout = rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: resolve.DefaultPace()}, Halted: map[string]bool{"v1.31-ake.2": true}}
	w.orders["a"] = resolve.Orders{Pins: []resolve.Pin{{Addon: "x", Release: "v1.31-ake.2", Expires: w.now.Add(time.Hour)}}}
	mustSettle(t, w)
	w.orders["a"] = resolve.Orders{}
	mustSettle(t, w)
	got := told(resolve.Make(w.input()))[0]
	if want := "a/x hold NotAdmitted: v1.31-ake.2 is delivered and newer than v1.31-ake.1, which the cluster is let to; a release is never taken back by itself."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if p := resolve.Make(w.input()).Pairs[0]; p.Element == nil || p.Element.Revision != commitOf("v1.31-ake.2") {
		t.Errorf("listed: %+v", p.Element)
	}
}

// TestUndoneWhileHeld calls a removal off when the addon is switched on again, also where nothing else can be done about it then.
func TestUndoneWhileHeld(t *testing.T) {
	w := newWorld()
	w.policy.Deletion.Grace = 10 * time.Minute
	w.release("v1.31-ake.1", "name: x")
	w.secrets(secret("a", "x=enabled"))
	mustSettle(t, w)
	w.secrets(secret("a", "x=disabled"))
	mustSettle(t, w)
	w.now = w.now.Add(5 * time.Minute)
	w.release("v1.31-ake.2", `name: x, parameters: [{name: zone, from: {label: zone}}]`)
	w.secrets(secret("a", "x=enabled"))
	mustSettle(t, w)
	if p := resolve.Make(w.input()).Pairs[0]; p.Action != resolve.Hold || p.Reasons[0].Code != resolve.CodeParameterMissing || p.Element.Disabled != "" {
		t.Fatalf("switched on: %+v %+v", p, p.Element)
	}
	w.secrets(secret("a", "x=disabled"))
	w.now = w.now.Add(6 * time.Minute)
	mustSettle(t, w)
	if p := resolve.Make(w.input()).Pairs[0]; p.Action != resolve.Disable {
		t.Errorf("switched off again: %s", p.Action)
	}
}
