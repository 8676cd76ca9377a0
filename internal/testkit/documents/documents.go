// Package documents holds what people are told to type to the commands and flags that there are.
package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	fenced = regexp.MustCompile("(?s)```.*?```")
	// flagName is a long flag.
	flagName = regexp.MustCompile(`--([a-z-]+)`)
)

// Commands checks every command of a program that the files of these patterns name, after a backquote or at the start of a line of code, and
// answers how many there are. Tests are left out.
func Commands(t *testing.T, root *cobra.Command, patterns ...string) (found int) {
	t.Helper()
	name := regexp.QuoteMeta(root.Name())
	quoted := regexp.MustCompile("`" + name + " ([a-z][a-z -]*)[^`\n]*")
	typed := regexp.MustCompile(`(?m)^(?:\$ )?` + name + ` ([a-z][a-z -]*).*`)
	for file, text := range texts(t, patterns) {
		commands := quoted.FindAllStringSubmatch(text, -1)
		for _, code := range fenced.FindAllString(text, -1) {
			commands = append(commands, typed.FindAllStringSubmatch(code, -1)...)
		}
		for _, m := range commands {
			found++
			cmd, rest, err := root.Find(strings.Fields(m[1]))
			if err != nil || cmd == root || cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				t.Errorf("%s: there is no command %q", file, m[0])
				continue
			}
			for _, f := range flagName.FindAllStringSubmatch(m[0], -1) {
				if cmd.Flags().Lookup(f[1]) == nil && f[1] != "help" {
					t.Errorf("%s: %q: %s has no flag --%s", file, m[0], cmd.CommandPath(), f[1])
				}
			}
		}
	}
	return found
}

// texts are the documents and the sources that messages are in, by file.
func texts(t *testing.T, patterns []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[file] = string(data)
		}
	}
	return all
}
