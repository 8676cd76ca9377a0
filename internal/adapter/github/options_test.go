package github

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAPIURL(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "https://api.github.com/",
		"https://api.github.com":               "https://api.github.com/",
		"https://github.com":                   "https://api.github.com/",
		"https://www.GitHub.com/":              "https://api.github.com/",
		"https://github.example.com":           "https://github.example.com/api/v3/",
		"https://github.example.com/":          "https://github.example.com/api/v3/",
		"https://github.example.com/api/v3":    "https://github.example.com/api/v3/",
		"https://github.example.com:8443":      "https://github.example.com:8443/api/v3/",
		"https://octo.ghe.com":                 "https://api.octo.ghe.com/",
		"https://api.octo.ghe.com":             "https://api.octo.ghe.com/",
		"http://127.0.0.1:3000":                "http://127.0.0.1:3000/api/v3/",
		"http://[::1]:3000/":                   "http://[::1]:3000/api/v3/",
		"http://localhost:3000/somewhere/else": "http://localhost:3000/somewhere/else/",
		"http://github.example.com":            `the address of GitHub's API "http://github.example.com" is http: everybody on the way could read the credentials; use https`,
		"http://127.0.0.1.example.com":         `the address of GitHub's API "http://127.0.0.1.example.com" is http: everybody on the way could read the credentials; use https`,
		"github.example.com":                   `the address of GitHub's API "github.example.com" is not one: write it like https://github.example.com`,
		"ssh://github.example.com":             `the address of GitHub's API "ssh://github.example.com" is not one: write it like https://github.example.com`,
		"https://":                             `the address of GitHub's API "https://" is not one: write it like https://github.example.com`,
		"https://u:SECRET@github.example.com":  `the address of GitHub's API at "github.example.com" holds a user, a query or a fragment: give only the address, and the credentials as a token or an app`,
		"https://github.example.com?t=SECRET":  `the address of GitHub's API at "github.example.com" holds a user, a query or a fragment: give only the address, and the credentials as a token or an app`,
		"https://u:SECRET@%zz":                 `the address of GitHub's API cannot be read: write it like https://github.example.com`,
	} {
		u, err := apiURL(in, false)
		got := fmt.Sprint(u)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
	if u, err := apiURL("http://github.example.com", true); err != nil || u.String() != "http://github.example.com/api/v3/" {
		t.Errorf("plain http was allowed: got %v, %v", u, err)
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	app := func(key string) *App { return &App{ID: 12, Installation: 34, Key: []byte(key)} }
	for name, tc := range map[string]struct {
		o    Options
		want string
	}{
		"nobody":                 {Options{Owner: "o", Name: "r"}, "no credentials for GitHub: give a token, or an app with its key"},
		"two of them":            {Options{Owner: "o", Name: "r", Token: testToken, App: app("")}, "a token and an app are given for GitHub: give one of them"},
		"a token with a line":    {Options{Owner: "o", Name: "r", Token: testToken + "\n"}, "the token for GitHub holds a space, a line break or another character that no token has: is it the right file?"},
		"another path":           {Options{Owner: "o", Name: "r/../../x", Token: testToken}, `repository "o/r/../../x": write it as owner/name, of letters, digits and .-_`},
		"the path above":         {Options{Owner: "..", Name: "r", Token: testToken}, `repository "../r": write it as owner/name, of letters, digits and .-_`},
		"a query":                {Options{Owner: "o", Name: "r?x=1", Token: testToken}, `repository "o/r?x=1": write it as owner/name, of letters, digits and .-_`},
		"no name":                {Options{Owner: "o", Token: testToken}, `repository "o/": write it as owner/name, of letters, digits and .-_`},
		"negative limits":        {Options{Owner: "o", Name: "r", Token: testToken, WritesPerHour: -1}, "limits for GitHub: 0 writes a minute, -1 an hour, at most 0s to wait: none may be negative"},
		"an app without numbers": {Options{Owner: "o", Name: "r", App: &App{Key: []byte("SECRET")}}, "installation 0 of app 0: both numbers must be positive"},
		"no key":                 {Options{Owner: "o", Name: "r", App: app(" \n")}, `the key of app 12: it is empty: give the file that GitHub made under "Private keys"`},
		"another key":            {Options{Owner: "o", Name: "r", App: app("SECRET")}, `the key of app 12: it is not an RSA key in PEM: give the file that GitHub made under "Private keys"`},
		"a damaged key": {
			Options{Owner: "o", Name: "r", App: app(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("SECRET")})))},
			`the key of app 12: it is not an RSA key in PEM: give the file that GitHub made under "Private keys"`,
		},
		"the public key": {
			Options{Owner: "o", Name: "r", App: app(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("SECRET")})))},
			`the key of app 12: it is a public key: give the file that GitHub made under "Private keys"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.o)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
	for _, name := range []string{".github", "a.b", "-x", "..x", strings.Repeat("a", 100)} {
		if _, err := New(Options{Owner: "o", Name: name, Token: testToken}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPrintingShowsNoCredentials prints options and clients in every way that a log or an error might.
func TestPrintingShowsNoCredentials(t *testing.T) {
	const secret = "SECRET"
	app := App{ID: 12, Installation: 34, Key: []byte(secret)}
	byToken, byApp := Options{Owner: "o", Name: "r", Token: secret}, Options{Owner: "o", Name: "r", App: &app}
	client, err := New(byToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{byToken, &byToken, byApp, &byApp, app, &app, client, struct{ O Options }{byToken}, []any{byApp, client}} {
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "value", value)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "value", value)
		asJSON, _ := json.Marshal(value)
		all := fmt.Sprintf("%v %+v %#v %s %q", value, value, value, value, value) + logged.String() + string(asJSON)
		for _, leak := range []string{secret, fmt.Sprint([]byte(secret)), "83, 69", "0x53", "U0VDUkVU"} {
			if strings.Contains(all, leak) {
				t.Errorf("%T shows %q: %s", value, leak, all)
			}
		}
	}
	if got, want := byToken.String()+" "+byApp.String()+" "+client.String(), "github(o/r as the owner of a token) github(o/r as installation 34 of app 12) github(api.github.com o/r)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDefaults(t *testing.T) {
	o := Options{Owner: "o", Name: "r", Token: testToken}
	if _, err := o.check(); err != nil || o.WritesPerMinute != 80 || o.WritesPerHour != 500 || o.MaxWait != 15*time.Minute {
		t.Errorf("got %d %d %s, %v", o.WritesPerMinute, o.WritesPerHour, o.MaxWait, err)
	}
}
