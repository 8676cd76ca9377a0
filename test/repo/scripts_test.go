package repo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// step runs one step of a workflow as Actions does, in a folder of its own. The programs that it calls are stand-ins, which write down how they were
// called: `gh` also puts a program in place, and branch-bot ends with the exit code in its environment.
type step struct {
	t    *testing.T
	dir  string
	text string
}

const standIn = `#!/usr/bin/env bash
set -euo pipefail
printf '%s\0' "$(basename "$0")" "$@" >>"$CALLS"
printf '\n' >>"$CALLS"
case "$(basename "$0")" in
gh) while [ "$1" != --output ]; do shift; done; cp "$BIN/branch-bot" "$2" ;;
git) echo "commit-of-${!#}" ;;
*) echo "${SAYS:-}"; exit "${ENDS:-0}" ;;
esac
`

func findStep(t *testing.T, file, jobName, name string) step {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, ".github/workflows/"+file)), &w); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.Jobs[jobName].Steps {
		if s.Name == name {
			return step{t, t.TempDir(), s.Run}
		}
	}
	t.Fatalf("%s has no step %q in job %s", file, name, jobName)
	return step{}
}

// run answers the calls that were made, and how it ended.
func (s step) run(env ...string) (calls []string, err error) {
	s.t.Helper()
	bin := filepath.Join(s.dir, "bin")
	for _, file := range []string{"bin/gh", "bin/git", "bin/branch-bot", "temp/branch-bot"} {
		file = filepath.Join(s.dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(standIn), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	record := filepath.Join(s.dir, "calls")
	cmd := exec.CommandContext(s.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.text)
	cmd.Dir = s.dir
	cmd.Env = append([]string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "BIN=" + bin, "CALLS=" + record, "RUNNER_TEMP=" + filepath.Join(s.dir, "temp"),
		"GITHUB_STEP_SUMMARY=" + filepath.Join(s.dir, "summary"), "GITHUB_OUTPUT=" + filepath.Join(s.dir, "output"), "GITHUB_SERVER_URL=https://github.com", "GITHUB_API_URL=https://api.github.com",
		"GITHUB_REPOSITORY=acme/addons",
	}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	data, readErr := os.ReadFile(record)
	if readErr != nil {
		s.t.Fatal(readErr)
	}
	for _, call := range strings.Split(strings.TrimSuffix(string(data), "\x00\n"), "\x00\n") {
		calls = append(calls, strings.ReplaceAll(call, "\x00", "|"))
	}
	return calls, err
}

// TestWorkflowScripts runs what the workflows for config repositories run: each input stays one argument, whatever is in it.
func TestWorkflowScripts(t *testing.T) {
	const hostile = "x\"; touch pwned; $(touch pwned) `touch pwned` --apply"
	const place = "|--repository|https://github.com/acme/addons|--api-url|https://api.github.com|"
	for name, tc := range map[string]struct {
		file, job, step string
		env             []string
		want            string
	}{
		"diff of a pull request to main": {
			"branch-bot-diff.yml", "diff", "Compare",
			[]string{"GITHUB_BASE_REF=main", "FAIL_ON=", "ALLOW_REPOSITORY="},
			"branch-bot|diff|--repository|.|--base|commit-of-HEAD^1|--head|commit-of-HEAD|-o|markdown|--html|diff.html",
		},
		"diff of a pull request to a release branch, with everything": {
			"branch-bot-diff.yml", "diff", "Compare",
			[]string{"GITHUB_BASE_REF=release-1.31" + hostile, "FAIL_ON=" + hostile, "ALLOW_REPOSITORY=" + hostile},
			"branch-bot|diff|--repository|.|--base|commit-of-HEAD^1|--head|commit-of-HEAD|-o|markdown|--html|diff.html" +
				"|--minor=1.31" + hostile + "|--fail-on=" + hostile + "|--allow-repository=" + hostile,
		},
		"reconcile as an App": {
			"branch-bot-reconcile.yml", "reconcile", "Reconcile",
			[]string{"APP_ID=1", "APP_INSTALLATION=2", "FOLLOW=1.34", "DRY_RUN=false", "ALLOW_REPOSITORY=https://charts.example.com"},
			"branch-bot|reconcile" + place + "--app-id=1|--app-installation=2|--follow=1.34|--apply|--allow-repository=https://charts.example.com",
		},
		"reconcile with a token, dry": {
			"branch-bot-reconcile.yml", "reconcile", "Reconcile",
			[]string{"APP_ID=", "APP_INSTALLATION=", "FOLLOW=", "DRY_RUN=true", "ALLOW_REPOSITORY="},
			"branch-bot|reconcile" + strings.TrimSuffix(place, "|"),
		},
		"the plan of a release": {
			"branch-bot-tag.yml", "plan", "Show what would be released",
			[]string{"MINOR=--apply", "ANYWAY=" + hostile, "ALLOW_REPOSITORY="},
			"branch-bot|tag" + place + "--dry-run|-o|json|--anyway=" + hostile + "|--|--apply",
		},
		"a release": {
			"branch-bot-tag.yml", "tag", "Tag",
			[]string{"APP_ID=1", "APP_INSTALLATION=2", "SIGNING_KEY=", "COMMIT=4711", "MINOR=1.31", "ANYWAY=", "ALLOW_REPOSITORY="},
			"branch-bot|tag" + place + "--apply|--commit|4711|--app-id=1|--app-installation=2|--|1.31",
		},
		"a signed release": {
			"branch-bot-tag.yml", "tag", "Tag",
			[]string{"APP_ID=", "APP_INSTALLATION=", "SIGNING_KEY=line 1\nline 2", "COMMIT=4711", "MINOR=" + hostile, "ANYWAY=no time", "ALLOW_REPOSITORY="},
			"branch-bot|tag" + place + "--apply|--commit|4711|--signing-key=TEMP/signing-key|--signing-format=ssh|--anyway=no time|--|" + hostile,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := findStep(t, tc.file, tc.job, tc.step)
			calls, err := s.run(tc.env...)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(calls[len(calls)-1], filepath.Join(s.dir, "temp"), "TEMP")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("call (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "pwned")); err == nil {
				t.Error("an input was run as a program")
			}
			key, err := os.ReadFile(filepath.Join(s.dir, "temp", "signing-key"))
			if strings.Contains(tc.want, "signing-key") && (err != nil || string(key) != "line 1\nline 2\n") {
				t.Errorf("signing key %q, %v", key, err)
			}
			if err == nil {
				if info, err := os.Stat(filepath.Join(s.dir, "temp", "signing-key")); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the signing key has mode %v, %v", info.Mode(), err)
				}
			}
		})
	}
}

// TestWorkflowsPassOnWhatWasFound: a finding fails the job, after it was written where people look.
func TestWorkflowsPassOnWhatWasFound(t *testing.T) {
	const plan = `{"checks":[{"name":"required checks","result":"refused","message":"ci is\n# red <b>now</b>"}],"commit":"4711","notes":"## What changed\n\n- #12"}`
	for name, tc := range map[string]struct{ file, job, step, says, summary, output string }{
		"diff": {"branch-bot-diff.yml", "diff", "Compare", "what *it* says", "what *it* says\n", ""},
		"tag": {
			"branch-bot-tag.yml", "plan", "Show what would be released", plan,
			"    required checks: refused: ci is # red <b>now</b>\n\n## What changed\n\n- #12\n", "commit=4711\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := findStep(t, tc.file, tc.job, tc.step)
			if _, err := exec.LookPath("jq"); err != nil && strings.Contains(s.text, "jq ") {
				t.Skip("jq, which GitHub's runners have, is not installed here")
			}
			_, err := s.run("ENDS=3", "SAYS="+tc.says, "GITHUB_BASE_REF=main", "MINOR=1.31", "ANYWAY=", "FAIL_ON=", "ALLOW_REPOSITORY=")
			if err == nil || !strings.HasPrefix(err.Error(), "exit status 3") {
				t.Errorf("ended with %v", err)
			}
			for file, want := range map[string]string{"summary": tc.summary, "output": tc.output} {
				got, err := os.ReadFile(filepath.Join(s.dir, file))
				if string(got) != want || err != nil && want != "" {
					t.Errorf("%s %q, %v; want %q", file, got, err, want)
				}
			}
		})
	}
}

// TestWorkflowsInstallOnlyWhatIsPinned: what was downloaded runs only if it has the checksum that the caller wrote down.
func TestWorkflowsInstallOnlyWhatIsPinned(t *testing.T) {
	sum := sha256.Sum256([]byte(standIn))
	right := hex.EncodeToString(sum[:])
	for _, at := range []struct{ file, job string }{
		{"branch-bot-diff.yml", "diff"},
		{"branch-bot-reconcile.yml", "reconcile"},
		{"branch-bot-tag.yml", "plan"},
		{"branch-bot-tag.yml", "tag"},
	} {
		for name, tc := range map[string]struct {
			sum string
			ok  bool
		}{
			"right":   {right, true},
			"another": {strings.Repeat("0", 64), false},
			"none":    {"", false},
			"no sum":  {"*", false},
		} {
			t.Run(at.file+" "+at.job+" "+name, func(t *testing.T) {
				s := findStep(t, at.file, at.job, "Install branch-bot")
				calls, err := s.run("VERSION=--help", "SOURCE=addon-manager/addon-manager", "SHA256="+tc.sum)
				if (err == nil) != tc.ok {
					t.Errorf("ended with %v, want success %v", err, tc.ok)
				}
				want := "gh|release|download|--repo|addon-manager/addon-manager|--pattern|branch-bot-linux-amd64|--output|TEMP/branch-bot|--|--help"
				if got := strings.ReplaceAll(calls[0], filepath.Join(s.dir, "temp"), "TEMP"); got != want {
					t.Errorf("call\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// TestScriptsOfWorkflowsAreBash reads every script as bash would.
func TestScriptsOfWorkflowsAreBash(t *testing.T) {
	for _, file := range workflows(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(data, &w); err != nil {
			t.Fatal(err)
		}
		for name, j := range w.Jobs {
			for i, s := range j.Steps {
				cmd := exec.CommandContext(t.Context(), "bash", "-n")
				cmd.Stdin = bytes.NewReader([]byte(s.Run))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: jobs.%s.steps[%d]: %v: %s", file, name, i, err, out)
				}
			}
		}
	}
}
