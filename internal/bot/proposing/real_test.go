package proposing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/test/github"
)

// publishers are sources with the charts that they list, by name.
type publishers map[string][]upstream.Version

func (p publishers) List(_ context.Context, sources []upstream.Source) (map[upstream.Source]upstream.Listing, error) {
	all := map[upstream.Source]upstream.Listing{}
	for _, s := range sources {
		all[s] = upstream.Listing{Versions: p[s.Name]}
		if p[s.Name] == nil {
			all[s] = upstream.Listing{Problem: "charts.example.com does not answer"}
		}
	}
	return all, nil
}

func (p publishers) Describe(context.Context, upstream.Source, string) (upstream.Version, error) {
	return upstream.Version{}, errors.New("all of it is described")
}

func (p publishers) History(context.Context, string) ([]upstream.Version, error) { return nil, nil }

func chart(version, kubernetes string) upstream.Version {
	return upstream.Version{Name: version, Kubernetes: kubernetes, Created: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Described: true}
}

// TestReal finds versions and makes commits as the bot does, and follows an upgrade that one branch cannot run to the end.
func TestReal(t *testing.T) {
	town := newTown(t, github.Options{})
	const file = "addons/cert/kustomization.yaml"
	kustomization := func(version string) string {
		return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n- name: cert # the chart\n  repo: https://charts.example.com\n  version: \"" + version + "\" # pinned\n"
	}
	offer := fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`)
	offer = offer[:strings.Index(offer, "- {name: dns")] + "upgrades: {maxNew: 5}\n"
	town.commit("main", "Offer cert", map[string]string{"catalog.yaml": offer, file: kustomization("4.1.0")})
	town.branch("release-1.31", "main")
	town.branch("release-1.32", "main")
	town.branch("release-1.33", "main")
	sources := publishers{"cert": {chart("4.1.0", ""), chart("4.2.3", ""), chart("5.0.0", ">=1.32.0-0")}}
	run := func() (lines []string) {
		t.Helper()
		o, done, err := town.options(t.Context())
		town.ok(err)
		defer done()
		o.Sources = sources
		all, _, err := Plan(t.Context(), o)
		town.ok(errors.Join(err, steps.Apply(t.Context(), all, func(r steps.Result) { lines = append(lines, r.Line()) })))
		return lines
	}
	settle := func() {
		t.Helper()
		for range 5 {
			if len(doing(run())) == 0 {
				return
			}
		}
		t.Fatalf("still something to do: %q", run())
	}
	settle()
	const on31 = `release-1.31 ← upgrade/release-1.31/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3 on release-1.31, `
	town.expect(town.pulls(),
		`#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`,
		"#2 "+on31+`open ["upgrade"]`,
		`#3 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), open ["major" "no-cherry-pick/1.31" "upgrade"]`,
	)
	if got, err := town.repo.Git.Git("show", "upgrade/main/cert.major:"+file); err != nil || got+"\n" != kustomization("5.0.0") {
		t.Errorf("got %q (%v)", got, err)
	}
	for _, want := range []string{"5.0.0", "its chart is for Kubernetes >=1.32.0-0, and 1.31 is not"} {
		if body := town.pull(2).Body; !strings.Contains(strings.ReplaceAll(body, "&#62;", ">"), want) {
			t.Errorf("the pull request lacks %q:\n%s", want, body)
		}
	}
	town.server.ForgetRequests()
	if lines := run(); len(doing(lines)) > 0 || len(town.writes()) > 0 {
		t.Errorf("not settled: %q, %q", lines, town.writes())
	}

	// The source fails for a while, then one does not want the major on main.
	cert := sources["cert"]
	delete(sources, "cert")
	settle()
	if n := strings.Count(strings.Join(town.pulls(), "\n"), ", open "); n != 3 {
		t.Errorf("a source that fails leaves %d open: %q", n, town.pulls())
	}
	if !strings.Contains(town.board(), "charts.example.com does not answer") {
		t.Errorf("the dashboard says\n%s", town.board())
	}
	sources["cert"] = cert
	town.ok(town.repo.CommentPull(3, "ann", "/ignore this version"))
	settle()
	// Now main gets what release-1.31 can run, so that gets it by a pick, until there is another major.
	const was, first = "#2 " + on31 + `closed ["upgrade"]`, `#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open `
	const refused = `#3 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), closed ["major" "no-cherry-pick/1.31" "upgrade"]`
	town.expect(town.pulls(), first+`["upgrade"]`, was, refused)
	if body := town.pull(2).Body; !strings.HasPrefix(body, "> **Closed by the bot:** it comes by a pick, once main has cert 4.2.3.\n") {
		t.Errorf("the closed pull request says\n%s", body)
	}
	sources["cert"] = append(cert, chart("5.0.1", ">=1.32.0-0"))
	settle()
	town.expect(town.pulls(), first+`["upgrade"]`, was, refused, "#5 "+on31+`open ["upgrade"]`,
		`#6 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.1 (major), open ["major" "no-cherry-pick/1.31" "upgrade"]`)
	town.merge(1)
	settle()
	if body := town.pull(5).Body; !strings.HasPrefix(body, "> **Closed by the bot:** it comes by a pick, now that main has it.\n") {
		t.Errorf("the closed pull request says\n%s", body)
	}
	// That pick is on its way when main goes on.
	town.branch("pick/release-1.31/pr-1", "release-1.31")
	town.commit("pick/release-1.31/pr-1", "Upgrade cert from 4.1.0 to 4.2.3", map[string]string{file: kustomization("4.2.3")})
	pick, err := town.repo.OpenPull(github.NewPull{Author: "ann", Title: "[release-1.31] Upgrade cert from 4.1.0 to 4.2.3", Head: "pick/release-1.31/pr-1", Base: "release-1.31"})
	town.ok(err)
	town.merge(6)
	settle()
	if lines := run(); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, fmt.Sprintf(": #%d brings it", pick)) }) {
		t.Errorf("the bot says %q", lines)
	}
	town.merge(pick)
	settle()
	if strings.Contains(strings.Join(town.pulls(), "\n"), ", open ") {
		t.Errorf("something is open: %q", town.pulls())
	}
	if want := "its chart is for Kubernetes &#62;=1.32.0-0, and 1.31 is not"; !strings.Contains(town.board(), want) {
		t.Errorf("the dashboard lacks %q:\n%s", want, town.board())
	}
}
