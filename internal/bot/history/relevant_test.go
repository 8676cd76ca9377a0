package history_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// forgeOf is a forge with these pull requests. Asked are the times since which it was asked.
type forgeOf struct {
	all   []forge.Pull
	asked []time.Time
}

func (f *forgeOf) OpenPulls(context.Context) ([]forge.Pull, error) {
	return slices.DeleteFunc(slices.Clone(f.all), func(p forge.Pull) bool { return !p.Open }), nil
}

func (f *forgeOf) PullsSince(_ context.Context, since time.Time) ([]forge.Pull, error) {
	f.asked = append(f.asked, since)
	return slices.DeleteFunc(slices.Clone(f.all), func(p forge.Pull) bool { return p.Updated.Before(since) }), nil
}

// TestRelevant goes through a change's life: until it is on each branch and two releases later, its pull request matters, and none from before.
func TestRelevant(t *testing.T) {
	w := newWork(t, t.TempDir())
	day := func(n int) time.Time { return time.Date(2025, 7, n, 12, 0, 0, 0, time.UTC) }
	on := func(n int) { w.date = fmt.Sprintf("%d +0000", day(n).Unix()) }
	hub := &forgeOf{all: []forge.Pull{{Number: 1, Open: true, Updated: day(1)}, {Number: 2, Updated: day(2)}, {Number: 12, Updated: day(10)}}}
	m, err := native.Open(t.Context(), native.Options{URL: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	check := func(when, want, since string) {
		t.Helper()
		if _, err := m.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		hub.asked = nil
		pulls, err := history.Relevant(t.Context(), hub, history.Options{Mirror: m, Main: "main"})
		if err != nil {
			t.Fatal(err)
		}
		var numbers []int
		for _, p := range pulls {
			numbers = append(numbers, p.Number)
		}
		asked := "never"
		for _, at := range hub.asked {
			asked = at.UTC().Format(time.DateOnly)
		}
		if fmt.Sprint(numbers) != want || asked != since {
			t.Errorf("%s: %v, asked since %s; want %s, since %s", when, numbers, asked, want, since)
		}
	}
	check("nothing to pick", "[1]", "never")
	on(10)
	change := w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
	check("on no branch", "[1 12]", "2025-07-08")
	w.pick("release-1.31", "-x", change)
	w.pick("release-1.32", "-x", change)
	check("on each branch, in no release", "[1 12]", "2025-07-08")
	for n := 1; n <= 3; n++ {
		for _, minor := range []string{"1.31", "1.32"} {
			w.git("tag", fmt.Sprintf("v%s-ake.%d", minor, n), "release-"+minor)
			w.edit("release-"+minor, note, fmt.Sprint(n), fmt.Sprint(n+1), "Own")
		}
		if n < 3 {
			check(fmt.Sprint("after release ", n), "[1 12]", "2025-07-08")
		}
	}
	check("in releases of long ago", "[1]", "never")
}
