package proposing

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

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/test/github"
)

// busy is a town in which the next run has something of everything to do: to open pull requests, to renew one with a push and other labels, to close one, to answer
// people, to close one for a person, and to write the dashboard.
func busy(t *testing.T, o github.Options) *town {
	t.Helper()
	town := newTown(t, o)
	for _, addon := range []string{"cert", "dns", "log"} {
		town.published[addon] = []string{"4.1.0", "4.2.0"}
	}
	town.settle()
	town.expect(town.pulls(),
		`#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.0, open ["upgrade"]`,
		`#2 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.0, open ["upgrade"]`,
		`#3 main ← upgrade/main/log by branch-bot: Upgrade log from 4.1.0 to 4.2.0, open ["upgrade"]`,
	)
	town.published["cert"] = []string{"4.1.0", "4.2.0", "4.3.0", "5.0.0"}
	town.limits["release-1.31 cert"] = "4.2.0"
	town.by("main", "addons/dns/version.yaml", pinned("4.2.0"))
	town.published["log"] = []string{"4.1.0", "4.1.1", "4.2.0"}
	town.ok(town.repo.CommentPull(1, "ann", "/rebase"))
	town.ok(town.repo.CommentPull(3, "ben", "/ignore this version"))
	town.ok(town.repo.CommentPull(2, "mallory", "/rebase"))
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
		town.expect(town.pulls(),
			`#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.3.0, open ["no-cherry-pick/1.31" "upgrade"]`,
			`#2 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.0, closed ["upgrade"]`,
			`#3 main ← upgrade/main/log by branch-bot: Upgrade log from 4.1.0 to 4.2.0, closed ["upgrade"]`,
			`#5 main ← upgrade/main/log by branch-bot: Upgrade log from 4.1.0 to 4.1.1, open ["upgrade"]`,
			`#6 release-1.31 ← upgrade/release-1.31/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.0 on release-1.31, open ["upgrade"]`,
			`#7 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), open ["major" "no-cherry-pick/1.31" "upgrade"]`,
		)
		for n := range 3 {
			if said := town.said(n + 1); len(said) != 1 {
				t.Errorf("#%d has answers %q", n+1, said)
			}
		}
	}
	return quiet.state, quiet.writes
}

// portable is the state without what may differ: the address of the server, and in which order the bot opened its pull requests.
func (town *town) portable() string {
	names, times := map[string]string{}, map[string]int{}
	for _, p := range town.repo.Pulls() {
		key := p.Base + " from " + p.Head
		times[key]++
		names[fmt.Sprint(p.Number)] = fmt.Sprintf("(%s, the %d.)", key, times[key])
	}
	for _, i := range town.repo.Issues() {
		names[fmt.Sprint(i.Number)] = "(" + i.Title + ")"
	}
	parts := town.state()
	for i, text := range parts {
		text = comments.ReplaceAllString(strings.ReplaceAll(text, town.server.URL(), "https://github.example"), "$1")
		parts[i] = references.ReplaceAllStringFunc(text, func(s string) string {
			m := references.FindStringSubmatch(s)
			return m[1] + names[m[2]]
		})
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "\n")
}

var (
	// references are numbers of pull requests, as texts have them.
	references = regexp.MustCompile(`(#|&#35;&#8203;|/pull/|"pull":)([0-9]+)\b`)
	// comments are numbers of comments.
	comments = regexp.MustCompile(`("comment":|issuecomment-)[0-9]+`)
)

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

// once hits each write, once, with a fault.
func once(f github.Fault) func(town *town) func() bool {
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
func kill(lets int, cut github.Cut) func(town *town) func() bool {
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

// TestFaults disturbs the bot in a busy town, and lets it run until there is nothing left to do: the end is always the same, down to each text, so nothing is
// lost and nothing is doubled.
func TestFaults(t *testing.T) {
	down := func(status int) github.Fault { return github.Fault{Status: status} }
	for name, tc := range map[string]struct {
		options github.Options
		// disturb begins to disturb; what it answers is asked after each run whether the process was killed in it.
		disturb func(town *town) func() bool
		// runs is how many runs it must take at least, daily that it runs in the short run too.
		runs  int
		daily bool
	}{
		"killed after each write":                                        {disturb: kill(0, github.After), runs: 18, daily: true},
		"killed while each write is on its way":                          {disturb: kill(1, github.Before), runs: 18},
		"killed after every third write":                                 {disturb: kill(2, github.After), runs: 6},
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
			if testing.Short() && !tc.daily {
				t.Skip("one is enough for every day")
			}
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

// difference are the lines of a that b does not have, or has less often.
func difference(a, b string) string {
	has := map[string]int{}
	for l := range strings.Lines(b) {
		has[l]++
	}
	var lines []string
	for l := range strings.Lines(a) {
		if has[l]--; has[l] < 0 {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "")
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
		all, _, err := plan(ctx, o, town.upgrader())
		town.ok(err)
		pending := steps.Pending(all)
		if len(pending) > 0 {
			err = steps.Apply(ctx, all, func(r steps.Result) {
				if r.Outcome == steps.Done {
					stop()
				}
			})
		}
		done()
		stop()
		if len(pending) == 0 {
			if runs < 8 {
				t.Errorf("it took only %d runs", runs)
			}
			break
		}
		if !errors.Is(err, context.Canceled) && len(pending) > 1 {
			t.Fatalf("run %d ended with %v", runs, err)
		}
	}
	if got := town.portable(); got != want {
		t.Errorf("got\n%s\nwant\n%s", difference(got, want), difference(want, got))
	}
}
