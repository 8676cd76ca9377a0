package resolve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// answer is an Upgrade in short.
type answer struct {
	Possible              bool
	Release               string
	Blockers, Warnings    []string
	Added, Moved, Dropped string
	Order                 string
}

func answerOf(u resolve.Upgrade) answer {
	lines := func(reasons []resolve.UpgradeReason) (all []string) {
		for _, r := range reasons {
			all = append(all, strings.TrimSpace(r.Addon+" "+string(r.Code)+": "+r.Message))
		}
		return all
	}
	var moved []string
	for _, m := range u.Moved {
		moved = append(moved, m.Addon+" "+m.From+" "+m.To)
	}
	return answer{
		u.Possible, u.Release, lines(u.Blockers), lines(u.Warnings), strings.Join(u.Added, " "), strings.Join(moved, ", "), strings.Join(u.Dropped, " "), strings.Join(u.Order, " "),
	}
}

// TestCanUpgrade asks about the next minor, with every reason against it.
func TestCanUpgrade(t *testing.T) {
	const now131 = "v1.31-ake.1"
	base := []string{"name: certs, enabled: always", "name: dns", "name: logs"}
	m := func(text string) version.Minor {
		minor, err := version.ParseMinor(text)
		if err != nil {
			t.Fatal(err)
		}
		return minor
	}
	pin := func(addon, tag string) func(w *world) {
		return func(w *world) {
			w.orders["a"] = resolve.Orders{Pins: []resolve.Pin{{Addon: addon, Release: tag, Owner: "ada", Reason: "INC-7", Expires: w.now.Add(time.Hour)}}}
		}
	}
	for name, tc := range map[string]struct {
		labels []string
		// next is what v1.32-ake.1 offers; nil for no such release.
		next []string
		// then happens once the cluster has all of v1.31-ake.1.
		then func(w *world)
		to   string
		want answer
	}{
		"all of it moves": {
			labels: []string{"dns=enabled"}, next: base,
			want: answer{Possible: true, Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1, dns v1.31-ake.1 v1.32-ake.1", Order: "certs dns"},
		},
		"added, dropped, and what others depend on first": {
			next: []string{"name: a-new, enabled: always, dependsOn: [z-base]", "name: certs, enabled: always, dependsOn: [a-new]", "name: z-base, enabled: default"},
			then: func(w *world) { w.clusters[0].Labels[catalog.LabelPrefix+"logs"] = "disabled" },
			want: answer{Possible: true, Release: "v1.32-ake.1", Added: "a-new z-base", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "z-base a-new certs"},
		},
		"dropped, and nobody asks for it": {
			next: []string{"name: dns"},
			want: answer{Possible: true, Release: "v1.32-ake.1", Dropped: "certs"},
		},
		"dropped, with a grace and a budget": {
			next: []string{"name: dns"},
			then: func(w *world) { w.policy = resolve.DefaultPolicy() },
			want: answer{Possible: true, Release: "v1.32-ake.1", Dropped: "certs"},
		},
		"dropped, and a label asks for it": {
			labels: []string{"dns=enabled"}, next: []string{"name: certs, enabled: always"},
			want: answer{Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs", Blockers: []string{
				"dns NotInRelease: release v1.32-ake.1 no longer offers dns, and label addons.kaas.dev/dns asks for it. Switch it off first, or release a version for Kubernetes 1.32",
			}},
		},
		"out of range there": {
			next: []string{"name: certs, enabled: always, kubernetes: \"<1.32\""},
			want: answer{Possible: true, Release: "v1.32-ake.1", Dropped: "certs"},
		},
		"out of range there, and a label asks for it": {
			labels: []string{"dns=enabled"}, next: []string{"name: certs, enabled: always", "name: dns, kubernetes: \"<1.32\""},
			want: answer{Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs", Blockers: []string{
				"dns OutOfRange: dns supports Kubernetes <1.32, not v1.32.0, and label addons.kaas.dev/dns asks for it. Switch it off first, or release a version for Kubernetes 1.32",
			}},
		},
		"what it needs is off there": {
			labels: []string{"dns=enabled"}, next: []string{"name: certs, enabled: always", "name: dns, dependsOn: [logs]", "name: logs"},
			want: answer{Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs", Blockers: []string{
				"dns DependencyOff: dns needs logs, which is off on this cluster; set label addons.kaas.dev/logs=enabled",
			}},
		},
		"a parameter is missing there": {
			next: []string{`name: certs, enabled: always, parameters: [{name: zone, from: {label: zone}}]`},
			want: answer{Release: "v1.32-ake.1", Blockers: []string{
				"certs ParameterMissing: parameter zone of certs comes from label zone, which this cluster's Secret does not have, and there is no default",
			}},
		},
		"a label cannot be read": {
			labels: []string{"dns=enabled"}, next: base,
			then: func(w *world) { w.clusters[0].Labels[catalog.LabelPrefix+"dns"] = "yes" },
			want: answer{Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs", Blockers: []string{
				`dns InvalidSwitch: label addons.kaas.dev/dns is neither "enabled" nor "disabled"; what is there stays`,
			}},
		},
		"an addon is pinned": {
			next: base, then: pin("certs", now131),
			want: answer{Release: "v1.32-ake.1", Blockers: []string{
				"certs PinUnusable: it is pinned to v1.31-ake.1 by ada until 2026-01-31T13:00:00Z: INC-7, which is no release for Kubernetes 1.32; take the pin back, or pin it to one that is",
			}},
		},
		"the cluster is pinned": {
			next: base, then: pin("", now131),
			want: answer{Release: "v1.32-ake.1", Blockers: []string{
				"PinUnusable: the cluster is pinned to v1.31-ake.1 by ada until 2026-01-31T13:00:00Z: INC-7, which is no release for Kubernetes 1.32; take the pin back, or pin it to one that is",
			}},
		},
		"the cluster is pinned to a release there": {
			next: base, then: func(w *world) {
				w.release("v1.32-ake.2", base...)
				pin("", "v1.32-ake.1")(w)
			},
			want: answer{Possible: true, Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs"},
		},
		"a pin that ended": {
			next: base, then: func(w *world) {
				pin("", now131)(w)
				w.now = w.now.Add(2 * time.Hour)
			},
			want: answer{Possible: true, Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs"},
		},
		"no release": {
			want: answer{Blockers: []string{"NoRelease: there is no usable release for Kubernetes 1.32; minors that have one: 1.31. Tag one on branch release-1.32 first"}},
		},
		"only refused ones": {
			then: func(w *world) {
				w.set(resolve.SourceRelease{Release: release.Release{Tag: mustTag("v1.32-ake.1"), Commit: "c"}, Refused: &fault.Reason{Code: resolve.CodeTagMoved, Message: "it moved"}})
			},
			want: answer{Blockers: []string{
				"NoRelease: there is no usable release for Kubernetes 1.32; minors that have one: 1.31. Tag one on branch release-1.32 first",
				"ReleaseRefused: v1.32-ake.1 is refused: it moved",
			}},
		},
		"two minors up": {
			next: base, to: "1.33", then: func(w *world) { w.release("v1.33-ake.1", base...) },
			want: answer{Possible: true, Release: "v1.33-ake.1", Moved: "certs v1.31-ake.1 v1.33-ake.1", Order: "certs", Warnings: []string{
				"SkipsMinor: a control plane goes up one minor at a time: ask for 1.32 first",
			}},
		},
		"down": {
			next: base, to: "1.30",
			want: answer{Blockers: []string{
				"UpgradeBlocked: the cluster runs v1.31.4 already; Kubernetes has no way back to 1.30",
				"NoRelease: there is no usable release for Kubernetes 1.30; minors that have one: 1.31, 1.32. Tag one on branch release-1.30 first",
			}},
		},
		"the Secret cannot be read": {
			next: base, then: func(w *world) { w.clusters[0].Hold = &fault.Reason{Code: "NoName", Message: "the Secret has no name"} },
			want: answer{Release: "v1.32-ake.1", Blockers: []string{"NoName: the Secret has no name"}},
		},
		"paused, frozen and given up make no difference to the answer": {
			next: base, then: func(w *world) {
				w.clusters[0].Paused = true
				w.policy.Paused = true
				w.orders["a"] = resolve.Orders{Freeze: &resolve.Freeze{Until: w.now.Add(time.Hour)}}
			},
			want: answer{Possible: true, Release: "v1.32-ake.1", Moved: "certs v1.31-ake.1 v1.32-ake.1", Order: "certs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release(now131, base...)
			w.secrets(secret("a", tc.labels...))
			mustSettle(t, w)
			if tc.next != nil {
				w.release("v1.32-ake.1", tc.next...)
			}
			if tc.then != nil {
				tc.then(w)
			}
			if tc.to == "" {
				tc.to = "1.32"
			}
			in := w.input()
			s := resolve.Prepare(in.Source, in.Policy, resolve.NamesOf(in.Delivered))
			got := s.CanUpgrade(in.Clusters[0], in.Delivered["a"], m(tc.to), in.Now)
			if d := cmp.Diff(tc.want, answerOf(got)); d != "" {
				t.Errorf("CanUpgrade (-want +got):\n%s", d)
			}
			if got.From != "v1.31.4" || got.To != tc.to {
				t.Errorf("from %s to %s", got.From, got.To)
			}
		})
	}
}

// TestOutlook answers for the next minor, where there is one to speak of.
func TestOutlook(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(w *world)
		ok       bool
		possible bool
	}{
		"released":            {func(w *world) { w.release("v1.32-ake.1", "name: x, enabled: always") }, true, true},
		"offered, no release": {func(w *world) { w.offered = minorPool }, true, false},
		"neither":             {func(*world) {}, false, false},
		"no version":          {func(w *world) { w.offered = minorPool; w.clusters[0].ReportedVersion = version.Kubernetes{} }, false, false},
		"its Secret is gone":  {func(w *world) { w.offered = minorPool; w.clusters = nil }, false, false},
		"nothing can be read": {func(w *world) {
			w.offered = minorPool
			w.unavailable = &fault.Reason{Code: resolve.CodeSourceUnavailable}
		}, false, false},
		"only the one thereon": {func(w *world) { w.release("v1.33-ake.1", "name: x") }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release("v1.31-ake.1", "name: x, enabled: always")
			w.secrets(secret("a"))
			mustSettle(t, w)
			tc.change(w)
			in := w.input()
			s := resolve.Prepare(in.Source, in.Policy, resolve.NamesOf(in.Delivered))
			u, ok := s.Outlook(in.Clusters[0], in.Delivered["a"], in.Now)
			if ok != tc.ok || u.Possible != tc.possible || ok && u.To != "1.32" {
				t.Errorf("Outlook: %v %+v", ok, u)
			}
		})
	}
}
