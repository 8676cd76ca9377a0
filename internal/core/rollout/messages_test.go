package rollout_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestMessagesAreBounded: however many clusters fail, and however much they say, what to do about it is still there to read.
func TestMessagesAreBounded(t *testing.T) {
	m := version.Minor{Major: 999, Minor: 999}
	tag := release.Tag{Minor: m, Distribution: strings.Repeat("d", release.MaxDistribution), N: 1_000_000_000}
	in := rollout.Input{
		Releases: []rollout.Release{{Tag: tag, Usable: true}},
		Policy:   rollout.Policy{Rest: rollout.Group{Name: strings.Repeat("g", 63), Pace: rollout.Pace{MaxConcurrency: rollout.Limit{Value: 1}}}},
	}
	for i := range 30 {
		in.Clusters = append(in.Clusters, rollout.Cluster{
			Name: fmt.Sprintf("%02d", i) + strings.Repeat("n", 251), Minor: m, At: tag, Failed: strings.Repeat("ä", 1000),
		})
	}
	s := rollout.Decide(in).Rollouts[0]
	if n := len(s.Message); n > 1000 || !utf8.ValidString(s.Message) {
		t.Errorf("a message of %d bytes: %q", n, s.Message)
	}
	for _, want := range []string{"rollout resume " + tag.String(), "rollout rollback " + tag.String(), "00nnn", "02nnn", "and 27 more"} {
		if !strings.Contains(s.Message, want) {
			t.Errorf("%q is not in %q", want, s.Message)
		}
	}
	g := s.Groups[0]
	if n := len(g.Message); n > 1000 || !utf8.ValidString(g.Message) {
		t.Errorf("a message of %d bytes: %q", n, g.Message)
	}
	var late []string
	for _, c := range in.Clusters[:20] {
		late = append(late, c.Name)
	}
	if diff := cmp.Diff(late, g.Late); diff != "" || g.Failed != 30 {
		t.Errorf("%d failed; late (-want +got):\n%s", g.Failed, diff)
	}
}

// TestWithoutWindows: windows that never open again say so, and nobody is woken up for them.
func TestWithoutWindows(t *testing.T) {
	m := version.Minor{Major: 1, Minor: 31}
	in := rollout.Input{
		Releases: []rollout.Release{{Tag: release.Tag{Minor: m, Distribution: "ake", N: 1}, Usable: true}},
		Policy: rollout.Policy{
			Rest:    rollout.Group{Name: "rest", Pace: rollout.Pace{MaxConcurrency: rollout.Limit{Value: 1}}},
			Windows: []rollout.Window{{}},
		},
		Clusters: []rollout.Cluster{{Name: "a", Minor: m}},
	}
	const want = `a: nothing ToApply
  WaitingForWindow: v1.31-ake.1 waits in group rest: its windows never open again; correct their schedules
rollout 1.31 v1.31-ake.1 Waiting: group rest: its windows never open again; correct their schedules
  rest Waiting: its windows never open again; correct their schedules
    clusters=1 ToApply=1
next: never
`
	if diff := cmp.Diff(want, write(rollout.Decide(in))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNoSelector: a group that says nothing about whom it selects has nobody, not everybody.
func TestNoSelector(t *testing.T) {
	m := version.Minor{Major: 1, Minor: 31}
	in := rollout.Input{
		Releases: []rollout.Release{{Tag: release.Tag{Minor: m, Distribution: "ake", N: 1}, Usable: true}},
		Policy:   rollout.Policy{Groups: []rollout.Group{{Name: "nobody"}}, Rest: rollout.Group{Name: "rest"}},
		Clusters: []rollout.Cluster{{Name: "a", Minor: m}},
	}
	groups := rollout.Decide(in).Rollouts[0].Groups
	if groups[0].Clusters != 0 || groups[1].Clusters != 1 {
		t.Errorf("got %+v", groups)
	}
}
