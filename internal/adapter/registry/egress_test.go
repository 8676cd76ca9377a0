package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

// nobody is a resolver that must not be asked.
func nobody(t *testing.T) *net.Resolver {
	return names(t, func(name string) netip.Addr { t.Errorf("somebody asked for %s", name); return netip.Addr{} })
}

// names is a resolver that asks a name server of our own; answer is called for each question.
func names(t *testing.T, answer func(name string) netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, dnsmessage.RCodeSuccess, nil
			if q.Type == dnsmessage.TypeA {
				if addr := answer(strings.TrimSuffix(q.Name.String(), ".")); addr.IsValid() {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
						Body:   &dnsmessage.AResource{A: addr.As4()},
					})
				}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func port(s *server) string {
	u, _ := url.Parse(s.URL)
	return u.Port()
}

// outside stands for an address outside our network.
var outside = netip.MustParseAddr("127.0.0.2")

// TestRedirects leads from a repository elsewhere.
func TestRedirects(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	for name, tc := range map[string]struct {
		secure bool
		// archive is what the index names, to where that redirects.
		archive, to string
		want        string
	}{
		"to itself":                        {true, "/a", "/chart", ""},
		"elsewhere over TLS":               {true, "/a", "https://SECURE/chart", ""},
		"an index that names another":      {true, "https://SECURE/chart", "", ""},
		"a plain one that names TLS":       {false, "https://SECURE/chart", "", ""},
		"to plain HTTP":                    {true, "/a", "http://PLAIN/chart", "FROM redirects from https to http, which is not followed: name the right URL in the source"},
		"from plain HTTP to TLS":           {false, "/a", "https://SECURE/chart", "FROM redirects from http to https, which is not followed: name the right URL in the source"},
		"from plain HTTP to another host":  {false, "/a", "http://PLAIN/chart", "the server leads to http://PLAIN: other hosts are only asked over https"},
		"an index that names plain HTTP":   {true, "http://PLAIN/chart", "", "the server leads to http://PLAIN: other hosts are only asked over https"},
		"an index that names a file":       {true, "file:///etc/passwd", "", "the server leads to file://: other hosts are only asked over https"},
		"an index with credentials":        {true, "https://a:b@SECURE/chart", "", "the server leads to a URL with credentials, which is not followed"},
		"to a metadata service (fault 74)": {true, "/a", "https://169.254.169.254/latest", "169.254.169.254:443 is at the link-local address 169.254.169.254, where metadata services live"},
		"to another port here":             {true, "/a", "https://INSIDE/chart", "the server leads to INSIDE at 127.0.0.1, an address inside our own network"},
		"to this machine by name":          {true, "/a", "https://localhost:1/chart", "the server leads to localhost:1 at 127.0.0.1, an address inside our own network"},
		"to a private network":             {true, "/a", "https://10.1.2.3/chart", "the server leads to 10.1.2.3:443 at 10.1.2.3, an address inside our own network"},
		"to a private network in IPv6":     {true, "/a", "https://[fd00::1]/chart", "the server leads to [fd00::1]:443 at fd00::1, an address inside our own network"},
		"to a private address in IPv6":     {true, "/a", "https://[64:ff9b::a01:203]/chart", "the server leads to [64:ff9b::a01:203]:443 at 64:ff9b::a01:203, an address inside our own network"},
		"in a circle":                      {true, "/a", "/a", "FROM redirects more than 5 times"},
	} {
		t.Run(name, func(t *testing.T) {
			chart := files(map[string]string{"/chart": string(data)})
			secure := serve(t, "127.0.0.2", true, chart)
			plain := serve(t, "127.0.0.2", false, chart)
			inner := serve(t, "127.0.0.1", true, chart)
			place := strings.NewReplacer("SECURE", "example.com:"+port(secure), "PLAIN", plain.host(), "INSIDE", inner.host()).Replace
			from := serve(t, "127.0.0.1", tc.secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/index.yaml":
					fmt.Fprint(w, indexOf("web", version("1.2.3", digestOf(data), place(tc.archive))))
				case "/a":
					http.Redirect(w, r, place(tc.to), http.StatusFound)
				default:
					chart.ServeHTTP(w, r)
				}
			}))
			c := newClient(trusting(Options{Credentials: func(string) (string, string) { return "me", "hunter2" }}, from, secure, inner))
			c.inside = func(addr netip.Addr) bool { return addr != outside && egress.Inside(addr) }
			c.resolver = names(t, func(name string) netip.Addr {
				if name == "example.com" {
					return outside
				}
				return netip.MustParseAddr("127.0.0.1")
			})
			_, _, err := c.Chart(t.Context(), from.URL, "web", "1.2.3")
			want := ""
			if tc.want != "" {
				want = `chart "web" "1.2.3" of ` + from.URL + ": " + strings.ReplaceAll(place(tc.want), "FROM", from.host())
			}
			if said(err) != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if tc.want != "" && (!errors.Is(err, ErrRefused) || inner.count("/chart")+plain.count("/chart") > 0) {
				t.Errorf("kind %v, %d requests where none should be", errors.Unwrap(err), inner.count("/chart")+plain.count("/chart"))
			}
			if n := from.count("/a"); n > 6 {
				t.Errorf("%d redirects were followed", n-1)
			}
			if got := secure.authorization("/chart"); got != "" {
				t.Errorf("another host was given credentials: %s", got)
			}
			if got := from.authorization("/index.yaml"); (got != "") != tc.secure {
				t.Errorf("the repository itself was given %q", got)
			}
		})
	}
}

// TestCredentialsStay with the host that they are for; net/http would pass them on to a subdomain.
func TestCredentialsStay(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	below := serve(t, "127.0.0.2", true, files(map[string]string{"/chart": string(data)}))
	from := serve(t, "127.0.0.1", true, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index.yaml" {
			fmt.Fprint(w, indexOf("web", version("1.2.3", digestOf(data), "a")))
			return
		}
		http.Redirect(w, r, "https://below.example.com:"+port(below)+"/chart", http.StatusFound)
	}))
	c := newClient(trusting(Options{Credentials: func(string) (string, string) { return "me", "hunter2" }}, from, below))
	c.inside = func(addr netip.Addr) bool { return addr != outside && egress.Inside(addr) }
	c.resolver = names(t, func(name string) netip.Addr {
		return map[string]netip.Addr{"example.com": netip.MustParseAddr("127.0.0.1"), "below.example.com": outside}[name]
	})
	if _, _, err := c.Chart(t.Context(), "https://example.com:"+port(from), "web", "1.2.3"); err != nil {
		t.Fatal(err)
	}
	if from.authorization("/a") == "" || below.count("/chart") != 1 || below.authorization("/chart") != "" {
		t.Errorf("the repository was given %q, the host below it %q", from.authorization("/a"), below.authorization("/chart"))
	}
}

// TestNamesChange has a name server that answers differently each time (fault 78): what counts is where the connection goes.
func TestNamesChange(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	var inner *server
	chart := files(map[string]string{"/chart": string(data)})
	inner = serve(t, "127.0.0.1", true, chart)
	from := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, indexOf("web", version("1.2.3", digestOf(data), "https://elsewhere.test:"+port(inner)+"/chart")))
	}))
	var asked atomic.Int32
	c := newClient(trusting(Options{}, from, inner))
	c.resolver = names(t, func(name string) netip.Addr {
		if name == "elsewhere.test" && asked.Add(1) == 1 {
			return netip.MustParseAddr("203.0.113.1") // What a check before the connection would see.
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	if addrs, err := c.resolver.LookupHost(t.Context(), "elsewhere.test"); err != nil || fmt.Sprint(addrs) != "[203.0.113.1]" {
		t.Fatalf("the first answer: %v, %v", addrs, err)
	}
	repository := "http://charts.test:" + port(from)
	_, _, err := c.Chart(t.Context(), repository, "web", "1.2.3")
	want := fmt.Sprintf(`chart "web" "1.2.3" of %s: the server leads to elsewhere.test:%s at 127.0.0.1, an address inside our own network`, repository, port(inner))
	if said(err) != want || inner.count("/chart") != 0 {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// The repository itself may be where it likes, but not where metadata services live.
	c.resolver = names(t, func(string) netip.Addr { return netip.MustParseAddr("169.254.169.254") })
	_, _, err = c.Chart(t.Context(), "http://other.test", "web", "1.2.3")
	if want := `chart "web" "1.2.3" of http://other.test: other.test:80 is at the link-local address 169.254.169.254, where metadata services live`; said(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestProxy goes through the proxy that the environment names, wherever that is, and still refuses what it can see.
func TestProxy(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	contents := map[string]string{"/index.yaml": indexOf("web", version("1.2.3", digestOf(data), "web.tgz"), version("2.0.0", digestOf(data), "https://10.1.2.3/web.tgz")), "/web.tgz": string(data)}
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		files(contents).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "")
	c := newClient(Options{})
	c.resolver = nobody(t)
	if _, _, err := c.Chart(t.Context(), "http://charts.test/", "web", "1.2.3"); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.Chart(t.Context(), "http://charts.test/", "web", "2.0.0")
	if want := `chart "web" "2.0.0" of http://charts.test: the server leads to 10.1.2.3:443 at 10.1.2.3, an address inside our own network`; said(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if want := "[GET http://charts.test/index.yaml GET http://charts.test/web.tgz]"; fmt.Sprint(asked) != want {
		t.Errorf("the proxy was asked for %v, want %s", asked, want)
	}
}

func nameServerDown(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("the network is down")
}
