package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// certificate is one for hosts that signs itself, valid until a day.
func certificate(t *testing.T, until time.Time, hosts ...string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, pool
}

// TestNotReached are servers that do not answer, or that nobody can trust: it is said what is wrong with them.
func TestNotReached(t *testing.T) {
	far := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	good, trusted := certificate(t, far, "127.0.0.1")
	expired, trustedExpired := certificate(t, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), "127.0.0.1")
	other, trustedOther := certificate(t, far, "a.example.com", "192.0.2.1")
	noName, trustedNoName := certificate(t, far)
	gone := upstreams.NewHelm(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rude.Close() })
	go func() {
		for {
			conn, err := rude.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}()
	server := func(c *tls.Certificate) string {
		h := upstreams.NewHelm(t, upstreams.Options{Certificate: c})
		add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
		return h.Host()
	}
	for name, tc := range map[string]struct {
		scheme, host string
		pool         *x509.CertPool
		want         string
	}{
		"trusted":              {"https", server(good), trusted, ""},
		"a CA nobody knows":    {"https", server(good), trustedOther, "https://HOST does not prove its identity: its certificate is signed by a CA that is not trusted here; check the address, or trust that CA"},
		"expired":              {"https", server(expired), trustedExpired, "https://HOST does not prove its identity: its certificate is valid from 2024-01-01 to 2025-01-01 only; let its owner renew it, and check the clock here"},
		"for another host":     {"https", server(other), trustedOther, "https://HOST does not prove its identity: its certificate is for a.example.com, 192.0.2.1, and not for 127.0.0.1; check the address"},
		"for nobody":           {"https", server(noName), trustedNoName, "https://HOST does not prove its identity: its certificate is for nobody, and not for 127.0.0.1; check the address"},
		"without TLS":          {"https", gone.Host(), nil, "https://HOST answers without TLS: check the address and the port"},
		"nobody listens":       {"http", closed.Addr().String(), nil, "http://HOST cannot be reached: nobody listens there; check the address, and that the server runs"},
		"breaks off":           {"http", rude.Addr().String(), nil, "http://HOST broke off the connection; try again"},
		"a name nobody knows":  {"https", "nobody.test", nil, "https://HOST cannot be reached: nobody knows a host of the name nobody.test; check the address"},
		"no name server":       {"https", "silent.test", nil, "https://HOST cannot be reached: the name servers do not answer for silent.test; check the network"},
		"in OCI, expired":      {"oci", server(expired), trustedExpired, "https://HOST does not prove its identity: its certificate is valid from 2024-01-01 to 2025-01-01 only; let its owner renew it, and check the clock here"},
		"in OCI, unknown name": {"oci", "nobody.test", nil, "https://HOST cannot be reached: nobody knows a host of the name nobody.test; check the address"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(Options{RootCAs: tc.pool})
			c.resolver = names(t, func(string) netip.Addr { return netip.Addr{} })
			if tc.host == "silent.test" {
				c.resolver = &net.Resolver{PreferGo: true, Dial: nameServerDown}
			}
			_, err := c.Versions(t.Context(), tc.scheme+"://"+tc.host, "web")
			want := tc.want
			if want != "" {
				want = `chart "web" of ` + tc.scheme + "://HOST: " + want
			}
			got := ""
			if err != nil {
				got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), "name "+tc.host, "name NAME"), "for "+tc.host, "for NAME")
				got = strings.ReplaceAll(got, tc.host, "HOST")
				got = strings.ReplaceAll(got, "NAME", tc.host)
			}
			if got != want || err != nil && !errors.Is(err, ErrUnreachable) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestListingsStayOutside: also lists do not lead to where clouds give out credentials, nor into our own network.
func TestListingsStayOutside(t *testing.T) {
	good, trusted := certificate(t, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), "127.0.0.1")
	h := upstreams.NewHelm(t, upstreams.Options{Certificate: good})
	r := upstreams.NewRegistry(t, upstreams.Options{Certificate: good})
	for name, tc := range map[string]struct {
		fault upstreams.Fault
		want  string
	}{
		"to a metadata service (fault 74)": {upstreams.LinkLocal, "169.254.169.254:443 is at the link-local address 169.254.169.254, where metadata services live"},
		"into our network":                 {upstreams.Fault{Status: http.StatusFound, Location: "https://10.0.0.1/x"}, "the server leads to 10.0.0.1:443 at 10.0.0.1, an address inside our own network"},
		"to another service here":          {upstreams.Moved("https://127.0.0.1:1/x"), "the server leads to 127.0.0.1:1 at 127.0.0.1, an address inside our own network"},
		"away from TLS":                    {upstreams.Moved("http://example.com/"), "HOST redirects from https to http, which is not followed: name the right URL in the source"},
		"in a circle":                      {upstreams.Fault{Status: http.StatusFound, Location: "/index.yaml"}, "HOST redirects more than 5 times"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(Options{RootCAs: trusted, Dir: t.TempDir()})
			check := func(err error, host, subject string) {
				t.Helper()
				if err == nil || strings.ReplaceAll(err.Error(), host, "HOST") != subject+tc.want || !errors.Is(err, ErrRefused) {
					t.Errorf("got  %v\nwant %s", err, subject+tc.want)
				}
			}
			h.Fail("", tc.fault)
			_, err := c.Versions(t.Context(), h.URL(), "web")
			check(err, h.Host(), `chart "web" of https://HOST: `)
			if tc.fault.Location == "/index.yaml" {
				return
			}
			r.Fail("", tc.fault)
			_, err = c.Tags(t.Context(), r.Image("app"))
			check(err, r.Host(), `image "HOST/app": `)
			_, err = c.Image(t.Context(), r.Image("app"), "1.0.0")
			check(err, r.Host(), `image "HOST/app" "1.0.0": `)
		})
	}
}

// TestTokenLoop is a registry that sells tokens and then does not take them (fault 73).
func TestTokenLoop(t *testing.T) {
	good, trusted := certificate(t, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), "127.0.0.1")
	r := upstreams.NewRegistry(t, upstreams.Options{Certificate: good})
	r.Fail("/tags/list", upstreams.Fault{Asks: `Bearer realm="https://` + r.Host() + `/token",service="x",scope="repository:app:pull"`})
	r.Fail("/token", upstreams.Fault{Body: `{"token":"worthless"}`})
	_, err := newClient(Options{RootCAs: trusted}).Tags(t.Context(), r.Image("app"))
	want := `image "HOST/app": https://HOST answers 401 for list of tags: check the credentials for it, and that they may read it`
	if err == nil || strings.ReplaceAll(err.Error(), r.Host(), "HOST") != want || !errors.Is(err, ErrAuth) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if n := len(r.Requests()); n > 4 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestSignedIn lists with the user and password of people.
func TestSignedIn(t *testing.T) {
	good, trusted := certificate(t, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), "127.0.0.1")
	o := upstreams.Options{Certificate: good, User: "ada", Password: "pa55"}
	h := upstreams.NewHelm(t, o)
	add(t, h, upstreams.Chart{Name: "web", Version: "1.0.0"})
	basic := upstreams.NewRegistry(t, o)
	o.Bearer = true
	bearer := upstreams.NewRegistry(t, o)
	for _, r := range []*upstreams.Registry{basic, bearer} {
		push(t)(r.PushImage("app", "1.0.0", nil))
	}
	for password, ok := range map[string]bool{"pa55": true, "wrong": false} {
		c := newClient(Options{RootCAs: trusted, Credentials: func(string) (string, string) { return "ada", password }})
		_, errs := c.Versions(t.Context(), h.URL(), "web")
		for _, r := range []*upstreams.Registry{basic, bearer} {
			_, tags := c.Tags(t.Context(), r.Image("app"))
			_, image := c.Image(t.Context(), r.Image("app"), "1.0.0")
			errs = errors.Join(errs, tags, image)
		}
		if ok != (errs == nil) || errs != nil && (strings.Count(errs.Error(), "check the credentials") != 5 || strings.Contains(errs.Error(), password)) {
			t.Errorf("with the password %s: %v", password, errs)
		}
	}
}
