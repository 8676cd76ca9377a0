package native

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// Commit writes a commit. The same commit has the same hash.
func (m *Mirror) Commit(_ context.Context, c change.Commit) (hash string, err error) {
	if err := hashes(append([]string{c.Tree}, c.Parents...)...); err != nil {
		return "", fmt.Errorf("write a commit: %w", err)
	}
	if c.Tree == emptyTree {
		// Git knows it without having it, but others who get the commit want it.
		if _, err := m.writeFolder(nil); err != nil {
			return "", err
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", ident(c.Author), ident(c.Committer), text(c.Message))
	return m.write(plumbing.CommitObject, b.Bytes())
}

// ident is a person as Git writes one: what would end a part of it is left out.
func ident(p change.Person) string {
	clean := func(s string) string {
		return strings.TrimSpace(strings.Map(func(r rune) rune {
			if r == '<' || r == '>' || r == '\n' || r == 0 {
				return -1
			}
			return r
		}, s))
	}
	// Before 1970 there is nothing that every Git reads.
	return fmt.Sprintf("%s <%s> %d %s", clean(p.Name), clean(p.Email), max(0, p.When.Unix()), p.When.Format("-0700"))
}

// text is a message as Git stores it: without NUL, which would end it, and with a line end.
func text(message string) string {
	message = strings.ReplaceAll(message, "\x00", "")
	if !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	return message
}
