package tagging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/programs"
)

// TestByHand are repositories in which people made, moved and deleted tags.
func TestByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		do func(w *world)
		// tag is the next release or that of the tip; made says which.
		tag  string
		made bool
		// previous is the release before, told what is said beside checks that are fine.
		previous, told string
		refused        bool
		// steps are what is to be done.
		steps []string
	}{
		"names that are no releases (g2), and the number of another branch (g4)": {
			do: func(w *world) {
				for _, tag := range []string{"v1.31-ake.04", "v1.31-ake.0", "v1.31-ake.99999999999999999999", "v1.31-lab.7", "v1.32-ake.9", "v1.31-ake", "newest"} {
					w.repo.Tag(tag, "main")
				}
				w.repo.Tag("v1.31-ake.2", "main")
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
			},
			tag: "v1.31-ake.3", previous: "v1.31-ake.2",
			told: `note: does not count: "v1.31-ake.0" is not a release tag: its number is not one from 1 to 1000000000 without leading zeros; want v<minor>-<distribution>.<n>, such as v1.31-ake.4
note: does not count: "v1.31-ake.04" is not a release tag: its number is not one from 1 to 1000000000 without leading zeros; want v<minor>-<distribution>.<n>, such as v1.31-ake.4
note: does not count: "v1.31-ake.99999999999999999999" is not a release tag: its number is not one from 1 to 1000000000 without leading zeros; want v<minor>-<distribution>.<n>, such as v1.31-ake.4
`,
			steps: []string{"tag", "release"},
		},
		"a lightweight tag (g2) at the tip gets its release": {
			do:  func(w *world) { w.repo.Tag("v1.31-ake.7", branch) },
			tag: "v1.31-ake.7", made: true, steps: []string{"release"},
		},
		"an annotated one (g2), too": {
			do:  func(w *world) { w.repo.AnnotatedTag("v1.31-ake.7", branch, "Released anyway: by hand") },
			tag: "v1.31-ake.7", made: true, steps: []string{"release"},
		},
		"two tags at the tip": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.9", branch)
				w.repo.Tag("v1.31-ake.10", branch)
				w.hub.releases["v1.31-ake.10"] = forge.Release{Tag: "v1.31-ake.10", Body: "mine"}
			},
			tag: "v1.31-ake.10", made: true, previous: "v1.31-ake.9", told: "note: v1.31-ake.10, v1.31-ake.9 name the same commit\n",
		},
		"a release that a person made stays": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.1", branch)
				w.hub.releases["v1.31-ake.1"] = forge.Release{Tag: "v1.31-ake.1", Body: "mine"}
			},
			tag: "v1.31-ake.1", made: true,
		},
		"older tags of people need no release": {
			do: func(w *world) {
				w.repo.AnnotatedTag("v1.31-ake.1", branch, "by hand")
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
			},
			tag: "v1.31-ake.2", previous: "v1.31-ake.1", steps: []string{"tag", "release"},
		},
		"the newest tag is beside the branch (g3)": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.1", branch)
				w.repo.Tag("v1.31-ake.2", w.repo.Commit("aside", map[string]string{"b": "1"}, "B"))
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
			},
			tag: "v1.31-ake.3", previous: "v1.31-ake.1", refused: true,
		},
		"the branch was reset (fault 54)": {
			do: func(w *world) {
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
				w.repo.Tag("v1.31-ake.1", branch)
				w.repo.SetBranch(branch, "main")
			},
			tag: "v1.31-ake.2", refused: true,
		},
		"an older tag was moved aside (g5, fault 52)": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.1", branch)
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
				w.repo.Tag("v1.31-ake.2", branch)
				w.repo.MoveTag("v1.31-ake.1", w.repo.Commit("aside", map[string]string{"b": "1"}, "B"))
				w.repo.Commit(branch, map[string]string{"a": "2"}, "B")
			},
			tag: "v1.31-ake.3", previous: "v1.31-ake.2", steps: []string{"tag", "release"},
		},
		"a number in between was deleted (g5, fault 53)": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.1", branch)
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
				w.repo.Tag("v1.31-ake.3", branch)
				w.repo.Commit(branch, map[string]string{"a": "2"}, "B")
			},
			tag: "v1.31-ake.4", previous: "v1.31-ake.3", steps: []string{"tag", "release"},
		},
		"the last number was deleted, and has a release (g5, fault 53)": {
			do: func(w *world) {
				w.repo.Tag("v1.31-ake.1", branch)
				w.hub.releases["v1.31-ake.2"] = forge.Release{Tag: "v1.31-ake.2"}
				w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
			},
			tag: "v1.31-ake.3", previous: "v1.31-ake.1", told: "note: v1.31-ake.2 is not on the remote any more: its number is not given again\n", steps: []string{"tag", "release"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.do(w)
			o := w.bot()
			before := w.repo.Git("for-each-ref")
			p := plan(t, o, request)
			if p.Tag.String() != tc.tag || p.Made != tc.made || p.Previous.String() != tc.previous || p.Refused() != tc.refused {
				t.Errorf("%s, made %v, after %q, refused %v", p.Tag, p.Made, p.Previous, p.Refused())
			}
			var told strings.Builder
			for _, r := range p.Remarks {
				fmt.Fprintf(&told, "note: %s\n", r)
			}
			if told.String() != tc.told {
				t.Errorf("told\n%s\nwant\n%s", told.String(), tc.told)
			}
			var todo []string
			for _, s := range p.Steps {
				todo = append(todo, s.Action)
			}
			if !slices.Equal(todo, tc.steps) {
				t.Errorf("steps %q, want %q", todo, tc.steps)
			}
			kept := w.hub.releases["v1.31-ake.1"].Body
			run(t, o, request)
			for line := range strings.Lines(before) {
				if !strings.Contains(w.repo.Git("for-each-ref"), strings.TrimSpace(line)) {
					t.Errorf("a ref was changed: %s", line)
				}
			}
			if body := w.hub.releases["v1.31-ake.1"].Body; kept != "" && body != kept || strings.Contains(w.hub.releases["v1.31-ake.7"].Body, "anyway") {
				t.Errorf("a person's release was changed, or a person's tag was taken for the bot's: %q", body)
			}
			if p, did := run(t, o, request); len(did) > 0 {
				t.Errorf("a second run of %s did %q", p.Tag, did)
			}
		})
	}
}

// TestBeside tells what is wrong with a tag that is not on its branch (g3), and can be overruled.
func TestBeside(t *testing.T) {
	w := newWorld(t)
	w.repo.Tag("v1.31-ake.1", w.repo.Commit("aside", map[string]string{"b": "1"}, "B"))
	p := plan(t, w.bot(), request)
	want := tagging.Check{
		Name: "branch", Result: tagging.Refused, Message: "v1.31-ake.1 is not on release-1.31: clusters that have it would lose what only it has",
		Do: `find out who rewrote the branch or made the tag, and bring back what was delivered, or say --anyway "reason"`,
	}
	if p.Checks[0] != want {
		t.Errorf("%+v", p.Checks[0])
	}
	if p, _ = run(t, w.bot(), tagging.Request{Minor: m131, Anyway: "it was a mistake"}); w.tags()["v1.31-ake.2"] != p.Commit {
		t.Errorf("%s, tags %v", told(p), w.tags())
	}
}

// TestForgotten keeps the numbers of tags that people deleted (g5), as long as the mirror is kept.
func TestForgotten(t *testing.T) {
	w := newWorld(t)
	memory := filepath.Join(t.TempDir(), "releases")
	bot := func() tagging.Options {
		o := w.bot()
		o.Hub, o.Memory = nil, memory
		return o
	}
	run(t, bot(), request)
	w.repo.Tag("v1.31-ake.9", "main")
	w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
	run(t, bot(), request)
	plan(t, bot(), request)
	w.repo.DeleteTag("v1.31-ake.9")
	w.repo.DeleteTag("v1.31-ake.10")
	for range 2 {
		p := plan(t, bot(), request)
		if p.Tag.String() != "v1.31-ake.11" || p.Made || p.Previous.String() != "v1.31-ake.1" || !slices.Contains(p.Remarks, "v1.31-ake.9, v1.31-ake.10 are not on the remote any more: their numbers are not given again") {
			t.Errorf("%s after %s, made %v, %q", p.Tag, p.Previous, p.Made, p.Remarks)
		}
	}
	if err := os.WriteFile(memory, []byte("v1.31-ake.1\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := tagging.Make(t.Context(), bot(), request)
	if err == nil || !strings.HasPrefix(err.Error(), "which releases there were: "+memory+`: "nonsense" is not a release tag`) || !strings.HasSuffix(err.Error(), ": delete the file to forget them") {
		t.Errorf("a damaged memory: %v", err)
	}
}

// TestWrong are requests that cannot be planned at all, and branches that no release is made of.
func TestWrong(t *testing.T) {
	w := newWorld(t)
	o := w.bot()
	other := request
	other.Minor.Minor = 40
	_, err := tagging.Make(t.Context(), o, other)
	if want := "there is no branch release-1.40: offer 1.40 in kubernetes.minors of the default branch's catalog, and branch-bot cut 1.40 --apply makes it"; err == nil || err.Error() != want {
		t.Errorf("no branch: %v", err)
	}
	tip := w.repo.Git("rev-parse", branch)
	_, err = tagging.Make(t.Context(), o, tagging.Request{Minor: m131, Commit: "0123456789abcdef"})
	if want := "release-1.31 is at " + tip[:12] + " and not at 0123456789ab: look at what came since, and name that commit"; err == nil || err.Error() != want {
		t.Errorf("another commit: %v", err)
	}
	if p := plan(t, o, tagging.Request{Minor: m131, Commit: tip[:8]}); p.Refused() {
		t.Errorf("that commit: %s", told(p))
	}
	w.retired = true
	if p := plan(t, o, tagging.Request{Minor: m131, Anyway: "please"}); !p.Refused() || !strings.Contains(told(p), "branch refused: release-1.31 is retired: the catalog does not offer 1.31 any more\n") || len(p.Steps) > 0 {
		t.Errorf("a retired branch: %s", told(p))
	}
	w.retired = false
	w.repo.Commit(branch, map[string]string{"catalog.yaml": strings.Replace(offers, "ake", "lab", 1)}, "Rename")
	if p := plan(t, o, request); !strings.Contains(told(p), `catalog refused: release-1.31 names the distribution "lab" and the default branch "ake"`) {
		t.Errorf("another distribution: %s", told(p))
	}
	w.repo.Commit(branch, map[string]string{"catalog.yaml": "kind: Catalog\n"}, "Break")
	if p := plan(t, o, request); !p.Refused() || strings.Count(told(p), "catalog refused: catalog.yaml") < 2 {
		t.Errorf("a broken catalog: %s", told(p))
	}
	// A branch without catalog, and one whose last release has a broken one.
	w.repo.Apply(branch, "Lose it", gitrepo.Remove("catalog.yaml"))
	if p := plan(t, o, request); !strings.Contains(told(p), "catalog refused: there is no catalog.yaml at the root of release-1.31\n") {
		t.Errorf("no catalog: %s", told(p))
	}
	w.repo.Tag("v1.31-ake.1", branch)
	w.repo.Commit(branch, map[string]string{"catalog.yaml": offers}, "Find it")
	p, _ := run(t, o, request)
	if p.Refused() || !strings.Contains(p.Notes, "Nothing was compared with v1.31-ake.1: ") {
		t.Errorf("after a broken release: %s\n%s", told(p), p.Notes)
	}
}

// TestSigned signs with an SSH key (g6), and says when a branch changes to signed tags.
func TestSigned(t *testing.T) {
	programs.Need(t, "ssh-keygen")
	w := newWorld(t)
	o := w.bot()
	run(t, o, request)
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bot@example.com", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, append([]byte("bot@example.com "), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Signing = native.Signing{Format: "ssh", Key: key}
	w.repo.Commit(branch, map[string]string{"a": "1"}, "A")
	p, did := run(t, o, request)
	if !slices.Contains(p.Remarks, "v1.31-ake.1 is not signed, and v1.31-ake.2 will be") || !strings.Contains(did[0], "v1.31-ake.2, signed with ssh, at ") {
		t.Errorf("%q, did %q", p.Remarks, did)
	}
	object := w.repo.Git("rev-parse", "refs/tags/v1.31-ake.2")
	if err := o.Mirror.(*native.Mirror).Verify(t.Context(), object, signers, o.Signing); err != nil {
		t.Error(err)
	}
	w.repo.Commit(branch, map[string]string{"a": "2"}, "B")
	if p := plan(t, o, request); len(p.Remarks) > 0 {
		t.Errorf("the last release is signed: %q", p.Remarks)
	}
	o.Signing.Key = key + ".missing"
	if _, err := tagging.Run(t.Context(), o, request, nil); err == nil || len(w.tags()) != 2 || !strings.Contains(err.Error(), "tag release-1.31: make v1.31-ake.3: sign tag v1.31-ake.3: ") {
		t.Errorf("without the key: %v, tags %v", err, w.tags())
	}
}
