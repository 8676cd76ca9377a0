package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestDeploymentStartsServe holds what is deployed to the flags and addresses that there are.
func TestDeploymentStartsServe(t *testing.T) {
	data, err := os.ReadFile("../../deploy/branch-bot/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(data, &d); err != nil {
		t.Fatal(err)
	}
	c := d.Spec.Template.Spec.Containers[0]
	values := strings.NewReplacer("$(REPOSITORY)", "https://github.com/acme/addons", "$(APP_ID)", "1", "$(APP_INSTALLATION)", "2")
	args := slices.Clone(c.Args)
	for i := range args {
		args[i] = values.Replace(args[i])
	}
	cmd := newServe()
	if err := cmd.ParseFlags(args[1:]); err != nil || args[0] != cmd.Name() || strings.Contains(strings.Join(args, " "), "$(") {
		t.Errorf("%q: %v", args, err)
	}
	ports := map[string]string{}
	for _, p := range c.Ports {
		ports[p.Name] = fmt.Sprint(":", p.ContainerPort)
	}
	for name, flag := range map[string]string{"metrics": "metrics-address", "webhook": "webhook-address"} {
		if want := cmd.Flags().Lookup(flag).Value.String(); ports[name] != want {
			t.Errorf("port %s is %s, and --%s is %s", name, ports[name], flag, want)
		}
	}
}

// call is a command of branch-bot in a workflow, with its flags over several lines.
var call = regexp.MustCompile(`(?s)/branch-bot" ([a-z]+) (.*?[^\\])\n`)

// TestWorkflowsNameRealFlags holds the workflows for config repositories to the commands and flags that there are.
func TestWorkflowsNameRealFlags(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/branch-bot-*.yml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	used := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := call.FindAllStringSubmatch(string(data), -1)
		if len(calls) == 0 {
			t.Errorf("%s calls no command", file)
		}
		for _, m := range calls {
			cmd, _, err := newRoot().Find([]string{m[1]})
			if err != nil || !cmd.HasParent() {
				t.Errorf("%s: there is no command %q", file, m[1])
				continue
			}
			used[m[1]] = true
			hold(t, file, cmd, m[2])
		}
		// Flags that are added in an array belong to some call of the same file.
		for _, m := range regexp.MustCompile(`args\+=\((.*)\)`).FindAllStringSubmatch(string(data), -1) {
			cmd, _, err := newRoot().Find([]string{calls[0][1]})
			if err == nil {
				hold(t, file, cmd, m[1])
			}
		}
	}
	if len(used) != 3 {
		t.Errorf("the workflows use %v", used)
	}
}

func hold(t *testing.T, file string, cmd *cobra.Command, text string) {
	t.Helper()
	for _, f := range regexp.MustCompile(`(?:^|[\s"(])--([a-z][a-z-]*)`).FindAllStringSubmatch(text, -1) {
		if cmd.Flags().Lookup(f[1]) == nil {
			t.Errorf("%s: %s has no flag --%s", file, cmd.CommandPath(), f[1])
		}
	}
}
