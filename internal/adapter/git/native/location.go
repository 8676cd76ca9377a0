package native

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
)

// location is where the remote is.
type location struct {
	// address is what git is told; it holds no credentials. name is what people see.
	address, name string
	// folder is set for a repository on this machine's disk: then address is its path.
	folder bool
	// http tells that user and password are sent in a header. They are of the URL, if it had any.
	http           bool
	user, password string
}

var (
	helperForm = regexp.MustCompile(`^[A-Za-z0-9+.-]+::`)
	scpForm    = regexp.MustCompile(`^(?:[^@/:-][^@/:]*@)?(?:[^@/:\[\]-][^@/:\[\]]*|\[[0-9A-Fa-f:.]+\]):(.+)$`)
)

func parseLocation(raw string) (location, error) {
	l := location{name: git.RedactURL(raw)}
	refuse := func(format string, args ...any) (location, error) {
		return location{}, &git.Error{Kind: git.ErrRefused, URL: fmt.Sprintf("%q", l.name), Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case raw == "":
		return refuse("the URL is empty")
	case strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refuse("the URL holds a control character")
	case helperForm.MatchString(raw):
		return refuse("transport helpers such as ext:: are not used; give an https:// or ssh:// URL")
	case !strings.Contains(raw, "://"):
		if m := scpForm.FindStringSubmatch(raw); m != nil && !isFolder(raw) {
			l.address = raw
			return l, nil
		}
		return l.inFolder(raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse("it is not a URL")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return refuse("a file:// URL with a host")
		}
		return l.inFolder(u.Path)
	case "http", "https":
		l.http = true
		if u.User != nil {
			l.user = u.User.Username()
			l.password, _ = u.User.Password()
			u.User = nil
		}
	case "ssh":
		if _, has := u.User.Password(); has {
			u.User = url.User(u.User.Username())
		}
		if strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.User.Username(), "-") {
			return refuse("the host begins with a dash")
		}
	default:
		return refuse("scheme %q; use https, ssh or http", u.Scheme)
	}
	if u.Host == "" {
		return refuse("it names no host")
	}
	l.address = u.String()
	return l, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (l location) inFolder(path string) (location, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return location{}, &git.Error{Kind: git.ErrNotFound, URL: l.name, Detail: err.Error()}
	}
	if !isFolder(abs) {
		return location{}, &git.Error{Kind: git.ErrNotFound, URL: l.name, Detail: "there is no such folder"}
	}
	l.address, l.folder = abs, true
	return l, nil
}
