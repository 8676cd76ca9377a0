package github

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAnswersSurviveDamage damages what was remembered in each way: it is asked for again, and never believed.
func TestAnswersSurviveDamage(t *testing.T) {
	dir := t.TempDir()
	w := newWire(t).on("GET pulls/1", with(ok(pull1), "Etag", `"one"`, "Cache-Control", "private, max-age=60", "Date", "Sun, 01 Mar 2099 12:00:00 GMT"))
	remembering := func(o *Options) { o.Dir = filepath.Join(dir, "answers") }
	unchanged := func() int {
		t.Helper()
		c, _ := w.client(t, remembering)
		if p, err := c.Pull(t.Context(), 1); err != nil || p.Number != 1 {
			t.Fatalf("got %+v, %v", p, err)
		}
		asked, unchanged, _ := c.Spent()
		if asked != 1 {
			t.Errorf("asked %d times: an answer was believed without asking", asked)
		}
		return unchanged
	}
	if unchanged() != 0 || unchanged() != 1 {
		t.Fatal("nothing was remembered")
	}
	files, err := filepath.Glob(filepath.Join(dir, "answers", "answer-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string][]byte{
		"empty": {}, "half": whole[:len(whole)/2], "a bit": flipped(whole), "of another address": pack("https://api.github.com/other", []byte("HTTP/1.1 200 OK\r\nEtag: \"one\"\r\n\r\n{\"number\":2}")),
	} {
		if err := os.WriteFile(files[0], damage, 0o600); err != nil {
			t.Fatal(err)
		}
		if unchanged() != 0 || unchanged() != 1 {
			t.Errorf("%s: believed, or not repaired", name)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c, _ := w.client(t, remembering)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pull(t.Context(), 1); err != nil {
		t.Errorf("the folder was deleted: %v", err)
	}
}

func flipped(whole []byte) []byte {
	other := slices.Clone(whole)
	other[len(other)/2] ^= 1
	return other
}

// TestAnswersAreBounded fills both memories with more than they may hold.
func TestAnswersAreBounded(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "folder": t.TempDir()} {
		a, err := newAnswers(dir, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			a.Set(fmt.Sprintf("https://api.github.com/%d", i), []byte(fmt.Sprint("answer ", i)))
			if kept, ok := a.Get(fmt.Sprintf("https://api.github.com/%d", i)); !ok || string(kept) != fmt.Sprint("answer ", i) {
				t.Fatalf("%s: %q, %v", name, kept, ok)
			}
		}
		total := 0
		for _, kept := range a.memory {
			total += len(kept)
		}
		if dir != "" {
			_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, _ error) error {
				if info, err := d.Info(); err == nil && !d.IsDir() {
					total += int(info.Size())
				}
				return nil
			})
		}
		if total > 10_000 || total < 2_000 {
			t.Errorf("%s: %d bytes", name, total)
		}
	}
}

// TestNoCredentialsAnywhere looks for the token in what a run leaves behind: errors, the log, addresses, and the folder of answers.
func TestNoCredentialsAnywhere(t *testing.T) {
	dir := t.TempDir()
	w := newWire(t).on("GET pulls/1", refuses(502, ""), with(ok(pull1), "Etag", `"one"`)).on("GET pulls/2", refuses(401, "Bad credentials")).on("GET pulls/3", with(refuses(403, secondary), "Retry-After", "5000"))
	var log strings.Builder
	addresses := ""
	c, _ := w.client(t, func(o *Options) {
		o.Dir = dir
		o.Log = func(message string, pairs ...any) { fmt.Fprintln(&log, append([]any{message}, pairs...)...) }
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			addresses += r.URL.String()
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	var all error
	for i := range 3 {
		_, err := c.Pull(t.Context(), i+1)
		all = errors.Join(all, err)
	}
	left := fmt.Sprintf("%v %+v %#v %s %s", all, all, all, log.String(), addresses)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			kept, _ := os.ReadFile(name)
			if answer, ok := unpack(w.URL+"/api/v3/repos/o/r/pulls/1", kept); ok {
				left += "kept: " + string(answer)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "asking GitHub again") || !strings.Contains(left, "kept: HTTP/1.1 200 OK") {
		t.Fatalf("the test looks at nothing: %s", left)
	}
	if strings.Contains(left, testToken) || strings.Contains(left, "Bearer") {
		t.Errorf("the token is left behind: %s", left)
	}
	for _, sent := range w.auth {
		if sent != "Bearer "+testToken {
			t.Errorf("sent %q", sent)
		}
	}
}

// TestKeysAreForOneHost sends to another host, whatever led there: the credentials stay here, and nothing is sent.
func TestKeysAreForOneHost(t *testing.T) {
	base, err := apiURL("https://github.example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	k := &keyed{keys: fixed(testToken), base: base, next: roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("sent to %s with %q", r.URL, r.Header.Get("Authorization"))
		return nil, errors.New("x")
	})}
	for _, address := range []string{"https://elsewhere.invalid/", "http://github.example.com/", "https://github.example.com:444/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.RoundTrip(request); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
