package history_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// pulls are pull requests of o/r, read by a bot that is called bot.
func pulls(list ...forge.Pull) history.Options {
	for i := range list {
		if list[i].HeadRepository == "" {
			list[i].HeadRepository = "o/r"
		}
	}
	return history.Options{Pulls: list, Me: "bot", Repository: "o/r", Email: "bot@example.com"}
}

func merged(number int, commit string, labels ...string) forge.Pull {
	return forge.Pull{Number: number, Title: fmt.Sprint("Title ", number), Base: "main", Merged: true, MergeCommit: commit, Labels: labels}
}

// TestSources says which pull request brought which change.
func TestSources(t *testing.T) {
	for name, tell := range map[string]func(w *work) (o history.Options, want string){
		"a squash, before main got its name (fault 56)": func(w *work) (history.Options, string) {
			w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			p := merged(12, w.git("rev-parse", "main"))
			p.Base = "master"
			return pulls(p), "0 12 shown 12"
		},
		"a squash": func(w *work) (history.Options, string) {
			w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			return pulls(merged(12, w.git("rev-parse", "main"))), "0 12 shown 12"
		},
		"a squash of two commits whose last has the squash's message": func(w *work) (history.Options, string) {
			w.edit("main", note, "1", "2", "Before")
			w.git("switch", "-qc", "topic")
			w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.edit("topic", crds, "line3: 1", "line3: 2", "Both")
			w.git("update-ref", "refs/pull/12/head", "topic")
			w.git("switch", "-q", "main")
			w.git("merge", "-q", "--squash", "topic")
			w.commit("Both")
			return pulls(merged(12, w.git("rev-parse", "main"))), "0 0 12 shown 12"
		},
		"a rebase of three, after others": func(w *work) (history.Options, string) {
			w.git("switch", "-qc", "topic")
			one := w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.edit("topic", crds, "line3: 1", "line3: 2", "Two")
			w.edit("topic", cert, "line28: 1", "line28: 2", "Three")
			w.git("update-ref", "refs/pull/12/head", "topic")
			w.edit("main", cert, "line14: 1", "line14: 2", "Before")
			w.pick("main", one+"~1..topic")
			w.edit("main", note, "1", "2", "After")
			return pulls(merged(12, w.git("rev-parse", "main~1"))), "0 0 12 12 12 0 shown 0"
		},
		"a rebase of a topic that merged main": func(w *work) (history.Options, string) {
			w.git("switch", "-qc", "topic")
			one := w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.edit("main", note, "1", "2", "Before")
			w.git("switch", "-q", "topic")
			w.git("merge", "-q", "main")
			two := w.edit("topic", crds, "line3: 1", "line3: 2", "Two")
			w.git("update-ref", "refs/pull/12/head", "topic")
			w.pick("main", one)
			w.pick("main", two)
			return pulls(merged(12, w.git("rev-parse", "main"))), "0 0 12 12 shown 12"
		},
		"a merge": func(w *work) (history.Options, string) {
			w.git("switch", "-qc", "topic")
			w.edit("topic", cert, "line3: 1", "line3: 2", "One")
			w.edit("topic", crds, "line3: 1", "line3: 2", "Two")
			w.git("update-ref", "refs/pull/12/head", "topic")
			w.edit("main", note, "1", "2", "Before")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #12 from o/topic", "topic")
			return pulls(merged(12, w.git("rev-parse", "main"))), "0 0 12 shown 12"
		},
		"a title with another's number steals nothing": func(w *work) (history.Options, string) {
			w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			other := w.git("rev-parse", "main")
			w.edit("main", cert, "line3: 2", "line3: 3", "Raise more (#12)")
			return pulls(merged(12, other, "no-cherry-pick")), "0 12 0 shown 0"
		},
		"no forge knows the number": func(w *work) (history.Options, string) {
			w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			return history.Options{}, "0 0 shown 12"
		},
		"merged this moment": func(w *work) (history.Options, string) {
			w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			return pulls(merged(12, "")), "0 12 shown 12"
		},
		"two with one commit": func(w *work) (history.Options, string) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#13)")
			return pulls(merged(12, x), merged(13, x), merged(14, x)), "0 13 shown 13"
		},
		"merged to another branch": func(w *work) (history.Options, string) {
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise")
			w.git("branch", "develop", "main~1")
			p := merged(12, x)
			p.Base = "develop"
			return pulls(p), "0 0 shown 0"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWork(t, t.TempDir())
			o, want := tell(w)
			h, err := w.read(t, o)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, c := range h.Facts.Changes {
				n := 0
				if c.Pull != nil {
					n = c.Pull.Number
				}
				got += fmt.Sprint(n, " ")
			}
			if got += fmt.Sprint("shown ", h.Ledger.Changes[0].Pull); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestProposals says what pull requests bring to a branch, and whom they belong to.
func TestProposals(t *testing.T) {
	// propose makes a branch of a pull request with the change of cert on it.
	propose := func(w *work, head, message, from, to string) string {
		w.git("branch", head, "release-1.31")
		return w.edit(head, cert, from, to, message)
	}
	open := func(number int, author, head string) forge.Pull {
		return forge.Pull{Number: number, Author: author, Open: true, Base: "release-1.31", Head: head}
	}
	for name, tc := range map[string]struct {
		tell  func(w *work, x string) forge.Pull
		email string
		want  ledger.Pull
	}{
		"the bot's, by its trailer": {
			tell: func(w *work, x string) forge.Pull {
				propose(w, "some", "cert\n\nPicked-From: "+x, "line3: 1", "line3: two")
				return open(40, "bot", "some")
			},
			email: "ann@example.com", want: ledger.Pull{Ours: true, Brings: []string{"x"}},
		},
		"the bot's, and a person committed": {
			tell: func(w *work, x string) forge.Pull {
				propose(w, "some", "cert\n\nPicked-From: "+x, "line3: 1", "line3: two")
				return open(40, "bot", "some")
			},
			email: "bot@example.com", want: ledger.Pull{Ours: true, Brings: []string{"x"}, Human: "Ann"},
		},
		"the bot's, by what it hid in the text": {
			tell: func(w *work, x string) forge.Pull {
				p := open(40, "bot", "gone")
				p.Open = false
				p.Body = pick.Hide("text", pick.Marker{Kind: "pick", Branch: "release-1.31", Source: []string{x}, Retired: "enough"})
				return p
			},
			want: ledger.Pull{Ours: true, Brings: []string{"x"}, Retired: true},
		},
		"somebody copied what the bot hid (a6)": {
			tell: func(w *work, x string) forge.Pull {
				p := open(40, "mallory", "gone")
				p.Body = pick.Hide("text", pick.Marker{Kind: "pick", Branch: "release-1.31", Source: []string{x}})
				return p
			},
		},
		"by the name of its branch": {
			tell: func(w *work, x string) forge.Pull {
				propose(w, "backport-12-to-release-1.31", "cert", "line3: 1", "line3: two")
				return open(40, "ann", "backport-12-to-release-1.31")
			},
			want: ledger.Pull{Brings: []string{"x"}},
		},
		"by the commit in the name of its branch": {
			tell: func(w *work, x string) forge.Pull {
				propose(w, "pick/release-1.31/c-"+x[:12], "cert", "line3: 1", "line3: two")
				return open(40, "bot", "pick/release-1.31/c-"+x[:12])
			},
			email: "ann@example.com", want: ledger.Pull{Ours: true, Brings: []string{"x"}, Human: "Ann"},
		},
		"the branch's name is that of another release branch": {
			tell: func(w *work, x string) forge.Pull {
				propose(w, "pick/release-1.32/pr-12", "cert", "line3: 1", "line3: two")
				return open(40, "ann", "pick/release-1.32/pr-12")
			},
		},
		"a fork with the bot's branch name and a forged claim (w16)": {
			tell: func(w *work, x string) forge.Pull {
				w.git("update-ref", "refs/pull/40/head", propose(w, "pick/release-1.31/pr-12", "cert\n\nPicked-From: "+x, "line3: 1", "line3: evil"))
				p := open(40, "bot", "pick/release-1.31/pr-12")
				p.HeadRepository = "mallory/r"
				return p
			},
		},
		"a fork that brings just the change": {
			tell: func(w *work, x string) forge.Pull {
				w.git("update-ref", "refs/pull/40/head", propose(w, "theirs", "cert", "line3: 1", "line3: 2"))
				w.git("switch", "-q", "main")
				w.git("branch", "-D", "-q", "theirs")
				p := open(40, "bob", "theirs")
				p.HeadRepository = "bob/r"
				return p
			},
			want: ledger.Pull{Brings: []string{"x"}},
		},
		"a claim of something else's": {
			tell: func(w *work, x string) forge.Pull {
				w.git("branch", "some", "release-1.31")
				w.edit("some", note, "1", "2", "note\n\nPicked-From: "+x)
				return open(40, "ann", "some")
			},
		},
		"its fork is gone (a4)": {
			tell: func(*work, string) forge.Pull {
				p := open(40, "bot", "pick/release-1.31/pr-12")
				p.HeadRepository = "?"
				return p
			},
		},
		"merged after Git was read": {
			tell: func(*work, string) forge.Pull {
				p := open(40, "bot", "pick/release-1.31/pr-12")
				p.Open, p.Merged, p.MergeCommit = false, true, "1234567890123456789012345678901234567890"
				return p
			},
			want: ledger.Pull{Ours: true, Brings: []string{"x"}, Unseen: true},
		},
		"merged": {
			tell: func(w *work, x string) forge.Pull {
				p := open(40, "bot", "pick/release-1.31/pr-12")
				p.Open, p.Merged, p.MergeCommit = false, true, w.edit("release-1.31", cert, "line3: 1", "line3: two", "Done")
				return p
			},
			want: ledger.Pull{Ours: true, Brings: []string{"x"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWork(t, t.TempDir())
			x := w.edit("main", cert, "line3: 1", "line3: 2", "Raise (#12)")
			p := tc.tell(w, x)
			o := pulls(merged(12, x), p)
			o.Email = tc.email
			h, err := w.read(t, o)
			if err != nil {
				t.Fatal(err)
			}
			got := h.Facts.Branches[0].Pulls
			if len(got) != 1 {
				t.Fatalf("%d pull requests", len(got))
			}
			got[0].Pull = forge.Pull{}
			for i, hash := range got[0].Brings {
				if hash == x {
					got[0].Brings[i] = "x"
				}
			}
			if !reflect.DeepEqual(got[0], tc.want) {
				t.Errorf("got  %+v\nwant %+v", got[0], tc.want)
			}
		})
	}
}
