package history_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/testkit/chance"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func TestMain(m *testing.M) {
	code := chance.Main(m)
	_ = os.RemoveAll(begun().dir)
	os.Exit(code)
}

// offers is a catalog of two addons, one of them not for 1.31.
const offers = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
addons: [{name: cert}, {name: dns, kubernetes: ">=1.32"}]
`

// Files of the addons, and one that belongs to none.
const (
	cert = "addons/cert/values.yaml"
	crds = "addons/cert/crds.yaml"
	dns  = "addons/dns/values.yaml"
	note = "NOTES.md"
)

// fatal is what a work tree needs of a test, also of one of random cases.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// work is a work tree in which people use git as they always do.
type work struct {
	t     fatal
	dir   string
	ticks int
	// date, when set, is that of commits; otherwise each is a minute after the one before.
	date string
}

// newWork has a first commit on main, and release-1.31 and release-1.32 cut from it.
func newWork(t fatal, dir string) *work {
	t.Helper()
	b := begun()
	if b.failed != "" {
		t.Fatalf("%s", b.failed)
	}
	if err := os.CopyFS(dir, os.DirFS(b.dir)); err != nil {
		t.Fatalf("%v", err)
	}
	return &work{t: t, dir: dir, ticks: b.ticks}
}

// template is a work tree that others are copies of, which is faster than to make each.
type template struct {
	work
	failed string
}

func (t *template) Helper()                           {}
func (t *template) Fatalf(format string, args ...any) { t.failed = fmt.Sprintf(format, args...) }

var begun = sync.OnceValue(func() *template {
	b := &template{}
	dir, err := os.MkdirTemp("", "history-test-*")
	if err != nil {
		b.Fatalf("%v", err)
	}
	b.work = work{t: b, dir: dir}
	w := &b.work
	w.git("init", "-q", "-b", "main")
	w.write(map[string]string{"catalog.yaml": offers, cert: numbered(1, ""), crds: numbered(1, ""), dns: numbered(1, ""), note: "1\n"})
	w.git("commit", "-qm", "Begin")
	w.git("branch", "release-1.31")
	w.git("branch", "release-1.32")
	return b
})

// numbered is a file of 30 lines, of which those of a text replace the first at a place.
func numbered(from int, text string) string {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "line%d: %d\n", i, from)
	}
	return text + b.String()
}

func (w *work) git(args ...string) string {
	w.t.Helper()
	w.ticks++
	date := w.date
	if date == "" {
		date = fmt.Sprintf("%d +0000", 1750000000+60*w.ticks)
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Env = append(gitrepo.Env(), "GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date, "GIT_MERGE_AUTOEDIT=no")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *work) write(files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		name = filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			w.t.Fatalf("%v", err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	w.git("add", "-A")
}

// edit replaces text in a file of a branch, and commits.
func (w *work) edit(branch, file, from, to, message string) string {
	w.t.Helper()
	w.git("switch", "-q", branch)
	text, err := os.ReadFile(filepath.Join(w.dir, file))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatalf("%v", err)
	}
	changed := strings.Replace(string(text), from, to, 1)
	if changed == string(text) {
		w.t.Fatalf("%s has no %q on %s", file, from, branch)
	}
	w.write(map[string]string{file: changed})
	return w.commit(message)
}

func (w *work) commit(message string, more ...string) string {
	w.t.Helper()
	w.git(append([]string{"commit", "-q", "--cleanup=verbatim", "-m", message}, more...)...)
	return w.git("rev-parse", "HEAD")
}

// pick runs git cherry-pick on a branch.
func (w *work) pick(branch string, args ...string) string {
	w.t.Helper()
	w.git("switch", "-q", branch)
	w.git(append([]string{"cherry-pick"}, args...)...)
	return w.git("rev-parse", "HEAD")
}

// read reads the history as the bot does.
func (w *work) read(t testing.TB, o history.Options) (history.History, error) {
	t.Helper()
	return w.readWith(t, "", o)
}

// readWith uses a mirror that may be kept.
func (w *work) readWith(t testing.TB, dir string, o history.Options) (history.History, error) {
	t.Helper()
	m, err := native.Open(t.Context(), native.Options{URL: w.dir, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Fetch(t.Context()); err != nil {
		return history.History{}, err
	}
	o.Mirror, o.Trial = m, true
	if o.Main == "" {
		o.Main = "main" // The work tree may be on any branch.
	}
	return history.Read(t.Context(), o)
}

// entries are where changes are on a branch.
func entries(h history.History, branch string, commits ...string) (found []ledger.Entry) {
	for _, hash := range commits {
		for _, r := range h.Ledger.Changes {
			if r.Commit == hash {
				found = append(found, r.Branches[branch])
			}
		}
	}
	return found
}
