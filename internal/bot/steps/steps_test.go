package steps_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
)

// TestApply opens two picks after their branches: what fails for one branch stops what builds on it and nothing else.
func TestApply(t *testing.T) {
	down := errors.New("the server is down")
	var did []string
	does := func(name string, err error) func(context.Context) error {
		return func(context.Context) error {
			did = append(did, name)
			return err
		}
	}
	cut31 := &steps.Step{Action: "cut", Branch: "release-1.31", What: "make the branch", Do: does("cut 1.31", down)}
	open31 := &steps.Step{Action: "open", Branch: "release-1.31", What: "open it", Do: does("open 1.31", nil), Needs: []*steps.Step{cut31}}
	check31 := &steps.Step{Action: "check", Branch: "release-1.31", What: "check it", Do: does("check 1.31", nil), Needs: []*steps.Step{open31}}
	wait := &steps.Step{Action: "wait", Branch: "release-1.32", Pull: 12, What: "#12 waits", Why: "for #11"}
	open32 := &steps.Step{Action: "open", Branch: "release-1.32", What: "open it", Do: does("open 1.32", nil), Needs: []*steps.Step{wait}}

	var told []string
	err := steps.Apply(t.Context(), []*steps.Step{cut31, open31, check31, wait, open32}, func(r steps.Result) { told = append(told, r.Line()) })
	if !errors.Is(err, down) || err.Error() != "cut release-1.31: the server is down" {
		t.Errorf("error %v", err)
	}
	if want := []string{"cut 1.31", "open 1.32"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	want := []string{
		"failed  cut release-1.31: the server is down",
		"held    open release-1.31: a step before it did not happen",
		"held    check release-1.31: a step before it did not happen",
		"told    wait release-1.32 #12: #12 waits: for #11",
		"done    open release-1.32: open it",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// TestApplyStops ends between two steps when it is told to.
func TestApplyStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var did []string
	plan := []*steps.Step{
		{Action: "open", Do: func(context.Context) error { did = append(did, "first"); stop(); return nil }},
		{Action: "open", Do: func(context.Context) error { did = append(did, "second"); return nil }},
	}
	if err := steps.Apply(ctx, plan, nil); !errors.Is(err, context.Canceled) || !slices.Equal(did, []string{"first"}) {
		t.Errorf("did %q, error %v", did, err)
	}
}

// TestTable prints hostile text as text.
func TestTable(t *testing.T) {
	var b strings.Builder
	err := steps.Table(&b, []*steps.Step{
		{Action: "open", Branch: "release-1.31", What: "open \x1b[31mred\x1b[0m"},
		{Action: "wait", Pull: 7, What: "wait", Why: "a\nb"},
	})
	want := "ACTION  BRANCH        PULL  WHAT\nopen    release-1.31  -     open \\x1b[31mred\\x1b[0m\nwait    -             #7    wait: a\\nb\n"
	if err != nil || b.String() != want {
		t.Errorf("got\n%s\nwant\n%s(%v)", b.String(), want, err)
	}
	b.Reset()
	if err := steps.Table(&b, nil); err != nil || b.String() != "" {
		t.Errorf("an empty plan prints %q", b.String())
	}
}
