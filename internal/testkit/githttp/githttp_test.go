package githttp_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// serve starts a server for one repository and returns its URL.
func serve(t *testing.T, r *gitrepo.Fixture, o githttp.Options) (*githttp.Server, string) {
	t.Helper()
	s, err := githttp.Handler(r.Root(), o)
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := s.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s, url + "/config.git"
}

func git(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = gitrepo.Env()
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestCloneAndPush(t *testing.T) {
	for name, tc := range map[string]struct {
		options githttp.Options
		user    string
		clone   string // "" works; else what git says
		push    string
	}{
		"everybody may read":          {push: "403"},
		"push allowed":                {options: githttp.Options{AllowPush: true}},
		"password asked, none given":  {options: githttp.Options{Username: "u", Password: "p"}, clone: "terminal prompts disabled"},
		"password asked, wrong given": {options: githttp.Options{Username: "u", Password: "p"}, user: "u:x@", clone: "Authentication failed"},
		"password asked and given":    {options: githttp.Options{Username: "u", Password: "p", AllowPush: true}, user: "u:p@"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gitrepo.New(t)
			first := r.Commit("main", map[string]string{"catalog.yaml": "a\n"}, "first")
			_, url := serve(t, r, tc.options)
			url = strings.Replace(url, "://", "://"+tc.user, 1)
			dir := filepath.Join(t.TempDir(), "clone")

			out, err := git(t, "clone", "-q", url, dir)
			if !outcome(out, err, tc.clone) {
				t.Fatalf("clone: %v: %s, want %q", err, out, tc.clone)
			}
			if tc.clone != "" {
				return
			}
			if out, err := git(t, "-C", dir, "commit", "-q", "--allow-empty", "-m", "second"); err != nil {
				t.Fatalf("commit: %v: %s", err, out)
			}
			// So small a buffer makes git push without saying the length.
			out, err = git(t, "-C", dir, "-c", "http.postBuffer=1", "push", "-q", "origin", "main")
			if !outcome(out, err, tc.push) {
				t.Fatalf("push: %v: %s, want %q", err, out, tc.push)
			}
			if moved := r.Resolve("main") != first; moved != (tc.push == "") {
				t.Errorf("branch moved: %v", moved)
			}
		})
	}
}

func TestBearerToken(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", nil, "first")
	_, url := serve(t, r, githttp.Options{BearerToken: "secret"})
	for header, want := range map[string]string{"Bearer secret": "", "Bearer wrong": "terminal prompts disabled"} {
		out, err := git(t, "-c", "http.extraHeader=Authorization: "+header, "ls-remote", url)
		if !outcome(out, err, want) {
			t.Errorf("%s: %v: %s, want %q", header, err, out, want)
		}
	}
}

func TestFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault githttp.Fault
		want  string
		again string
	}{
		"healthy":        {},
		"down":           {fault: githttp.Down(), want: "503", again: "503"},
		"gone":           {fault: githttp.Fault{Status: http.StatusNotFound}, want: "not found", again: "not found"},
		"500 once":       {fault: githttp.Once(500), want: "500"},
		"truncated pack": {fault: githttp.TruncatedPack(200), want: "early EOF", again: "early EOF"},
		"short delay":    {fault: githttp.Slow(time.Millisecond)},
		"stalled pack":   {fault: githttp.Fault{StallAfter: 200, PackOnly: true, Times: 1}, want: "Operation too slow"},
		"cut listing":    {fault: githttp.Fault{CutAfter: 10}, want: "fatal", again: "fatal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := gitrepo.New(t)
			r.Commit("main", map[string]string{"catalog.yaml": strings.Repeat("a line\n", 100)}, "first")
			s, url := serve(t, r, githttp.Options{})
			s.SetFault(tc.fault)
			clone := func() (string, error) {
				return git(t, "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=1", "clone", "-q", url, "clone")
			}
			if out, err := clone(); !outcome(out, err, tc.want) {
				t.Errorf("first clone: %v: %s, want %q", err, out, tc.want)
			}
			if out, err := clone(); !outcome(out, err, tc.again) {
				t.Errorf("second clone: %v: %s, want %q", err, out, tc.again)
			}
			s.SetFault(githttp.Fault{})
			if out, err := clone(); err != nil {
				t.Errorf("healed: %v: %s", err, out)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", nil, "first")
	s, url := serve(t, r, githttp.Options{})
	// Protocol version 0 lists refs without a POST.
	if out, err := git(t, "-c", "protocol.version=0", "ls-remote", url); err != nil {
		t.Fatal(out, err)
	}
	if s.Requests() != 1 || s.Packs() != 0 {
		t.Errorf("after ls-remote: %d requests, %d packs; want 1, 0", s.Requests(), s.Packs())
	}
	if out, err := git(t, "-c", "protocol.version=0", "clone", "-q", url, "clone"); err != nil {
		t.Fatal(out, err)
	}
	if s.Requests() != 3 || s.Packs() != 1 {
		t.Errorf("after clone: %d requests, %d packs; want 3, 1", s.Requests(), s.Packs())
	}
}

// outcome tells whether a command ended as wanted: well when want is empty, else with an error that says want.
func outcome(out string, err error, want string) bool {
	if want == "" {
		return err == nil
	}
	return err != nil && strings.Contains(out, want)
}
