package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// root is the repository's, as tests see it.
const root = "../.."

type workflow struct {
	// On is under true: YAML 1.1 reads the key on as a boolean.
	On          any            `json:"true"`
	Permissions *any           `json:"permissions"`
	Concurrency any            `json:"concurrency"`
	Jobs        map[string]job `json:"jobs"`
}

type job struct {
	Uses        string `json:"uses"`
	Timeout     int    `json:"timeout-minutes"`
	Permissions any    `json:"permissions"`
	// Secrets and With are of a job that calls another workflow.
	Secrets any            `json:"secrets"`
	With    map[string]any `json:"with"`
	Env     map[string]any `json:"env"`
	Steps   []struct {
		Name string         `json:"name"`
		Uses string         `json:"uses"`
		Run  string         `json:"run"`
		With map[string]any `json:"with"`
		Env  map[string]any `json:"env"`
	} `json:"steps"`
}

var (
	pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	// commented finds uses: lines that do not say which version their commit is.
	commented = regexp.MustCompile(`(?m)^\s*(?:- )?uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	usesLine  = regexp.MustCompile(`(?m)^\s*(?:- )?uses: .*$`)
	// expression is what Actions puts into a script before a shell reads it: text from outside would be code there.
	expression = regexp.MustCompile(`\$\{\{.*?\}\}`)
)

// faults are what is unsafe in a workflow.
func faults(data []byte) (found []string) {
	refuse := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	var w workflow
	if err := yaml.Unmarshal(data, &w); err != nil {
		return []string{err.Error()}
	}
	if rights, ok := value(w.Permissions).(map[string]any); !ok || len(rights) > 0 {
		refuse("permissions at the top must be {}, jobs ask for what they need")
	}
	if w.Concurrency == nil {
		refuse("concurrency is missing")
	}
	if strings.Contains(fmt.Sprint(w.On), "pull_request_target") || strings.Contains(fmt.Sprint(w.On), "workflow_run") {
		refuse("runs with rights on what strangers send: use pull_request")
	}
	for name, j := range w.Jobs {
		if j.Timeout == 0 {
			refuse("jobs.%s: timeout-minutes is missing", name)
		}
		if _, ok := j.Permissions.(map[string]any); !ok {
			refuse("jobs.%s: permissions must name each right", name)
		}
		if j.Secrets == "inherit" {
			refuse("jobs.%s: passes on all secrets: name those that are needed", name)
		}
		if strings.Contains(fmt.Sprint(j.Env), "secrets.") {
			refuse("jobs.%s: a secret is for the step that needs it", name)
		}
		// Only what strangers may have written is checked out; nobody's secrets are to be beside it.
		outside, secret := false, false
		for _, s := range j.Steps {
			outside = outside || strings.HasPrefix(s.Uses, "actions/checkout@")
			secret = secret || strings.Contains(fmt.Sprint(s.Env, s.With), "secrets.")
		}
		if outside && secret {
			refuse("jobs.%s: has a secret beside what is checked out", name)
		}
		for i, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
				refuse("jobs.%s.steps[%d]: the checkout leaves the token behind: set persist-credentials to false", name, i)
			}
			if s.Uses != "" && !pinned.MatchString(s.Uses) {
				refuse("jobs.%s.steps[%d]: uses: %s is not pinned to a commit", name, i, s.Uses)
			}
			if e := expression.FindString(s.Run); e != "" {
				refuse("jobs.%s.steps[%d]: run holds %s; hand it over as an environment variable", name, i, e)
			}
		}
	}
	for _, line := range usesLine.FindAllString(string(data), -1) {
		if !commented.MatchString(line) {
			refuse("%s lacks a comment with the version", strings.TrimSpace(line))
		}
	}
	slices.Sort(found)
	return found
}

func value(p *any) any {
	if p == nil {
		return nil
	}
	return *p
}

func workflows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	return files
}

func TestWorkflowsAreSafe(t *testing.T) {
	for _, file := range workflows(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults(data) {
			t.Errorf("%s: %s", file, f)
		}
	}
}

func TestUnsafeWorkflowsAreFound(t *testing.T) {
	const unsafe = `
on: [push, pull_request_target]
jobs:
  a:
    steps:
    - uses: actions/checkout@v6
    - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
    - run: echo "${{ github.event.pull_request.title }}"
      env: {TOKEN: "${{ secrets.token }}"}
  b:
    env: {TOKEN: "${{ secrets.token }}"}
    timeout-minutes: 1
    permissions: {}
    secrets: inherit
`
	want := []string{
		"- uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd lacks a comment with the version",
		"- uses: actions/checkout@v6 lacks a comment with the version",
		"concurrency is missing",
		"jobs.a.steps[0]: the checkout leaves the token behind: set persist-credentials to false",
		"jobs.a.steps[0]: uses: actions/checkout@v6 is not pinned to a commit",
		"jobs.a.steps[1]: the checkout leaves the token behind: set persist-credentials to false",
		"jobs.a.steps[2]: run holds ${{ github.event.pull_request.title }}; hand it over as an environment variable",
		"jobs.a: has a secret beside what is checked out",
		"jobs.a: permissions must name each right",
		"jobs.a: timeout-minutes is missing",
		"jobs.b: a secret is for the step that needs it",
		"jobs.b: passes on all secrets: name those that are needed",
		"permissions at the top must be {}, jobs ask for what they need",
		"runs with rights on what strangers send: use pull_request",
	}
	if diff := cmp.Diff(want, faults([]byte(unsafe))); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestWorkflowsPassActionlint(t *testing.T) {
	if testing.Short() {
		t.Skip("builds actionlint; run without -short")
	}
	// Without shellcheck and pyflakes, so that the answer is the same everywhere.
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/go.mod", "actionlint", "-shellcheck=", "-pyflakes=")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd, err, out)
	}
}
