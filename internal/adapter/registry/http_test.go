package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"
)

var quiet = log.New(io.Discard, "", 0)

// TestHelmRepository fetches from repositories that are as they should be.
func TestHelmRepository(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	digest := digestOf(data)
	for name, tc := range map[string]struct {
		secure         bool
		index, version string
		path, archive  string
	}{
		"an archive beside the index": {false, indexOf("web", version("1.2.3", digest[7:], "web-1.2.3.tgz")), "1.2.3", "/charts", "/charts/web-1.2.3.tgz"},
		"over TLS":                    {true, indexOf("web", version("1.2.3", digest[7:], "web-1.2.3.tgz")), "1.2.3", "/charts", "/charts/web-1.2.3.tgz"},
		"a path from the root":        {true, indexOf("web", version("1.2.3", digest, "/files/web.tgz")), "1.2.3", "/charts/", "/files/web.tgz"},
		"a whole URL":                 {true, indexOf("web", version("1.2.3", digest, "SERVER/a%2Fb/web.tgz")), "1.2.3", "", "/a/b/web.tgz"},
		"a v that the source leaves out": {
			true, indexOf("web", version("1.2.2", digest, "other.tgz"), version("v1.2.3", digest, "web.tgz")), "1.2.3", "", "/web.tgz",
		},
		"a v that only the source has": {true, indexOf("web", version("1.2.3", digest, "web.tgz")), "v1.2.3", "", "/web.tgz"},
		"the same version twice":       {true, indexOf("web", version("1.2.3", digest, "web.tgz"), version("1.2.3", digest[7:], "gone.tgz")), "1.2.3", "", "/web.tgz"},
		"a chart that is given up":     {true, indexOf("web", "    deprecated: true\n"+version("1.2.3", digest, "web.tgz")), "1.2.3", "", "/web.tgz"},
		"a query that opens the door":  {true, indexOf("web", version("1.2.3", digest, "web.tgz")), "1.2.3", "?key=s3cret", "/web.tgz"},
		"an index in JSON":             {true, `{"apiVersion":"v1","generated":"x","entries":{"a":[{"b":[{}]}],"web":[{"version":"1.2.3","digest":"` + digest[7:] + `","urls":["web.tgz"]}]}}`, "1.2.3", "", "/web.tgz"},
		"an index of another layout":   {true, "{apiVersion: v1, entries: {web: [{version: 1.2.3, digest: " + digest[7:] + ", urls: [web.tgz]}]}}", "1.2.3", "", "/web.tgz"},
	} {
		t.Run(name, func(t *testing.T) {
			contents := map[string]string{tc.archive: string(data)}
			path, query, _ := strings.Cut(tc.path, "?")
			s := serve(t, "127.0.0.1", tc.secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery != query {
					t.Errorf("asked for %s", r.URL)
				}
				if r.URL.Path == tc.archive {
					w.Header().Set("Content-Encoding", "gzip") // As servers say that go by the name of the file.
				}
				files(contents).ServeHTTP(w, r)
			}))
			contents[strings.TrimSuffix(path, "/")+"/index.yaml"] = strings.ReplaceAll(tc.index, "SERVER", s.URL)
			got, gotDigest, err := newClient(trusting(Options{}, s)).Chart(t.Context(), s.URL+tc.path, "web", tc.version)
			if err != nil || string(got) != string(data) || gotDigest != digest {
				t.Fatalf("got %d bytes, digest %s, error %v", len(got), gotDigest, err)
			}
		})
	}
}

// TestHelmRepositoryFaults are repositories that are not as they should be, and what is said of them.
func TestHelmRepositoryFaults(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	digest := digestOf(data)[7:]
	good := indexOf("web", version("1.2.3", digest, "web-1.2.3.tgz"))
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	endless := func(w http.ResponseWriter, text string) {
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	}
	serving := func(index string) http.HandlerFunc {
		return files(map[string]string{"/index.yaml": index, "/web-1.2.3.tgz": string(data)}).ServeHTTP
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	then := func(archive http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/index.yaml" {
				fmt.Fprint(w, good)
				return
			}
			archive(w, r)
		}
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		kind    error
		want    string
	}{
		"an index without end (fault 71)": {
			func(w http.ResponseWriter, _ *http.Request) { endless(w, "entries:\n  a:\n") }, ErrTooLarge,
			"index.yaml has more than 100000 bytes, which is what is read at most",
		},
		"an index that says how large it is": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999") }, ErrTooLarge,
			"index.yaml has 99999999 bytes, at most 100000 are read",
		},
		"an index that is compressed to nothing": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(zipped(strings.Repeat("entries:\n  a:\n", 1<<16)))
			}, ErrTooLarge,
			"index.yaml has more than 100000 bytes, which is what is read at most",
		},
		"an index that breaks off (fault 72)": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(good)))
				fmt.Fprint(w, good[:200])
			}, ErrUnreachable,
			"http://SERVER1 broke off in the middle of its answer; try again",
		},
		"an index cut before the chart":   {serving(good[:60]), ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL"},
		"an index cut before the version": {serving(good[:strings.Index(good, "    version: 1.2.3")]), ErrNotFound, "the repository has no such version of it: check the version"},
		"an index cut in the digest":      {serving(good[:strings.Index(good, digest)+20] + "\n    version: 1.2.3\n    urls: [x]\n"), ErrDigest, `its digest is "` + digest[:20] + `", and not SHA-256 in 64 hexadecimal digits: vendor the chart`},
		"an index that drips (fault 77)": {
			func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					fmt.Fprint(w, "#")
					w.(http.Flusher).Flush()
					time.Sleep(10 * time.Millisecond)
				}
			}, ErrUnreachable,
			"it did not come within 500ms; check the server and the network",
		},
		"an index that never comes": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ErrUnreachable,
			"it did not come within 500ms; check the server and the network",
		},
		"a login page":               {serving("<!DOCTYPE html>\n<html><body>Log in: please</body></html>\n"), ErrInvalid, "index.yaml is a web page, perhaps one to log in at: check the repository's URL, and the credentials for it"},
		"an empty answer":            {serving(""), ErrInvalid, "index.yaml has no entries, so this is no Helm repository: check its URL"},
		"no digest":                  {serving(indexOf("web", version("1.2.3", "", "web-1.2.3.tgz"))), ErrDigest, "the repository's index has no digest for it, so nobody can tell what it is: vendor the chart"},
		"no URL":                     {serving(indexOf("web", version("1.2.3", digest))), ErrInvalid, "the repository's index has no URL for it: vendor the chart"},
		"another version":            {serving(indexOf("web", version("1.2.30", digest, "web.tgz"))), ErrNotFound, "the repository has no such version of it: check the version"},
		"another chart":              {serving(indexOf("webb", version("1.2.3", digest, "web.tgz"))), ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL"},
		"one version twice":          {serving(indexOf("web", version("1.2.3", digest, "web-1.2.3.tgz"), version("1.2.3", zeros, "web-1.2.3.tgz"))), ErrDigest, "the repository's index has that version twice, with digests sha256:" + digest + ` and "` + zeros + `": take another version, or vendor the chart`},
		"one chart twice":            {serving(good + "entries:\n  web: []\n"), ErrInvalid, "index.yaml has its entries twice"},
		"another archive (fault 75)": {then(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "other") }), ErrDigest, "its archive is " + digestOf([]byte("other")) + ", and the repository says sha256:" + digest + ": ask its owner, or vendor the chart"},
		"an endless archive":         {then(func(w http.ResponseWriter, _ *http.Request) { endless(w, "abc") }), ErrTooLarge, "archive has more than 50000 bytes, which is what is read at most"},
		"a missing archive":          {then(http.NotFound), ErrNotFound, "http://SERVER1 has no archive (404): check the repository, the name and the version"},
		"no repository":              {http.NotFound, ErrNotFound, "http://SERVER1 has no index.yaml (404): check the repository, the name and the version"},
		"not for us":                 {status(403), ErrAuth, "http://SERVER1 answers 403 for index.yaml: check the credentials for it, and that they may read it"},
		"credentials wanted":         {status(401), ErrAuth, "http://SERVER1 asks for credentials for index.yaml, which are only sent over https: name https in the source"},
		"in trouble":                 {status(503), ErrUnreachable, "http://SERVER1 answers 503 for index.yaml; try again later"},
		"too many questions":         {status(429), ErrLimited, "http://SERVER1 answers 429 for index.yaml; try again later"},
		"a teapot":                   {status(418), ErrInvalid, "http://SERVER1 answers 418 for index.yaml: check the repository's URL"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.1", false, tc.handler)
			c := newClient(Options{MaxIndex: 100_000, MaxArchive: 50_000, Timeout: 500 * time.Millisecond})
			data, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3")
			if want := `chart "web" "1.2.3" of http://SERVER1: ` + tc.want; data != nil || said(err, s) != want || !errors.Is(err, tc.kind) {
				t.Errorf("got  %s (%v)\nwant %s (%v)", said(err, s), errors.Unwrap(err), want, tc.kind)
			}
		})
	}
}

// TestKeysAreNotShown: the query of a repository may be one.
func TestKeysAreNotShown(t *testing.T) {
	s := serve(t, "127.0.0.1", false, files(nil))
	_, _, err := newClient(Options{}).Chart(t.Context(), s.URL+"/x?key=s3cret", "web", "1.2.3")
	if want := `chart "web" "1.2.3" of http://SERVER1/x?...: http://SERVER1 has no index.yaml (404): check the repository, the name and the version`; said(err, s) != want {
		t.Errorf("got  %s\nwant %s", said(err, s), want)
	}
	s.Close()
	if _, _, err := newClient(Options{}).Chart(t.Context(), s.URL+"/x?key=s3cret", "web", "1.2.3"); err == nil || strings.Contains(err.Error(), "s3cret") || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// TestRefusedAtOnce are charts that nobody is asked for.
func TestRefusedAtOnce(t *testing.T) {
	for name, tc := range map[string]struct{ repository, name, version, want string }{
		"a file":                       {"file:///etc", "web", "1.2.3", `chart "web" "1.2.3" of file:///etc: the repository is not an http, https or oci URL`},
		"another scheme":               {"git://host/x", "web", "1.2.3", `chart "web" "1.2.3" of git://host/x: scheme "git" is not allowed: name an http, https or oci URL`},
		"a folder":                     {"../charts", "web", "1.2.3", `chart "web" "1.2.3" of ../charts: the repository is not an http, https or oci URL`},
		"credentials in the URL":       {"https://me:hunter2@host", "web", "1.2.3", `chart "web" "1.2.3" of https://me:xxxxx@host: credentials do not belong into the URL of a repository: take them out`},
		"credentials in no URL":        {"https://me:hunter2@ho st", "web", "1.2.3", `chart "web" "1.2.3" of a URL that cannot be read: the repository is not an http, https or oci URL`},
		"a fragment":                   {"https://host/#x", "web", "1.2.3", `chart "web" "1.2.3" of https://host/#x: a query or fragment does not belong into the URL of a repository: take it out`},
		"a query for an OCI registry":  {"oci://host/x?y", "web", "1.2.3", `chart "web" "1.2.3" of oci://host/x?...: a query or fragment does not belong into the URL of a repository: take it out`},
		"a name that is a path":        {"https://host", "../web", "1.2.3", `chart "../web" "1.2.3" of https://host: this is no chart's name: use letters, digits, dots, dashes and underscores`},
		"a name that is a folder":      {"https://host", ".", "1.2.3", `chart "." "1.2.3" of https://host: this is no chart's name: use letters, digits, dots, dashes and underscores`},
		"no version":                   {"https://host", "web", "", `chart "web" of https://host: no version is named: name an exact one, so that every render takes the same`},
		"a range":                      {"https://host", "web", "^1.2.3", `chart "web" "^1.2.3" of https://host: this is no exact version: name one such as 1.2.3, or let helm dependency update write a Chart.lock`},
		"a range that looks like none": {"https://host", "web", "1.2", `chart "web" "1.2" of https://host: this is no exact version: name one such as 1.2.3, or let helm dependency update write a Chart.lock`},
		"latest":                       {"https://host", "web", "latest", `chart "web" "latest" of https://host: this is no exact version: name one such as 1.2.3, or let helm dependency update write a Chart.lock`},
		"what nobody allowed":          {"https://elsewhere", "web", "1.2.3", `chart "web" "1.2.3" of https://elsewhere: no source names https://elsewhere`},
		"a metadata service":           {"http://169.254.169.254/latest", "web", "1.2.3", `chart "web" "1.2.3" of http://169.254.169.254/latest: 169.254.169.254:80 is at the link-local address 169.254.169.254, where metadata services live`},
		"a metadata service in IPv6":   {"http://[::ffff:169.254.169.254]", "web", "1.2.3", `chart "web" "1.2.3" of http://[::ffff:169.254.169.254]: [::ffff:169.254.169.254]:80 is at the link-local address 169.254.169.254, where metadata services live`},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(Options{Allow: func(repository string) error {
				if strings.Contains(repository, "elsewhere") {
					return fmt.Errorf("no source names %s", repository)
				}
				return nil
			}})
			c.resolver = nobody(t)
			_, _, err := c.Chart(t.Context(), tc.repository, tc.name, tc.version)
			if said(err) != tc.want || !errors.Is(err, ErrRefused) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestCancelled ends with the one who asked, and leaves no failure behind for the next.
func TestCancelled(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	index := indexOf("web", version("1.2.3", digestOf(data), "web.tgz"))
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			cancel()
			<-r.Context().Done()
			return
		}
		files(map[string]string{"/index.yaml": index, "/web.tgz": string(data)}).ServeHTTP(w, r)
	}))
	c := newClient(Options{})
	if _, _, err := c.Chart(ctx, s.URL, "web", "1.2.3"); err == nil {
		t.Fatal("no error after the request was cancelled")
	}
	if _, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3"); err != nil {
		t.Errorf("the next request: %v", err)
	}
}
