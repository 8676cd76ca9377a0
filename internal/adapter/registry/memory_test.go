package registry

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFetchedOnce is many who want the same at once, and again, and later.
func TestFetchedOnce(t *testing.T) {
	web, db := pack(t, "web", "1.2.3"), pack(t, "db", "1.0.0")
	s := serve(t, "127.0.0.1", false, files(map[string]string{
		"/index.yaml": "entries:\n  db:\n  - digest: " + digestOf(db) + "\n    urls: [db.tgz]\n    version: 1.0.0\n  web:\n  - digest: " + digestOf(web) + "\n    urls: [web.tgz]\n    version: 1.2.3\n",
		"/web.tgz":    string(web), "/db.tgz": string(db),
	}))
	c := newClient(Options{})
	now := time.Unix(0, 0)
	c.now = func() time.Time { return now }
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for name, v := range map[string]string{"web": "1.2.3", "db": "1.0.0"} {
				if _, _, err := c.Chart(t.Context(), s.URL+"/", name, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	counts := func() string {
		return fmt.Sprint(s.count("/index.yaml"), s.count("/web.tgz"), s.count("/db.tgz"))
	}
	if got := counts(); got != "1 1 1" {
		t.Errorf("asked for index, web and db %s times", got)
	}
	now = now.Add(11 * time.Minute)
	if _, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3"); err != nil || counts() != "2 2 1" {
		t.Errorf("later: %v, asked %s times", err, counts())
	}
	if n := len(c.charts.slots); n != 1 {
		t.Errorf("%d charts are kept, though only one is fresh", n)
	}
}

// TestTooMuch forgets the oldest where all that was fetched would take too much memory.
func TestTooMuch(t *testing.T) {
	contents := map[string]string{}
	index := "entries:\n"
	for _, name := range []string{"a", "b", "c"} {
		data := pack(t, name, "1.0.0")
		contents["/"+name+".tgz"] = string(data)
		index += "  " + name + ":\n  - digest: " + digestOf(data) + "\n    urls: [" + name + ".tgz]\n    version: 1.0.0\n"
	}
	contents["/index.yaml"] = index
	s := serve(t, "127.0.0.1", false, files(contents))
	c := newClient(Options{})
	c.charts.most = len(contents["/a.tgz"]) * 3 / 2
	now := time.Unix(0, 0)
	c.now = func() time.Time { now = now.Add(time.Second); return now }
	for _, name := range []string{"a", "b", "c", "b", "a"} {
		if _, _, err := c.Chart(t.Context(), s.URL, name, "1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(s.count("/index.yaml"), s.count("/a.tgz"), s.count("/b.tgz"), s.count("/c.tgz")); got != "1 2 1 1" {
		t.Errorf("asked for the index, a, b and c %s times", got)
	}
}

// TestFailureIsRemembered for a minute: a dead repository costs one wait.
func TestFailureIsRemembered(t *testing.T) {
	s := serve(t, "127.0.0.1", false, files(nil))
	c := newClient(Options{})
	now := time.Unix(0, 0)
	c.now = func() time.Time { return now }
	ask := func(want int) {
		t.Helper()
		for _, name := range []string{"web", "web", "db"} {
			if _, _, err := c.Chart(t.Context(), s.URL, name, "1.2.3"); !strings.HasPrefix(said(err, s), `chart "`+name+`" "1.2.3" of http://SERVER1: http://SERVER1 has no index.yaml (404)`) {
				t.Errorf("got %v", err)
			}
		}
		if n := s.count("/index.yaml"); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
	}
	ask(1)
	now = now.Add(61 * time.Second)
	ask(2)
}

// TestTriedAgain is a repository that has a bad moment, which is tried again, and one without the chart, which is not.
func TestTriedAgain(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	good := files(map[string]string{"/index.yaml": indexOf("web", version("1.2.3", digestOf(data), "web.tgz"), version("2.0.0", digestOf(data), "gone.tgz")), "/web.tgz": string(data)})
	var s *server
	s = serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.count(r.URL.Path) < 3 && r.URL.Path != "/gone.tgz" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		good.ServeHTTP(w, r)
	}))
	c := newClient(Options{})
	c.pauses = []time.Duration{0, 0}
	if _, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3"); err != nil || s.count("/index.yaml") != 3 || s.count("/web.tgz") != 3 {
		t.Errorf("%v; asked %d and %d times", err, s.count("/index.yaml"), s.count("/web.tgz"))
	}
	if _, _, err := c.Chart(t.Context(), s.URL, "web", "2.0.0"); !errors.Is(err, ErrNotFound) || s.count("/gone.tgz") != 1 {
		t.Errorf("%v; asked %d times", err, s.count("/gone.tgz"))
	}
}

// TestReplaced is a version whose archive changed: that is told, whoever remembers it.
func TestReplaced(t *testing.T) {
	first, second := pack(t, "web", "1.2.3"), pack(t, "web", "1.2.3-replaced")
	contents := map[string]string{}
	publish := func(data []byte) {
		contents["/index.yaml"] = indexOf("web", version("1.2.3", digestOf(data), "web.tgz"))
		contents["/web.tgz"] = string(data)
	}
	for name, dir := range map[string]string{"in memory": "", "in a folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.1", false, files(contents))
			publish(first)
			now := time.Unix(0, 0)
			client := func() *Client {
				c := newClient(Options{Dir: dir})
				c.now = func() time.Time { return now }
				return c
			}
			c := client()
			if _, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3"); err != nil {
				t.Fatal(err)
			}
			publish(second)
			now = now.Add(time.Hour)
			if dir != "" {
				c = client() // A program that was started anew.
			}
			_, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3")
			want := `chart "web" "1.2.3" of http://SERVER1: the version was replaced: its archive was ` + digestOf(first) + ` when first seen, and is ` + digestOf(second) + ` now; take another version, or vendor the chart`
			if said(err, s) != want {
				t.Errorf("got  %s\nwant %s", said(err, s), want)
			}
		})
	}
}

// TestFolder keeps archives for the next run, checks what it reads there, and is no reason to fail.
func TestFolder(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	down := false
	good := files(map[string]string{"/index.yaml": indexOf("web", version("1.2.3", digestOf(data), "web.tgz")), "/web.tgz": string(data)})
	s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down {
			w.WriteHeader(503)
			return
		}
		good.ServeHTTP(w, r)
	}))
	dir := filepath.Join(t.TempDir(), "charts")
	ask := func(dir string) error {
		t.Helper()
		got, digest, err := newClient(Options{Dir: dir}).Chart(t.Context(), s.URL, "web", "1.2.3")
		if err == nil && (string(got) != string(data) || digest != digestOf(data)) {
			t.Errorf("got %d bytes with digest %s", len(got), digest)
		}
		return err
	}
	if err := ask(dir); err != nil {
		t.Fatal(err)
	}
	if err := ask(dir); err != nil || s.count("/web.tgz") != 1 || s.count("/index.yaml") != 2 {
		t.Errorf("again: %v, asked %d times for the archive and %d for the index", err, s.count("/web.tgz"), s.count("/index.yaml"))
	}
	down = true
	if err := ask(dir); err != nil {
		t.Errorf("the repository is down, the archive known: %v", err)
	}
	archive := filepath.Join(dir, strings.TrimPrefix(digestOf(data), "sha256:")+".tgz")
	if err := os.WriteFile(archive, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(dir); !strings.HasSuffix(said(err, s), "http://SERVER1 answers 503 for index.yaml; try again later") {
		t.Errorf("the repository is down, the archive damaged: %v", err)
	}
	down = false
	if err := ask(dir); err != nil || s.count("/web.tgz") != 2 {
		t.Errorf("damaged: %v, asked %d times", err, s.count("/web.tgz"))
	}
	if back, err := os.ReadFile(archive); err != nil || string(back) != string(data) {
		t.Errorf("the archive was not repaired: %d bytes, %v", len(back), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(file); err != nil {
		t.Errorf("a folder that cannot be written: %v", err)
	}
}
