package proposal

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// linker makes links of addresses from outside.
type linker struct {
	// forge is the host of the pull request itself, in lower case. Links into it could close its issues.
	forge string
	// repository is owner/name on GitHub of what the text is about, where it is there: what its #12 means.
	repository string
}

// linkerFor is for a text that stands at an address.
func linkerFor(forge, address string) linker {
	l := linker{forge: hostOf(forge)}
	if m := onGitHub.FindStringSubmatch(address); m != nil {
		l.repository = m[1]
	}
	return l
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

var (
	onGitHub = regexp.MustCompile(`^https?://(?:www\.)?github\.com/([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})(?:/(.*))?$`)
	numbered = regexp.MustCompile(`^(?:issues|pull|discussions)/([0-9]{1,9})(?:[/?#].*)?$`)
	commits  = regexp.MustCompile(`^commits?/([0-9a-f]{7})[0-9a-f]*$`)
	compares = regexp.MustCompile(`^compare/([A-Za-z0-9._/@+-]{1,100}\.\.\.[A-Za-z0-9._/@+-]{1,100})$`)
)

const maxAddress = 500

// address is where a link may lead: a page of the web, on no host that would tell its pages who links to them. GitHub's pages are reached by
// redirect.github.com, which exists for that: a link to an issue there leaves no trace on it.
func (l linker) address(s string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", false
	}
	u.Scheme = strings.ToLower(u.Scheme)
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || host == "":
		return "", false
	case host == "github.com" || host == "www.github.com":
		u.Scheme, u.Host = "https", "redirect.github.com"
	case host == l.forge:
		return "", false
	}
	address := u.String()
	if len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\\|`\"", r) }) {
		return "", false
	}
	return strings.ReplaceAll(address, "&", "&amp;"), true
}

// label is how an address that stands for itself is written: in short, where GitHub would do so too.
func label(address, text string) string {
	m := onGitHub.FindStringSubmatch(address)
	if m == nil {
		return text
	}
	if n := numbered.FindStringSubmatch(m[2]); n != nil {
		return m[1] + "#" + n[1]
	}
	if c := commits.FindStringSubmatch(m[2]); c != nil {
		return m[1] + "@" + c[1]
	}
	if c := compares.FindStringSubmatch(m[2]); c != nil {
		return c[1]
	}
	return text
}

// link writes a link, or its text alone where it must not lead anywhere.
func (w *inlines) link(address, text string) {
	text = strings.TrimSpace(text)
	to, ok := w.address(address)
	if !ok || text == "" || w.linked {
		w.run.WriteString(text)
		return
	}
	w.raw("[" + w.escaped(markdown.Cut(text, maxCodeLine)) + "](<" + to + ">)")
}

// reference is how a text names an issue of its own repository.
var reference = regexp.MustCompile(`(^|[\s(,;])#([1-9][0-9]{0,6})\b`)

// references writes text, with what it calls #12 as a link to where that is. Nobody is told of it.
func (w *inlines) references(s string) {
	at := 0
	if w.repository != "" {
		for _, m := range reference.FindAllStringSubmatchIndex(s, 50) {
			w.words(s[at:m[3]])
			number := s[m[4]:m[5]]
			w.out.WriteString("[" + w.escaped("#"+number) + "](<https://redirect.github.com/" + w.repository + "/issues/" + number + ">)")
			at = m[1]
		}
	}
	w.words(s[at:])
}

// words writes text with one space where it begins or ends with some.
func (w *inlines) words(s string) {
	if strings.TrimLeft(s, " \t\n") != s {
		w.space()
	}
	if core := strings.TrimSpace(s); core != "" {
		w.out.WriteString(w.escaped(core))
		if strings.TrimRight(s, " \t\n") != s {
			w.space()
		}
	}
}
