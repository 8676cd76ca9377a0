package upstreams

import (
	"net/url"
	"regexp"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// maxSentence bounds what is said of one source, which may be words of its server.
const maxSentence = 400

var addresses = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>` + "`" + `]+`)

// sentence is an error as one line of bounded length in which no address has credentials: neither a user nor a query, where signatures are.
func sentence(text string) string {
	text = addresses.ReplaceAllStringFunc(markdown.OneLine(text), func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			return "an address that cannot be read"
		}
		if u.User != nil || u.RawQuery != "" {
			u.User, u.RawQuery = nil, ""
			return u.String()
		}
		return address
	})
	if len(text) > maxSentence {
		text = markdown.Cut(text, maxSentence) + "…"
	}
	return text
}
