package pick

import (
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Message is the message of a change as a pick repeats it: a merge of a pull request is called what the pull request is called.
func Message(c ledger.Change) string {
	title := change.Title(c.Message)
	_, body, _ := strings.Cut(strings.ReplaceAll(c.Message, "\r\n", "\n"), change.Subject(c.Message))
	if title == change.Subject(c.Message) {
		return c.Message
	}
	_, rest, _ := strings.Cut(body, title)
	if c.Pull != nil && strings.TrimSpace(c.Pull.Title) != "" {
		if known := markdown.OneLine(c.Pull.Title); known != title {
			// The body does not begin with the title: people choose what GitHub writes there.
			title, rest = known, body
		}
	}
	if rest = strings.Trim(rest, "\n"); rest == "" {
		return title + "\n"
	}
	return title + "\n\n" + rest + "\n"
}

// Title is what a source is called.
func (s Source) Title() string {
	if s.Pull != nil && strings.TrimSpace(s.Pull.Title) != "" {
		return s.Pull.Title
	}
	for _, c := range s.Changes {
		if title := change.Title(c.Message); title != "" {
			return title
		}
	}
	return s.Key()
}
