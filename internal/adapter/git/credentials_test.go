package git_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func TestCredentials(t *testing.T) {
	const refused = "refuses the credentials: the server asks for authentication (401); check the repository's credentials and that they may read it"
	password := githttp.Options{Username: "u", Password: "s3cret%/@"}
	for name, tc := range map[string]struct {
		server   githttp.Options
		userinfo string
		auth     git.Auth
		err      string
	}{
		"password":              {server: password, auth: git.Auth{Username: "u", Password: "s3cret%/@"}},
		"password in the URL":   {server: password, userinfo: "u:s3cret%25%2F%40@"},
		"the Secret's wins":     {server: password, userinfo: "u:wrong@", auth: git.Auth{Username: "u", Password: "s3cret%/@"}},
		"wrong password":        {server: password, auth: git.Auth{Username: "u", Password: "s3cret-wrong"}, err: refused},
		"wrong password in URL": {server: password, userinfo: "u:s3cret-wrong@", err: refused},
		"no password":           {server: password, err: refused},
		"token":                 {server: githttp.Options{BearerToken: "t"}, auth: git.Auth{BearerToken: "t"}},
		"wrong token":           {server: githttp.Options{BearerToken: "t"}, auth: git.Auth{BearerToken: "s3cret"}, err: refused},
		"token as a password":   {server: githttp.Options{Username: "git", Password: "t"}, auth: git.Auth{Password: "t"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, tc.server)
			r.Commit("main", nil, "first")
			repo := open(t, git.Options{URL: strings.Replace(r.url, "://", "://"+tc.userinfo, 1), Auth: tc.auth})
			_, err := repo.Fetch(t.Context())
			if tc.err != "" {
				wantError(t, err, git.ErrAuth, "git repository "+r.url+": "+tc.err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Another server never sees the credentials, and neither does anyone who reads the error.
func TestRedirectsTakeNoCredentialsAway(t *testing.T) {
	var stolen atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			stolen.Add(1)
		}
	}))
	defer other.Close()
	r := serve(t, githttp.Options{Username: "u", Password: "s3cret"})
	r.Commit("main", nil, "first")
	repo := open(t, git.Options{URL: strings.Replace(r.url, "://", "://u:s3cret@", 1)})
	for name, target := range map[string]string{
		"another port": other.URL,
		"another name": strings.Replace(other.URL, "127.0.0.1", "localhost", 1),
		"metadata":     "http://169.254.169.254",
		"another kind": "file:///etc",
	} {
		r.server.SetFault(githttp.Fault{Redirect: target})
		_, err := repo.Fetch(t.Context())
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if stolen.Load() > 0 {
		t.Errorf("%d requests with credentials reached another server", stolen.Load())
	}
}

// A server may answer with anything, also with what it was sent.
func TestHostileAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		text   string
	}{
		"the password in an error": {func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			http.Error(w, "bad "+password+r.Header.Get("Authorization"), http.StatusForbidden)
		}, git.ErrAuth, "refuses the credentials: the server forbids it (403); check the repository's credentials and that they may read it"},
		"the password in the protocol": {func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			text := "ERR " + password + " " + r.Header.Get("Authorization")
			_, _ = fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s", len(text)+4, text)
		}, git.ErrUnreachable, `cannot be reached: the server says "[redacted] Basic [redacted]"; check the address, the server and the network`},
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>log in</html>"))
		}, git.ErrNotGit, "does not answer as a Git server: list refs: invalid pkt-len found; check the URL"},
		"nothing": {
			func(http.ResponseWriter, *http.Request) {},
			git.ErrNotGit, "does not answer as a Git server: list refs: empty input; check the URL",
		},
		"endless error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, git.ErrUnreachable, "cannot be reached: the server answers 502 Bad Gateway; check the address, the server and the network"},
		"endless list of refs": {func(w http.ResponseWriter, _ *http.Request) {
			first := strings.Repeat("1", 40) + " refs/heads/main\x00side-band-64k\n"
			_, _ = fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s", len(first)+4, first)
			line := "003d" + strings.Repeat("1", 40) + " refs/heads/main\n"
			for {
				if _, err := w.Write([]byte(strings.Repeat(line, 1000))); err != nil {
					return
				}
			}
		}, git.ErrNotGit, "does not answer as a Git server: list refs: the server's list of refs is too long: more than 67108864 bytes; check the URL"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			repo := open(t, git.Options{URL: server.URL + "/r", Auth: git.Auth{Username: "u", Password: "s3cret"}})
			_, err := repo.Fetch(t.Context())
			wantError(t, err, tc.kind, "git repository "+server.URL+"/r: "+tc.text)
		})
	}
}

func TestTLS(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", nil, "first")
	handler, err := githttp.Handler(r.Root(), githttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	url := server.URL + "/config.git"
	for name, tc := range map[string]struct {
		auth git.Auth
		err  string
	}{
		"unknown authority": {
			err: "git repository " + url + ": the server's identity is not proven: tls: failed to verify certificate: x509: certificate signed by unknown authority; " +
				"check the CA certificate or the SSH known hosts",
		},
		"its CA":   {auth: git.Auth{CA: ca}},
		"insecure": {auth: git.Auth{Insecure: true}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, git.Options{URL: url, Auth: tc.auth}).Fetch(context.Background())
			if tc.err != "" {
				wantError(t, err, git.ErrTLS, tc.err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("no TLS spoken", func(t *testing.T) {
		plain := httptest.NewServer(handler)
		defer plain.Close()
		url := strings.Replace(plain.URL, "http:", "https:", 1) + "/config.git"
		_, err := open(t, git.Options{URL: url}).Fetch(context.Background())
		wantError(t, err, git.ErrUnreachable, "git repository "+url+": cannot be reached: http: server gave HTTP response to HTTPS client; check the address, the server and the network")
	})
}
