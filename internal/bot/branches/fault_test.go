package branches_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/test/github"
)

// busy is a town in which the next run has something of everything to do: to cut a branch, to open a pull request and a draft, to renew one, to close one, to put a
// clean one in a draft's place, to comment on changes and on manifests.
func busy(t *testing.T, o github.Options) *town {
	t.Helper()
	town := newTown(t, o)
	town.diff = func(_ context.Context, base, head, name string) (string, error) {
		return fmt.Sprintf("### Manifests of %s\n\n%s to %s\n", name, base, head), nil
	}
	town.commit("release-1.32", "Own dns", map[string]string{"addons/dns/dns.yaml": settings("dns", "own")})
	town.commit("release-1.31", "Own extra", map[string]string{"addons/cert/extra.yaml": settings("extra", "own")})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.change("Set dns to 2", "merge", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	town.change("Set extra to 2", "squash", map[string]string{"addons/cert/extra.yaml": settings("extra", "2")})
	town.settle()
	town.expect(town.pulls(),
		`#4 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`,
		`#5 release-1.32 ← pick/release-1.32/pr-1 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
		`#6 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set dns to 2, open ["cherry-pick"]`,
		`#7 release-1.32 ← pick/release-1.32/pr-2 by branch-bot: [release-1.32] Set dns to 2, open draft ["cherry-pick" "conflict"]`,
		`#8 release-1.31 ← pick/release-1.31/pr-3 by branch-bot: [release-1.31] Set extra to 2, open draft ["cherry-pick" "conflict"]`,
		`#9 release-1.32 ← pick/release-1.32/pr-3 by branch-bot: [release-1.32] Set extra to 2, open ["cherry-pick"]`,
	)
	town.ok(town.repo.LabelPull(1, "ben", "no-cherry-pick/1.31"))
	town.merge(6, "squash")
	town.commit("release-1.32", "Back again", map[string]string{"addons/dns/dns.yaml": settings("dns", "1")})
	town.commit("release-1.31", "Another extra", map[string]string{"addons/cert/extra.yaml": settings("extra", "another")})
	town.commit("release-1.32", "Own new", map[string]string{"addons/new/new.yaml": settings("new", "own")})
	town.change("Set new to 2", "rebase", map[string]string{"addons/new/new.yaml": settings("new", "2")})
	town.change("Offer 1.33", "squash", map[string]string{
		"catalog.yaml": fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`), "addons/dns/more.yaml": settings("more", "1"),
	})
	return town
}

// quiet is what a busy town must come to, whatever happens on the way.
var quiet struct {
	sync.Mutex
	state  string
	writes int
}

// undisturbed is the end without any fault, and how many writes lead there.
func undisturbed(t *testing.T) (state string, writes int) {
	t.Helper()
	quiet.Lock()
	defer quiet.Unlock()
	if quiet.state == "" {
		town := busy(t, github.Options{})
		town.onEffect(func(github.Request) { quiet.writes++ })
		town.settle()
		quiet.state = town.portable()
		for _, want := range []string{
			"refs/heads/release-1.33 ", `[release-1.32] Set new to 2, open draft ["cherry-pick" "conflict"]`, "Set dns to 2, closed draft", "Offer 1.33, open",
			"> **Closed by the bot:** label no-cherry-pick/1.31",
		} {
			if !strings.Contains(quiet.state+strings.Join(town.pulls(), "\n"), want) {
				t.Errorf("the end lacks %q:\n%s\n%s", want, quiet.state, strings.Join(town.pulls(), "\n"))
			}
		}
	}
	return quiet.state, quiet.writes
}

// portable is the state without what may differ: the address of the server, and in which order the bot opened its pull requests.
func (town *town) portable() string {
	names := map[string]string{}
	times := map[string]int{}
	for _, p := range town.repo.Pulls() {
		key := p.Base + " from " + p.Head
		times[key]++
		names[fmt.Sprint(p.Number)] = fmt.Sprintf("(%s, the %d.)", key, times[key])
	}
	parts := town.state()
	for i, text := range parts {
		text = strings.ReplaceAll(text, town.server.URL(), "https://github.example")
		parts[i] = references.ReplaceAllStringFunc(text, func(s string) string {
			m := references.FindStringSubmatch(s)
			return m[1] + names[m[2]]
		})
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "\n")
}

// references are numbers of pull requests, as texts have them.
var references = regexp.MustCompile(`(#|&#35;&#8203;|/pull/)([0-9]+)\b`)

// onEffect calls f before each write and push. Git asks before it pushes: that is none.
func (town *town) onEffect(f func(github.Request)) {
	town.server.OnWrite(func(r github.Request) {
		if r.Method != http.MethodGet {
			f(r)
		}
	})
}

// dead is a process that was killed: nothing that it still sends arrives.
func dead(server *github.Server) { server.Script(github.Fault{On: "*", Cut: github.Before}) }

// TestFaults disturbs the bot in a busy town, and lets it run until there is nothing left to do: the end is always the same, down to each text, so nothing is
// lost and nothing is doubled.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes; TestCutOff is for every day")
	}
	// once hits each write, once, with a fault.
	once := func(f github.Fault) func(town *town) func() bool {
		return func(town *town) func() bool {
			var mu sync.Mutex
			hit := map[string]bool{}
			town.onEffect(func(r github.Request) {
				mu.Lock()
				defer mu.Unlock()
				key := r.Operation + r.Path
				if r.Operation != "git/push" {
					key += string(r.Body)
				}
				if !hit[key] {
					hit[key] = true
					f.On, f.Times = r.Operation, 1
					town.server.Script(f)
				}
			})
			return nil
		}
	}
	// kill lets so many writes of a run happen, and cuts the next one off together with all that would come then.
	kill := func(lets int, cut github.Cut) func(town *town) func() bool {
		return func(town *town) func() bool {
			var mu sync.Mutex
			writes, killed := 0, false
			town.onEffect(func(r github.Request) {
				mu.Lock()
				defer mu.Unlock()
				if writes++; writes == lets+1 {
					killed = true
					town.server.Script(github.Fault{On: r.Operation, Times: 1, Cut: cut})
					dead(town.server)
				}
			})
			return func() bool {
				mu.Lock()
				defer mu.Unlock()
				was := killed
				writes, killed = 0, false
				return was
			}
		}
	}
	down := func(status int) github.Fault { return github.Fault{Status: status} }
	for name, tc := range map[string]struct {
		options github.Options
		// disturb begins to disturb; what it answers is asked after each run whether the process was killed in it.
		disturb func(town *town) func() bool
		// runs is how many runs it must take at least.
		runs int
	}{
		"killed after each write":                                        {disturb: kill(0, github.After), runs: 30},
		"killed while each write is on its way":                          {disturb: kill(1, github.Before), runs: 30},
		"killed after every third write":                                 {disturb: kill(2, github.After), runs: 10},
		"each answer is lost (faults 58 and 65)":                         {disturb: once(github.Fault{Cut: github.After})},
		"each request is lost":                                           {disturb: once(github.Fault{Cut: github.Before})},
		"each write is answered with 500 (fault 61)":                     {disturb: once(down(http.StatusInternalServerError))},
		"each write is answered with 502":                                {disturb: once(down(http.StatusBadGateway))},
		"each write meets the secondary limit, with a wait (fault 62)":   {disturb: once(github.Secondary("", "30"))},
		"each write meets the secondary limit, without one":              {disturb: once(github.Secondary("", ""))},
		"each write is answered with 429 (fault 63)":                     {disturb: once(github.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "5"}})},
		"each write is answered with a page (fault 67)":                  {disturb: once(github.HTML(""))},
		"new pull requests are listed late (fault 66)":                   {options: github.Options{ListingDelay: 30 * time.Second}, disturb: kill(0, github.After)},
		"each write is refused for want of a right, for once (fault 69)": {disturb: once(down(http.StatusForbidden))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, writes := undisturbed(t)
			town := busy(t, tc.options)
			killed := tc.disturb(town)
			runs := 0
			for ; ; runs++ {
				lines, err := town.try(t.Context())
				if killed != nil && killed() {
					if err == nil {
						t.Fatal("nobody noticed that the process was killed")
					}
					town.server.Heal()
				} else if err == nil && len(doing(lines)) == 0 {
					break
				}
				town.ok(town.clock.Sleep(t.Context(), 5*time.Second))
				if runs > 3*writes {
					t.Fatalf("no end after %d runs: %q, %v", runs, lines, err)
				}
			}
			if runs < tc.runs {
				t.Errorf("it took only %d runs: was it disturbed?", runs)
			}
			town.server.OnRequest(nil)
			if got := town.portable(); got != want {
				t.Errorf("got\n%s\nwant\n%s", difference(got, want), difference(want, got))
			}
		})
	}
}

// TestCutOff is the most important of TestFaults in a small town: one change, and the process killed after each of its writes.
func TestCutOff(t *testing.T) {
	open := func() *town {
		town := newTown(t, github.Options{})
		town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
		return town
	}
	whole := open()
	writes := 0
	whole.onEffect(func(github.Request) { writes++ })
	whole.settle()
	town := open()
	killed := false
	town.onEffect(func(r github.Request) {
		if !killed {
			killed = true
			town.server.Script(github.Fault{On: r.Operation, Times: 1, Cut: github.After})
			dead(town.server)
		}
	})
	runs := 0
	for ; ; runs++ {
		lines, err := town.try(t.Context())
		if !killed && err == nil && len(doing(lines)) == 0 {
			break
		}
		if runs > writes {
			t.Fatalf("no end after %d runs: %q, %v", runs, lines, err)
		}
		killed = false
		town.server.Heal()
	}
	if runs != writes || writes < 9 {
		t.Errorf("%d writes took %d runs that were killed after one", writes, runs)
	}
	if got, want := town.portable(), whole.portable(); got != want {
		t.Errorf("got\n%s\nwant\n%s", difference(got, want), difference(want, got))
	}
}

// difference are the lines of a that b does not have, or has less often, and the first that stands elsewhere.
func difference(a, b string) string {
	has := map[string]int{}
	for l := range strings.Lines(b) {
		has[l]++
	}
	var lines []string
	other := strings.Split(b, "\n")
	for i, l := range strings.Split(a, "\n") {
		if has[l+"\n"]--; has[l+"\n"] < 0 {
			lines = append(lines, l)
		} else if len(lines) == 0 && (i >= len(other) || other[i] != l) {
			lines = append(lines, fmt.Sprintf("line %d: %s", i, l))
		}
	}
	return strings.Join(lines, "\n")
}

// TestStopped ends the run after each single step, as a signal does.
func TestStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("TestFaults has the like of it")
	}
	want, _ := undisturbed(t)
	town := busy(t, github.Options{})
	for runs := 0; ; runs++ {
		ctx, stop := context.WithCancel(t.Context())
		o, done, err := town.options(ctx)
		town.ok(err)
		plan, err := branches.Plan(ctx, o)
		town.ok(err)
		pending := steps.Pending(plan)
		if len(pending) == 0 {
			done()
			stop()
			if runs < 20 {
				t.Errorf("it took only %d runs", runs)
			}
			break
		}
		err = steps.Apply(ctx, plan, func(r steps.Result) {
			if r.Outcome == steps.Done {
				stop()
			}
		})
		done()
		stop()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("run %d ended with %v", runs, err)
		}
	}
	if got := town.portable(); got != want {
		t.Errorf("got\n%s\nwant\n%s", difference(got, want), difference(want, got))
	}
}
