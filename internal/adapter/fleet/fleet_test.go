package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/fleet"
)

const answer = `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["rest"],"clusters":[{"name":"tokyo-1","minor":"1.31","group":"rest","addons":["certs"]}]}`

// TestRead asks a manager under each way to name it.
func TestRead(t *testing.T) {
	for name, tc := range map[string]struct{ at, token, auth string }{
		"its address":           {"", "", ""},
		"with a slash":          {"/", "", ""},
		"its metrics":           {"/metrics", "", ""},
		"the fleet itself":      {"/fleet", "", ""},
		"behind a path":         {"/managers/one/", "", ""},
		"behind a path, itself": {"/managers/one/fleet/", "", ""},
		"with a token":          {"", "t0ken", "Bearer t0ken"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				auth := r.Header.Get("Authorization")
				if !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/fleet") || strings.Count(r.URL.Path, "fleet") != 1 || strings.Contains(r.URL.Path, "metrics") || auth != tc.auth {
					t.Errorf("asked for %s with %q", r.URL.Path, auth)
				}
				fmt.Fprint(w, answer)
			}))
			defer s.Close()
			f, err := fleet.Read(t.Context(), s.URL+tc.at, tc.token)
			if got := fmt.Sprint(f); err != nil || got != "{[rest] [{tokyo-1 1.31 rest [certs]}]}" {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

// TestFaults are answers of something else than a manager that is well.
func TestFaults(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		token   string
		want    string
	}{
		"a login page": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>") }, "",
			`the answer ("text/html") is no fleet: is this addon-manager's metrics address?`,
		},
		"something that answers all": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }, "", `the answer ("text/plain") is no fleet: is this addon-manager's metrics address?`},
		"an old manager":             {http.NotFound, "", "there is none (404): is this addon-manager's metrics address, and the manager new enough?"},
		"a token wanted":             {status(401), "", "it asks who we are (401): give a token"},
		"a token refused":            {status(403), "s3cret", "it refuses the token (403)"},
		"a manager without caches":   {status(503), "", "it answers 503; try again later"},
		"a teapot":                   {status(418), "", "it answers 418: is this addon-manager's metrics address?"},
		"elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/fleet" {
					t.Error("the redirect was followed")
				}
				http.Redirect(w, r, "/login", http.StatusFound)
			}, "s3cret",
			"it redirects (302), which is not followed: give the address itself",
		},
		"an answer that breaks off": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				fmt.Fprint(w, answer[:50])
			}, "",
			"the answer breaks off in the middle; try again",
		},
		"an endless answer": {
			func(w http.ResponseWriter, _ *http.Request) {
				for text := []byte(strings.Repeat(" ", 1<<20)); ; {
					if _, err := w.Write(text); err != nil {
						return
					}
				}
			}, "",
			"the fleet has more than 64 MiB, which is what is read at most",
		},
		"a bad name": {
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, strings.Replace(answer, "tokyo-1", "@everyone", 1))
			}, "",
			`clusters[0]: name is "@everyone", which is no name of a cluster`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tc.handler)
			defer s.Close()
			_, err := fleet.Read(t.Context(), s.URL, tc.token)
			if want := `ask "` + s.URL + `/fleet" for the fleet: ` + tc.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestRefused are addresses that nobody is asked at.
func TestRefused(t *testing.T) {
	for address, want := range map[string]string{
		"addon-manager:8080":         `the fleet's address "addon-manager:8080" is no http or https URL`,
		"file:///etc/passwd":         `the fleet's address "file:///etc/passwd" is no http or https URL`,
		"":                           `the fleet's address "" is no http or https URL`,
		"http://a b":                 "the fleet's address that was given is no http or https URL",
		"https://me:s3cret@host":     `the fleet's address "https://me:xxxxx@host" holds credentials: give a token instead`,
		"https://host/?token=s3cret": `the fleet's address "https://host/" has a query or fragment: take it out`,
	} {
		if _, err := fleet.Read(t.Context(), address, ""); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", address, err, want)
		}
	}
}

// TestNobody is a server that is gone, and one that never answers.
func TestNobody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := fleet.Read(ctx, s.URL, ""); err == nil || err.Error() != `ask "`+s.URL+`/fleet" for the fleet: no complete answer came in time` {
		t.Errorf("never: %v", err)
	}
	s.CloseClientConnections()
	s.Close()
	if _, err := fleet.Read(t.Context(), s.URL, ""); err == nil || !strings.HasSuffix(err.Error(), "connect: connection refused") || strings.Count(err.Error(), s.URL) != 1 {
		t.Errorf("gone: %v", err)
	}
}
