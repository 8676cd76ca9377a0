package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// TestOnlyWhatChanged is a program that is started again: it asks only whether things changed, and fetches nothing that did not.
func TestOnlyWhatChanged(t *testing.T) {
	h, r := upstreams.NewHelm(t), upstreams.NewRegistry(t, upstreams.Options{Page: 2})
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		push(t)(r.PushChart("charts", upstreams.Chart{Name: "web", Version: version}))
		push(t)(r.PushIndex("app", version, map[string]string{"org.opencontainers.image.source": "https://example.com/" + version}, "amd64", "arm64"))
	}
	dir := t.TempDir()
	// sweep asks everything, and gives what came of it with the number of requests.
	sweep := func() (result string, asked, unchanged int) {
		t.Helper()
		c := newClient(Options{Dir: dir})
		c.plain.Store(r.Host(), true)
		versions, err := c.Versions(t.Context(), h.URL(), "web")
		if err != nil {
			t.Fatal(err)
		}
		tags, err := c.Versions(t.Context(), r.URL("charts"), "web")
		if err != nil {
			t.Fatal(err)
		}
		one, err := c.Version(t.Context(), r.URL("charts"), "web", "1.1.0")
		if err != nil {
			t.Fatal(err)
		}
		images, err := c.Tags(t.Context(), r.Image("app"))
		if err != nil {
			t.Fatal(err)
		}
		image, err := c.Image(t.Context(), r.Image("app"), "1.1.0")
		if err != nil {
			t.Fatal(err)
		}
		asked, unchanged = c.Spent()
		return fmt.Sprint(versions, tags, one, images, image), asked, unchanged
	}
	before := func() int { return len(h.Requests()) + len(r.Requests()) }
	first, asked, unchanged := sweep()
	// The index; two pages of tags; of the chart a question, the manifest and the configuration; two pages; of the image also the manifest of one platform.
	if asked != 1+2+3+2+4 || unchanged != 0 || before() != asked {
		t.Errorf("first, %d requests were sent, %d of them for nothing new, and %d arrived", asked, unchanged, before())
	}
	second, asked, unchanged := sweep()
	if second != first {
		t.Errorf("the second time it says\n%s\nand first\n%s", second, first)
	}
	if asked != 1+2+1+2+1 || unchanged != asked {
		t.Errorf("with nothing new, %d requests were sent, %d of them for nothing new", asked, unchanged)
	}
	add(t, h, upstreams.Chart{Name: "web", Version: "1.1.0"})
	push(t)(r.PushChart("charts", upstreams.Chart{Name: "web", Version: "1.3.0"}))
	push(t)(r.PushImage("app", "1.1.0", nil))
	third, asked, unchanged := sweep()
	if !strings.Contains(third, "{1.1.0   2026-01-01") || !strings.Contains(third, "{1.3.0") || strings.Contains(third, "https://example.com/1.1.0") {
		t.Errorf("what is new is not seen: %s", third)
	}
	// New are the index, the second page of the chart's tags, and the image with its configuration.
	if asked != 1+2+1+2+3 || unchanged != 1+1+2 {
		t.Errorf("with something new, %d requests were sent, %d of them for nothing new", asked, unchanged)
	}
}

// TestWithoutETags still works, and fetches the index again.
func TestWithoutETags(t *testing.T) {
	h := upstreams.NewHelm(t, upstreams.Options{NoETags: true})
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	dir := t.TempDir()
	for range 2 {
		c := newClient(Options{Dir: dir})
		if _, err := c.Versions(t.Context(), h.URL(), "web"); err != nil {
			t.Fatal(err)
		}
		if asked, unchanged := c.Spent(); asked != 1 || unchanged != 0 {
			t.Errorf("%d requests, %d for nothing new", asked, unchanged)
		}
	}
}

// TestLastModified does where there is no ETag.
func TestLastModified(t *testing.T) {
	s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "index.yaml", time.Unix(1_700_000_000, 0), strings.NewReader("entries:\n  web:\n  - version: 1.0.0\n"))
	}))
	dir := t.TempDir()
	for i := range 2 {
		c := newClient(Options{Dir: dir})
		if list, err := c.Versions(t.Context(), s.URL, "web"); err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if _, unchanged := c.Spent(); unchanged != i {
			t.Errorf("the %d. time %d answers were for nothing new", i+1, unchanged)
		}
	}
}

// TestDamagedAnswers are not believed: what is damaged in the folder is fetched again.
func TestDamagedAnswers(t *testing.T) {
	h, r := upstreams.NewHelm(t), upstreams.NewRegistry(t)
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	want := push(t)(r.PushImage("app", "1.0.0", nil))
	for name, damage := range map[string]func(data []byte) []byte{
		"emptied":    func([]byte) []byte { return nil },
		"cut":        func(data []byte) []byte { return data[:len(data)-1] },
		"changed":    func(data []byte) []byte { data[len(data)-2] ^= 1; return data },
		"no head":    func(data []byte) []byte { return append([]byte("x"), data...) },
		"of another": func([]byte) []byte { return []byte(`{"sum":"` + digestOf([]byte("x")) + `"}` + "\nx") },
		"of no place": func([]byte) []byte {
			return []byte(`{"sum":"` + digestOf([]byte("x")) + `","url":":","header":{"Etag":["x"]}}` + "\nx")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 {
				c := newClient(Options{Dir: dir})
				if list, err := c.Versions(t.Context(), h.URL(), "web"); err != nil || len(list) != 1 {
					t.Fatal(list, err)
				}
				if one, err := c.Image(t.Context(), r.Image("app"), "1.0.0"); err != nil || one.Digest != want {
					t.Fatal(one, err)
				}
				if _, unchanged := c.Spent(); unchanged != 0 {
					t.Errorf("%d answers were taken from the folder", unchanged)
				}
				files, err := os.ReadDir(filepath.Join(dir, "answers"))
				if err != nil || len(files) != 3 {
					t.Fatalf("%d files, %v", len(files), err)
				}
				for _, f := range files {
					file := filepath.Join(dir, "answers", f.Name())
					data, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, damage(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestAnswersAreBounded: what was not used for longest goes first.
func TestAnswersAreBounded(t *testing.T) {
	a := answers{dir: t.TempDir(), most: 10_000, written: -1}
	body := strings.Repeat("x", 1000)
	old := time.Now().Add(-time.Hour)
	for i := range 50 {
		key := fmt.Sprint("key ", i)
		a.save(key, answer{body: []byte(body + key)})
		if err := os.Chtimes(a.file(key), old.Add(time.Duration(i)*time.Second), old.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, ok := a.load("key 0"); !ok { // It is used all the time.
			t.Fatalf("what was used just now is gone after %d", i)
		}
	}
	total := int64(0)
	files, _ := os.ReadDir(a.dir)
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > a.most+a.most/8+2000 || total < a.most/2 {
		t.Errorf("%d bytes are kept", total)
	}
	if _, ok := a.load("key 49"); !ok {
		t.Error("the newest is gone")
	}
	if _, ok := a.load("key 1"); ok {
		t.Error("the oldest is there")
	}
}

// TestNoKeysInFolder: what may be a key in a URL is in none of the files.
func TestNoKeysInFolder(t *testing.T) {
	h := upstreams.NewHelm(t)
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	dir := t.TempDir()
	for i := range 2 {
		c := newClient(Options{Dir: dir})
		if _, err := c.Versions(t.Context(), h.URL()+"?key=s3cret", "web"); err != nil {
			t.Fatal(err)
		}
		if _, unchanged := c.Spent(); unchanged != i {
			t.Errorf("the %d. time %d answers were for nothing new", i+1, unchanged)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(path+string(data), "s3cret") {
			t.Errorf("%s has the key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNoFolder: without one nothing is kept, and nothing fails.
func TestNoFolder(t *testing.T) {
	h := upstreams.NewHelm(t)
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file} {
		if _, err := newClient(Options{Dir: dir}).Versions(t.Context(), h.URL(), "web"); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
	}
}

// TestMoved is a repository that went elsewhere: it is followed, and said where it moved for good.
func TestMoved(t *testing.T) {
	h := upstreams.NewHelm(t)
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	for name, tc := range map[string]struct {
		codes []int
		want  string
	}{
		"for good":         {[]int{301}, "https://SERVER/charts"},
		"for good, 308":    {[]int{308}, "https://SERVER/charts"},
		"in steps":         {[]int{301, 308}, "https://SERVER/charts"},
		"for now":          {[]int{302}, ""},
		"for good and now": {[]int{301, 307}, ""},
		"not at all":       {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			// The first steps are at the old address, the last leads to the other path.
			s := serve(t, "127.0.0.1", true, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				step := strings.Count(r.URL.Path, "step")
				switch {
				case len(tc.codes) == 0, r.URL.Path == "/charts/index.yaml":
					r.URL.Path = "/index.yaml"
					h.Answer(w, r)
				case step < len(tc.codes)-1:
					http.Redirect(w, r, "/step"+r.URL.Path, tc.codes[step])
				default:
					http.Redirect(w, r, "/charts/index.yaml?once=secret", tc.codes[step])
				}
			}))
			dir := t.TempDir()
			for range 2 { // The second time it only says that nothing changed.
				c := newClient(trusting(Options{Dir: dir}, s))
				list, err := c.Versions(t.Context(), s.URL+"/", "web")
				got := ""
				var moved *Moved
				if errors.As(err, &moved) {
					got = strings.ReplaceAll(moved.Remark(), s.host(), "SERVER")
				} else if err != nil {
					t.Fatal(err)
				}
				want := tc.want
				if want != "" {
					want = "https://SERVER has moved to " + want + ": use that, the old address may be given up"
				}
				if len(list) != 1 || got != want {
					t.Errorf("%d versions\ngot  %s\nwant %s", len(list), got, want)
				}
				if one, err := c.Version(t.Context(), s.URL, "web", "1.0.0"); err != nil || one.Name != "1.0.0" {
					t.Errorf("one of them: %+v, %v", one, err)
				}
			}
		})
	}
}

// TestLeftAlone: who asks to wait is not asked again until then, for whatever it is.
func TestLeftAlone(t *testing.T) {
	r := upstreams.NewRegistry(t)
	push(t)(r.PushImage("app", "1.0.0", nil))
	r.Fail("", upstreams.Limited("3600"))
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	c := newClient(Options{})
	c.now = func() time.Time { return now }
	c.plain.Store(r.Host(), true)
	for range 2 {
		_, err := c.Tags(t.Context(), r.Image("app"))
		if err == nil || !strings.HasSuffix(err.Error(), "asks to wait until 2026-02-03 05:05:06 UTC, because it is asked too much") {
			t.Errorf("got %v", err)
		}
		_, err = c.Image(t.Context(), r.Image("other"), "1.0.0")
		if err == nil || !strings.HasSuffix(err.Error(), "asks to wait until 2026-02-03 05:05:06 UTC, because it is asked too much") {
			t.Errorf("got %v", err)
		}
		now = now.Add(59 * time.Minute)
	}
	if n := len(r.Requests()); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
	r.Fail("", upstreams.Healthy)
	now = now.Add(2 * time.Minute)
	if _, err := c.Tags(t.Context(), r.Image("app")); err != nil {
		t.Error(err)
	}
}

// TestAskedOnce: one token does for all of an image, and whether a registry does without TLS is asked once.
func TestAskedOnce(t *testing.T) {
	plain, secure := upstreams.NewRegistry(t), upstreams.Options{Bearer: true}
	good, trusted := certificate(t, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), "127.0.0.1")
	secure.Certificate = good
	bearer := upstreams.NewRegistry(t, secure)
	for _, r := range []*upstreams.Registry{plain, bearer} {
		push(t)(r.PushImage("app", "1.0.0", map[string]string{"org.opencontainers.image.source": "https://example.com"}))
	}
	for name, tc := range map[string]struct {
		r    *upstreams.Registry
		want int
	}{
		"without TLS": {plain, 1 + 3},  // Whether there is TLS.
		"with tokens": {bearer, 3 + 3}, // The same, then a refusal and the token.
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(Options{RootCAs: trusted})
			if _, err := c.Tags(t.Context(), tc.r.Image("app")); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Image(t.Context(), tc.r.Image("app"), "1.0.0"); err != nil {
				t.Fatal(err)
			}
			if asked, _ := c.Spent(); asked != tc.want {
				t.Errorf("%d requests were sent, want %d:\n%v", asked, tc.want, tc.r.Requests())
			}
		})
	}
}
