package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Options say which repository, and as whom. Printing them, in whatever way, shows no credentials.
type Options struct {
	// APIURL is the REST API: https://api.github.com/ when empty, https://HOST/api/v3/ for GitHub Enterprise, where https://HOST is enough.
	APIURL string
	// PlainHTTP allows an APIURL of http on another machine, where everybody on the way can read the credentials.
	PlainHTTP bool
	// Owner and Name are the repository's.
	Owner, Name string
	// Token is a token; App an app instead.
	Token string `json:"-"`
	App   *App   `json:"-"`
	// Dir remembers answers between runs; empty for memory only. It holds what the API says, no credentials.
	Dir string
	// WritesPerMinute and WritesPerHour bound writes; 0 means 80 and 500.
	WritesPerMinute, WritesPerHour int
	// MaxWait bounds how long one call waits for a limit to pass; 0 means 15 minutes. Waiting for the writes of others does not count.
	MaxWait time.Duration
	// Transport is for tests; nil means http.DefaultTransport's like.
	Transport http.RoundTripper `json:"-"`
	// Now and Sleep are for tests; nil means the real ones.
	Now   func() time.Time                                 `json:"-"`
	Sleep func(ctx context.Context, d time.Duration) error `json:"-"`
	// Log, when set, hears of waits and repeated requests.
	Log func(message string, pairs ...any) `json:"-"`
}

// App is a GitHub App's installation.
type App struct {
	ID, Installation int64
	// Key is the PEM of its private key.
	Key []byte `json:"-"`
}

// String names the app and says nothing of its key; GoString too.
func (a App) String() string {
	return fmt.Sprintf("installation %d of app %d", a.Installation, a.ID)
}

// GoString is String.
func (a App) GoString() string { return a.String() }

// String says which repository and which kind of credentials; GoString too.
func (o Options) String() string {
	as := "nobody"
	switch {
	case o.App != nil:
		as = o.App.String()
	case o.Token != "":
		as = "the owner of a token"
	}
	return fmt.Sprintf("github(%s/%s as %s)", o.Owner, o.Name, as)
}

// GoString is String.
func (o Options) GoString() string { return o.String() }

// partOfName is what an owner's or repository's name is made of: such a name cannot reach another path of the API.
var partOfName = regexp.MustCompile(`^(\.?\.?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99})$`)

// check refuses what cannot work and fills in what is left out. What it answers is the API's address.
func (o *Options) check() (*url.URL, error) {
	switch {
	case !partOfName.MatchString(o.Owner) || !partOfName.MatchString(o.Name):
		return nil, fmt.Errorf("repository %q: write it as owner/name, of letters, digits and .-_", o.Owner+"/"+o.Name)
	case o.Token == "" && o.App == nil:
		return nil, errors.New("no credentials for GitHub: give a token, or an app with its key")
	case o.Token != "" && o.App != nil:
		return nil, errors.New("a token and an app are given for GitHub: give one of them")
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the token for GitHub holds a space, a line break or another character that no token has: is it the right file?")
	case o.App != nil && (o.App.ID <= 0 || o.App.Installation <= 0):
		return nil, fmt.Errorf("%s: both numbers must be positive", o.App)
	case o.WritesPerMinute < 0 || o.WritesPerHour < 0 || o.MaxWait < 0:
		return nil, fmt.Errorf("limits for GitHub: %d writes a minute, %d an hour, at most %s to wait: none may be negative", o.WritesPerMinute, o.WritesPerHour, o.MaxWait)
	}
	if o.WritesPerMinute == 0 {
		o.WritesPerMinute = 80
	}
	if o.WritesPerHour == 0 {
		o.WritesPerHour = 500
	}
	if o.MaxWait == 0 {
		o.MaxWait = 15 * time.Minute
	}
	return apiURL(o.APIURL, o.PlainHTTP)
}

// apiURL is the address of the REST API for what people write: the page they open in the browser, with or without the API's path.
func apiURL(text string, plain bool) (*url.URL, error) {
	if text == "" {
		text = "https://api.github.com/"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// The error would show the whole text, and with it a password.
		return nil, errors.New("the address of GitHub's API cannot be read: write it like https://github.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the address of GitHub's API at %q holds a user, a query or a fragment: give only the address, and the credentials as a token or an app", u.Host)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the address of GitHub's API %q is not one: write it like https://github.example.com", text)
	case u.Scheme == "http" && !plain && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the address of GitHub's API %q is http: everybody on the way could read the credentials; use https", text)
	}
	u.Host = strings.ToLower(u.Host)
	name := strings.TrimPrefix(u.Host, "www.")
	switch path := strings.Trim(u.Path, "/"); {
	case path == "" && (name == "github.com" || strings.HasSuffix(name, ".ghe.com") && !strings.HasPrefix(name, "api.")):
		u.Host, u.Path = "api."+name, "/"
	case path == "" && strings.HasPrefix(name, "api."):
		u.Path = "/"
	case path == "":
		u.Path = "/api/v3/"
	default:
		u.Path = "/" + path + "/"
	}
	u.RawPath = ""
	return u, nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
