package ledger_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// Paths of two addons.
const (
	cert = "addons/cert/values.yaml"
	crds = "addons/cert/crds.yaml"
	dns  = "addons/dns/values.yaml"
)

// began is a world with two files on main and release-1.31 cut from it.
func began() *world {
	w := newWorld()
	w.Main("Begin", edits{cert: "1", dns: "1"})
	w.Cut("1.31")
	w.Tag("1.31", 1)
	return w
}

// TestStates tells what release managers ask: a change was merged to main; where is it on release-1.31?
func TestStates(t *testing.T) {
	for name, tc := range map[string]struct {
		tell func(w *world) []string
		// want is the state of each change that was told, its commit as the number of the branch's commit, tag, pull and reason.
		want []string
	}{
		"nothing was done yet": {
			func(w *world) []string { return []string{w.Merge(2, "Raise cert", edits{cert: "2"})} },
			[]string{"missing"},
		},
		"the branch was cut from it": {
			func(w *world) []string { return []string{w.facts.Changes[0].Hash} },
			[]string{"landed in the fork, v1.31-ake.1"},
		},
		"picked with a trailer, and released": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Pick("1.31", x)
				w.Tag("1.31", 2)
				w.Commit("1.31", "More", edits{dns: "own"})
				return []string{x}
			},
			[]string{"landed in 0, v1.31-ake.2"},
		},
		"picked by hand, without a word": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert!", edits{cert: "2"})
				return []string{x}
			},
			[]string{"landed in 0: the branch has the same patch"},
		},
		"written anew on the branch, with more in the same commit": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert and more", edits{cert: "2", dns: "own"})
				w.Commit("1.31", "and on", edits{cert: "own"})
				return []string{x}
			},
			[]string{"landed in 0: the branch has the same content"},
		},
		"two changes, brought as one": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				y := w.Main("Raise cert again", edits{cert: "3"})
				w.Commit("1.31", "cert", edits{cert: "3", dns: "own"})
				return []string{x, y}
			},
			[]string{"landed in 0: the branch has the same content", "landed in 0: the branch has the same content"},
		},
		"its lines are there among others (g9)": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert, our way", edits{cert: "2 and own"})
				w.release["1.31"].Applied = map[string]bool{x: true}
				return []string{x}
			},
			[]string{"landed in 0: the branch has its content already"},
		},
		"two picks in one squash": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				y := w.Main("Raise dns", edits{dns: "2"})
				w.Commit("1.31", "Backport (#9)\n\n* cert\n\nPicked-From: "+x+"\n\n* dns\n\nPicked-From: "+y+"\n", edits{cert: "2 own", dns: "2 own"})
				return []string{x, y}
			},
			[]string{"landed in 0", "landed in 0"},
		},
		"a forged claim counts for nothing (g18)": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "Typo\n\nPicked-From: "+x+"\n", edits{dns: "typo"})
				return []string{x}
			},
			[]string{"missing"},
		},
		"picked from another branch's pick": {
			func(w *world) []string {
				w.Cut("1.32")
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Commit("1.32", "cert\n\nPicked-From: "+x+"\n", edits{cert: "2 for 1.32"})
				w.Commit("1.31", "cert\n\nPicked-From: "+x+"\n(cherry picked from commit "+p+")\n", edits{cert: "2 for 1.31"})
				return []string{x}
			},
			[]string{"landed in 0"},
		},
		"picked from another branch's wordless pick": {
			func(w *world) []string {
				w.Cut("1.32")
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Commit("1.32", "cert", edits{cert: "2"})
				w.Commit("1.31", "cert\n\n(cherry picked from commit "+p+")\n", edits{cert: "2 for 1.31"})
				return []string{x}
			},
			[]string{"landed in 0"},
		},
		"the claim names what main was before it was rewritten (g22)": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.facts.Former = map[string]string{hashOf("old"): x}
				w.Commit("1.31", "cert\n\nPicked-From: "+hashOf("old")+"\n", edits{cert: "2 for 1.31"})
				return []string{x}
			},
			[]string{"landed in 0"},
		},
		"the claim names what nobody knows": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert\n\nPicked-From: "+hashOf("old")+"\n", edits{cert: "2 for 1.31"})
				return []string{x}
			},
			[]string{"missing"},
		},
		"reverted on the branch (g10)": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Revert("1.31", w.Pick("1.31", x))
				return []string{x}
			},
			[]string{"skipped: reverted on the branch by 1"},
		},
		"reverted on the branch, and that reverted": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Revert("1.31", w.Revert("1.31", w.Pick("1.31", x)))
				return []string{x}
			},
			[]string{"landed in 2"},
		},
		"reverted on the branch, and picked again": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Revert("1.31", w.Pick("1.31", x))
				w.Pick("1.31", x)
				return []string{x}
			},
			[]string{"landed in 2"},
		},
		"what the branch was cut with is reverted on it": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Cut("1.31")
				w.Commit("1.31", "Back", edits{cert: "1"})
				return []string{x}
			},
			[]string{"skipped: reverted on the branch by 0"},
		},
		"reverted on main before it came": {
			func(w *world) []string {
				return []string{w.Main("Raise cert", edits{cert: "2"}), w.Main("Back", edits{cert: "1"})}
			},
			[]string{"skipped: reverted on main by (1) before it came here", "skipped: it reverts (0), which never came here"},
		},
		"reverted on main after it came": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Pick("1.31", x)
				return []string{x, w.Main("Back", edits{cert: "1"})}
			},
			[]string{"landed in 0", "missing"},
		},
		"reverted on main after it came by hand with other lines": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert, our way", edits{cert: "2 and own"})
				w.release["1.31"].Applied = map[string]bool{x: true}
				return []string{x, w.Main("Back", edits{cert: "1"})}
			},
			[]string{"landed in 0: the branch has its content already", "missing"},
		},
		"picked, and the revert of main picked too": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Pick("1.31", x)
				y := w.Main("Back", edits{cert: "1"})
				w.Pick("1.31", y)
				return []string{x, y}
			},
			[]string{"landed in 0", "landed in 1"},
		},
		"made, reverted, made again on main; the branch has the first two without a word": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				y := w.Main("Back", edits{cert: "1"})
				z := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert", edits{cert: "2"})
				w.Commit("1.31", "no", edits{cert: "1"})
				return []string{x, y, z}
			},
			[]string{"landed in 0: the branch has the same patch", "landed in 1: the branch has the same patch", "missing"},
		},
		"made, reverted, made again on main before anything came": {
			func(w *world) []string {
				return []string{w.Main("Raise cert", edits{cert: "2"}), w.Main("Back", edits{cert: "1"}), w.Main("Again", edits{cert: "2"})}
			},
			[]string{"skipped: reverted on main by (1) before it came here", "skipped: it reverts (0), which never came here", "missing"},
		},
		"the revert of what is not meant for the branch": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"}, "no-cherry-pick")
				w.Main("More", edits{cert: "3"})
				w.Main("Less", edits{cert: "2"})
				return []string{x, w.Main("Back", edits{cert: "1"})}
			},
			[]string{"skipped: reverted on main by (1) before it came here", "skipped: it reverts #2, which never came here"},
		},
		"the revert is not meant for the branch": {
			func(w *world) []string {
				return []string{w.Main("Raise cert", edits{cert: "2"}), w.Merge(3, "Back", edits{cert: "1"}, "no-cherry-pick/1.31")}
			},
			[]string{"missing", "skipped: label no-cherry-pick/1.31 on #3"},
		},
		"it changes nothing (g8)": {
			func(w *world) []string { return []string{w.Main("Run CI again", nil)} },
			[]string{"skipped: it changes nothing"},
		},
		"a label keeps it back": {
			func(w *world) []string {
				return []string{w.Merge(2, "Raise cert", edits{cert: "2"}, "bug", "no-cherry-pick")}
			},
			[]string{"skipped: label no-cherry-pick on #2"},
		},
		"a label keeps it from another branch": {
			func(w *world) []string {
				return []string{w.Merge(2, "Raise cert", edits{cert: "2"}, "no-cherry-pick/1.32")}
			},
			[]string{"missing"},
		},
		"a label came after it landed": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"}, "no-cherry-pick")
				w.Pick("1.31", x)
				return []string{x}
			},
			[]string{"landed in 0"},
		},
		"out of the addon's range": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.change(x).Outside = map[string]string{"release-1.31": "cert is for Kubernetes >=1.32"}
				return []string{x}
			},
			[]string{"skipped: cert is for Kubernetes >=1.32"},
		},
		"a pull request is open": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x)
				return []string{x}
			},
			[]string{"open #7: pull request #7 is open"},
		},
		"a pull request is open, and a later change of the file comes": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x)
				return []string{x, w.Main("Raise cert again", edits{cert: "3"}), w.Main("Raise dns", edits{dns: "2"})}
			},
			[]string{"open #7: pull request #7 is open", "waiting: waits for #2, which changes the same files", "missing"},
		},
		"many changes before": {
			func(w *world) []string {
				for i := range 5 {
					w.Merge(2+i, "Raise cert", edits{cert: fmt.Sprint(2 + i)})
				}
				return []string{w.Main("Raise cert", edits{cert: "9"})}
			},
			[]string{"missing: comes after #2, #3, #4 and 2 more, which change the same files"},
		},
		"the change before is skipped": {
			func(w *world) []string {
				return []string{w.Merge(2, "Raise cert", edits{cert: "2"}, "no-cherry-pick"), w.Main("Raise cert again", edits{cert: "3"})}
			},
			[]string{"skipped: label no-cherry-pick on #2", "missing"},
		},
		"three changes of one pull request": {
			func(w *world) []string {
				first := w.Merge(2, "Rework", edits{crds: "1"})
				x, y := w.Merge(3, "Raise cert", edits{cert: "2"}), w.Merge(3, "Raise cert", edits{cert: "3", crds: "2"})
				return []string{first, x, y}
			},
			[]string{"missing", "missing: comes after #2, which changes the same files", "missing: comes after #2, which changes the same files"},
		},
		"the bot's draft": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x).Draft = true
				return []string{x}
			},
			[]string{"draft #7: pull request #7 has conflicts that a person must resolve"},
		},
		"the bot's draft, in work": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 7, x)
				p.Draft, p.Human = true, "Ann"
				return []string{x}
			},
			[]string{"draft #7: pull request #7 is being finished by Ann"},
		},
		"a person is faster than the bot, and than a label": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"}, "no-cherry-pick")
				w.Propose("1.31", 7, x)
				p := w.Propose("1.31", 8, x)
				p.Ours, p.Author = false, "ann"
				return []string{x}
			},
			[]string{"open #8: pull request #8 by ann is open"},
		},
		"a person gave up a pull request of their own": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 8, x)
				p.Ours, p.Open = false, false
				return []string{x}
			},
			[]string{"missing"},
		},
		"a person closed the bot's": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x).Open = false
				return []string{x}
			},
			[]string{"skipped #7: pull request #7 was closed without merging"},
		},
		"the bot closed its own": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 7, x)
				p.Open, p.Retired = false, true
				return []string{x}
			},
			[]string{"missing"},
		},
		"a person closed the first, and the second is open": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x).Open = false
				w.Propose("1.31", 8, x)
				return []string{x}
			},
			[]string{"open #8: pull request #8 is open"},
		},
		"merged by a person who wrote another message and other lines": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 7, x)
				p.Open, p.Merged, p.MergeCommit = false, true, w.Commit("1.31", "Done", edits{cert: "2 for 1.31"})
				return []string{x}
			},
			[]string{"landed in 0 #7"},
		},
		"merged a moment ago": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 7, x)
				p.Open, p.Merged, p.Unseen = false, true, true
				return []string{x}
			},
			[]string{"open #7: pull request #7 was merged just now"},
		},
		"merged, and the branch was rewritten since": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				p := w.Propose("1.31", 7, x)
				p.Open, p.Merged, p.MergeCommit = false, true, hashOf("gone")
				return []string{x}
			},
			[]string{"missing"},
		},
		"its lines are there, but an earlier change of the file is to come": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"})
				y := w.Main("Raise cert again", edits{cert: "3"})
				z := w.Main("Back", edits{cert: "2"})
				w.release["1.31"].Applied = map[string]bool{y: true}
				return []string{x, y, z}
			},
			[]string{"missing", "missing: comes after #2, which changes the same files", "missing: comes after #2 and (1), which change the same files"},
		},
		"the branch keeps its version, and what comes after goes on": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				y := w.Main("Mend cert", edits{cert: "3"})
				w.release["1.31"].Keeps = map[string]string{x: "the branch has a newer one"}
				return []string{x, y}
			},
			[]string{"skipped: the branch has a newer one", "missing"},
		},
		"the branch keeps its version, but somebody proposes it still": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.release["1.31"].Keeps = map[string]string{x: "the branch has a newer one"}
				p := w.Propose("1.31", 7, x)
				p.Ours, p.Author = false, "ann"
				return []string{x}
			},
			[]string{"open #7: pull request #7 by ann is open"},
		},
		"the branch would keep its version, but an earlier change is to come": {
			func(w *world) []string {
				x := w.Merge(2, "Raise cert", edits{cert: "2"})
				y := w.Main("Raise cert again", edits{cert: "3"})
				w.release["1.31"].Keeps = map[string]string{y: "the branch has a newer one"}
				return []string{x, y}
			},
			[]string{"missing", "missing: comes after #2, which changes the same files"},
		},
		"two pull requests bring it": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Propose("1.31", 7, x).Draft = true
				w.Propose("1.31", 8, x)
				w.Propose("1.31", 9, x)
				return []string{x}
			},
			[]string{"open #8: pull request #8 is open"},
		},
		"picked, and the pick mended": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert\n\nPicked-From: "+x+"\n", edits{cert: "two"})
				w.Commit("1.31", "fixup\n\nPicked-From: "+x+"\n", edits{cert: "2!"})
				return []string{x}
			},
			[]string{"landed in 0"},
		},
		"written anew on the branch with more, and taken back alone": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Commit("1.31", "cert and more", edits{cert: "2", dns: "own"})
				w.Commit("1.31", "Back", edits{cert: "1"})
				return []string{x}
			},
			[]string{"skipped: reverted on the branch by 1"},
		},
		"what the branch was cut with is changed, and changed back": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				w.Cut("1.31")
				w.Commit("1.31", "Own", edits{cert: "1", dns: "own"})
				w.Commit("1.31", "Own", edits{cert: "2"})
				return []string{x}
			},
			[]string{"landed in the fork"},
		},
		"an own commit looks as if it undid what is to come": {
			func(w *world) []string {
				w.Commit("1.31", "Own", edits{cert: "2"})
				x := w.Merge(2, "Raise cert", edits{cert: "2", crds: "1"})
				return []string{x, w.Main("Back, but for the CRDs", edits{cert: "1"})}
			},
			[]string{"missing", "missing: comes after #2, which changes the same files"},
		},
		"half of it looks as if it had landed": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2", crds: "1"})
				return []string{x, w.Merge(4, "Back, but for the CRDs", edits{cert: "1"})}
			},
			[]string{"missing", "missing: comes after (0), which changes the same files"},
		},
		"half of it looked as if it had landed before the other half": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2", crds: "1"})
				y := w.Merge(4, "Back, but for the CRDs", edits{cert: "1"})
				w.Pick("1.31", x)
				return []string{x, y}
			},
			[]string{"landed in 0", "missing"},
		},
		"the same title twice": {
			func(w *world) []string {
				x := w.Main("Raise cert", edits{cert: "2"})
				y := w.Main("Raise cert", edits{dns: "2"})
				w.Pick("1.31", y)
				return []string{x, y}
			},
			[]string{"missing", "landed in 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := began()
			hashes := tc.tell(w)
			l := ledger.Build(w.Facts())
			var got []string
			for _, hash := range hashes {
				got = append(got, w.told(l, hash, hashes))
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("\ngot  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// told is an entry of release-1.31 in a few words.
func (w *world) told(l ledger.Ledger, hash string, hashes []string) string {
	e := row(l, hash).Branches["release-1.31"]
	b := w.release["1.31"]
	told := string(e.State)
	if e.Commit != "" {
		told += " in " + e.Commit
	}
	told = strings.ReplaceAll(told, b.Fork, "the fork")
	if e.Tag != "" {
		told += ", " + e.Tag
	}
	if e.Pull != 0 {
		told += fmt.Sprint(" #", e.Pull)
	}
	if e.Reason != "" {
		told += ": " + e.Reason
	}
	for i, c := range b.Commits {
		told = strings.ReplaceAll(strings.ReplaceAll(told, c.Hash, fmt.Sprint(i)), c.Hash[:12], fmt.Sprint(i))
	}
	for i, h := range hashes {
		told = strings.ReplaceAll(told, h[:12], fmt.Sprintf("(%d)", i))
	}
	return told
}

func row(l ledger.Ledger, hash string) ledger.Row {
	for _, r := range l.Changes {
		if r.Commit == hash {
			return r
		}
	}
	panic("no row " + hash)
}

// TestMergedByMerge merges a pull request with two picks into the branch as people do in a browser.
func TestMergedByMerge(t *testing.T) {
	w := began()
	x, y := w.Main("Raise cert", edits{cert: "2"}), w.Main("Raise dns", edits{dns: "2"})
	b := w.release["1.31"]
	base, before := b.Tip, last(b.trees)
	first, middle := commit("cert\n\nPicked-From: "+x, before, edits{cert: "2"}, base)
	second, _ := commit("dns", middle, edits{dns: "2"}, first.Hash)
	merge, after := commit("Merge pull request #9 from o/x", before, edits{cert: "2", dns: "2"}, base, second.Hash)
	b.Commits, b.Tip, b.trees = []change.Commit{first, second, merge}, merge.Hash, append(b.trees, after)
	w.Tag("1.31", 2)
	l := ledger.Build(w.Facts())
	want := map[string]ledger.Entry{
		x: {State: ledger.Landed, Commit: first.Hash, Tag: "v1.31-ake.2"},
		y: {State: ledger.Landed, Commit: second.Hash, Tag: "v1.31-ake.2", Reason: "the branch has the same patch"},
	}
	for hash, entry := range want {
		if got := row(l, hash).Branches["release-1.31"]; !reflect.DeepEqual(got, entry) {
			t.Errorf("got  %+v\nwant %+v", got, entry)
		}
	}
	if d := l.Differences["release-1.31"]; len(d) != 0 {
		t.Errorf("differences %+v", d)
	}
}

// TestMergedTwice merges two wordless commits: a merge of one commit is no second pick, and own commits are counted once.
func TestMergedTwice(t *testing.T) {
	w := began()
	x := w.Main("Raise cert", edits{cert: "2"})
	w.Main("Back", edits{cert: "1"})
	again := w.Main("Again", edits{cert: "2"})
	b := w.release["1.31"]
	merge := func(message string, e edits) (inner string) {
		base, before := b.Tip, last(b.trees)
		first, _ := commit(message, before, e, base)
		second, after := commit("Merge "+message, before, e, base, first.Hash)
		b.Commits, b.Tip, b.trees = append(b.Commits, first, second), second.Hash, append(b.trees, after, after)
		return first.Hash
	}
	picked := merge("cert", edits{cert: "2"})
	own := merge("own", edits{dns: "own"})
	w.Commit("1.31", "More cert", edits{cert: "3"})
	l := ledger.Build(w.Facts())
	if got := row(l, x).Branches["release-1.31"]; got.Commit != picked {
		t.Errorf("the first is %+v", got)
	}
	if got := row(l, again).Branches["release-1.31"]; !strings.HasSuffix(got.Reason, "which never came here") {
		t.Errorf("what was made again is %+v", got)
	}
	for _, d := range l.Differences["release-1.31"] {
		if d.Addon == "dns" && !reflect.DeepEqual(d.Own, []string{own}) {
			t.Errorf("own commits of dns are %v, want %s", d.Own, own)
		}
	}
}

// TestPickedAgainByMerge picks what was made, reverted and made again: a merge undoes nothing that its commits do not undo.
func TestPickedAgainByMerge(t *testing.T) {
	w := began()
	x, back, again := w.Main("Raise cert", edits{cert: "2"}), w.Main("Back", edits{cert: "1"}), w.Main("Again", edits{cert: "2"})
	w.Pick("1.31", x)
	w.Pick("1.31", back)
	b := w.release["1.31"]
	base, before := b.Tip, last(b.trees)
	inner, _ := commit("cert", before, edits{cert: "2"}, base)
	merge, after := commit("Merge", before, edits{cert: "2"}, base, inner.Hash)
	b.Commits, b.Tip, b.trees = append(b.Commits, inner, merge), merge.Hash, append(b.trees, after, after)
	l := ledger.Build(w.Facts())
	for i, hash := range []string{x, back, again} {
		if got, want := row(l, hash).Branches["release-1.31"], b.Commits[i].Hash; got.State != ledger.Landed || got.Commit != want {
			t.Errorf("change %d is %+v, want landed in %s", i, got, want)
		}
	}
}

// TestRevertedMerge reverts a merge of two picks at once.
func TestRevertedMerge(t *testing.T) {
	w := began()
	x, y := w.Main("Raise cert", edits{cert: "2"}), w.Main("Raise dns", edits{dns: "2"})
	b := w.release["1.31"]
	base, before := b.Tip, last(b.trees)
	first, middle := commit("cert\n\nPicked-From: "+x, before, edits{cert: "2"}, base)
	second, _ := commit("dns\n\nPicked-From: "+y, middle, edits{dns: "2"}, first.Hash)
	merge, after := commit("Merge", before, edits{cert: "2", dns: "2"}, base, second.Hash)
	b.Commits, b.Tip, b.trees = []change.Commit{first, second, merge}, merge.Hash, append(b.trees, before, before, after)
	r := w.Commit("1.31", "No", edits{cert: "1", dns: "1"})
	l := ledger.Build(w.Facts())
	for _, hash := range []string{x, y} {
		if got, want := row(l, hash).Branches["release-1.31"], (ledger.Entry{State: ledger.Skipped, Reason: "reverted on the branch by " + r[:12]}); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// TestRecent leaves out what the branch was cut with, not what was picked to it.
func TestRecent(t *testing.T) {
	w := began()
	x := w.Main("Raise cert", edits{cert: "2"})
	w.Pick("1.31", x)
	rows, older := ledger.Build(w.Facts()).Recent()
	if len(rows) != 1 || rows[0].Commit != x || older != 1 {
		t.Errorf("recent are %+v, and %d older", rows, older)
	}
}

// TestRows reads a ledger as people do: newest first, with the pull request's own title, or those of its several changes.
func TestRows(t *testing.T) {
	w := began()
	w.Main("Merge pull request #12 from o/topic\n\nRaise cert\n", edits{cert: "2"})
	x := w.Merge(13, "Raise dns", edits{dns: "2"})
	w.change(x).Message, w.change(x).Number = "Renamed since (#99)", 99
	w.Merge(14, "Two steps", edits{cert: "3"})
	w.change(w.Merge(14, "Two steps", edits{cert: "4"})).Message = "The second step\n"
	var got []string
	for _, r := range ledger.Build(w.Facts()).Changes {
		got = append(got, fmt.Sprintf("%s #%d", r.Title, r.Pull))
	}
	if want := []string{"The second step #14", "Two steps (#14) #14", "Raise dns #13", "Raise cert #12", "Begin #0"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestDifferences says of each addon why it is not as on main.
func TestDifferences(t *testing.T) {
	w := began()
	x := w.Main("Raise cert", edits{cert: "2"})
	y := w.Merge(3, "Rework cert", edits{crds: "1"}, "no-cherry-pick")
	z := w.Main("Note", edits{"NOTES": "1"})
	own := w.Commit("1.31", "Only here", edits{dns: "own", "addons/dns/extra.yaml": "1"})
	w.Commit("1.31", "Note\n\nPicked-From: "+z, edits{"NOTES": "1, on the branch"})
	got := ledger.Build(w.Facts()).Differences["release-1.31"]
	want := []ledger.Difference{
		{Addon: "cert", Paths: []string{crds, cert}, Missing: []string{x, y}, Reason: "2 changes of main are not on the branch (1 missing; 1 skipped: label no-cherry-pick on #3)"},
		{Addon: "dns", Paths: []string{"addons/dns/extra.yaml", dns}, Own: []string{own}, Reason: "1 commit is only on the branch"},
		{Paths: []string{"NOTES"}, Reason: "the branch has all changes; a pick, or an own commit, made something else of them"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}
