package native

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// TestIsolation gives the user, the environment and the repository configurations that would run a program or change a result, and goes through a whole
// story: none takes part.
func TestIsolation(t *testing.T) {
	dir := t.TempDir()
	trap := filepath.Join(dir, "trap")
	if err := os.WriteFile(trap, []byte("#!/bin/sh\ntouch '"+dir+"/sprung'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	hooks := filepath.Join(dir, "hooks")
	if err := os.Mkdir(hooks, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pre-push", "reference-transaction", "post-update", "pre-auto-gc", "post-merge", "pre-commit"} {
		if err := os.Symlink(trap, filepath.Join(hooks, name)); err != nil {
			t.Fatal(err)
		}
	}
	attributes := filepath.Join(dir, "attributes")
	if err := os.WriteFile(attributes, []byte("* merge=trap diff=trap filter=trap\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := "[core]\n\thooksPath = " + hooks + "\n\tattributesFile = " + attributes + "\n\tsshCommand = " + trap + "\n\taskPass = " + trap + "\n\tfsmonitor = " + trap + "\n\tpager = " + trap +
		"\n[merge \"trap\"]\n\tdriver = " + trap + "\n[diff \"trap\"]\n\tcommand = " + trap + "\n\ttextconv = " + trap + "\n[diff]\n\texternal = " + trap +
		"\n[credential]\n\thelper = " + trap + "\n[merge]\n\tconflictStyle = merge\n\trenames = false\n[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = " + trap +
		"\n[url \"/nowhere\"]\n\tinsteadOf = http\n[http]\n\tproxy = http://127.0.0.1:1\n[alias]\n\tfetch = !" + trap + "\n[uploadpack]\n\tpackObjectsHook = " + trap + "\n[protocol]\n\tallow = never\n"
	if err := os.WriteFile(filepath.Join(dir, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	repo := gitrepo.New(t)
	repo.Apply("main", "one", gitrepo.File("a", twelve), gitrepo.File(".gitattributes", "* merge=trap diff=trap filter=trap\n"))
	repo.SetBranch("release", "main")
	onto := repo.Apply("release", "two", gitrepo.Remove("a"), gitrepo.File("b", strings.Replace(twelve, "one", "1", 1)))
	next := repo.Apply("main", "three", gitrepo.File("a", strings.Replace(twelve, "nine", "9", 1)))
	url, _ := serve(t, repo, githttp.Options{Username: "bot", Password: "hunter2", AllowPush: true})
	for name, value := range map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": dir, "GIT_CONFIG_GLOBAL": filepath.Join(dir, ".gitconfig"), "GIT_CONFIG_SYSTEM": filepath.Join(dir, ".gitconfig"),
		"GIT_CONFIG_PARAMETERS": "'core.hooksPath=" + hooks + "'", "GIT_DIR": dir, "GIT_WORK_TREE": dir, "GIT_INDEX_FILE": filepath.Join(dir, "index"), "GIT_OBJECT_DIRECTORY": dir,
		"GIT_ALTERNATE_OBJECT_DIRECTORIES": dir, "GIT_NAMESPACE": "x", "GIT_SSH_COMMAND": trap, "GIT_SSH": trap, "GIT_ASKPASS": trap, "SSH_ASKPASS": trap, "GIT_EXTERNAL_DIFF": trap,
		"GIT_PROXY_COMMAND": trap, "GIT_EDITOR": trap, "GIT_PAGER": trap, "GIT_TRACE": filepath.Join(dir, "trace"), "GIT_TRACE_CURL": filepath.Join(dir, "trace"), "GIT_CURL_VERBOSE": "1",
		"GIT_AUTHOR_NAME": "x", "GIT_COMMITTER_EMAIL": "x", "GIT_TEMPLATE_DIR": hooks, "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "GIT_PROTOCOL_FROM_USER": "0", "GIT_DEFAULT_HASH": "sha256",
	} {
		t.Setenv(name, value)
	}
	for name, o := range map[string]Options{
		"a server": {URL: url, Auth: auth("bot", "hunter2")},
		"a folder": {URL: repo.Dir},
	} {
		m := open(t, o)
		p, err := m.Pick(t.Context(), onto, "release", next)
		if err != nil || len(p.Conflicts) > 0 {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
		if got := shown(t, m, p.Tree); got != "100644 .gitattributes: * merge=trap diff=trap filter=trap; 100644 b: 1 two three four five six seven eight 9 ten eleven twelve" {
			t.Errorf("%s: %s", name, got)
		}
		if _, err := m.Log(t.Context(), LogRequest{Of: []string{next}, Files: true, PatchIDs: true}); err != nil {
			t.Error(err)
		}
		tip, err := m.Commit(t.Context(), change.Commit{Tree: p.Tree, Parents: []string{onto}, Message: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Push(t.Context(), Update{"refs/heads/" + strings.ReplaceAll(name, " ", "-"), "", tip}); err != nil {
			t.Error(err)
		}
		if _, err := m.Remote(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"sprung", "trace", "index"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
}

// TestSecretsStay looks for the password in the arguments of each process, in the mirror's files, and in the errors, and sends credentials to no other host.
func TestSecretsStay(t *testing.T) {
	const password = "hunter2-and-more"
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			elsewhere.Add(1)
		}
	}))
	defer other.Close()
	repo := gitrepo.New(t)
	tip := repo.Commit("main", map[string]string{"a": "1\n"}, "one")
	url, server := serve(t, repo, githttp.Options{Username: "bot", Password: password, AllowPush: true})
	record := filepath.Join(t.TempDir(), "arguments")
	program := filepath.Join(t.TempDir(), "git")
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '"+record+"'\nexec '"+real+"' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"from a function": {URL: url, Auth: auth("bot", password)},
		"in the URL":      {URL: strings.Replace(url, "http://", "http://bot:"+password+"@", 1)},
	} {
		o.Dir, o.Git = t.TempDir(), program
		m := open(t, o)
		if err := m.Push(t.Context(), Update{"refs/heads/" + strings.ReplaceAll(name, " ", "-"), "", tip}); err != nil {
			t.Fatal(err)
		}
		server.SetFault(githttp.Fault{Redirect: other.URL})
		_, redirected := m.Fetch(t.Context())
		server.SetFault(githttp.Fault{Status: http.StatusUnauthorized})
		_, refused := m.Fetch(t.Context())
		server.SetFault(githttp.Fault{})
		for _, err := range []error{redirected, refused} {
			if err == nil || strings.Contains(err.Error(), password) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		if !errors.Is(redirected, git.ErrRefused) || elsewhere.Load() > 0 {
			t.Errorf("%s: the redirect gives %v, and %d requests came with credentials", name, redirected, elsewhere.Load())
		}
		if _, err := Open(t.Context(), Options{URL: "http://bot:" + password + "@/x"}); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error is %v", name, err)
		}
		cmd := exec.Command("grep", "-r", "-l", password, o.Dir, record)
		if out, _ := cmd.CombinedOutput(); len(out) > 0 {
			t.Errorf("%s: the password is in %s", name, out)
		}
	}
	if content, err := os.ReadFile(record); err != nil || !strings.Contains(string(content), "ls-remote") {
		t.Errorf("no arguments were recorded: %q, %v", content, err)
	}
}
