package native

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/programs"
)

// TestWriteTree changes paths of a tree, and compares with what a map would have.
func TestWriteTree(t *testing.T) {
	repo := gitrepo.New(t)
	commit := repo.Apply("main", "one", gitrepo.File("a", "1\n"), gitrepo.File("b/c", "1\n"), gitrepo.File("b/d/e", "1\n"), gitrepo.File("b.x", "1\n"), gitrepo.Executable("b0", "1\n"))
	m := open(t, Options{URL: repo.Dir})
	tree := repo.Git("rev-parse", commit+"^{tree}")
	blob, err := m.WriteBlob(t.Context(), []byte("2\n"))
	if err != nil || blob != blobOf("2\n") {
		t.Fatalf("blob %s, %v", blob, err)
	}
	two := change.Entry{Mode: "100644", Blob: blob}
	for name, tc := range map[string]struct {
		paths map[string]change.Entry
		want  string
		err   string
	}{
		"nothing":                        {nil, "100644 a: 1; 100644 b.x: 1; 100644 b/c: 1; 100644 b/d/e: 1; 100755 b0: 1", ""},
		"a file":                         {map[string]change.Entry{"a": two}, "100644 a: 2; 100644 b.x: 1; 100644 b/c: 1; 100644 b/d/e: 1; 100755 b0: 1", ""},
		"new folders":                    {map[string]change.Entry{"b/d/f/g": two, "z/y": two}, "100644 a: 1; 100644 b.x: 1; 100644 b/c: 1; 100644 b/d/e: 1; 100644 b/d/f/g: 2; 100755 b0: 1; 100644 z/y: 2", ""},
		"the last file of a folder goes": {map[string]change.Entry{"b/d/e": {}}, "100644 a: 1; 100644 b.x: 1; 100644 b/c: 1; 100755 b0: 1", ""},
		"a whole folder goes":            {map[string]change.Entry{"b/d": {}}, "100644 a: 1; 100644 b.x: 1; 100644 b/c: 1; 100755 b0: 1", ""},
		"what is not there goes":         {map[string]change.Entry{"x/y": {}, "a/b": {}}, "100644 a: 1; 100644 b.x: 1; 100644 b/c: 1; 100644 b/d/e: 1; 100755 b0: 1", ""},
		"everything goes":                {map[string]change.Entry{"a": {}, "b": {}, "b.x": {}, "b0": {}}, "", ""},
		"a file for a folder":            {map[string]change.Entry{"b": two}, "100644 a: 1; 100644 b: 2; 100644 b.x: 1; 100755 b0: 1", ""},
		"a file for a folder whose files go": {
			map[string]change.Entry{"b": two, "b/c": {}, "b/d/e": {}}, "100644 a: 1; 100644 b: 2; 100644 b.x: 1; 100755 b0: 1", "",
		},
		"a folder for a file":  {map[string]change.Entry{"a/x": two, "a": {}}, "100644 a/x: 2; 100644 b.x: 1; 100644 b/c: 1; 100644 b/d/e: 1; 100755 b0: 1", ""},
		"both":                 {map[string]change.Entry{"a/x": two, "a": two}, "", `"a" would be a file and a folder`},
		"above the repository": {map[string]change.Entry{"../x": two}, "", `write a tree: "../x" is no path that Git allows`},
		"absolute":             {map[string]change.Entry{"/x": two}, "", `write a tree: "/x" is no path that Git allows`},
		"Git's own":            {map[string]change.Entry{"a/.Git/config": two}, "", `write a tree: "a/.Git/config" is no path that Git allows`},
		"an odd mode":          {map[string]change.Entry{"a": {Mode: "104755", Blob: blob}}, "", `write a tree: "a" has the mode "104755"`},
		"an odd hash":          {map[string]change.Entry{"a": {Mode: "100644", Blob: "HEAD"}}, "", `write a tree: "HEAD" is no hash of 40 hexadecimal digits`},
	} {
		got, err := m.WriteTree(t.Context(), tree, tc.paths)
		if tc.err != "" {
			if err == nil || err.Error() != tc.err {
				t.Errorf("%s: got %v, want %s", name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if shown := shown(t, m, got); shown != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, shown, tc.want)
		}
		c, err := m.Commit(t.Context(), change.Commit{Tree: got, Message: name})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := m.program.run(t.Context(), call{args: []string{"fsck", "--strict", "--no-dangling", c}}); err != nil || len(out) > 0 {
			t.Errorf("%s: fsck says %s, %v", name, out, err)
		}
	}
}

// TestCommitIsRead writes commits of odd people (g19, g20) and reads them again; git finds no fault in them.
func TestCommitIsRead(t *testing.T) {
	repo := gitrepo.New(t)
	tip := repo.Apply("main", "one")
	m := open(t, Options{URL: repo.Dir})
	var all []string
	rapid.Check(t, func(rt *rapid.T) {
		person := func() change.Person {
			zone := time.FixedZone("", rapid.IntRange(-14*4, 14*4).Draw(rt, "quarter")*900)
			if _, offset := time.Unix(0, 0).In(zone).Zone(); offset == 0 {
				zone = time.UTC
			}
			return change.Person{
				// Git takes what surrounds a name for a part of its own.
				Name:  rapid.StringMatching(`[A-Zäö][a-z \\"']{0,9}[a-z\x{1F600}]`).Draw(rt, "name"),
				Email: rapid.StringMatching(`[a-z]{1,9}@[a-z]{1,9}`).Draw(rt, "email"),
				When:  time.Unix(rapid.SampledFrom([]int64{0, 1, 1 << 31, 1 << 32, 4294967296 + 1}).Draw(rt, "when"), 0).In(zone),
			}
		}
		want := change.Commit{
			Tree: emptyTree, Parents: []string{tip}, Author: person(), Committer: person(),
			Message: rapid.StringMatching(`[a-z][a-z:<>\n\t\x{1F600}]{0,20}[a-z]\n`).Draw(rt, "message"),
		}
		hash, err := m.Commit(t.Context(), want)
		if err != nil {
			rt.Fatal(err)
		}
		if again, err := m.Commit(t.Context(), want); err != nil || again != hash {
			rt.Errorf("the same commit is %s and %s, %v", hash, again, err)
		}
		want.Hash = hash
		got, err := m.Log(t.Context(), LogRequest{Of: []string{hash}, Not: []string{tip}})
		if err != nil || len(got) != 1 {
			rt.Fatalf("%v, %v", got, err)
		}
		if g, w := fmt.Sprintf("%+q", got[0]), fmt.Sprintf("%+q", want); g != w {
			rt.Errorf("got  %s\nwant %s", g, w)
		}
		all = append(all, hash)
	})
	for name, who := range map[string]change.Person{
		"a line of its own":   {Name: "A\ncommitter B <b@example.com> 1 +0000", Email: "a@example.com\n\nx"},
		"brackets":            {Name: "A <B>", Email: "<a>@example.com>"},
		"nothing":             {},
		"NUL":                 {Name: "A\x00B", Email: "\x00"},
		"before 1970":         {Name: "A", When: time.Unix(-1, 0).UTC()},
		"a zone with seconds": {Name: "A", When: time.Unix(1, 0).In(time.FixedZone("LMT", 3*3600+17))},
	} {
		hash, err := m.Commit(t.Context(), change.Commit{Tree: emptyTree, Author: who, Committer: who, Message: "x\x00y"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Log(t.Context(), LogRequest{Of: []string{hash}})
		if err != nil || len(got) != 1 || len(got[0].Parents) > 0 || got[0].Message != "xy\n" || strings.ContainsAny(got[0].Author.Name+got[0].Author.Email, "<>\n\x00") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		all = append(all, hash)
	}
	if out, err := m.program.run(t.Context(), call{args: append([]string{"fsck", "--strict", "--no-dangling"}, all...)}); err != nil || len(out) > 0 {
		t.Errorf("fsck says %s, %v", out, err)
	}
}

// TestReadingWhatIsNotThere asks for objects that are missing, of another kind or too large, by names that are none.
func TestReadingWhatIsNotThere(t *testing.T) {
	repo := gitrepo.New(t)
	tip := repo.Commit("main", map[string]string{"big": strings.Repeat("0123456\n", git.DefaultMaxBlob/8) + "x"}, "one")
	m := open(t, Options{URL: repo.Dir})
	none := strings.Repeat("1", 40)
	ask := map[string]func(hash string) error{
		"Blob":  func(h string) error { _, err := m.Blob(t.Context(), h); return err },
		"Files": func(h string) error { _, err := m.Files(t.Context(), h); return err },
		"Log":   func(h string) error { _, err := m.Log(t.Context(), LogRequest{Of: []string{h}}); return err },
		"Log not": func(h string) error {
			_, err := m.Log(t.Context(), LogRequest{Of: []string{tip}, Not: []string{h}})
			return err
		},
		"PatchIDs":  func(h string) error { _, err := m.PatchIDs(t.Context(), []string{h}); return err },
		"MergeBase": func(h string) error { _, err := m.MergeBase(t.Context(), tip, h); return err },
		"Contains":  func(h string) error { _, err := m.Contains(t.Context(), h, tip); return err },
		"Pick":      func(h string) error { _, err := m.Pick(t.Context(), tip, "x", h); return err },
		"Pick onto": func(h string) error { _, err := m.Pick(t.Context(), h, "x", tip); return err },
		"PickEach":  func(h string) error { _, err := m.PickEach(t.Context(), tip, []string{h}); return err },
		"WriteTree": func(h string) error {
			_, err := m.WriteTree(t.Context(), h, map[string]change.Entry{"a": {}})
			return err
		},
		"Commit":     func(h string) error { _, err := m.Commit(t.Context(), change.Commit{Tree: h}); return err },
		"Tag":        func(h string) error { _, err := m.Tag(t.Context(), NewTag{Name: "v1", Commit: h}); return err },
		"Verify":     func(h string) error { return m.Verify(t.Context(), h, "", Signing{}) },
		"Push":       func(h string) error { return m.Push(t.Context(), Update{"refs/heads/x", "", h}) },
		"Push lease": func(h string) error { return m.Push(t.Context(), Update{"refs/heads/x", h, tip}) },
	}
	for name, f := range ask {
		for _, h := range []string{"", "main", "--output=x", "-h", "HEAD", tip + "\n" + tip, tip[:39], strings.ToUpper(tip), ":/one"} {
			if err := f(h); h != "" || !strings.HasPrefix(name, "Push") {
				if err == nil || !strings.Contains(err.Error(), "is no hash of 40 hexadecimal digits") {
					t.Errorf("%s of %q: %v", name, h, err)
				}
			}
		}
	}
	for _, name := range []string{"Files", "Log", "MergeBase", "Pick", "Pick onto", "PickEach"} {
		if err := ask[name](none); !errors.Is(err, git.ErrUnknownRevision) {
			t.Errorf("%s of a commit that is nowhere: %v", name, err)
		}
	}
	if m.damaged.Load() {
		t.Error("a commit that is nowhere is taken for damage")
	}
	big := repo.Git("rev-parse", tip+":big")
	if err := ask["Blob"](big); !errors.Is(err, git.ErrTooLarge) || !strings.Contains(err.Error(), "has 4194305 bytes, at most 4194304 are read") {
		t.Errorf("a large file: %v", err)
	}
	if err := ask["Blob"](tip); err == nil || err.Error() != tip+" is a commit, not a blob" {
		t.Errorf("a commit as a file: %v", err)
	}
	if err := ask["Blob"](none); !errors.Is(err, git.ErrCorrupt) || !m.damaged.Load() {
		t.Errorf("a file that a tree names and that is not there: %v", err)
	}
}

// TestMergeFile merges three versions of a file.
func TestMergeFile(t *testing.T) {
	repo := gitrepo.New(t)
	repo.Apply("main", "one")
	m := open(t, Options{URL: repo.Dir})
	for name, tc := range map[string]struct {
		base, ours, theirs, want string
		clean                    bool
	}{
		"far apart": {twelve, strings.Replace(twelve, "one", "1", 1), strings.Replace(twelve, "nine", "9", 1), strings.NewReplacer("one", "1", "nine", "9").Replace(twelve), true},
		"one line":  {"a\n", "b\n", "c\n", "<<<<<<< -release b\nb\n||||||| parent of abc\na\n=======\nc\n>>>>>>> abc\n", false},
	} {
		got, clean, err := m.MergeFile(t.Context(), []byte(tc.base), []byte(tc.ours), []byte(tc.theirs), "-release\n b", "abc")
		if err != nil || clean != tc.clean || string(got) != tc.want {
			t.Errorf("%s: got %q, %v, %v\nwant %q", name, got, clean, err, tc.want)
		}
	}
	if _, _, err := m.MergeFile(t.Context(), []byte("\x00a"), []byte("\x00b"), []byte("\x00c"), "x", "y"); err == nil {
		t.Error("binary files were merged")
	}
}

// TestSigning signs tags with keys of both kinds, and finds out what is not signed, changed, or by another.
func TestSigning(t *testing.T) {
	programs.Need(t, "ssh-keygen", "gpg")
	repo := gitrepo.New(t)
	tip := repo.Apply("main", "one")
	m := open(t, Options{URL: repo.Dir})
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GNUPGHOME=" + dir + "/gnupg"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	allowed := map[string]string{}
	for _, name := range []string{"key", "other"} {
		run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name))
		public, err := os.ReadFile(filepath.Join(dir, name+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		allowed[name] = filepath.Join(dir, name+".allowed")
		if err := os.WriteFile(allowed[name], []byte("bot@example.com "+string(public)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ssh := Signing{Format: "ssh", Key: filepath.Join(dir, "key")}
	gpg := Signing{Format: "openpgp", Key: "bot@example.com", Home: dir + "/gnupg"}
	if err := os.Mkdir(gpg.Home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the agent that gpg starts
		cmd := exec.Command("gpgconf", "--kill", "all")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + gpg.Home}
		_ = cmd.Run()
	})
	run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "bot@example.com", "default", "default", "never")
	tag := func(s Signing) string {
		t.Helper()
		object, err := m.Tag(t.Context(), NewTag{Name: "v1.31-ake.1", Commit: tip, Message: "notes\n\n- one\n", Tagger: change.Person{Name: "bot", Email: "bot@example.com", When: time.Unix(1700000000, 0).UTC()}, Signing: s})
		if err != nil {
			t.Fatal(err)
		}
		return object
	}
	plain, signed, pgp := tag(Signing{}), tag(ssh), tag(gpg)
	content, err := m.program.run(t.Context(), call{args: []string{"cat-file", "tag", signed}})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := m.program.run(t.Context(), call{args: []string{"hash-object", "-t", "tag", "-w", "--stdin"}, stdin: strings.NewReader(strings.Replace(string(content), "- one", "- two", 1))})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		object, allowed string
		signing         Signing
		good            bool
	}{
		"SSH":                {signed, allowed["key"], ssh, true},
		"SSH by another":     {signed, allowed["other"], ssh, false},
		"SSH and no list":    {signed, "", ssh, false},
		"SSH, changed":       {firstLine(string(changed)), allowed["key"], ssh, false},
		"OpenPGP":            {pgp, "", gpg, true},
		"OpenPGP by another": {pgp, "", Signing{Format: "openpgp", Home: dir}, false},
		"not signed":         {plain, allowed["key"], ssh, false},
		"no tag":             {tip, allowed["key"], ssh, false},
	} {
		if err := m.Verify(t.Context(), tc.object, tc.allowed, tc.signing); (err == nil) != tc.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again := tag(Signing{}); again != plain {
		t.Errorf("the same tag is %s and %s", plain, again)
	}
	if out, err := m.program.run(t.Context(), call{args: []string{"fsck", "--strict", "--no-dangling", plain, signed, pgp}}); err != nil || len(out) > 0 {
		t.Errorf("fsck says %s, %v", out, err)
	}
	if refs := gitIn(m.program.repository, "for-each-ref", "--format=%(refname)"); refs != "refs/heads/main" {
		t.Errorf("refs are left: %s", refs)
	}
	for want, tc := range map[string]NewTag{
		`tag "-d": Git allows no such name`:                                                                 {Name: "-d", Commit: tip},
		`tag "a b": Git allows no such name`:                                                                {Name: "a b", Commit: tip},
		`tag "v1\nx": Git allows no such name`:                                                              {Name: "v1\nx", Commit: tip},
		`sign tag v1: the SSH key: stat ` + dir + `/none: no such file or directory`:                        {Name: "v1", Commit: tip, Signing: Signing{Format: "ssh", Key: dir + "/none"}},
		`sign tag v1: the format "x509" is not known; use ssh or openpgp`:                                   {Name: "v1", Commit: tip, Signing: Signing{Format: "x509"}},
		`sign tag v1: "--version" is no id of an OpenPGP key`:                                               {Name: "v1", Commit: tip, Signing: Signing{Format: "openpgp", Key: "--version"}},
		`sign tag v1: gpg says "gpg: skipped \"nobody\": No secret key gpg: signing failed: No secret key"`: {Name: "v1", Commit: tip, Signing: Signing{Format: "openpgp", Key: "nobody", Home: gpg.Home}},
	} {
		if _, err := m.Tag(t.Context(), tc); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
