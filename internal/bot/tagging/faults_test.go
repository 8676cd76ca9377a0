package tagging_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
)

// pushing is a mirror whose next pushes go as a test says.
type pushing struct {
	*native.Mirror
	before func()
	after  func(error) error
}

func (p *pushing) Push(ctx context.Context, updates ...native.Update) error {
	if before := p.before; before != nil {
		p.before = nil
		before()
	}
	err := p.Mirror.Push(ctx, updates...)
	if after := p.after; after != nil {
		p.after = nil
		return after(err)
	}
	return err
}

// TestCutOff stops the bot between the push and the release: the next run makes the release, with the same notes, whoever runs it.
func TestCutOff(t *testing.T) {
	w := newWorld(t)
	w.rows = pending()[:5]
	o := w.bot()
	ctx, kill := context.WithCancel(t.Context())
	dying := o
	dying.Mirror = &pushing{Mirror: o.Mirror.(*native.Mirror), after: func(err error) error { kill(); return err }}
	p, err := tagging.Run(ctx, dying, tagging.Request{Minor: m131, Anyway: "it is urgent"}, nil)
	if !errors.Is(err, context.Canceled) || w.tags()["v1.31-ake.1"] != p.Commit || len(w.hub.names()) > 0 {
		t.Fatalf("%v, tags %v, releases %v", err, w.tags(), w.hub.names())
	}

	// A commit came meanwhile. First the old release is finished, then the new one is made.
	first := p.Notes
	w.repo.Commit(branch, map[string]string{"README.md": "1\n"}, "Say something")
	o = w.bot()
	if _, err := o.Mirror.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := o.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left, err := tagging.Unfinished(t.Context(), o, h)
	if err != nil || len(left) != 1 || left[0].Sentence() != "make the release v1.31-ake.1: the tag has none" {
		t.Fatalf("%v, unfinished %+v", err, left)
	}
	w.rows = nil
	_, did := run(t, o, request)
	if len(did) != 3 || !strings.HasPrefix(did[0], "done    release release-1.31: make the release v1.31-ake.1") || !slices.Equal(w.hub.names(), []string{"v1.31-ake.1", "v1.31-ake.2"}) {
		t.Errorf("did %q, releases %v", did, w.hub.names())
	}
	if got := w.hub.releases["v1.31-ake.1"].Body; got != first {
		t.Errorf("the finished release says\n%s\nand not\n%s", got, first)
	}
	if left, err = tagging.Unfinished(t.Context(), o, h); err != nil || len(left) > 0 {
		t.Errorf("%v, still unfinished %+v", err, left)
	}
	o.Hub = nil
	if left, err = tagging.Unfinished(t.Context(), o, h); err != nil || left != nil {
		t.Errorf("without a forge: %v, %+v", err, left)
	}
}

// TestForgeDown makes the tag and not the release, says so, and makes the release alone the next time.
func TestForgeDown(t *testing.T) {
	w := newWorld(t)
	o := w.bot()
	o.Mirror = &pushing{Mirror: o.Mirror.(*native.Mirror), after: func(err error) error { w.hub.down = errDown; return err }}
	_, err := tagging.Run(t.Context(), o, request, nil)
	if want := "release release-1.31: make the release v1.31-ake.1: the server is down"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	w.hub.down = nil
	p, did := run(t, o, request)
	if !p.Made || !slices.Equal(did, []string{"done    release release-1.31: make the release v1.31-ake.1: the tag has none"}) || len(w.tags()) != 1 {
		t.Errorf("%+v, did %q", p, did)
	}
}

// TestPushes are all ways in which a push can go wrong.
func TestPushes(t *testing.T) {
	lost := errors.New("the connection was cut")
	for name, tc := range map[string]struct {
		before func(w *world)
		after  func(error) error
		// want are the tags in the end, err the error.
		want []string
		err  string
	}{
		"the answer is lost (fault 58)": {after: func(error) error { return lost }, want: []string{"v1.31-ake.1"}},
		"a commit comes in between (fault 57, a19)": {before: func(w *world) {
			w.repo.Commit(branch, map[string]string{"README.md": "1\n"}, "Say something")
		}, want: []string{"v1.31-ake.1"}},
		"a person takes the number": {before: func(w *world) { w.repo.Tag("v1.31-ake.1", "main~0") }, want: []string{"v1.31-ake.1"}},
		"a person takes the number for another commit": {before: func(w *world) {
			w.repo.Tag("v1.31-ake.1", w.repo.Commit("aside", map[string]string{"a": "1"}, "Aside"))
		}, want: []string{"v1.31-ake.1"}},
		"nothing arrives (fault 49)": {before: func(w *world) { w.server.SetFault(githttp.Down()) }, err: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.bot()
			m := &pushing{Mirror: o.Mirror.(*native.Mirror), after: tc.after}
			if tc.before != nil {
				m.before = func() { tc.before(w) }
			}
			o.Mirror = m
			p, err := tagging.Run(t.Context(), o, request, nil)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			w.server.SetFault(githttp.Fault{})
			if got := slices.Sorted(maps.Keys(w.tags())); !slices.Equal(got, tc.want) {
				t.Errorf("tags %v, want %v", got, tc.want)
			}
			if name == "a person takes the number for another commit" {
				if !p.Refused() || len(w.hub.names()) > 0 {
					t.Errorf("a tag beside the branch was no reason to stop: %s, releases %v", told(p), w.hub.names())
				}
				return
			}
			if p, did := run(t, o, request); len(p.Steps) > 0 && tc.err == "" {
				t.Errorf("a second run did %q", did)
			}
			if !slices.Equal(w.hub.names(), []string{"v1.31-ake.1"}) {
				t.Errorf("releases %v", w.hub.names())
			}
		})
	}
}

// TestProtected tells what to allow when the server's rules refuse the tag (g21).
func TestProtected(t *testing.T) {
	w := newWorld(t)
	hook := "#!/bin/sh\nwhile read old new ref; do case $ref in refs/tags/*) echo 'Tags are protected.' >&2; exit 1;; esac; done\n"
	if err := os.WriteFile(filepath.Join(w.repo.Dir, "hooks", "pre-receive"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := tagging.Run(t.Context(), w.bot(), request, nil)
	if !errors.Is(err, native.ErrProtected) || !strings.HasSuffix(err.Error(), ": let the bot create tags v*-ake.*") || !strings.Contains(err.Error(), "Tags are protected.") {
		t.Errorf("error %v", err)
	}
	if len(w.tags())+len(w.hub.names()) > 0 {
		t.Errorf("tags %v, releases %v", w.tags(), w.hub.names())
	}
}

// TestRace has two bots release the same commits at the same time: each commit gets one number, and there is none without.
func TestRace(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	w := newWorld(t)
	bots := []tagging.Options{w.bot(), w.bot()}
	// The second bot's tags are other objects, so that the two cannot agree by chance.
	bots[1].Tagger.Name = "other-bot"
	want := map[string]string{}
	for round := range rounds {
		tip := w.repo.Commit(branch, map[string]string{"README.md": fmt.Sprintf("%d\n", round)}, fmt.Sprintf("Change %d", round))
		want[fmt.Sprintf("v1.31-ake.%d", round+1)] = tip
		var both sync.WaitGroup
		made := make([]int, len(bots))
		for i, o := range bots {
			both.Go(func() {
				_, err := tagging.Run(t.Context(), o, request, func(r steps.Result) {
					if r.Action == "tag" && r.Outcome == steps.Done {
						made[i]++
					}
				})
				if err != nil {
					t.Errorf("round %d, bot %d: %v", round, i, err)
				}
			})
		}
		both.Wait()
		if made[0]+made[1] != 1 {
			t.Fatalf("round %d: made %v, tags %v, %s", round, made, w.tags(), w.repo.Git("for-each-ref", "--format=%(refname) %(objectname) %(taggername)"))
		}
	}
	if got := w.tags(); !maps.Equal(got, want) {
		t.Errorf("tags %v\nwant %v", got, want)
	}
	if got := w.hub.names(); len(got) != rounds {
		t.Errorf("releases %v", got)
	}
}
