package github

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestSweep is 40 changes on 4 branches at once: 160 pull requests, each with labels, a check and a comment, through GitHub's limits, which the
// stand-in holds by itself. None is lost, none is made twice, and the server never has to say no.
func TestSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("640 writes")
	}
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	c := p.asApp(func(o *Options) { o.MaxWait = time.Hour })
	heads := map[string]string{}
	for branch := range 4 {
		base := fmt.Sprintf("release-1.%d", 30+branch)
		if base != "release-1.31" {
			p.branch(base, "main")
		}
		for change := range 40 {
			name := fmt.Sprintf("pick/%s/pr-%d", base, change+1)
			heads[name] = p.branch(name, base)
		}
	}
	started := p.clock.now()
	var all sync.WaitGroup
	problems := make(chan error, 4*len(heads))
	for head, commit := range heads {
		all.Go(func() {
			base := strings.Split(head, "/")[1]
			pull, err := c.Open(ctx, forge.NewPull{Title: "[" + base + "] " + head, Body: head, Base: base, Head: head})
			if err != nil {
				problems <- err
				return
			}
			_, commented := c.Comment(ctx, pull.Number, "about "+head)
			problems <- errors.Join(
				c.Label(ctx, pull.Number, "cherry-pick"), commented,
				c.SetCheck(ctx, forge.Check{Name: "addons/no-conflicts", Commit: commit, Conclusion: forge.Success, Title: "ok"}),
			)
		})
	}
	all.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			t.Error(err)
		}
	}
	var times []time.Time
	for _, w := range p.server.Writes() {
		times = append(times, w.At)
		if w.Status >= 300 {
			t.Errorf("%s %s was refused with %d", w.Method, w.Path, w.Status)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	perMinute, perHour := most(times, time.Minute), most(times, time.Hour)
	if len(times) != 640 || perMinute > 80 || perHour > 500 {
		t.Errorf("%d writes, %d in a minute, %d in an hour; want 640, at most 80 and 500", len(times), perMinute, perHour)
	}
	open, err := c.OpenPulls(ctx)
	p.must(err)
	for _, pull := range open {
		comments, err := c.Comments(ctx, pull.Number)
		p.must(err)
		checks, err := c.Checks(ctx, pull.HeadCommit)
		p.must(err)
		if heads[pull.Head] != pull.HeadCommit || len(comments) != 1 || comments[0].Body != "about "+pull.Head || len(checks) != 1 || len(pull.Labels) != 1 {
			t.Errorf("#%d from %s: %v %v %v", pull.Number, pull.Head, comments, checks, pull.Labels)
		}
		delete(heads, pull.Head)
	}
	if len(heads) > 0 {
		t.Errorf("lost: %v", heads)
	}
	t.Logf("640 writes took %s by the clock, at most %d in a minute and %d in an hour", p.clock.now().Sub(started).Round(time.Second), perMinute, perHour)
}

// TestUnchangedCostsNothing asks a second time, from another process, for what the reconcile reads of ten pull requests: at most one request for
// each, all answered with 304, which GitHub does not count.
func TestUnchangedCostsNothing(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx, dir := t.Context(), t.TempDir()
	remembering := func(o *Options) { o.Dir = dir }
	first := p.asUser("robot", remembering)
	for i := range 10 {
		head := fmt.Sprintf("pick/release-1.31/pr-%d", i+1)
		p.branch(head, "release-1.31")
		_, err := first.Open(ctx, forge.NewPull{Title: head, Base: "release-1.31", Head: head})
		p.must(err)
	}
	read := func(c *Client) {
		t.Helper()
		open, err := c.OpenPulls(ctx)
		p.must(err)
		for _, pull := range open {
			_, err := c.Comments(ctx, pull.Number)
			p.must(err)
		}
		if len(open) != 10 {
			t.Errorf("%d open", len(open))
		}
	}
	read(first)
	second := p.asUser("robot", remembering)
	read(second)
	asked, unchanged, writes := second.Spent()
	if asked != 11 || unchanged != 11 || writes != 0 {
		t.Errorf("the second process asked %d times, %d unchanged, %d writes; want 11, 11, 0", asked, unchanged, writes)
	}
	// What changed is seen.
	p.must(first.Label(ctx, 1, "new"))
	open, err := second.OpenPulls(ctx)
	p.must(err)
	if !slices.Equal(open[0].Labels, []string{"new"}) {
		t.Errorf("labels %v", open[0].Labels)
	}
}
