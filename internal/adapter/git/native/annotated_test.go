package native

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/programs"
)

// TestAnnotated reads tags that people and the bot made.
func TestAnnotated(t *testing.T) {
	programs.Need(t, "ssh-keygen")
	repo := gitrepo.New(t)
	tip := repo.Commit("main", map[string]string{"a": "1"}, "start")
	repo.Tag("light", tip)
	repo.AnnotatedTag("byhand", tip, "First line\n\nSays -----BEGIN PGP SIGNATURE----- within a line.")
	repo.SetRef("refs/tags/odd", odd(t, repo, "object "+tip+"\ntype commit\ntag odd\n\nNobody made this.\n"))
	m := open(t, Options{URL: repo.Dir})
	bot := change.Person{Name: "Bot", Email: "bot@example.com", When: time.Unix(1_700_000_000, 0).UTC()}
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	signed, err := m.Tag(t.Context(), NewTag{Name: "signed", Commit: tip, Message: "The fifth\n\nWith notes.\n", Tagger: bot, Signing: Signing{Format: "ssh", Key: key}})
	if err != nil {
		t.Fatal(err)
	}
	refs, err := m.Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		tag  Tag
		want Annotated
		ok   bool
	}{
		"lightweight":      {tag: refs.Tags["light"]},
		"made by a person": {refs.Tags["byhand"], Annotated{change.Person{Name: gitrepo.AuthorName, Email: gitrepo.AuthorEmail}, "First line\n\nSays -----BEGIN PGP SIGNATURE----- within a line.\n", false}, true},
		"without a tagger": {refs.Tags["odd"], Annotated{Message: "Nobody made this.\n"}, true},
		"signed":           {Tag{Object: signed, Commit: tip}, Annotated{bot, "The fifth\n\nWith notes.\n", true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := m.Annotated(t.Context(), tc.tag)
			if name == "made by a person" {
				got.Tagger.When = time.Time{}
			}
			if name == "signed" {
				got.Tagger.When = got.Tagger.When.UTC()
			}
			if d := cmp.Diff(tc.want, got); err != nil || ok != tc.ok || d != "" {
				t.Errorf("%v, %v (-want +got):\n%s", ok, err, d)
			}
		})
	}
	if _, _, err := m.Annotated(t.Context(), Tag{Object: tip, Commit: signed}); err == nil || err.Error() != "read a tag: "+tip+" is a commit, not a tag" {
		t.Errorf("a commit: %v", err)
	}
}

// odd writes a tag object as git would not.
func odd(t *testing.T, repo *gitrepo.Fixture, content string) string {
	t.Helper()
	m := open(t, Options{URL: repo.Dir})
	hash, err := m.write(4, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(repo.Dir, "objects", hash[:2])
	if out, err := exec.Command("sh", "-c", "mkdir -p "+dir+" && cp "+filepath.Join(m.path(repositoryName), "objects", hash[:2], hash[2:])+" "+dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return hash
}
