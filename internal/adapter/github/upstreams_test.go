package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
	standin "github.com/addon-manager/addon-manager/test/github"
)

const tokenName = "BRANCH_BOT_UPSTREAM_TOKEN"

func (p *place) releases(edit ...func(*ReleasesOptions)) *Releases {
	p.Helper()
	o := ReleasesOptions{APIURL: p.server.APIURL(), TokenName: tokenName, Now: p.clock.now, Sleep: p.clock.sleep}
	for _, e := range edit {
		e(&o)
	}
	r, err := NewReleases(o)
	p.must(err)
	return r
}

// project is somebody's repository on GitHub.
func (p *place) project(name string, o standin.RepositoryOptions) *standin.Repository {
	p.Helper()
	return value(p, p.server.AddRepository)("upstream", name, o)
}

const digestOfHello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// TestReleases reads what other people publish, without credentials: newest first, with notes, files and what they say of themselves.
func TestReleases(t *testing.T) {
	p := newPlace(t, standin.Options{})
	r := p.project("thing", standin.RepositoryOptions{})
	first, second := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	p.must(r.PublishRelease(standin.NewRelease{Tag: "v1.0.0", Name: "First", Notes: "It works.", Published: first, Assets: []standin.Asset{
		{Name: "install.yaml", Data: []byte("hello")}, {Name: "crds.yaml", Data: []byte("hello"), NoDigest: true},
	}}))
	p.must(r.PublishRelease(standin.NewRelease{Tag: "v1.1.0-rc.1", PreRelease: true, Notes: "Try it.", Published: second}))
	p.must(r.PublishRelease(standin.NewRelease{Tag: "v1.0.1", Name: "Second", Notes: "* fixes cve-2026-12345", Published: second}))
	p.must(r.PublishRelease(standin.NewRelease{Tag: "v9", Draft: true}))
	got, err := p.releases().Releases(t.Context(), "upstream/thing")
	p.must(err)
	page := p.server.URL() + "/upstream/thing/releases/"
	want := []upstream.Version{
		{Name: "v1.0.1", Created: second, Notes: "* fixes cve-2026-12345", URL: page + "tag/v1.0.1", Security: true, Described: true},
		{Name: "v1.1.0-rc.1", Created: second, Notes: "Try it.", URL: page + "tag/v1.1.0-rc.1", PreRelease: true, Described: true},
		{Name: "v1.0.0", Created: first, Notes: "It works.", URL: page + "tag/v1.0.0", Described: true, Assets: []upstream.Asset{
			{Name: "install.yaml", URL: page + "download/v1.0.0/install.yaml", Digest: digestOfHello, Size: 5},
			{Name: "crds.yaml", URL: page + "download/v1.0.0/crds.yaml", Size: 5},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	for _, request := range p.server.Requests() {
		if request.Login != "" {
			t.Errorf("%s was asked as %s", request.Path, request.Login)
		}
	}
	// Its owner sees the draft.
	got, err = p.releases(func(o *ReleasesOptions) { o.Token = p.server.AddToken("upstream") }).Releases(t.Context(), "upstream/thing")
	p.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as its owner (-want +got):\n%s", diff)
	}
}

// TestSecurityWords are what tells of a vulnerability, and what does not.
func TestSecurityWords(t *testing.T) {
	for notes, want := range map[string]bool{
		"fixes CVE-2026-0001": true, "see GHSA-jq35-85cj-fj4p": true, "[ghsa-jq35-85cj-fj4p](x)": true, "CVE-2026-1": false, "security improvements": false,
		"GHSA-aaaa-bbbb-cccc": false, "MYCVE-2026-00012": false, "": false,
	} {
		if got := advisory.MatchString(notes); got != want {
			t.Errorf("%q: %v", notes, got)
		}
	}
}

// TestAskedAgain: what has not changed is answered with 304 in the next run; what is new is seen at once.
func TestAskedAgain(t *testing.T) {
	p := newPlace(t, standin.Options{})
	r := p.project("thing", standin.RepositoryOptions{})
	p.must(r.Publish("v1", "notes"))
	dir := t.TempDir()
	for run, want := range []struct{ found, unchanged int }{{1, 0}, {1, 1}, {2, 0}} {
		if run == 2 {
			p.must(r.Publish("v2", "notes"))
		}
		releases := p.releases(func(o *ReleasesOptions) { o.Dir, o.Token = dir, p.server.AddToken("robot") })
		got, err := releases.Releases(t.Context(), "upstream/thing")
		p.must(err)
		if asked, unchanged := releases.Spent(); len(got) != want.found || asked != 1 || unchanged != want.unchanged {
			t.Errorf("run %d: %d releases, %d requests, %d unchanged", run, len(got), asked, unchanged)
		}
	}
}

// TestManyReleases: of a repository with releases without end, the newest are read; one that moves to the next page meanwhile is there once.
func TestManyReleases(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Link", fmt.Sprintf(`<https://elsewhere.invalid/x?page=%d>; rel="next"`, asked+1))
		items := []string{fmt.Sprintf(`{"tag_name":"v%d"}`, 1000-asked+1)}
		for i := range 99 {
			items = append(items, fmt.Sprintf(`{"tag_name":"v%d.%d"}`, 1000-asked, i))
		}
		items[99] = fmt.Sprintf(`{"tag_name":"v%d"}`, 1000-asked)
		fmt.Fprintf(w, "[%s]", strings.Join(items, ","))
	}))
	t.Cleanup(server.Close)
	r, err := NewReleases(ReleasesOptions{APIURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Releases(t.Context(), "upstream/thing")
	if err != nil || asked != 5 || len(got) != 496 || got[0].Name != "v1000" || got[495].Name != "v995" {
		t.Errorf("%d releases after %d requests, %v", len(got), asked, err)
	}
}

// TestReleasesThatCannotBeListed: one sentence each, which says what to do.
func TestReleasesThatCannotBeListed(t *testing.T) {
	limited := func(status int, header map[string]string, body string) standin.Fault {
		return standin.Fault{On: "repos/list-releases", Status: status, Header: header, Body: body}
	}
	at := newManual().at
	reset := fmt.Sprint(at.Add(40 * time.Minute).Unix())
	for name, tc := range map[string]struct {
		repository, token string
		fault             standin.Fault
		kind              error
		want              string
	}{
		"it was removed": {
			"upstream/gone", "", standin.Fault{}, ErrNotFound, "upstream/gone is not on GitHub: it was removed or renamed, or is private, which needs a token: " + tokenName,
		},
		"it is private": {
			"upstream/secret", "yes", standin.Fault{}, ErrNotFound, "upstream/secret is not on GitHub: it was removed or renamed, or is private",
		},
		"the hour's requests are used up": {
			"upstream/thing", "", limited(403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, `{"message":"API rate limit exceeded for 127.0.0.1."}`), ErrLimited,
			"GitHub asks to wait until " + at.Add(40*time.Minute+time.Second).Format("2006-01-02 15:04 UTC") + " before the releases of upstream/thing are listed; a token raises the limit: " + tokenName,
		},
		"they are used up with a token": {
			"upstream/thing", "yes", limited(429, map[string]string{"Retry-After": "300"}, ""), ErrLimited,
			"GitHub asks to wait until " + at.Add(5*time.Minute).Format("2006-01-02 15:04 UTC") + " before the releases of upstream/thing are listed",
		},
		"the token is wrong": {
			"upstream/thing", "ghp_wrong", standin.Fault{}, ErrAuth, "GitHub refuses the token in " + tokenName + ": renew it, or leave it out",
		},
		"GitHub is in trouble": {
			"upstream/thing", "", limited(503, nil, "<html>"), ErrUnreachable,
			"list the releases of upstream/thing: GitHub cannot be reached: 503 with a web page instead of JSON: is 127.0.0.1's the API's address?",
		},
		"the answer is cut":     {"upstream/thing", "", limited(200, nil, `[{"tag_name":"v1`), ErrUnreachable, "list the releases of upstream/thing: GitHub cannot be reached: it cut its answer off"},
		"the answer is no list": {"upstream/thing", "", limited(200, nil, `{}`), ErrUnreachable, "list the releases of upstream/thing: GitHub cannot be reached: it answers what cannot be read: json: cannot unmarshal object into Go value of type []github.release"},
		"it is no name":         {"upstream", "", standin.Fault{}, nil, `repository "upstream": write it as owner/name, of letters, digits and .-_`},
		"it leads elsewhere":    {"upstream/..", "", standin.Fault{}, nil, `repository "upstream/..": write it as owner/name, of letters, digits and .-_`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			p.project("thing", standin.RepositoryOptions{})
			p.project("secret", standin.RepositoryOptions{Private: true})
			if tc.fault.On != "" {
				p.server.Script(tc.fault)
			}
			_, err := p.releases(func(o *ReleasesOptions) {
				if o.Token = tc.token; o.Token == "yes" {
					o.Token = p.server.AddToken("robot")
				}
			}).Releases(t.Context(), tc.repository)
			got := strings.ReplaceAll(fmt.Sprint(err), strings.TrimPrefix(p.server.URL(), "http://"), "127.0.0.1's")
			if got != tc.want || tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestSixtyRequestsAnHour is what GitHub allows to those without a token; what is unchanged counts too, then.
func TestSixtyRequestsAnHour(t *testing.T) {
	p := newPlace(t, standin.Options{})
	p.must(p.project("thing", standin.RepositoryOptions{}).Publish("v1", ""))
	releases := p.releases()
	for range 60 {
		_, err := releases.Releases(t.Context(), "upstream/thing")
		p.must(err)
	}
	if _, err := releases.Releases(t.Context(), "upstream/thing"); !errors.Is(err, ErrLimited) {
		t.Errorf("the next one: %v", err)
	}
	p.must(p.clock.sleep(t.Context(), time.Hour))
	_, err := releases.Releases(t.Context(), "upstream/thing")
	p.must(err)
}

// TestARepositoryThatMoved is listed all the same, with a word about it.
func TestARepositoryThatMoved(t *testing.T) {
	p := newPlace(t, standin.Options{})
	r := p.project("thing", standin.RepositoryOptions{})
	p.must(r.Publish("v1", "", standin.Asset{Name: "x", Data: []byte("hello")}))
	releases := p.releases()
	if _, err := releases.Releases(t.Context(), "Upstream/THING"); err != nil {
		t.Errorf("in other cases: %v", err)
	}
	r.Rename("better")
	got, err := releases.Releases(t.Context(), "upstream/thing")
	var moved *Moved
	if !errors.As(err, &moved) || moved.Remark() != "upstream/thing is called upstream/better on GitHub now: use that name, the old one may become somebody else's" || len(got) != 1 {
		t.Errorf("%d releases, %v", len(got), err)
	}
	data, _, err := releases.Asset(t.Context(), upstream.Asset{Name: "x", URL: p.server.URL() + "/upstream/thing/releases/download/v1/x"})
	if err != nil || string(data) != "hello" {
		t.Errorf("a file by its old address: %q, %v", data, err)
	}
}

// TestFiles downloads files of releases and checks them: against what GitHub says, or against checksums beside them.
func TestFiles(t *testing.T) {
	hex := strings.TrimPrefix(digestOfHello, "sha256:")
	other := strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		data   string
		beside map[string]string
		digest string // GitHub's, where it says one
		want   string // the error
	}{
		"GitHub says the digest":                {data: "hello", digest: digestOfHello},
		"GitHub says another digest (fault 75)": {data: "hello!", digest: digestOfHello, want: "install.yaml is not what was published: its digest is sha256:ce06092fb948d9ffac7d1a376e404b26b7575bcc11ee05a4615fef4fec3a308b, GitHub says " + digestOfHello},
		"nobody says it":                        {data: "hello"},
		"checksums.txt":                         {data: "hello", beside: map[string]string{"checksums.txt": other + "  other.yaml\n" + hex + "  install.yaml\n"}},
		"thing_1.0.0_checksums.txt":             {data: "hello", beside: map[string]string{"thing_1.0.0_checksums.txt": strings.ToUpper(hex) + " *dist/install.yaml\r\n"}},
		"SHA256SUMS":                            {data: "hello", beside: map[string]string{"SHA256SUMS": "SHA256 (install.yaml) = " + hex}},
		"one of its own":                        {data: "hello", beside: map[string]string{"install.yaml.sha256": hex + "\n"}},
		"checksums of others":                   {data: "hello", beside: map[string]string{"checksums.txt": other + "  not-install.yaml\n"}},
		"one of another file":                   {data: "hello", beside: map[string]string{"crds.yaml.sha256": other}},
		"a signature of checksums":              {data: "hello", beside: map[string]string{"checksums.txt.sig": other + "  install.yaml\n"}},
		"checksums that say something else":     {data: "hello", beside: map[string]string{"sha256sums.txt": other + "  install.yaml\n"}, want: "install.yaml is not what was published: its digest is " + digestOfHello + ", sha256sums.txt says sha256:" + other},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			r := p.project("thing", standin.RepositoryOptions{})
			assets := []standin.Asset{{Name: "install.yaml", Data: []byte(tc.data), NoDigest: true}}
			for name, text := range tc.beside {
				assets = append(assets, standin.Asset{Name: name, Data: []byte(text)})
			}
			p.must(r.Publish("v1.0.0", "", assets...))
			releases := p.releases(func(o *ReleasesOptions) { o.Token = p.server.AddToken("robot") })
			found, err := releases.Releases(t.Context(), "upstream/thing")
			p.must(err)
			asset := found[0].Assets[0]
			asset.Digest = tc.digest
			data, digest, err := releases.Asset(t.Context(), asset)
			if tc.want == "" && (err != nil || string(data) != tc.data || digest != digestOfHello) || tc.want != "" && (!errors.Is(err, ErrInvalid) || err.Error() != tc.want) {
				t.Errorf("%q, %s, %v", data, digest, err)
			}
		})
	}
}

// TestFilesOfPrivateRepositories come from the API; the token goes there, and nowhere else.
func TestFilesOfPrivateRepositories(t *testing.T) {
	p := newPlace(t, standin.Options{})
	r := p.project("secret", standin.RepositoryOptions{Private: true})
	r.Allow("robot", "read")
	p.must(r.Publish("v1", "", standin.Asset{Name: "x", Data: []byte("hello")}))
	releases := p.releases(func(o *ReleasesOptions) { o.Token = p.server.AddToken("robot") })
	found, err := releases.Releases(t.Context(), "upstream/secret")
	p.must(err)
	if data, _, err := releases.Asset(t.Context(), found[0].Assets[0]); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	// Go keeps credentials for another port of the same host.
	stolen := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	p.server.Script(standin.Fault{On: "repos/get-release-asset", Status: http.StatusFound, Header: map[string]string{"Location": other.URL + "/x"}, Body: " "})
	_, _, _ = releases.Asset(t.Context(), found[0].Assets[0])
	if got := <-stolen; got != "" {
		t.Errorf("the token went elsewhere: %s", got)
	}
	_, _, _ = releases.Asset(t.Context(), upstream.Asset{Name: "x", URL: other.URL + "/x"})
	if got := <-stolen; got != "" {
		t.Errorf("the token went to another address: %s", got)
	}
	_, _, err = p.releases().Asset(t.Context(), found[0].Assets[0])
	if want := "download x: not found on GitHub: 404 Not Found: it is not there, or the credentials may not see it"; err == nil || err.Error() != want {
		t.Errorf("without a token: %v", err)
	}
}

// TestFilesThatCannotBeHad has files that are too large, cut off, or at places where nobody should be sent.
func TestFilesThatCannotBeHad(t *testing.T) {
	redirect := func(to string) standin.Fault {
		return standin.Fault{On: "releases/download", Status: http.StatusFound, Header: map[string]string{"Location": to}, Body: " "}
	}
	for name, tc := range map[string]struct {
		fault standin.Fault
		edit  func(*upstream.Asset)
		tries int
		want  string
	}{
		"metadata service (fault 74)": {fault: redirect("https://169.254.169.254/latest/"), tries: 1, want: "GitHub refuses the request: it leads to 169.254.169.254 at the link-local address 169.254.169.254, where metadata services live"},
		"metadata service, IPv6":      {fault: redirect("https://[fd00:ec2::254]/latest/"), tries: 1, want: "GitHub refuses the request: it leads to fd00:ec2::254 at the link-local address fd00:ec2::254, where metadata services live"},
		"our own network":             {fault: redirect("https://10.0.0.7/x"), tries: 1, want: "GitHub refuses the request: it leads to 10.0.0.7 at 10.0.0.7, an address inside our own network"},
		"our own network, IPv6":       {fault: redirect("https://[::ffff:10.0.0.7]/x"), tries: 1, want: "GitHub refuses the request: it leads to ::ffff:10.0.0.7 at 10.0.0.7, an address inside our own network"},
		"without TLS":                 {fault: redirect("http://example.com/x"), tries: 1, want: "GitHub refuses the request: it leads to http://example.com, which is not followed: files come over https, from addresses without credentials"},
		"another scheme":              {fault: redirect("file:///etc/passwd"), tries: 1, want: "GitHub refuses the request: it leads to file://, which is not followed: files come over https, from addresses without credentials"},
		"in circles":                  {fault: redirect("/upstream/thing/releases/download/v1/x"), tries: 6, want: "GitHub cannot be reached: it sends on from one address to the next without end"},
		"in trouble for long":         {fault: standin.Fault{On: "releases/download", Status: 502}, tries: 3, want: "GitHub cannot be reached: 502 Bad Gateway"},
		"it says it is large":         {edit: func(a *upstream.Asset) { a.Size = 21 << 20 }, want: "x has 22020096 bytes, at most 20971520 are read"},
		"it is no address":            {edit: func(a *upstream.Asset) { a.URL = "https://[" }, want: "download x: GitHub refuses the request: the address of the file cannot be used"},
		"it has a password in it":     {edit: func(a *upstream.Asset) { a.URL = "https://me:hunter2@example.com/x" }, want: "download x: GitHub refuses the request: it leads to https://example.com, which is not followed: files come over https, from addresses without credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			r := p.project("thing", standin.RepositoryOptions{})
			p.must(r.Publish("v1", "", standin.Asset{Name: "x", Data: []byte("hello")}))
			if tc.fault.On != "" {
				p.server.Script(tc.fault)
				tc.want = "download x: " + tc.want
			}
			releases := p.releases()
			found, err := releases.Releases(t.Context(), "upstream/thing")
			p.must(err)
			asset := found[0].Assets[0]
			if tc.edit != nil {
				tc.edit(&asset)
			}
			if _, _, err := releases.Asset(t.Context(), asset); err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if tried := strings.Count(fmt.Sprint(p.server.Requests()), "releases/download "); tc.fault.Status == 502 && tried != tc.tries {
				t.Errorf("tried %d times", tried)
			}
		})
	}
	t.Run("larger than it says", func(t *testing.T) {
		p := newPlace(t, standin.Options{})
		p.must(p.project("thing", standin.RepositoryOptions{}).Publish("v1", "", standin.Asset{Name: "x", Data: make([]byte, 21<<20)}))
		_, _, err := p.releases().Asset(t.Context(), upstream.Asset{Name: "x", URL: p.server.URL() + "/upstream/thing/releases/download/v1/x"})
		if want := "download x: GitHub refuses the request: the file has more than 20971520 bytes, which is what is read at most"; err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	})
	t.Run("a slow drip (fault 77)", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		t.Cleanup(server.Close)
		r, err := NewReleases(ReleasesOptions{APIURL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		r.patience = 50 * time.Millisecond
		_, _, err = r.Asset(t.Context(), upstream.Asset{Name: "x", URL: server.URL + "/x"})
		if want := "download x: GitHub cannot be reached: it did not send the whole file within 50ms"; err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	})
	t.Run("somebody stops it", func(t *testing.T) {
		p := newPlace(t, standin.Options{})
		ctx, stop := context.WithCancel(t.Context())
		p.server.OnRequest(func(standin.Request) { stop() })
		if _, _, err := p.releases().Asset(ctx, upstream.Asset{Name: "x", URL: p.server.URL() + "/a/b/releases/download/v1/x"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a name that leads to our own network when it is dialled (fault 78)", func(t *testing.T) {
		r, err := NewReleases(ReleasesOptions{Sleep: newManual().sleep})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.Asset(t.Context(), upstream.Asset{Name: "x", URL: "https://localhost:1/x"})
		if err == nil || !strings.HasPrefix(err.Error(), "download x: GitHub refuses the request: it leads to localhost at ") || !strings.HasSuffix(err.Error(), ", an address inside our own network") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a loopback address from a GitHub that is not here", func(t *testing.T) {
		r, err := NewReleases(ReleasesOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.Asset(t.Context(), upstream.Asset{Name: "x", URL: "https://127.0.0.1:1/x"})
		if want := "download x: GitHub refuses the request: it leads to 127.0.0.1 at 127.0.0.1, an address inside our own network"; err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	})
}

func TestReleasesOptions(t *testing.T) {
	for _, tc := range []struct {
		o    ReleasesOptions
		want string
	}{
		{ReleasesOptions{Token: "two\nlines", TokenName: tokenName}, tokenName + " holds a space, a line break or another character that no token has"},
		{ReleasesOptions{APIURL: "http://github.example.com"}, `the address of GitHub's API "http://github.example.com" is http: everybody on the way could read the credentials; use https`},
	} {
		if _, err := NewReleases(tc.o); err == nil || err.Error() != tc.want {
			t.Errorf("%v, want %s", err, tc.want)
		}
	}
}
