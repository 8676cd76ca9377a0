package bench

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

// BenchmarkUpgradeSweep looks for newer versions of 40 addons on four branches, with branch-bot as a process: 30 charts in a Helm repository over HTTP, 10 in an
// OCI registry, each with 40 versions. Everything new is 160 pull requests, with as many writes as fast as the stand-in for GitHub takes them; under the limits the
// bot keeps to its own 80 a minute and 500 an hour. Nothing new is the same again, with all caches filled: it fails when anything is written.
func BenchmarkUpgradeSweep(b *testing.B) {
	program := filepath.Join(b.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/branch-bot").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Run("plan-only", func(b *testing.B) {
		once(b)
		s := newSweep(b, program)
		cold := s.run("--plan-only")
		b.ReportMetric(cold.Seconds(), "s/cold")
		b.ReportMetric(float64(s.upstream()), "requests/cold")
		var warm []time.Duration
		for range 5 {
			warm = append(warm, s.run("--plan-only"))
		}
		b.ReportMetric(median(warm).Seconds(), "s/warm")
		b.ReportMetric(float64(s.upstream()), "requests/warm")
	})
	b.Run("everything-new-then-nothing", func(b *testing.B) {
		once(b)
		s := newSweep(b, program)
		took := s.run("--apply", "--writes-per-minute", "1000000", "--writes-per-hour", "1000000")
		b.ReportMetric(took.Seconds(), "s/everything")
		b.ReportMetric(float64(s.opened(160)), "pull-requests")
		b.ReportMetric(float64(len(s.hub.Writes()))/160, "writes/pull-request")
		s.run("--apply", "--writes-per-minute", "1000000", "--writes-per-hour", "1000000") // What was opened by one pass is looked at by the next.
		var nothing []time.Duration
		for range 5 {
			s.hub.ForgetRequests()
			nothing = append(nothing, s.run("--apply"))
			if w := s.hub.Writes(); len(w) > 0 {
				b.Fatalf("%d writes, the first is %s %s", len(w), w[0].Method, w[0].Path)
			}
		}
		asked, unchanged := 0, 0
		for _, r := range s.hub.Requests() {
			if !strings.HasPrefix(r.Operation, "git/") {
				asked++
				if r.Status == http.StatusNotModified {
					unchanged++
				}
			}
		}
		b.ReportMetric(median(nothing).Seconds(), "s/nothing")
		b.ReportMetric(float64(asked), "forge-requests/nothing")
		b.ReportMetric(float64(unchanged), "forge-not-modified/nothing")
		b.ReportMetric(float64(s.upstream()), "upstream-requests/nothing")
	})
	b.Run("under-the-limits", func(b *testing.B) {
		if testing.Short() {
			b.Skip("takes as long as GitHub's limits ask for")
		}
		once(b)
		s := newSweep(b, program)
		took := s.run("--apply")
		b.ReportMetric(took.Seconds(), "s/last-pull-request")
		b.ReportMetric(float64(s.opened(160)), "pull-requests")
	})
}

// sweep is a repository whose addons all have newer versions.
type sweep struct {
	*testing.B
	program      string
	hub          *github.Server
	repo         *github.Repository
	helm         *upstreams.Helm
	oci          *upstreams.Registry
	mirror, keep string
	// before is how many requests the sources had before the last run.
	before int
}

const sweepAddons, sweepHelm = 40, 30

func newSweep(b *testing.B, program string) *sweep {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s := &sweep{
		B: b, program: program, mirror: b.TempDir(), keep: b.TempDir(), helm: upstreams.NewHelm(b), oci: upstreams.NewRegistry(b),
		hub: github.New(b, github.Options{Primary: 1 << 20, ContentPerMinute: -1, ContentPerHour: -1}),
	}
	var err error
	s.repo, err = s.hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	must(err)
	s.repo.Allow("bot", "write")
	b.Setenv("BRANCH_BOT_TOKEN", s.hub.AddToken("bot"))
	// Each minor runs another newest version, so that each branch has a pull request of its own.
	needs := map[string]string{"1.2.0": ">=1.32.0-0", "1.3.0": ">=1.33.0-0", "1.4.0": ">=1.34.0-0"}
	versions := []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"}
	for i := range 35 {
		versions = append(versions, fmt.Sprintf("0.%d.0", i))
	}
	var files []gitrepo.Change
	var names []string
	for i := range sweepAddons {
		name := fmt.Sprintf("a%02d", i)
		where := s.helm.URL()
		for _, v := range versions {
			c := upstreams.Chart{Name: name, Version: v, AppVersion: v, KubeVersion: needs[v], Home: "https://charts.example.com/" + name}
			if i < sweepHelm {
				must(s.helm.Add(c))
			} else {
				_, err := s.oci.PushChart("charts", c)
				must(err)
			}
		}
		if i >= sweepHelm {
			where = s.oci.URL("charts")
		}
		names = append(names, fmt.Sprintf("- {name: %s, upstream: {helm: {repository: %q, chart: %s}}}", name, where, name))
		files = append(files, gitrepo.File("addons/"+name+"/kustomization.yaml",
			fmt.Sprintf("helmCharts:\n- name: %s\n  repo: %s\n  version: 1.0.0\n  releaseName: %s\n", name, where, name)))
	}
	files = append(files, gitrepo.File("catalog.yaml", "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\n"+
		"kubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\", \"1.34\"]}\naddons:\n"+strings.Join(names, "\n")+"\n"))
	_, err = s.repo.Git.Apply("main", "Start", files...)
	must(err)
	for _, minor := range []string{"1.31", "1.32", "1.33", "1.34"} {
		must(s.repo.Git.SetBranch("release-"+minor, "main"))
	}
	return s
}

func (s *sweep) run(args ...string) time.Duration {
	s.Helper()
	s.before = len(s.helm.Requests()) + len(s.oci.Requests())
	took, _ := run(s.B, s.program, append([]string{
		"upgrade", "-o", "json", "--repository", s.repo.CloneURL(), "--mirror", s.mirror, "--cache", s.keep,
		"--upstream-github-url", s.hub.APIURL(),
	}, args...)...)
	return took
}

// upstream is how many requests the last run made to the sources of versions.
func (s *sweep) upstream() int { return len(s.helm.Requests()) + len(s.oci.Requests()) - s.before }

func (s *sweep) opened(want int) (n int) {
	s.Helper()
	for _, p := range s.repo.Pulls() {
		if p.State == "open" && strings.HasPrefix(p.Head, "upgrade/") {
			n++
		}
	}
	if n != want {
		s.Fatalf("there are %d upgrade pull requests, want %d", n, want)
	}
	return n
}
