package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Commands as documents and messages write them: after a backquote, or at the start of a line of code.
var (
	quoted = regexp.MustCompile("`addon-manager ([a-z][a-z -]*)[^`\n]*")
	typed  = regexp.MustCompile(`(?m)^(?:\$ )?addon-manager ([a-z][a-z -]*).*`)
	fenced = regexp.MustCompile("(?s)```.*?```")
)

// flagName is a long flag.
var flagName = regexp.MustCompile(`--([a-z-]+)`)

// TestDocumentsNameRealCommands holds what people are told to type to the commands and flags that there are, in documents and in messages.
func TestDocumentsNameRealCommands(t *testing.T) {
	root := newRoot(time.Now)
	found := 0
	for file, text := range texts(t) {
		commands := quoted.FindAllStringSubmatch(text, -1)
		for _, code := range fenced.FindAllString(text, -1) {
			commands = append(commands, typed.FindAllStringSubmatch(code, -1)...)
		}
		for _, m := range commands {
			found++
			words := strings.Fields(m[1])
			cmd, rest, err := root.Find(words)
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
	if found < 100 {
		t.Errorf("found %d commands only: the search is broken", found)
	}
}

// texts are the documents and the sources that messages are in, by file.
func texts(t *testing.T) map[string]string {
	t.Helper()
	files := []string{"../../README.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../deploy/base/*.yaml", "*.go", "../../internal/core/*/*.go", "../../internal/manager/*/*.go", "../../internal/manager/*.go"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(more), err)
		}
		files = append(files, more...)
	}
	all := map[string]string{}
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
	return all
}
