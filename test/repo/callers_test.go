package repo_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// called is what a workflow asks of those that call it.
type called struct {
	On struct {
		Call struct {
			Inputs map[string]struct {
				Required bool `json:"required"`
			} `json:"inputs"`
			Secrets map[string]any `json:"secrets"`
		} `json:"workflow_call"`
	} `json:"true"`
	Jobs map[string]job `json:"jobs"`
}

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```")

// TestCallersInDocumentsFit holds the workflows that people are told to copy to those that they call: every input and secret is one that there is, none that
// is required is missing, the caller grants what the called asks for, and the caller is as safe as ours.
func TestCallersInDocumentsFit(t *testing.T) {
	found := map[string]bool{}
	for _, block := range yamlBlock.FindAllStringSubmatch(read(t, "docs/github.md"), -1) {
		if !strings.Contains(block[1], "\njobs:") {
			continue
		}
		var w workflow
		if err := yaml.Unmarshal([]byte(block[1]), &w); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
			continue
		}
		for name, j := range w.Jobs {
			file, _, _ := strings.Cut(path.Base(j.Uses), "@")
			found[file] = true
			for _, f := range misfits(t, read(t, ".github/workflows/"+file), j) {
				t.Errorf("docs/github.md: job %s calls %s: %s", name, file, f)
			}
		}
		for _, f := range faults([]byte(block[1])) {
			// The called one has both.
			if f != "concurrency is missing" && !strings.HasSuffix(f, "timeout-minutes is missing") {
				t.Errorf("docs/github.md: %s in\n%s", f, block[1])
			}
		}
	}
	if len(found) != 3 {
		t.Errorf("docs/github.md calls %v, want all three", found)
	}
}

func misfits(t *testing.T, text string, caller job) (found []string) {
	t.Helper()
	var c called
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	refuse := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for input := range caller.With {
		if _, is := c.On.Call.Inputs[input]; !is {
			refuse("there is no input %s", input)
		}
	}
	for input, declared := range c.On.Call.Inputs {
		if _, given := caller.With[input]; declared.Required && !given {
			refuse("input %s is missing", input)
		}
	}
	passed, _ := caller.Secrets.(map[string]any)
	for name, value := range passed {
		if _, is := c.On.Call.Secrets[name]; !is {
			refuse("there is no secret %s", name)
		}
		// An environment's secret is found by this name alone.
		if value != "${{ secrets."+name+" }}" {
			refuse("secret %s is passed as %v", name, value)
		}
	}
	granted, _ := caller.Permissions.(map[string]any)
	for name, j := range c.Jobs {
		wanted, _ := j.Permissions.(map[string]any)
		for right, level := range wanted {
			if granted[right] != level && granted[right] != "write" {
				refuse("job %s wants %s: %v", name, right, level)
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestMisfitsAreFound(t *testing.T) {
	const text = `
on: {workflow_call: {inputs: {version: {required: true}, minor: {}}, secrets: {APP_KEY: {}}}}
jobs: {a: {permissions: {contents: read}}}
`
	got := misfits(t, text, job{With: map[string]any{"versoin": "v1"}, Secrets: map[string]any{"APP_KEY": "${{ secrets.OTHER }}", "KEY": "${{ secrets.KEY }}"}})
	want := []string{
		"input version is missing", "job a wants contents: read", "secret APP_KEY is passed as ${{ secrets.OTHER }}", "there is no input versoin", "there is no secret KEY",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
