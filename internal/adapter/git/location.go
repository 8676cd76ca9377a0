package git

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

const schemeLocal = "file"

// location is a repository's address, taken apart.
type location struct {
	scheme         string // http, https, ssh or schemeLocal
	user, password string
	host           string // with the port when one was given
	path           string
	query          string
	// name is what people see: the address without credentials.
	name string
}

var (
	helperForm = regexp.MustCompile(`^[A-Za-z0-9+.-]+::`)
	scpForm    = regexp.MustCompile(`^(?:([^@/:]+)@)?([^@/:\[\]]+|\[[0-9A-Fa-f:.]+\]):(.+)$`)
)

// RedactURL gives a repository's URL without user, password and query, for logs and status.
func RedactURL(raw string) string {
	loc, err := parseLocation(raw)
	if err != nil {
		return redactText(raw)
	}
	return loc.name
}

// redactText takes out of any text whatever stands where a URL has its credentials.
func redactText(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		// user:password@host:path
		if at := strings.LastIndexByte(raw, '@'); at >= 0 {
			return "[redacted]" + raw[at:]
		}
		return raw
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

func parseLocation(raw string) (location, error) {
	refuse := func(format string, args ...any) (location, error) {
		return location{}, &Error{Kind: ErrRefused, URL: fmt.Sprintf("%q", redactText(raw)), Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case raw == "":
		return refuse("the URL is empty")
	case strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refuse("the URL holds a control character")
	case helperForm.MatchString(raw):
		return refuse("transport helpers such as ext:: are not used; give an https:// or ssh:// URL")
	}
	var loc location
	if !strings.Contains(raw, "://") {
		m := scpForm.FindStringSubmatch(raw)
		if m == nil {
			return localLocation(raw)
		}
		loc = location{scheme: "ssh", user: m[1], host: m[2], path: m[3]}
		loc.name = loc.host + ":" + loc.path
	} else {
		u, err := url.Parse(raw)
		if err != nil {
			// url.Parse quotes its input, credentials and all.
			return refuse("it is not a URL")
		}
		switch u.Scheme {
		case "http", "https", "ssh":
		case "file":
			if u.Host != "" && u.Host != "localhost" {
				return refuse("a file:// URL with a host")
			}
			return localLocation(u.Path)
		default:
			return refuse("scheme %q; use https, ssh or http", u.Scheme)
		}
		loc = location{scheme: u.Scheme, host: u.Host, path: u.Path, query: u.RawQuery}
		if u.User != nil {
			loc.user = u.User.Username()
			loc.password, _ = u.User.Password()
		}
		if u.Hostname() == "" || u.Path == "" || u.Path == "/" {
			return refuse("it needs a host and a path")
		}
		loc.name = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	}
	host := loc.hostname()
	if strings.HasPrefix(host, "-") {
		return refuse("host %q", host)
	}
	if addr, err := netip.ParseAddr(host); err == nil && egress.Metadata(addr) {
		return refuse("%s is a link-local address, where metadata services live", addr)
	}
	return loc, nil
}

func localLocation(path string) (location, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return location{}, &Error{Kind: ErrRefused, URL: fmt.Sprintf("%q", path), Detail: "this process has no working folder"}
	}
	return location{scheme: schemeLocal, path: abs, name: abs}, nil
}

func (l location) hostname() string {
	if host, _, err := net.SplitHostPort(l.host); err == nil {
		return host
	}
	return strings.Trim(l.host, "[]")
}

func (l location) address(defaultPort string) string {
	if _, port, err := net.SplitHostPort(l.host); err == nil && port != "" {
		return l.host
	}
	return net.JoinHostPort(l.hostname(), defaultPort)
}
