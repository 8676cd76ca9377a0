package upstreams

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// maxSentence bounds what is said of one source, which may be words of its server.
const maxSentence = 400

var addresses = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>` + "`" + `]+`)

// sentence is an error as one line of bounded length in which no address has credentials: neither a user nor a query, where signatures are.
func sentence(text string) string {
	text = addresses.ReplaceAllStringFunc(markdown.OneLine(text), func(found string) string {
		address := strings.TrimRight(found, ":;,.)") // What ends it belongs to the sentence.
		rest := found[len(address):]
		u, err := url.Parse(address)
		if err != nil {
			return "an address that cannot be read" + rest
		}
		if u.User != nil || u.RawQuery != "" {
			u.User, u.RawQuery = nil, ""
			return u.String() + rest
		}
		return found
	})
	if len(text) > maxSentence {
		text = markdown.Cut(text, maxSentence) + "…"
	}
	return text
}
