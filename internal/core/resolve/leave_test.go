package resolve_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// TestStepsOfLeaving follows a pruned and a retained addon pass by pass. The finalizer is on the Application before the ApplicationSet
// lists it no more, so that nobody can take it off again before the deletion.
func TestStepsOfLeaving(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: gone", "name: kept, onDisable: retain")
	w.secrets(secret("a", "gone=enabled", "kept=enabled"))
	mustSettle(t, w)
	w.secrets(secret("a"))
	var got []string
	for range 3 {
		plan := resolve.Make(w.input())
		for _, p := range plan.Pairs {
			line := p.Addon + " " + string(p.Action)
			if p.Element != nil {
				line += " listed"
				if p.Element.Finalize {
					line += " with the finalizer"
				}
			}
			if p.Delete {
				line += " deleted"
			}
			if p.Orphan {
				line += " without the finalizer"
			}
			got = append(got, line)
		}
		got = append(got, "--")
		w.apply(plan)
		if _, err := w.argo(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"gone remove listed with the finalizer", "kept release listed", "--",
		"gone remove deleted", "kept release", "--",
		"kept release deleted", "--",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	if got, want := w.String(), "left on a: objects of kept v1.31-ake.1\n"; got != want {
		t.Errorf("in the end:\n%swant:\n%s", got, want)
	}
}

// TestLeavingStates decides from what is seen alone, wherever an earlier pass, an older manager or a person stopped.
func TestLeavingStates(t *testing.T) {
	element := resolve.Element{
		Application: "a-x", Addon: "x", Placement: "workload", OnDisable: "prune", Release: "v1.31-ake.1", Commit: commitOf("v1.31-ake.1"), Revision: commitOf("v1.31-ake.1"),
		Path: "addons/x", Namespace: "x", Server: "https://a:6443", Patch: `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`,
	}
	finalize := element
	finalize.Finalize = true
	marked := element
	marked.Disabled = "2026-01-31T11:00:00Z"
	markedFinalize := marked
	markedFinalize.Finalize = true
	type seen = resolve.Delivered
	for name, tc := range map[string]struct {
		have   seen
		retain bool
		// recorded is set when the cluster's report lists the addon's objects as left.
		recorded bool
		// off and on say what is done about it while the addon is switched off or on.
		off, on string
	}{
		"listed only":                    {have: seen{Element: element, Listed: true}, off: "remove", on: "keep listed"},
		"listed and there":               {have: seen{Element: element, Listed: true, Exists: true}, off: "remove listed finalize", on: "keep listed"},
		"asked for the finalizer":        {have: seen{Element: finalize, Listed: true, Exists: true}, off: "remove listed finalize", on: "keep listed SettingsChanged"},
		"with the finalizer, not marked": {have: seen{Element: finalize, Listed: true, Exists: true, Finalizer: true}, off: "remove listed finalize", on: "keep listed SettingsChanged"},
		"with the finalizer":             {have: seen{Element: markedFinalize, Listed: true, Exists: true, Finalizer: true, Marked: true}, off: "remove delete", on: "keep listed SettingsChanged"},
		"not listed":                     {have: seen{Element: element, Exists: true}, off: "remove listed finalize", on: "keep listed Relisted"},
		"not listed, finalizer":          {have: seen{Element: marked, Exists: true, Finalizer: true, Marked: true}, off: "remove delete", on: "keep listed Relisted"},
		"being deleted":                  {have: seen{Element: marked, Exists: true, Finalizer: true, Deleting: true, Marked: true}, off: "remove", on: "install listed Leaving"},
		"being deleted, still listed":    {have: seen{Element: element, Listed: true, Exists: true, Deleting: true}, off: "remove", on: "install listed Leaving"},
		"retained, not marked":           {have: seen{Element: element, Listed: true, Exists: true}, retain: true, off: "release listed", on: "keep listed SettingsChanged"},
		"retained, not recorded":         {have: seen{Element: marked, Listed: true, Exists: true, Marked: true}, retain: true, off: "release", on: "keep listed SettingsChanged"},
		"retained":                       {have: seen{Element: marked, Listed: true, Exists: true, Marked: true}, retain: true, recorded: true, off: "release delete", on: "keep listed SettingsChanged"},
		"retained, with a finalizer":     {have: seen{Element: marked, Listed: true, Exists: true, Finalizer: true, Marked: true}, retain: true, recorded: true, off: "release delete orphan", on: "keep listed SettingsChanged"},
		"retained, listed only":          {have: seen{Element: element, Listed: true}, retain: true, off: "release", on: "keep listed SettingsChanged"},
		"retained, not listed":           {have: seen{Element: marked, Exists: true, Marked: true}, retain: true, recorded: true, off: "release delete", on: "keep listed Relisted"},
	} {
		t.Run(name, func(t *testing.T) {
			for label, want := range map[string]string{"disabled": tc.off, "enabled": tc.on} {
				w := newWorld()
				addon := "name: x"
				if tc.retain {
					addon += ", onDisable: retain"
				}
				w.release("v1.31-ake.1", addon)
				w.secrets(secret("a", "x="+label))
				in := w.input()
				if tc.recorded {
					in.Clusters[0].Released = []resolve.Released{{Addon: "x", Since: in.Now, Release: element.Release}}
				}
				tc.have.Status.Release = element.Release
				in.Delivered = map[string][]resolve.Delivered{"a": {tc.have}}
				p := resolve.Make(in).Pairs[0]
				got := []string{string(p.Action)}
				for _, w := range []struct {
					word string
					is   bool
				}{{"listed", p.Element != nil}, {"finalize", p.Element != nil && p.Element.Finalize}, {"delete", p.Delete}, {"orphan", p.Orphan}} {
					if w.is {
						got = append(got, w.word)
					}
				}
				if label == "enabled" && len(p.Reasons) > 0 {
					got = append(got, string(p.Reasons[0].Code))
				}
				if strings.Join(got, " ") != want {
					t.Errorf("%s: %s, want %s", label, strings.Join(got, " "), want)
				}
			}
		})
	}
}

// TestDroppedAddon takes away only what a newer release dropped, as it was promised when it was delivered.
func TestDroppedAddon(t *testing.T) {
	base := resolve.Element{
		Application: "a-x", Addon: "x", Placement: "workload", OnDisable: "prune", Release: "v1.31-ake.2", Commit: commitOf("v1.31-ake.2"), Revision: commitOf("v1.31-ake.2"),
		Path: "addons/x", Namespace: "x", Server: "https://a:6443", Patch: `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`,
	}
	for name, tc := range map[string]struct {
		release   string
		onDisable catalog.OnDisable
		want      string
	}{
		"from an older release":                 {"v1.31-ake.1", "prune", "a/x remove NotInRelease: release v1.31-ake.2 no longer offers x."},
		"from an older release, to be kept":     {"v1.31-ake.1", "retain", "a/x release NotInRelease: release v1.31-ake.2 no longer offers x."},
		"nobody remembers the promise":          {"v1.31-ake.1", "", "a/x release NotInRelease: release v1.31-ake.2 no longer offers x."},
		"from another minor":                    {"v1.30-ake.7", "prune", "a/x remove NotInRelease: release v1.31-ake.2 no longer offers x."},
		"from the very release":                 {"v1.31-ake.2", "prune", "a/x hold NotInRelease: release v1.31-ake.2 does not offer x, and yet it is delivered from it; only a newer release takes it away."},
		"from a newer release that is gone":     {"v1.31-ake.3", "prune", "a/x hold TagGone: v1.31-ake.3 is delivered and newer than v1.31-ake.2, the newest usable release; a release is never taken back by itself."},
		"from no release that anybody can tell": {"", "prune", `a/x hold ReleaseUnknown: release v1.31-ake.2 does not offer x, and the release it was delivered from is not known (""); switch it off by label addons.kaas.dev/x=disabled once a release offers it, or delete Application "a-x" by hand, with the break-glass annotation.`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release("v1.31-ake.2", "name: other")
			w.secrets(secret("a"))
			in := w.input()
			have := resolve.Delivered{Element: base, Exists: true, Status: resolve.Status{Release: tc.release}}
			have.Release, have.OnDisable = tc.release, tc.onDisable
			in.Delivered = map[string][]resolve.Delivered{"a": {have}}
			if got := told(resolve.Make(in)); len(got) != 1 || got[0] != tc.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), tc.want)
			}
		})
	}
}

// TestUnlistableStays leaves an Application alone that says too little to be listed: one bad label stops no other pair.
func TestUnlistableStays(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x")
	in := w.input()
	have := resolve.Delivered{Element: resolve.Element{Application: "a-x", Addon: "x", OnDisable: "prune", Revision: commitOf("x")}, Exists: true}
	in.Delivered = map[string][]resolve.Delivered{"a": {have}}
	for label, want := range map[string]string{
		"x=yes": `a/x hold InvalidSwitch: label addons.kaas.dev/x is neither "enabled" nor "disabled"; what is there stays.`,
		"x=disabled": `a/x hold SwitchedOff: label addons.kaas.dev/x is "disabled". ` +
			`ReleaseUnknown: Application "a-x" names no release ("") and is not listed, so that it cannot be taken away as promised; delete it by hand, with the break-glass annotation.`,
		"x=enabled": "a/x move NewRelease: v1.31-ake.1 is the release for Kubernetes 1.31; what is delivered names none.",
	} {
		w.secrets(secret("a", label))
		in.Clusters = w.clusters
		plan := resolve.Make(in)
		if got := told(plan)[0]; got != want {
			t.Errorf("%s: %s\nwant %s", label, got, want)
		}
		if p := plan.Pairs[0]; (p.Element != nil) != (p.Action == resolve.Move) || p.Delete {
			t.Errorf("%s: %+v", label, p)
		}
	}
}

// TestOtherDistribution (c40) moves to the distribution that main names now, whatever its numbers and its name.
func TestOtherDistribution(t *testing.T) {
	w := newWorld()
	w.release("v1.31-zed.9", "name: x, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	w.set(resolve.SourceRelease{Release: release.Release{Tag: mustTag("v1.31-zed.9"), Commit: commitOf("v1.31-zed.9")}, Refused: parseReason("OtherDistribution: counts no more")})
	mustSettle(t, w)
	if p := resolve.Make(w.input()).Pairs[0]; p.Action != resolve.Hold || p.Revision != commitOf("v1.31-zed.9") {
		t.Errorf("with no release of the other: %+v", p)
	}
	w.release("v1.31-ake.1", "name: x, enabled: always")
	want := []string{"a/x move NewRelease: v1.31-ake.1 takes the place of v1.31-zed.9: the catalog names another distribution."}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	mustSettle(t, w)
	if p := resolve.Make(w.input()).Pairs[0]; p.Action != resolve.Keep {
		t.Errorf("in the end: %+v", p)
	}
	if got, want := w.String(), "a-x #1 v1.31-ake.1 "; !strings.HasPrefix(got, want) {
		t.Errorf("runs %s want %s", got, want)
	}
}
