package tagging_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// plan and run end the test when they fail.
func plan(t *testing.T, o tagging.Options, r tagging.Request) *tagging.Plan {
	t.Helper()
	p, err := tagging.Make(t.Context(), o, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, o tagging.Options, r tagging.Request) (p *tagging.Plan, did []string) {
	t.Helper()
	p, err := tagging.Run(t.Context(), o, r, func(r steps.Result) { did = append(did, r.Line()) })
	if err != nil {
		t.Fatal(err)
	}
	return p, did
}

var request = tagging.Request{Minor: m131}

// TestStory is the life of a branch: its first release, nothing new, and a second one with an upgrade and a fix.
func TestStory(t *testing.T) {
	w := newWorld(t)
	o := w.bot()

	p := plan(t, o, request)
	if p.Refused() || p.Tag.String() != "v1.31-ake.1" || p.Made || len(w.tags()) > 0 || len(w.hub.names()) > 0 {
		t.Fatalf("a plan did something, or plans the wrong thing: %+v, tags %v", p, w.tags())
	}
	p, did := run(t, o, request)
	first := w.tags()["v1.31-ake.1"]
	if first == "" || first != p.Commit || !slices.Equal(w.hub.names(), []string{"v1.31-ake.1"}) {
		t.Fatalf("tags %v, releases %v", w.tags(), w.hub.names())
	}
	want := []string{
		"done    tag release-1.31: push v1.31-ake.1, annotated, at " + first[:12] + ", together with release-1.31",
		"done    release release-1.31: make the release v1.31-ake.1",
	}
	if !slices.Equal(did, want) {
		t.Errorf("did  %q\nwant %q", did, want)
	}

	again, did := run(t, o, request)
	if !again.Made || again.Tag != p.Tag || len(did) > 0 || len(w.tags()) != 1 {
		t.Errorf("a second run: %+v, did %q", again, did)
	}

	w.repo.Commit(branch, map[string]string{"addons/web/web.yaml": web("ghcr.io/shop/web:2")}, "Upgrade web to 2\n\nIt is *faster* @everyone.")
	w.repo.Commit(branch, map[string]string{"README.md": "Ask us.\n"}, "Say whom to ask")
	p, _ = run(t, w.bot(), request) // Another machine, with a new mirror.
	if p.Tag.String() != "v1.31-ake.2" || p.Previous.String() != "v1.31-ake.1" {
		t.Fatalf("%+v", p)
	}
	golden(t, "second.md", w.hub.releases["v1.31-ake.2"].Body)
	tagger := w.repo.Git("for-each-ref", "--format=%(taggername) %(taggeremail) %(taggerdate:unix)", "refs/tags/v1.31-ake.2")
	if tagger != "branch-bot <bot@example.com> 1800000000" {
		t.Errorf("tagged by %q", tagger)
	}
	golden(t, "second.txt", w.repo.Git("for-each-ref", "--format=%(contents)", "refs/tags/v1.31-ake.2")+"\n")
}

// TestChecks lists everything that stops a release at once, each with what to do, and what a person may overrule.
func TestChecks(t *testing.T) {
	w := newWorld(t)
	w.repo.Commit(branch, map[string]string{
		"catalog.yaml": strings.Replace(offers, "- {name: web}", "- {name: web}\n- {name: broken}\n- {name: old}", 1), "addons/broken/kustomization.yaml": "resources: [missing.yaml]\n",
		"addons/old/pdb.yaml": "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old}\n",
	}, "Offer more")
	p := plan(t, w.bot(), request)
	golden(t, "broken.txt", told(p))
	if len(p.Steps) > 0 {
		t.Errorf("steps of a refused release: %+v", p.Steps)
	}
	if p, did := run(t, w.bot(), tagging.Request{Minor: m131, Anyway: "we must"}); !p.Refused() || len(did) > 0 || len(w.tags()) > 0 {
		t.Errorf("what cannot be rendered was released: %s", told(p))
	}

	w.repo.Apply(branch, "Take it back", gitrepo.Remove("addons/broken"), gitrepo.File("catalog.yaml", strings.Replace(offers, "- {name: web}", "- {name: web}\n- {name: old}", 1)))
	golden(t, "removed-api.txt", told(plan(t, w.bot(), tagging.Request{Minor: m131, Anyway: "we must"})))

	w.repo.Apply(branch, "Take that back, too", gitrepo.Remove("addons/old"), gitrepo.File("catalog.yaml", offers))
	p, _ = run(t, w.bot(), request)
	if p.Refused() || w.tags()["v1.31-ake.1"] == "" {
		t.Errorf("a good branch was not released: %s", told(p))
	}
}

// told is how people hear of checks and remarks. Commits have other names in each run.
func told(p *tagging.Plan) string {
	var b strings.Builder
	for _, c := range p.Checks {
		b.WriteString(c.Name + " " + string(c.Result) + ": " + c.Message + "\n")
		if c.Do != "" {
			b.WriteString("  " + c.Do + "\n")
		}
	}
	for _, r := range p.Remarks {
		b.WriteString("note: " + r + "\n")
	}
	return b.String()
}

var commits = regexp.MustCompile(`\b[0-9a-f]{10,40}\b`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = commits.ReplaceAllString(got, "COMMIT")
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
