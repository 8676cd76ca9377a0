package proposal

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/marker"
)

// Command is what a person asks for in a comment.
type Command string

// The commands, each alone on a line.
const (
	Rebase        Command = "/rebase"
	IgnoreVersion Command = "/ignore this version"
	IgnoreMajor   Command = "/ignore this major"
)

var known = []Command{Rebase, IgnoreVersion, IgnoreMajor}

// ParseCommand reads the first command of a comment. Unknown tells of a line that looks like a command and is none; it is empty otherwise. Quoted lines and
// code are no commands, and neither are those of other bots, such as /lgtm: a line looks like ours when its first word does.
func ParseCommand(comment string) (c Command, unknown string) {
	for _, line := range spoken(comment) {
		line = strings.ToLower(strings.TrimRight(strings.Join(strings.Fields(line), " "), ".!"))
		if slices.Contains(known, Command(line)) {
			return Command(line), ""
		}
		if unknown == "" && alike(line) {
			unknown = markdown.Clip(markdown.Clean(line), 100)
		}
	}
	return "", unknown
}

// spoken are the lines of a comment that are its author's own words.
func spoken(comment string) (lines []string) {
	source := []byte(readable(beginning(comment, maxSource)))
	_ = ast.Walk(parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Kind() != ast.KindParagraph || !entering {
			return ast.WalkContinue, nil
		}
		for i := range n.Lines().Len() {
			segment := n.Lines().At(i)
			// A line right below a quote belongs to it as Markdown goes, and yet is the author's own.
			begin := strings.LastIndexByte(string(source[:segment.Start]), '\n') + 1
			if strings.TrimSpace(string(source[begin:segment.Start])) == "" {
				lines = append(lines, string(segment.Value(source)))
			}
		}
		return ast.WalkSkipChildren, nil
	})
	return lines
}

// alike tells of a line whose first word is one of ours, but for a slip of the finger.
func alike(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	return slices.ContainsFunc(known, func(c Command) bool {
		ours, _, _ := strings.Cut(string(c), " ")
		return strings.HasPrefix(word, "/") && slip(word, ours)
	})
}

// slip tells whether two words differ by one letter at most: another, one more, one less, or two that changed places.
func slip(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// answer is what is hidden in an answer.
type answer struct {
	Kind    string `json:"kind"`
	Comment int64  `json:"comment"`
}

func (a answer) ours() bool { return a.Kind == "answer" }

// Answer is the comment that answers a command: each gets one, which names the comment it answers so that it is found again. Said is Markdown: what comes from
// outside in it must have been through package markdown.
func Answer(comment int64, by, said string) string {
	return marker.Hide(name(by)+": "+said, answer{"answer", comment}, answer.ours)
}

// Answered is the comment that a comment of the bot's answers; 0 for none.
func Answered(body string) (comment int64) {
	a, _ := marker.Find(body, answer.ours)
	return a.Comment
}
