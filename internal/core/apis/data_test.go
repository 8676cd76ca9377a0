package apis

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestLivesAndMinorsAgree compares two sources that know nothing of one another: the lifecycles in the types, and what servers serve.
func TestLivesAndMinorsAgree(t *testing.T) {
	compared := 0
	for _, m := range Minors() {
		s, err := Of(m)
		if err != nil {
			t.Fatal(err)
		}
		for k := range s.kinds {
			l, ok := data().lives[k]
			if !ok {
				continue
			}
			compared++
			if l.Introduced.Compare(m) > 0 {
				t.Errorf("%v serves %s %s, which came only in %v", m, k.groupVersion(), k.kind, l.Introduced)
			}
			if !l.Removed.IsZero() && l.Removed.Compare(m) <= 0 {
				t.Errorf("%v serves %s %s, which was removed in %v", m, k.groupVersion(), k.kind, l.Removed)
			}
		}
	}
	if compared < 400 {
		t.Errorf("only %d kinds compared", compared)
	}
}

// TestLivesMakeSense: one thing comes after the other, and who is told to move is told where to, to what stays.
func TestLivesMakeSense(t *testing.T) {
	for k, l := range data().lives {
		later := func(a, b version.Minor) bool { return !a.IsZero() && !b.IsZero() && a.Compare(b) > 0 }
		if later(l.Introduced, l.Deprecated) || later(l.Deprecated, l.Removed) || later(l.Introduced, l.Removed) {
			t.Errorf("%v: %+v is not in order", k, l)
		}
		if l.Replacement == "" {
			continue
		}
		next, ok := data().lives[keyOf([]string{l.Replacement, k.kind})]
		if ok && !next.Removed.IsZero() || l.Replacement == k.groupVersion() {
			t.Errorf("%v is to be replaced by %s, which ends in %v", k, l.Replacement, next.Removed)
		}
	}
}

// TestEveryFileReads reads what is otherwise read when it is asked for.
func TestEveryFileReads(t *testing.T) {
	for m, set := range data().minors {
		if _, err := set(); err != nil {
			t.Errorf("%v: %v", m, err)
		}
	}
	if n := len(data().lives); n < 150 {
		t.Errorf("only %d lives", n)
	}
}

func TestBrokenFiles(t *testing.T) {
	for name, tc := range map[string]struct{ file, text, want string }{
		"no scope":        {"data/1.30.txt", "# a\napps/v1 Deployment\n", `data/1.30.txt:2: "apps/v1 Deployment" is not group/version, kind, scope`},
		"unknown scope":   {"data/1.30.txt", "apps/v1 Deployment world\n", `data/1.30.txt:1: "apps/v1 Deployment world" is not group/version, kind, scope`},
		"unknown mark":    {"data/1.30.txt", "apps/v1 Deployment cluster hidden\n", `data/1.30.txt:1: "apps/v1 Deployment cluster hidden" is not group/version, kind, scope`},
		"a life cut off":  {"data/lifecycle.txt", "\nbatch/v1 Job 1.2 - -\n", "data/lifecycle.txt:2: 5 words, want 6"},
		"no minor":        {"data/lifecycle.txt", "batch/v1 Job one - - -\n", "data/lifecycle.txt:1: "},
		"a file's name":   {"data/new.txt", "", "data/new.txt: "},
		"another's minor": {"data/1.30.1.txt", "", "data/1.30.1.txt: "},
	} {
		t.Run(name, func(t *testing.T) {
			tables, err := read(fstest.MapFS{tc.file: {Data: []byte(tc.text)}})
			for _, set := range tables.minors {
				_, err = set()
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}
