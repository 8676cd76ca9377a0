package branches

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot/picking"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// file is a file that a pull request adds or changes: what its head has, and what was there before.
type file struct {
	path         string
	before, head []byte
}

// finding is a path that keeps a pull request from being merged.
type finding struct{ path, why string }

// inspect looks for what must not be merged: conflict markers, paths that nobody has decided about, YAML that cannot be read.
func inspect(files []file, undecided []change.Unresolved) (found []finding) {
	for _, f := range files {
		if n := markers(f.head); n > markers(f.before) {
			found = append(found, finding{f.path, "has " + markdown.Count(n, "conflict marker")})
		} else if err := readable(f.path, f.head); err != nil && readable(f.path, f.before) == nil {
			found = append(found, finding{f.path, "is no YAML: " + err.Error()})
		}
	}
	for _, u := range undecided {
		if !slices.ContainsFunc(found, func(f finding) bool { return f.path == u.Path }) {
			found = append(found, finding{u.Path, "is as the conflict left it (" + u.Kind + "): nobody has decided about it"})
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.path, b.path) })
	return found
}

// markers counts conflicts: an opening, a dividing and a closing line. A line of equals signs alone is a heading.
func markers(text []byte) (n int) {
	const none, open, divided = 0, 1, 2
	state := none
	for line := range bytes.Lines(text) {
		switch line = bytes.TrimRight(line, "\r\n"); {
		case marker(line, '<'):
			state = open
		case state == open && bytes.Equal(line, []byte("=======")):
			state = divided
		case state == divided && marker(line, '>'):
			state = none
			n++
		}
	}
	return n
}

func marker(line []byte, with byte) bool {
	const size = 7
	return len(line) >= size && bytes.Count(line[:size], []byte{with}) == size && (len(line) == size || line[size] == ' ')
}

// readable tells what is wrong with a file that is YAML by its name. Templates only look like it.
func readable(name string, text []byte) error {
	if !pick.IsYAML(name) || strings.Contains("/"+name, "/templates/") {
		return nil
	}
	err := picking.NoYAML(name, text)
	if err == nil {
		return nil
	}
	why := strings.TrimPrefix(markdown.OneLine(err.Error()), "yaml: unmarshal errors: ")
	if at, is := strings.CutPrefix(why, name+":"); is {
		why = "line " + strings.Replace(at, ": is not YAML", "", 1)
	}
	return errors.New(why)
}

// verdict is what the check says of a commit.
func verdict(commit string, found []finding) forge.Check {
	c := forge.Check{
		Name: pick.Check, Commit: commit, Conclusion: forge.Success, Title: "No conflicts",
		Summary: "The files have no conflict markers, and no path waits for a decision.",
	}
	if len(found) == 0 {
		return c
	}
	const most = 50
	var b strings.Builder
	b.WriteString("These paths are not ready to be merged:\n\n")
	for i, f := range found {
		if i == most {
			fmt.Fprintf(&b, "- and %s more\n", markdown.Count(len(found)-most, "path"))
			break
		}
		fmt.Fprintf(&b, "- %s %s\n", markdown.Code(markdown.Clip(f.path, 300)), markdown.Text(markdown.Clip(f.why, 300)))
	}
	fmt.Fprintf(&b, "\nWhere a path is right as it is, say so in the message of a commit, on a line of its own: `%sPATH`.\n", pick.Decided)
	c.Conclusion, c.Summary = forge.Failure, b.String()
	c.Title = markdown.Count(len(found), "path") + " to decide"
	return c
}

// decisions are the paths that a message decides.
func decisions(message string) (paths []string) {
	for line := range strings.SplitSeq(message, "\n") {
		if p, is := strings.CutPrefix(strings.TrimRight(line, " \t\r"), pick.Decided); is && p != "" {
			paths = append(paths, p)
		}
	}
	return paths
}

// undecided are the paths that commits left to a person and that are still as they were left. Commits are oldest first; entries says what a
// path, or all below it, is at a commit.
func undecided(commits []change.Commit, same func(commit, path string) bool) (left []change.Unresolved) {
	for _, c := range commits {
		for _, p := range decisions(c.Message) {
			left = slices.DeleteFunc(left, func(u change.Unresolved) bool { return u.Path == p })
		}
		for _, u := range change.UnresolvedIn(c.Message) {
			if same(c.Hash, u.Path) && !slices.Contains(left, u) {
				left = append(left, u)
			}
		}
	}
	return left
}
