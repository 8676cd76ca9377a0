package notes_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/notes"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/chance"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

func TestMain(m *testing.M) { os.Exit(chance.Main(m)) }

var m131 = version.Minor{Major: 1, Minor: 31}

func tag(s string) release.Tag {
	t, err := release.ParseTag(s)
	if err != nil {
		panic(err)
	}
	return t
}

// usual is the fifth release of a branch: an upgrade, a fix of two addons, a change beside them, and a commit that only the branch has.
func usual() notes.Notes {
	service := manifest.ID{Version: "v1", Kind: "Service", Namespace: "cert-manager", Name: "cert-manager-legacy"}
	r := report.Report{
		Base: strings.Repeat("b", 40), Head: strings.Repeat("a", 40), BaseName: "v1.31-ake.4", HeadName: "v1.31-ake.5", Minors: []version.Minor{m131}, Same: 12,
		Results: []report.Result{{Addon: "cert-manager", Minors: []version.Minor{m131}, Result: diff.Result{
			Changes: []diff.Change{
				{Object: service, Kind: diff.Removed, Before: &manifest.Object{ID: service, Content: map[string]any{"spec": map[string]any{"ports": []any{int64(9402)}}}}},
				{Object: manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "cert-manager", Name: "cert-manager"}, Kind: diff.Changed, Fields: []diff.Field{{
					Path: "/spec/template/spec/containers/0/image", Shown: "spec.template.spec.containers[name=controller].image",
					Before: "quay.io/jetstack/cert-manager-controller:v1.14.5", After: "quay.io/jetstack/cert-manager-controller:v1.15.1", HadBefore: true, HasAfter: true,
				}}},
			},
			Images: []diff.Image{{Before: "quay.io/jetstack/cert-manager-controller:v1.14.5", After: "quay.io/jetstack/cert-manager-controller:v1.15.1"}},
		}}},
		Flags: []report.Flag{{Addon: "cert-manager", Minors: []version.Minor{m131}, Flag: risk.Flag{
			Code: risk.ObjectRemoved, Object: service.String(), Message: "Argo CD deletes it.",
		}}},
	}
	return notes.Notes{
		Tag: tag("v1.31-ake.5"), Previous: tag("v1.31-ake.4"), Branch: "release-1.31", Commit: strings.Repeat("a", 40), Report: &r,
		Addons: []notes.Addon{
			{Name: "cert-manager", Versions: []notes.Version{
				{Of: "chart cert-manager", Before: "v1.14.5", After: "v1.15.1"},
				{Of: "image quay.io/jetstack/cert-manager-controller", Before: "v1.14.5", After: "v1.15.1"},
			}},
			{Name: "external-dns"},
			{Name: "kube-state-metrics", New: true, Versions: []notes.Version{{Of: "chart kube-state-metrics", After: "5.20.0"}}},
			{Name: "old-exporter", Gone: true},
			{Name: "quiet"},
		},
		Changes: []notes.Change{
			{
				Title: "Upgrade cert-manager to 1.15", Pull: 120, PickPull: 124, Source: strings.Repeat("1", 40), Commit: strings.Repeat("2", 40), Addons: []string{"cert-manager"},
				AlsoIn: []release.Tag{tag("v1.32-ake.7"), tag("v1.33-ake.2")},
			},
			{Title: "Give pods a priority", Source: strings.Repeat("3", 40), Commit: strings.Repeat("4", 40), Addons: []string{"cert-manager", "external-dns"}},
			{Title: "Offer kube-state-metrics, stop old-exporter", Pull: 118, Source: strings.Repeat("5", 40), Commit: strings.Repeat("6", 40), Addons: []string{"kube-state-metrics", "old-exporter"}},
			{Title: "Say in the README whom to ask", Pull: 117, PickPull: 119, Source: strings.Repeat("7", 40), Commit: strings.Repeat("8", 40)},
		},
		Own: []notes.Own{{Commit: strings.Repeat("9", 40), Title: "Keep one replica on 1.31", Author: "Ada Lovelace"}},
	}
}

func anyway() notes.Notes {
	n := usual()
	n.Anyway = "CVE-2026-1234 cannot wait for the flaky check"
	n.Against = []string{"the required check e2e ended with failure", "#130 (Rename a label) is open"}
	return n
}

func first() notes.Notes {
	n := usual()
	n.Tag, n.Previous, n.Report, n.Changes, n.Own = tag("v1.31-ake.1"), release.Tag{}, nil, nil, nil
	n.Addons = []notes.Addon{
		{Name: "cert-manager", Versions: []notes.Version{{Of: "chart cert-manager", After: "v1.15.1"}}}, {Name: "external-dns"},
	}
	return n
}

// firstLate is a first release after picks.
func firstLate() notes.Notes {
	n, u := first(), usual()
	n.Changes, n.Own = u.Changes[:1], u.Own
	return n
}

func hostile() notes.Notes {
	n := anyway()
	const evil = "# @everyone closes #1 <!-- --> </details> ```\n\n# Big | [x](http://evil.example) <script>alert(1)</script> `a` \x1b[31m \u202e https://evil.example"
	n.Branch = "release-1.31"
	n.Anyway, n.Against = evil, []string{evil, "Released anyway: " + evil}
	n.Addons[0].Versions = []notes.Version{{Of: evil, Before: evil, After: evil}}
	for i := range n.Changes {
		n.Changes[i].Title = evil
	}
	n.Own = []notes.Own{{Commit: strings.Repeat("9", 40), Title: "\nReleased anyway: not at all\n" + evil, Author: evil}}
	n.Report, n.Uncompared = nil, evil
	return n
}

// TestForms compares notes with what a person has read and found good.
func TestForms(t *testing.T) {
	for name, n := range map[string]notes.Notes{"usual": usual(), "anyway": anyway(), "first": first(), "first-late": firstLate(), "hostile": hostile()} {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".md", notes.Markdown(n, notes.Limit))
			golden(t, name+".txt", notes.Message(n, notes.MessageLimit))
		})
	}
	many := usual()
	for i := range 200 {
		many.Changes = append(many.Changes, notes.Change{Title: fmt.Sprintf("Change number %d of many", i), Source: fmt.Sprintf("%040d", i), Addons: []string{"cert-manager"}})
		many.Own = append(many.Own, notes.Own{Commit: fmt.Sprintf("%040d", i), Title: fmt.Sprintf("Own number %d", i), Author: "Ada"})
	}
	golden(t, "cut.md", notes.Markdown(many, 6000))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
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

// TestHostile reads notes of texts that try to break out as GitHub would.
func TestHostile(t *testing.T) {
	var page bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(notes.Markdown(hostile(), notes.Limit)), &page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<a ", "<script", "<h1", "<!--", "<details", "</details", "<table", "@everyone<"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("%s in the page:\n%s", bad, page.String())
		}
	}
	if got := strings.Count(page.String(), "<h2") + strings.Count(page.String(), "<h3"); got != 8 {
		t.Errorf("%d headings, want those of 3 sections, 4 addons and elsewhere:\n%s", got, page.String())
	}
	message := notes.Message(hostile(), notes.MessageLimit)
	if strings.ContainsAny(message, "\x1b\u202e") {
		t.Errorf("the message acts on a terminal: %q", message)
	}
}

// TestAnyway reads from a tag's message why it was released although something was against it, and nothing that only looks so.
func TestAnyway(t *testing.T) {
	for name, n := range map[string]notes.Notes{"usual": usual(), "anyway": anyway()} {
		reason, against := notes.Anyway(notes.Message(n, notes.MessageLimit))
		if reason != n.Anyway || !cmp.Equal(against, n.Against) {
			t.Errorf("%s: got %q, %q, want %q, %q", name, reason, against, n.Anyway, n.Against)
		}
	}
	n := hostile()
	n.Anyway, n.Against = "", nil
	if reason, against := notes.Anyway(notes.Message(n, notes.MessageLimit)); reason != "" || against != nil {
		t.Errorf("a commit's title became a reason: %q, %q", reason, against)
	}
}

// TestLimits holds notes of any texts to any limit.
func TestLimits(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"```", "<!--", strings.Repeat("x", 5000), "a\nb", "@a #1"}))
	rapid.Check(t, func(t *rapid.T) {
		n := usual()
		n.Anyway, n.Against = text.Draw(t, "anyway"), rapid.SliceOfN(text, 0, 50).Draw(t, "against")
		for i := range n.Addons {
			n.Addons[i].Versions = append(n.Addons[i].Versions, notes.Version{Of: text.Draw(t, "of"), Before: text.Draw(t, "before"), After: text.Draw(t, "after")})
		}
		for i := range rapid.IntRange(0, 200).Draw(t, "more") {
			n.Changes = append(n.Changes, notes.Change{Title: text.Draw(t, "title"), Pull: i, Addons: []string{n.Addons[i%len(n.Addons)].Name}})
			n.Own = append(n.Own, notes.Own{Title: text.Draw(t, "own")})
		}
		limit := rapid.IntRange(0, notes.Limit).Draw(t, "limit")
		out := notes.Markdown(n, limit)
		if len(out) > limit {
			t.Fatalf("%d bytes, at most %d are allowed", len(out), limit)
		}
		if m := notes.Message(n, limit); len(m) > limit {
			t.Fatalf("the message has %d bytes, at most %d are allowed", len(m), limit)
		}
		for _, f := range n.Report.Flags {
			if limit >= 4000 && !strings.Contains(out, string(fault.Code(f.Code))) {
				t.Fatalf("the risk %s is lost at %d bytes", f.Code, limit)
			}
		}
	})
}
