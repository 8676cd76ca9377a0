package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	helmchart "helm.sh/helm/v3/pkg/chart"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// certManager is a chart as real ones are.
func certManager(version, kube string, created time.Time) upstreams.Chart {
	return upstreams.Chart{
		Name: "cert-manager", Version: version, AppVersion: version, KubeVersion: kube, Created: created,
		Description: "A Helm chart for cert-manager", Home: "https://cert-manager.io", Icon: "https://example.com/icon.png",
		Sources: []string{"https://github.com/cert-manager/cert-manager", "https://cert-manager.io", "javascript:alert(1)", "https://me:pass@example.com"},
		Annotations: map[string]string{
			"artifacthub.io/prerelease": "false", "artifacthub.io/license": "Apache-2.0",
			"artifacthub.io/changes": "- kind: security\n  description: |\n    Fix CVE-2026-1\n    in the webhook\n  links:\n  - name: x\n    url: https://example.com\n- Something else\n- kind: added\n  description: A new flag\n- [1]\n",
		},
		Dependencies: []*helmchart.Dependency{{Name: "crds", Version: "1.x.x", Repository: "https://example.com"}},
	}
}

func add(t *testing.T, h *upstreams.Helm, charts ...upstreams.Chart) {
	t.Helper()
	if err := h.Add(charts...); err != nil {
		t.Fatal(err)
	}
}

// TestVersions lists what the index of a repository says of a chart, without fetching one.
func TestVersions(t *testing.T) {
	h := upstreams.NewHelm(t)
	created := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	add(t, h, certManager("v1.16.2", ">=1.22.0-0", created),
		upstreams.Chart{Name: "cert-manager", Version: "v1.15.0", Deprecated: true, Annotations: map[string]string{"artifacthub.io/containsSecurityUpdates": "true"}},
		upstreams.Chart{Name: "cert-manager", Version: "v1.17.0-beta.1", Annotations: map[string]string{"artifacthub.io/prerelease": "true"}},
		upstreams.Chart{Name: "other", Version: "1.0.0"})
	c := newClient(Options{})
	got, err := c.Versions(t.Context(), h.URL()+"/", "cert-manager")
	if err != nil {
		t.Fatal(err)
	}
	digest := func(c upstreams.Chart) string {
		data, err := c.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return digestOf(data)
	}
	newest := upstream.Version{
		Name: "v1.16.2", App: "v1.16.2", Kubernetes: ">=1.22.0-0", Created: created, Digest: digest(certManager("v1.16.2", ">=1.22.0-0", created)), Security: true,
		Notes: "- security: Fix CVE-2026-1 in the webhook\n- Something else\n- added: A new flag\n",
		Links: []string{"https://cert-manager.io", "https://github.com/cert-manager/cert-manager"}, Described: true,
	}
	then := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []upstream.Version{
		{
			Name: "v1.17.0-beta.1", PreRelease: true, Created: then, Described: true,
			Digest: digest(upstreams.Chart{Name: "cert-manager", Version: "v1.17.0-beta.1", Annotations: map[string]string{"artifacthub.io/prerelease": "true"}}),
		},
		newest,
		{
			Name: "v1.15.0", Deprecated: true, Security: true, Created: then, Described: true,
			Digest: digest(upstreams.Chart{Name: "cert-manager", Version: "v1.15.0", Deprecated: true, Annotations: map[string]string{"artifacthub.io/containsSecurityUpdates": "true"}}),
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got[0].Name = "changed by whoever got it"
	for _, version := range []string{"v1.16.2", "1.16.2"} {
		if one, err := c.Version(t.Context(), h.URL(), "cert-manager", version); err != nil || cmp.Diff(newest, one) != "" {
			t.Errorf("%s: %v\n%s", version, err, cmp.Diff(newest, one))
		}
	}
	if again, _ := c.Versions(t.Context(), h.URL(), "cert-manager"); again[0].Name != "v1.17.0-beta.1" {
		t.Error("whoever gets a list can change that of others")
	}
	if _, err := c.Versions(t.Context(), h.URL(), "other"); err != nil {
		t.Error(err)
	}
	if n := len(h.Requests()); n != 1 {
		t.Errorf("%d requests were sent for two charts of one repository, want 1", n)
	}
}

// TestBadlyWritten is a chart some of whose versions are badly written, or withdrawn (o7): the others count.
func TestBadlyWritten(t *testing.T) {
	entries := "  - version: 1.0.0\n    created: yesterday\n    digest: none\n    annotations: [x]\n    home: {}\n    sources: text\n    appVersion: 1.10\n" +
		"  - version: 1.1.0\n    kubeVersion: [\">=1.30\"]\n  - version: [x]\n  - {}\n  - version: 1.2.0\n    removed: true\n  - version: latest\n    kubeVersion: nonsense\n"
	inJSON := `[{"version":"1.0.0","created":"yesterday","digest":"none","annotations":["x"],"home":{},"sources":"text","appVersion":"1.10"},` +
		`{"version":"1.1.0","kubeVersion":[">=1.30"]},{"version":["x"]},{},{"version":"1.2.0","removed":true},{"version":"latest","kubeVersion":"nonsense"}]`
	want := []upstream.Version{{Name: "1.0.0", App: "1.10", Described: true}, {Name: "latest", Kubernetes: "nonsense", Described: true}}
	for name, index := range map[string]string{
		"as Helm writes it": "entries:\n  web:\n" + entries + "generated: x\n",
		"another layout":    "entries: {\"web\": " + inJSON + "}\n",
		"JSON":              `{"entries":{"web":` + inJSON + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := upstreams.NewHelm(t)
			h.SetIndex([]byte(index))
			got, err := newClient(Options{}).Versions(t.Context(), h.URL(), "web")
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

// TestOCIVersions lists the tags of a chart that are versions (o6), and describes one without fetching its archive. Signatures lie beside them, and are no
// versions, whoever made them (o5).
func TestOCIVersions(t *testing.T) {
	for name, o := range map[string]upstreams.Options{"in pages": {Page: 2}, "at once": {}, "with tokens": {Page: 3, Bearer: true}} {
		t.Run(name, func(t *testing.T) {
			r := upstreams.NewRegistry(t, o)
			for _, version := range []string{"1.0.0", "1.1.0+build", "2.0.0-rc.1"} {
				push(t)(r.PushChart("charts", certManager(version, ">=1.30.0-0", time.Now())))
			}
			push(t)(r.PushImage("charts/cert-manager", "latest", nil))
			push(t)(r.PushImage("charts/cert-manager", "sha256-"+strings.Repeat("a", 64)+".sig", nil))
			c := newClient(Options{})
			got, err := c.Versions(t.Context(), r.URL("charts"), "cert-manager")
			want := []upstream.Version{{Name: "1.0.0"}, {Name: "1.1.0+build"}, {Name: "2.0.0-rc.1"}}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
			one, err := c.Version(t.Context(), r.URL("charts"), "cert-manager", "1.1.0+build")
			archive, _ := certManager("1.1.0+build", ">=1.30.0-0", time.Now()).Pack()
			described := upstream.Version{
				Name: "1.1.0+build", App: "1.1.0+build", Kubernetes: ">=1.30.0-0", Digest: digestOf(archive), Security: true,
				Notes: "- security: Fix CVE-2026-1 in the webhook\n- Something else\n- added: A new flag\n",
				Links: []string{"https://cert-manager.io", "https://github.com/cert-manager/cert-manager"}, Described: true,
			}
			if d := cmp.Diff(described, one); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
			if asked, _ := r.Count(digestOf(archive)); asked > 0 {
				t.Error("the archive was fetched")
			}
		})
	}
}

// push stops a test that could not publish something.
func push(t *testing.T) func(digest string, err error) string {
	return func(digest string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
}

// TestListingFaults are repositories that are not as they should be, each with what a person is told, in one line.
func TestListingFaults(t *testing.T) {
	const hint = "check the repository, the name and the version"
	for name, tc := range map[string]struct {
		fault upstreams.Fault
		kind  error
		// helm, oci and image are what is said of each kind, empty where the row is not about it.
		helm, oci, image string
	}{
		"removed": {
			upstreams.Gone, ErrNotFound, "http://SERVER has no index.yaml (404): " + hint, "http://SERVER has no list of tags (404): " + hint, "http://SERVER has no manifest (404): " + hint,
		},
		"denied": {
			upstreams.Denied, ErrAuth, "http://SERVER answers 403 for index.yaml: check the credentials for it, and that they may read it",
			"http://SERVER answers 403 for list of tags: check the credentials for it, and that they may read it", "http://SERVER answers 403 for manifest: check the credentials for it, and that they may read it",
		},
		"down": {
			upstreams.Down, ErrUnreachable, "http://SERVER answers 503 for index.yaml; try again later", "http://SERVER answers 503 for list of tags; try again later", "http://SERVER answers 503 for manifest; try again later",
		},
		"limited for a while": {
			upstreams.Limited("90"), ErrLimited, "http://SERVER asks to wait until 2026-02-03 04:06:35 UTC, because it is asked too much",
			"http://SERVER asks to wait until 2026-02-03 04:06:35 UTC, because it is asked too much", "http://SERVER asks to wait until 2026-02-03 04:06:35 UTC, because it is asked too much",
		},
		"limited until a time": {
			upstreams.Limited("Tue, 03 Feb 2026 05:00:00 GMT"), ErrLimited, "http://SERVER asks to wait until 2026-02-03 05:00:00 UTC, because it is asked too much", "", "",
		},
		"limited for ages":         {upstreams.Limited("99999999999"), ErrLimited, "http://SERVER asks to wait until 2026-02-04 04:05:05 UTC, because it is asked too much", "", ""},
		"limited until long after": {upstreams.Limited("Tue, 03 Feb 2099 05:00:00 GMT"), ErrLimited, "http://SERVER asks to wait until 2026-02-04 04:05:05 UTC, because it is asked too much", "", ""},
		"limited without a time":   {upstreams.Limited(""), ErrLimited, "http://SERVER answers 429 for index.yaml; try again later", "", ""},
		"limited with 403": {
			upstreams.Fault{Status: 403, RetryAfter: "90"}, ErrLimited, "", "", "http://SERVER asks to wait until 2026-02-03 04:06:35 UTC, because it is asked too much",
		},
		"endless (fault 71)": {
			upstreams.Endless, ErrTooLarge, "index.yaml has more than 5000000 bytes, which is what is read at most",
			"list of tags has more than 4194304 bytes, which is what is read at most", "manifest has more than 1048576 bytes, which is what is read at most",
		},
		"truncated (fault 72)": {
			upstreams.Truncated, ErrUnreachable, "http://SERVER broke off in the middle of its answer; try again", "http://SERVER broke off in the middle of its answer; try again", "http://SERVER broke off in the middle of its answer; try again",
		},
		"asks for credentials for ever (fault 73)": {
			upstreams.Fault{Asks: `Bearer realm="REALM",service="x"`},
			ErrAuth, "http://SERVER asks for credentials for index.yaml, which are only sent over https: name https in the source",
			"http://SERVER asks for credentials for token, which are only sent over https: name https in the source", "http://SERVER asks for credentials for token, which are only sent over https: name https in the source",
		},
		"leads to where clouds give out credentials (fault 74)": {
			upstreams.LinkLocal, ErrRefused, "SERVER redirects from http to https, which is not followed: name the right URL in the source",
			"SERVER redirects from http to https, which is not followed: name the right URL in the source", "SERVER redirects from http to https, which is not followed: name the right URL in the source",
		},
		"drips (fault 77)": {
			upstreams.Drip, ErrUnreachable, "it did not come within 500ms; check the server and the network", "it did not come within 500ms; check the server and the network", "it did not come within 500ms; check the server and the network",
		},
		"silent": {
			upstreams.Silent, ErrUnreachable, "it did not come within 500ms; check the server and the network", "it did not come within 500ms; check the server and the network", "it did not come within 500ms; check the server and the network",
		},
		"a login page": {
			upstreams.HTML, ErrInvalid, "index.yaml is a web page, perhaps one to log in at: check the repository's URL, and the credentials for it",
			"its list of tags does not decode: this is no OCI registry, or a broken one", "its manifest does not decode: this is no OCI registry, or a broken one",
		},
		"no such chart": {
			upstreams.Fault{Body: "entries:\n  other:\n  - version: 1.0.0\n"}, ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL", "", "",
		},
		"nothing to read": {upstreams.Fault{Body: "entries:\n  web:\n  - version: [x]\n"}, ErrNotFound, "the repository has no version of it that can be read: check the repository's URL", "", ""},
		"no versions":     {upstreams.Fault{Body: `{"name":"web","tags":["latest","nightly"]}`}, ErrNotFound, "", "none of its tags in the registry is a version: check the repository and the name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, r := upstreams.NewHelm(t), upstreams.NewRegistry(t)
			tc.fault.Asks = strings.Replace(tc.fault.Asks, "REALM", "http://"+r.Host()+"/token", 1)
			h.Fail("", tc.fault)
			push(t)(r.PushImage("web", "1.0.0", nil))
			push(t)(r.PushChart("charts", upstreams.Chart{Name: "web", Version: "1.0.0"}))
			client := func() *Client {
				timeout := time.Minute // A busy machine must not make another fault of it.
				if tc.fault.Drip || tc.fault.Silent {
					timeout = 500 * time.Millisecond
				}
				c := newClient(Options{MaxIndex: 5_000_000, Timeout: timeout})
				c.now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 5, 0, time.UTC) }
				return c
			}
			check := func(err error, host, subject, want string) {
				t.Helper()
				if want == "" {
					return
				}
				got := ""
				if err != nil {
					got = strings.ReplaceAll(err.Error(), host, "SERVER")
				}
				if want = subject + ": " + want; got != want || !errors.Is(err, tc.kind) {
					t.Errorf("got  %s (%v)\nwant %s (%v)", got, errors.Unwrap(err), want, tc.kind)
				}
			}
			_, err := client().Versions(t.Context(), h.URL(), "web")
			check(err, h.Host(), `chart "web" of http://SERVER`, tc.helm)
			c := client()
			c.plain.Store(r.Host(), true)
			r.Fail("", tc.fault)
			_, err = c.Versions(t.Context(), r.URL("charts"), "web")
			check(err, r.Host(), `chart "web" of oci://SERVER/charts`, tc.oci)
			c = client()
			c.plain.Store(r.Host(), true)
			_, err = c.Image(t.Context(), r.Image("web"), "1.0.0")
			check(err, r.Host(), `image "SERVER/web" "1.0.0"`, tc.image)
			if n := len(r.Requests()); n > 8 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

// TestPublishedWrong are versions that an owner published badly: with an archive that is not what the index says (fault 75), and a second time with other
// content (fault 76).
func TestPublishedWrong(t *testing.T) {
	h := upstreams.NewHelm(t)
	wrong, first, second := upstreams.Chart{Name: "web", Version: "1.0.0"}, upstreams.Chart{Name: "web", Version: "1.1.0"}, upstreams.Chart{Name: "web", Version: "1.1.0", AppVersion: "2"}
	if err := h.AddWrong(wrong); err != nil {
		t.Fatal(err)
	}
	add(t, h, first)
	digest := func(c upstreams.Chart, more ...byte) string {
		data, err := c.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return digestOf(append(data, more...))
	}
	now := time.Now()
	c := newClient(Options{Dir: t.TempDir()})
	c.now = func() time.Time { return now }
	check := func(version, want string) {
		t.Helper()
		got := ""
		if _, _, err := c.Chart(t.Context(), h.URL(), "web", version); err != nil {
			got = strings.ReplaceAll(err.Error(), h.Host(), "SERVER")
		}
		if want != "" {
			want = `chart "web" "` + version + `" of http://SERVER: ` + want
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	check("1.0.0", "its archive is "+digest(wrong, 0)+", and the repository says "+digest(wrong)+": ask its owner, or vendor the chart")
	check("1.1.0", "")
	add(t, h, second)
	now = now.Add(time.Hour)
	check("1.1.0", "the version was replaced: its archive was "+digest(first)+" when first seen, and is "+digest(second)+" now; take another version, or vendor the chart")
}
