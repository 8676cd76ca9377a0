package change

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Our trailers.
const (
	trailerFrom       = "Picked-From"
	trailerPull       = "Picked-Pull"
	trailerUnresolved = "Unresolved"
)

var (
	claimLine = regexp.MustCompile(`^(?:\(cherry picked from commit ([0-9a-f]{40})\)|` + trailerFrom + `: ([0-9a-f]{40}))$`)
	// trailerLine is looser than ours: also what only resembles one of our lines must not stand in the message of a pick.
	trailerLine = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*:\s`)
	oursLine    = regexp.MustCompile(`(?i)^\s*(?:\(cherry picked from commit\b|` + trailerFrom + `\s*:|` + trailerPull + `\s*:|` + trailerUnresolved + `\s*:)`)
)

// Claims are the commits that a message says its commit is a pick of, in the order in which it says so: lines of `git cherry-pick -x`, and our
// trailer. Of lines that follow each other only the last counts, since git adds a line with every further pick.
func Claims(message string) (commits []string) {
	last := ""
	end := func() {
		if last != "" && !slices.Contains(commits, last) {
			commits = append(commits, last)
		}
		last = ""
	}
	for line := range strings.SplitSeq(lines(message), "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch m := claimLine.FindStringSubmatch(line); {
		case m != nil:
			last = m[1] + m[2]
		case line != "" && trailerLine.MatchString(line):
			// People sign between two picks.
		default:
			end()
		}
	}
	end()
	return commits
}

// Pick is what the message of a pick says.
type Pick struct {
	// Message is the message of the commit that is picked, Commit its hash, Pull the pull request that brought it (0: not known).
	Message string
	Commit  string
	Pull    int
	// Unresolved are paths that a person must still decide about; each with the kind of its conflict.
	Unresolved []Unresolved
	// CoAuthors are further authors of what is picked.
	CoAuthors []Person
}

// Unresolved is a path whose conflict was left to a person.
type Unresolved struct{ Kind, Path string }

// Picked is the message of a pick: the original's subject, body and trailers, the line of `git cherry-pick -x`, and our trailers. What the
// original says in lines like ours is quoted, so that it cannot be mistaken for them.
func Picked(p Pick) string {
	kept := strings.Split(strings.Trim(lines(p.Message), "\n \t"), "\n")
	for i, line := range kept {
		line = strings.TrimRight(line, " \t\r")
		if oursLine.MatchString(line) {
			line = "> " + strings.TrimSpace(line)
		}
		kept[i] = line
	}
	text := strings.Join(kept, "\n")
	if text == "" {
		text = "Pick " + p.Commit
	}
	var own []string
	for _, a := range p.CoAuthors {
		own = append(own, fmt.Sprintf("Co-authored-by: %s <%s>", plain(a.Name), plain(a.Email)))
	}
	own = append(own, "(cherry picked from commit "+p.Commit+")", trailerFrom+": "+p.Commit)
	if p.Pull > 0 {
		own = append(own, trailerPull+": "+strconv.Itoa(p.Pull))
	}
	for _, u := range p.Unresolved {
		own = append(own, trailerUnresolved+": "+u.Kind+" "+quoted(u.Path))
	}
	between := "\n\n"
	if endsInTrailers(strings.Split(text, "\n")) {
		between = "\n"
	}
	return text + between + strings.Join(own, "\n") + "\n"
}

// UnresolvedIn are the paths that a message of Picked leaves to a person.
func UnresolvedIn(message string) (found []Unresolved) {
	for line := range strings.SplitSeq(lines(message), "\n") {
		rest, is := strings.CutPrefix(line, trailerUnresolved+": ")
		if !is {
			continue
		}
		kind, path, both := strings.Cut(rest, " ")
		if strings.HasPrefix(path, `"`) {
			var err error
			if path, err = strconv.Unquote(path); err != nil {
				continue
			}
		}
		if both && path != "" {
			found = append(found, Unresolved{Kind: kind, Path: path})
		}
	}
	return found
}

// endsInTrailers tells whether the last paragraph, which is not the only one, has nothing but trailers: ours then go with them.
func endsInTrailers(text []string) bool {
	start := len(text)
	for start > 0 && text[start-1] != "" {
		start--
	}
	if start == 0 {
		return false
	}
	for _, line := range text[start:] {
		if !trailerLine.MatchString(line) {
			return false
		}
	}
	return true
}

// plain leaves out of a name what would end it, or the line.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// quoted writes a path on one line.
func quoted(path string) string {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if strings.HasPrefix(path, `"`) || strings.TrimSpace(path) != path || strings.ContainsFunc(path, odd) {
		return strconv.Quote(path)
	}
	return path
}
