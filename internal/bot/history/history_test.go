package history_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// TestStories does with git what people do, and asks where the changes are.
func TestStories(t *testing.T) {
	landed := func(commit, tag, reason string) ledger.Entry {
		return ledger.Entry{State: ledger.Landed, Commit: commit, Tag: tag, Reason: reason}
	}
	skipped := func(reason string) ledger.Entry { return ledger.Entry{State: ledger.Skipped, Reason: reason} }
	missing := ledger.Entry{State: ledger.Missing}
	for name, tell := range map[string]func(w *work) (changes []string, want []ledger.Entry){
		"nothing": func(w *work) ([]string, []ledger.Entry) {
			return []string{w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")}, []ledger.Entry{missing}
		},
		"cherry-pick -x, released": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			p := w.pick("release-1.31", "-x", x)
			w.git("tag", "v1.31-ake.10")
			w.git("tag", "-a", "-m", "x", "v1.31-ake.9", "HEAD~1")
			w.git("tag", "v1.31-other.1")
			w.git("tag", "v1.32-ake.1")
			w.git("tag", "v1.31-ake.8", "main")
			return []string{w.git("rev-parse", "main~1"), x}, []ledger.Entry{landed(w.git("rev-parse", "main~1"), "v1.31-ake.9", ""), landed(p, "v1.31-ake.10", "")}
		},
		"cherry-pick without -x, beside own lines": func(w *work) ([]string, []ledger.Entry) {
			w.edit("release-1.31", cert, "line29: 1", "line29: own", "Own")
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			p := w.pick("release-1.31", x)
			return []string{x}, []ledger.Entry{landed(p, "", "the branch has the same patch")}
		},
		"by hand among other lines (g9)": func(w *work) ([]string, []ledger.Entry) {
			w.edit("release-1.31", cert, "line5: 1", "line5: own", "Own")
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			p := w.edit("release-1.31", cert, "line3: 1", "line3: 2", "cert by hand")
			return []string{x}, []ledger.Entry{landed(p, "", "the branch has its content already")}
		},
		"a revert of a pick, and the pick of a revert (g10)": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			y := w.edit("main", crds, "line3: 1", "line3: 2", "Raise the CRDs")
			w.git("revert", "--no-edit", y)
			z := w.git("rev-parse", "HEAD")
			w.pick("release-1.31", "-x", x)
			w.edit("release-1.31", cert, "line29: 1", "line29: own", "Own")
			w.git("revert", "--no-edit", "HEAD~1")
			r := w.git("rev-parse", "HEAD")
			p, q := w.pick("release-1.31", "-x", y), w.pick("release-1.31", "-x", z)
			return []string{x, y, z}, []ledger.Entry{skipped("reverted on the branch by " + r[:12]), landed(p, "", ""), landed(q, "", "")}
		},
		"reverted among other lines, and picked again without a word": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			p := w.pick("release-1.31", "-x", x)
			w.edit("release-1.31", cert, "line29: 1", "line29: own", "Own")
			w.git("revert", "--no-edit", p)
			w.edit("release-1.31", cert, "line28: 1", "line28: own", "Own")
			return []string{x}, []ledger.Entry{landed(w.pick("release-1.31", x), "", "")}
		},
		"what the branch was cut with is reverted, and that too": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			y := w.edit("main", crds, "line3: 1", "line3: 2", "Raise the CRDs")
			w.git("branch", "-f", "release-1.31", "main")
			w.edit("release-1.31", crds, "line29: 1", "line29: own", "Own")
			w.git("revert", "--no-edit", x)
			w.git("revert", "--no-edit", y)
			r := w.git("rev-parse", "HEAD")
			w.git("revert", "--no-edit", "HEAD~1")
			return []string{x, y}, []ledger.Entry{landed(w.git("rev-parse", "HEAD"), "", ""), skipped("reverted on the branch by " + r[:12])}
		},
		"reverted on main before it came, beside other changes": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			y := w.edit("main", cert, "line29: 1", "line29: 2", "Raise more")
			w.git("revert", "--no-edit", x)
			z := w.git("rev-parse", "HEAD")
			return []string{x, y, z}, []ledger.Entry{
				skipped("reverted on main by " + z[:12] + " before it came here"), missing, skipped("it reverts " + x[:12] + ", which never came here"),
			}
		},
		"a revert that is more than one reverts nothing": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			y := w.edit("main", cert, "line3: 2", "line3: 0", "Revert \"Raise cert\"\n\nThis reverts commit "+x+".\n")
			return []string{x, y}, []ledger.Entry{missing, {State: ledger.Missing, Reason: "comes after " + x[:12] + ", which changes the same files", After: []string{x}}}
		},
		"empty (g8)": func(w *work) ([]string, []ledger.Entry) {
			w.git("switch", "-q", "main")
			return []string{w.commit("Nothing", "--allow-empty")}, []ledger.Entry{skipped("it changes nothing")}
		},
		"only lines' ends differ (g23)": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", note, "1\n", "1\r\n", "For an old editor")
			p := w.edit("release-1.31", note, "1\n", "1\r\n", "Here too")
			return []string{x}, []ledger.Entry{landed(p, "", "the branch has the same patch")}
		},
		"a merge is one change, and so is its pick": func(w *work) ([]string, []ledger.Entry) {
			w.git("switch", "-qc", "topic", "main")
			w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.edit("topic", crds, "line3: 1", "line3: 2", "Two")
			w.edit("main", note, "1", "2", "Meanwhile")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #12 from o/topic", "topic")
			x := w.git("rev-parse", "HEAD")
			p := w.pick("release-1.31", "-x", "-m1", x)
			return []string{x}, []ledger.Entry{landed(p, "", "")}
		},
		"a pick that was merged": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			w.git("branch", "pick", "release-1.31")
			p := w.pick("pick", "-x", x)
			w.edit("release-1.31", note, "1", "own", "Own")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #40", "pick")
			w.git("tag", "v1.31-ake.1")
			return []string{x}, []ledger.Entry{landed(p, "v1.31-ake.1", "")}
		},
		"the branch merged main": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			w.edit("release-1.31", note, "1", "own", "Own")
			w.git("tag", "v1.31-ake.1")
			w.git("merge", "-q", "main")
			w.git("tag", "v1.31-ake.2")
			y := w.edit("main", crds, "line3: 1", "line3: 2", "Raise the CRDs")
			return []string{x, y}, []ledger.Entry{landed(x, "v1.31-ake.2", ""), missing}
		},
		"the branch was cut inside of a merge": func(w *work) ([]string, []ledger.Entry) {
			w.git("switch", "-qc", "topic", "main")
			w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.git("branch", "-f", "release-1.31", "topic")
			w.git("tag", "v1.31-ake.1", "topic")
			w.edit("topic", crds, "line3: 1", "line3: 2", "Two")
			w.edit("main", note, "1", "2", "Meanwhile")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #12 from o/topic", "topic")
			return []string{w.git("rev-parse", "main~2"), w.git("rev-parse", "main")}, []ledger.Entry{landed(w.git("rev-parse", "main~2"), "v1.31-ake.1", ""), missing}
		},
		"the branch was cut from what main was": func(w *work) ([]string, []ledger.Entry) {
			old := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			w.git("branch", "-f", "release-1.31", "main")
			w.git("reset", "-q", "--hard", "HEAD~1")
			w.edit("main", note, "1", "2", "Before")
			x := w.pick("main", old)
			return []string{x}, []ledger.Entry{landed(old, "", "the branch has the same patch")}
		},
		"picked from the other branch, and retired branches count": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			y := w.edit("main", crds, "line3: 1", "line3: 2", "Raise the CRDs")
			w.git("branch", "release-1.30", "main~2")
			w.edit("release-1.31", crds, "line4: 1", "line4: own", "Own")
			p, q := w.pick("release-1.32", "-x", x), w.pick("release-1.30", "-x", y)
			a := w.pick("release-1.31", "-x", p)
			w.git("switch", "-q", "release-1.31")
			b := w.edit("release-1.31", crds, "line3: 1", "line3: two", "CRDs\n\n(cherry picked from commit "+q+")\n")
			return []string{x, y}, []ledger.Entry{landed(a, "", ""), landed(b, "", "")}
		},
		"dates say nothing (g20)": func(w *work) ([]string, []ledger.Entry) {
			w.date = "@0 +0000"
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
			w.date = "@4294967295 +0000"
			y := w.edit("main", cert, "line3: 2", "line3: 3", "Raise cert")
			w.date = "@1 +0000"
			p := w.pick("release-1.31", "-x", x)
			w.git("tag", "v1.31-ake.1")
			return []string{x, y}, []ledger.Entry{landed(p, "v1.31-ake.1", ""), missing}
		},
		"not for this minor, by its folder and by its entry": func(w *work) ([]string, []ledger.Entry) {
			x := w.edit("main", dns, "line3: 1", "line3: 2", "Raise dns")
			y := w.edit("main", "catalog.yaml", "name: dns,", "name: dns, placement: management,", "Move dns")
			z := w.edit("main", "catalog.yaml", "{name: cert}", "{name: cert, onDisable: retain}", "Keep cert")
			return []string{x, y, z}, []ledger.Entry{
				skipped("main's catalog keeps dns (>=1.32) from 1.31"), skipped("main's catalog keeps dns (>=1.32) from 1.31"), missing,
			}
		},
		"the branch keeps a newer version, and goes on with what comes after": func(w *work) ([]string, []ledger.Entry) {
			first := w.edit("main", cert, "line3: 1", "tag: 1.7.0", "Have a version")
			w.pick("release-1.31", "-x", first)
			w.edit("release-1.31", cert, "tag: 1.7.0", "tag: 1.9.0", "Try it here first")
			x := w.edit("main", cert, "tag: 1.7.0", "tag: 1.8.0", "Raise cert")
			y := w.edit("main", cert, "line29: 1", "line29: 2", "More")
			return []string{x, y}, []ledger.Entry{
				skipped("nothing is left of it here: the branch keeps 1.9.0 instead of 1.8.0 in addons/cert/values.yaml, as main's is older than the branch's"), missing,
			}
		},
		"half of it is not for this minor": func(w *work) ([]string, []ledger.Entry) {
			w.git("switch", "-q", "main")
			w.write(map[string]string{dns: "a: 1\n", note: "2\n"})
			return []string{w.commit("dns and a note")}, []ledger.Entry{missing}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWork(t, t.TempDir())
			changes, want := tell(w)
			h, err := w.read(t, history.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := entries(h, "release-1.31", changes...); !reflect.DeepEqual(got, want) {
				t.Errorf("\ngot  %+v\nwant %+v", got, want)
			}
			if again := ledger.Build(h.Facts); !reflect.DeepEqual(again, h.Ledger) {
				t.Errorf("the ledger is not that of the facts")
			}
			if testing.Short() {
				return
			}
			again, err := w.read(t, history.Options{})
			if err != nil || !reflect.DeepEqual(again, h) {
				t.Errorf("read anew from nothing, it is not the same: %v", err)
			}
		})
	}
}

// TestRewritten rewrites main after a pick (g22). A mirror that is kept knows what main was; for others, the claim names nothing, and the commit is the
// branch's own.
func TestRewritten(t *testing.T) {
	w := newWork(t, t.TempDir())
	old := w.edit("main", cert, "line3: 1", "line3: 2", "Raise cert")
	w.edit("release-1.31", cert, "line4: 1", "line4: own", "Own")
	p := w.edit("release-1.31", cert, "line3: 1", "line3: 2 on 1.31", "cert\n\nPicked-From: "+old+"\n")
	kept := t.TempDir()
	if _, err := w.readWith(t, kept, history.Options{}); err != nil {
		t.Fatal(err)
	}
	w.git("switch", "-q", "main")
	w.git("reset", "-q", "--hard", "HEAD~1")
	w.edit("main", note, "1", "2", "Before")
	x := w.pick("main", old)
	for _, tc := range []struct {
		dir  string
		do   []string
		want ledger.Entry
	}{
		{kept, []string{"status"}, ledger.Entry{State: ledger.Landed, Commit: p}},
		{t.TempDir(), []string{"-c", "gc.reflogExpireUnreachable=now", "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"}, ledger.Entry{State: ledger.Missing}},
	} {
		w.git(tc.do...)
		h, err := w.readWith(t, tc.dir, history.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := entries(h, "release-1.31", x); !reflect.DeepEqual(got, []ledger.Entry{tc.want}) {
			t.Errorf("got  %+v\nwant %+v", got, tc.want)
		}
	}
}

// TestRead looks at what is beside the ledger.
func TestRead(t *testing.T) {
	w := newWork(t, t.TempDir())
	w.edit("main", "catalog.yaml", `"1.32"]`, `"1.32", "1.33"]`, "Offer 1.33")
	w.git("branch", "release-1.9")
	w.git("branch", "release-1.30")
	w.git("branch", "release-old")
	h, err := w.read(t, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %v %s %v %v %s", h.Retired, h.Uncut, h.Distribution, h.MainTip == w.git("rev-parse", "main"), h.Ledger.Branches(), h.Facts.Main)
	if want := "[release-1.9 release-1.30] [1.33] ake true [release-1.31 release-1.32] main"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	skipped := ledger.Entry{State: ledger.Skipped, Reason: "it only changes which minors are offered, which counts on main alone"}
	for branch, got := range h.Ledger.Changes[0].Branches {
		if !reflect.DeepEqual(got, skipped) {
			t.Errorf("the change of minors is %+v on %s, want %+v", got, branch, skipped)
		}
	}
	if h, err = w.read(t, history.Options{Main: "release-1.30", Only: h.Uncut}); err != nil || len(h.Facts.Branches) > 0 || len(h.Retired) != 1 {
		t.Errorf("another main, no branch: %+v, %v", h, err)
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(w *work)
		main string
		want string
	}{
		"no such branch":   {func(*work) {}, "trunk", `there is no branch "trunk" in the repository: say with --main which branch changes come from`},
		"no catalog":       {func(w *work) { w.git("rm", "-q", "catalog.yaml"); w.commit("No catalog") }, "", "main has no catalog.yaml, which says which release branches are alive"},
		"a broken catalog": {func(w *work) { w.write(map[string]string{"catalog.yaml": "a: b\n"}); w.commit("x") }, "", "the catalog on main cannot be read, so which release branches are alive is not known: catalog.yaml:"},
		"no minors":        {func(w *work) { w.edit("main", "catalog.yaml", `kubernetes: {minors: ["1.31", "1.32"]}`, "", "x") }, "", "catalog.yaml on main offers no Kubernetes minor in kubernetes.minors, so which release branches are alive is not known"},
		"nothing in common": {func(w *work) {
			w.git("switch", "-q", "--orphan", "x")
			w.write(map[string]string{note: "x"})
			w.commit("x")
			w.git("branch", "-M", "release-1.32")
		}, "", "branch release-1.32: it has no commit in common with main: cut it from there, or take 1.32 out of the catalog's kubernetes.minors"},
		"catalog is a folder": {func(w *work) {
			w.git("rm", "-q", "catalog.yaml")
			w.write(map[string]string{"catalog.yaml/x": "x"})
			w.commit("x")
		}, "", "catalog.yaml on main: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t, t.TempDir())
			tc.do(w)
			_, err := w.read(t, history.Options{Main: tc.main})
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}
