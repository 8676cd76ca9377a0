package pick

import (
	"slices"
	"strings"
	"unicode"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// commands are what a person types to make the pick by hand. They begin again from the branch: what comes of them has no trace of the conflict.
func commands(r Request, rows int) []string {
	o, head := r.Outcome, quote(Head(r.Branch, r.Source))
	lines := []string{
		"git fetch origin",
		"git switch --no-track --force-create " + head + " " + quote("origin/"+r.Branch),
	}
	for i, c := range r.Source.Changes {
		if slices.Contains(o.Empty, c.Hash) {
			continue
		}
		if i >= rows {
			lines = append(lines, "# and so on with "+markdown.Count(len(r.Source.Changes)-i, "change")+" more")
			break
		}
		pick := "git cherry-pick -x "
		if len(c.Parents) > 1 {
			pick += "-m 1 "
		}
		pick += quote(c.Hash)
		switch {
		case c.Hash != o.Stopped:
			lines = append(lines, pick)
		case merged(o.Conflicts):
			lines = append(lines, pick, "# correct what is listed above, then")
			lines = append(lines, stage(o.Conflicts, rows)...)
			lines = append(lines, "git commit --amend --no-edit")
		default:
			lines = append(lines, pick+" # stops; decide what is listed above, then")
			lines = append(lines, stage(o.Conflicts, rows)...)
			lines = append(lines, "git cherry-pick --continue")
		}
	}
	return append(lines, "git push --force-with-lease origin "+head)
}

// stage adds or removes what was decided.
func stage(conflicts []Conflict, rows int) (lines []string) {
	var edited, either, beside []string
	for _, c := range conflicts {
		if len(c.Path) > 1000 || len(conflicts) > rows {
			return []string{"git add --update", "git status # shows what is left"}
		}
		if c.Kind == FileOrDirectory || c.Kind == Mode {
			beside = append(beside, c.Path)
		}
		switch c.Kind {
		case ModifyDelete, Rename, FileOrDirectory:
			either = append(either, c.Path)
		default:
			edited = append(edited, c.Path)
		}
	}
	if len(edited) > 0 {
		lines = append(lines, add(edited...))
	}
	for _, path := range either {
		lines = append(lines, add(path)+" # or, without it: git rm")
	}
	for _, path := range beside {
		if strings.ContainsAny(path, special) {
			return append(lines, "git status # shows what is left")
		}
		// Of two things that cannot both have a name, git gives one of them another.
		lines = append(lines, "git rm --quiet --ignore-unmatch -- "+quote(path+"~*")+" # what Git put aside; move first what is wanted of it")
	}
	return lines
}

// special are the characters that make a pattern of a path.
const special = `*?[\:`

func add(paths ...string) string {
	git := "git add --"
	var quoted []string
	for _, p := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		if strings.ContainsAny(p, special) {
			git = "git --literal-pathspecs add --"
		}
		quoted = append(quoted, quote(p))
	}
	return git + " " + strings.Join(quoted, " ")
}

// quote writes one word of a command so that no shell makes anything else of it.
func quote(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_@%+:,./-", r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	if markdown.Clean(s) == s {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	// What cannot be seen is written in octal, byte by byte, which bash, zsh and newer standard shells read.
	const octal = "01234567"
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '\'' && c != '\\' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'\\', octal[c>>6], octal[c>>3&7], octal[c&7]})
		}
	}
	return b.String() + "'"
}
