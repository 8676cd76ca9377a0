package kube

import (
	"bufio"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

const (
	token  = "hunter2-token"
	answer = `{"major":"1","minor":"31","gitVersion":"v1.31.4-eks-99","platform":"linux/amd64"}`
)

var eks = version.Kubernetes{Minor: version.Minor{Major: 1, Minor: 31}, Patch: 4, Raw: "v1.31.4-eks-99"}

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a certificate for a host name or address that ends at a time.
func (a *authority) issue(t *testing.T, host string, end time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pem() string { return encodePEM("CERTIFICATE", a.cert.Raw) }

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// serve starts a TLS server until the test ends.
func serve(t *testing.T, cert tls.Certificate, clients *x509.CertPool, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	if clients != nil {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, clients
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // Refused handshakes are what some tests are about.
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// data is a cluster Secret's. config is a map so that a test writes JSON as a person would.
func data(t *testing.T, server string, config map[string]any) map[string][]byte {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"name": []byte("a"), "server": []byte(server), "config": text}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// checkAsk asks with the given data and compares the answer; HOST in want stands for the server's address.
func checkAsk(t *testing.T, opts ProberOptions, data map[string][]byte, want any) {
	t.Helper()
	var got any
	v, err := NewProber(opts).Ask(t.Context(), data)
	got = v
	if err != nil {
		probe, ok := err.(*ProbeError) //nolint:errorlint // The contract is the type itself.
		if !ok {
			t.Fatalf("error of type %T: %v", err, err)
		}
		got = string(probe.Code) + ": " + probe.Message
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a credential: %v", err)
		}
	}
	if text, ok := want.(string); ok {
		u, err := url.Parse(string(data["server"]))
		if err != nil {
			t.Fatal(err)
		}
		want = strings.ReplaceAll(text, "HOST", u.Host)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAskCredentials(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	client := ca.issue(t, "argocd", time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	clientPEM, keyPEM := encodePEM("CERTIFICATE", client.Certificate[0]), encodePEM("PRIVATE KEY", key)
	asked := func(check func(r *http.Request) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/version" || r.Method != http.MethodGet || r.UserAgent() != userAgent || !check(r) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, answer)
		}
	}
	bearer := asked(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+token })
	basic := asked(func(r *http.Request) bool {
		user, password, ok := r.BasicAuth()
		return ok && user == "admin" && password == token
	})
	byCert := asked(func(r *http.Request) bool { return r.TLS.PeerCertificates[0].Subject.CommonName == "argocd" })
	trust := map[string]any{"caData": b64(ca.pem())}
	for name, tc := range map[string]struct {
		cert    tls.Certificate
		clients *x509.CertPool
		handler http.Handler
		config  map[string]any
		want    any
	}{
		"token":             {good, nil, bearer, map[string]any{"bearerToken": token, "tlsClientConfig": trust}, eks},
		"wrong token":       {good, nil, bearer, map[string]any{"bearerToken": "hunter22", "tlsClientConfig": trust}, "ClusterUnauthorized: HOST does not accept the credentials in data.config (401)"},
		"user and password": {good, nil, basic, map[string]any{"username": "admin", "password": token, "tlsClientConfig": trust}, eks},
		"client certificate": {
			good, ca.pool(), byCert,
			map[string]any{"tlsClientConfig": map[string]any{"caData": b64(ca.pem()), "certData": b64(clientPEM), "keyData": b64(keyPEM)}},
			eks,
		},
		"no client certificate": {good, ca.pool(), byCert, map[string]any{"tlsClientConfig": trust}, "ClusterTLS: HOST refuses the TLS connection; is a client certificate missing or refused?"},
		"insecure":              {good, nil, bearer, map[string]any{"bearerToken": token, "tlsClientConfig": map[string]any{"insecure": true}}, eks},
		"no authority":          {good, nil, bearer, map[string]any{"bearerToken": token}, "ClusterTLS: the certificate of HOST is not signed by the authority in tlsClientConfig.caData"},
		"wrong authority":       {good, nil, bearer, map[string]any{"bearerToken": token, "tlsClientConfig": map[string]any{"caData": b64(newAuthority(t).pem())}}, "ClusterTLS: the certificate of HOST is not signed by the authority in tlsClientConfig.caData"},
		"other names":           {ca.issue(t, "api.tokyo.example", time.Now().Add(time.Hour)), nil, bearer, map[string]any{"bearerToken": token, "tlsClientConfig": trust}, "ClusterTLS: the certificate of HOST is for other names; set tlsClientConfig.serverName to one of them"},
		"server name": {
			ca.issue(t, "api.tokyo.example", time.Now().Add(time.Hour)), nil, bearer,
			map[string]any{"bearerToken": token, "tlsClientConfig": map[string]any{"caData": b64(ca.pem()), "serverName": "api.tokyo.example"}},
			eks,
		},
		"expired":                 {ca.issue(t, "127.0.0.1", time.Now().Add(-time.Hour)), nil, bearer, map[string]any{"bearerToken": token, "tlsClientConfig": trust}, "ClusterTLS: the certificate of HOST has expired or is not valid yet"},
		"caData not base64":       {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"caData": token + "!"}}, "InvalidCredentials: data.config cannot be read: tlsClientConfig.caData is not base64"},
		"caData not PEM":          {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"caData": b64(token)}}, "InvalidCredentials: data.config: tlsClientConfig.caData is not PEM after base64"},
		"caData PEM of nothing":   {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"caData": b64(encodePEM("CERTIFICATE", []byte(token)))}}, "InvalidCredentials: data.config: tlsClientConfig holds a certificate or key that cannot be used"},
		"certificate without key": {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"certData": b64(clientPEM)}}, "InvalidCredentials: data.config: tlsClientConfig has only one of certData and keyData"},
		"key of another":          {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"certData": b64(ca.pem()), "keyData": b64(keyPEM)}}, "InvalidCredentials: data.config: tlsClientConfig holds a certificate or key that cannot be used"},
		"insecure and caData":     {good, nil, bearer, map[string]any{"tlsClientConfig": map[string]any{"insecure": true, "caData": b64(ca.pem())}}, "InvalidCredentials: data.config: tlsClientConfig has both insecure and caData"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.cert, tc.clients, tc.handler)
			checkAsk(t, ProberOptions{}, data(t, s.URL+"/", tc.config), tc.want)
		})
	}
}

func TestAskAnswers(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	const no = "NotKubernetes: HOST answers /version with "
	var strayed atomic.Bool
	stray := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Store(true) }))
	t.Cleanup(stray.Close)
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    any
	}{
		"HTML":      {says(200, "<html>welcome to "+token), no + "something that is not a Kubernetes version document"},
		"empty":     {says(200, ""), no + "something that is not a Kubernetes version document"},
		"a list":    {says(200, "[]"), no + "something that is not a Kubernetes version document"},
		"other":     {says(200, `{"kind":"Status"}`), no + "a document in which no Kubernetes version can be read"},
		"redirect":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, stray.URL, http.StatusFound) }, no + "a redirect (302), which is not followed; data.server must be the API server itself"},
		"forbidden": {says(403, answer), "ClusterForbidden: HOST does not allow the credentials in data.config to read /version (403)"},
		"not found": {says(404, answer), no + "404 Not Found, not like a Kubernetes API server"},
		"starting":  {says(503, answer), "ClusterUnreachable: HOST answers /version with 503 Service Unavailable"},
		"odd code":  {says(299, answer), no + "299, not like a Kubernetes API server"},
		"huge":      {says(200, `{"a":"`+strings.Repeat("x", 65<<10)), no + "more than 65536 bytes, not like a Kubernetes API server"},
		"huge when unpacked": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 10<<20))
			_ = z.Close()
		}, no + "more than 65536 bytes, not like a Kubernetes API server"},
		"hangs up": {func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = c.Close()
			}
		}, "ClusterUnreachable: HOST closes the connection without an answer"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, answer)
		}, "ClusterUnreachable: HOST closes the connection without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cert, nil, tc.handler)
			checkAsk(t, ProberOptions{}, data(t, s.URL, map[string]any{"bearerToken": token, "tlsClientConfig": map[string]any{"caData": b64(ca.pem())}}), tc.want)
		})
	}
	if strayed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestAskUnreachable(t *testing.T) {
	insecure := map[string]any{"bearerToken": token, "tlsClientConfig": map[string]any{"insecure": true}}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	deadServer := "https://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("a port where nobody listens", func(t *testing.T) {
		checkAsk(t, ProberOptions{}, data(t, deadServer, insecure), "ClusterUnreachable: HOST refuses connections")
	})
	t.Run("HTTP where HTTPS is expected", func(t *testing.T) {
		s := httptest.NewServer(says(200, answer))
		t.Cleanup(s.Close)
		checkAsk(t, ProberOptions{}, data(t, strings.Replace(s.URL, "http:", "https:", 1), insecure), "ClusterTLS: HOST speaks HTTP, not HTTPS")
	})
	t.Run("HTTP as asked for", func(t *testing.T) {
		s := httptest.NewServer(says(200, answer))
		t.Cleanup(s.Close)
		checkAsk(t, ProberOptions{}, data(t, s.URL, map[string]any{"bearerToken": token}), eks)
	})
	t.Run("a server that never answers", func(t *testing.T) {
		release := make(chan struct{})
		s := serve(t, newAuthority(t).issue(t, "127.0.0.1", time.Now().Add(time.Hour)), nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		t.Cleanup(func() { close(release) })
		checkAsk(t, ProberOptions{Timeout: 50 * time.Millisecond}, data(t, s.URL, insecure), "ClusterTimeout: HOST does not answer in time")
	})
	t.Run("a listener that never speaks TLS", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		checkAsk(t, ProberOptions{Timeout: 50 * time.Millisecond}, data(t, "https://"+l.Addr().String(), insecure), "ClusterTimeout: HOST does not answer in time")
	})
	t.Run("link-local", func(t *testing.T) {
		for _, server := range []string{"https://169.254.169.254", "https://[fe80::1]:6443", "https://[::ffff:169.254.1.1]", "https://[fd00:ec2::254]", "http://169.254.169.254/latest"} {
			checkAsk(t, ProberOptions{}, data(t, server, insecure), "LinkLocalServer: "+errLinkLocal.Message)
		}
	})
	t.Run("link-local proxy", func(t *testing.T) {
		checkAsk(t, ProberOptions{}, data(t, "https://10.0.0.1", map[string]any{"proxyUrl": "http://169.254.169.254:80"}), "LinkLocalServer: "+errLinkLocal.Message)
	})
	t.Run("no server", func(t *testing.T) {
		checkAsk(t, ProberOptions{}, map[string][]byte{}, "InvalidCredentials: data.server is missing")
	})
	t.Run("our own cluster, from outside", func(t *testing.T) {
		checkAsk(t, ProberOptions{}, data(t, "https://kubernetes.default.svc", nil), "InvalidCredentials: data.server is https://kubernetes.default.svc, the cluster that Argo CD runs in, and the manager does not run in it; set annotation addons.kaas.dev/kubernetes-version")
	})
}

// A name leads to an address only when it is dialled, so that is where it is checked.
func TestRefuseLinkLocal(t *testing.T) {
	for address, want := range map[string]error{
		"169.254.169.254:443": errLinkLocal, "[fe80::1%eth0]:443": errLinkLocal, "[ff02::1]:443": errLinkLocal, "[::ffff:169.254.0.1]:80": errLinkLocal,
		"[fd00:ec2::254%eth0]:80": errLinkLocal,
		"10.0.0.1:443":            nil, "127.0.0.1:6443": nil, "[2001:db8::1]:443": nil,
	} {
		if got := refuseLinkLocal("tcp", address, nil); got != want { //nolint:errorlint // The very value.
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestAskInCluster(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"gitVersion":"v1.31.0+%s"}`, strings.ReplaceAll(strings.ToLower(r.Header.Get("Authorization")), " ", "."))
	}))
	t.Cleanup(s.Close)
	in := &rest.Config{Host: s.URL, BearerToken: "own"}
	for name, tc := range map[string]struct {
		config map[string]any
		want   string
	}{
		"with the manager's own token": {nil, "v1.31.0+bearer.own"},
		"with the Secret's token":      {map[string]any{"bearerToken": "other"}, "v1.31.0+bearer.other"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := NewProber(ProberOptions{InCluster: in}).Ask(t.Context(), data(t, "https://kubernetes.default.svc", tc.config))
			if err != nil || v.Raw != tc.want {
				t.Errorf("%v, %v; want %s", v, err, tc.want)
			}
		})
	}
	if d := cmp.Diff("own", in.BearerToken); d != "" {
		t.Errorf("the manager's own connection was changed (-want +got):\n%s", d)
	}
}

func TestAskThroughAProxy(t *testing.T) {
	s := serve(t, newAuthority(t).issue(t, "127.0.0.1", time.Now().Add(time.Hour)), nil, says(200, answer))
	target := s.Listener.Addr().String()
	var connects atomic.Int32
	// The cluster's name exists only for the proxy.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "tokyo.invalid:6443" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		connects.Add(1)
		tunnel(t, w, target)
	}))
	t.Cleanup(proxy.Close)
	config := func(proxyURL string) map[string]any {
		return map[string]any{"proxyUrl": proxyURL, "tlsClientConfig": map[string]any{"insecure": true}}
	}
	checkAsk(t, ProberOptions{}, data(t, "https://tokyo.invalid:6443", config(proxy.URL)), eks)
	if got := connects.Load(); got != 1 {
		t.Errorf("the proxy was used %d times, want once", got)
	}
	checkAsk(t, ProberOptions{}, data(t, "https://other.invalid:6443", config(proxy.URL)), "ClusterUnreachable: the connection to HOST fails")
	checkAsk(t, ProberOptions{}, data(t, "https://tokyo.invalid:6443", config("socks5://"+socks(t, target))), eks)
	closed := httptest.NewServer(nil)
	closed.Close()
	checkAsk(t, ProberOptions{}, data(t, "https://tokyo.invalid:6443", config("http://me:"+token+"@"+closed.Listener.Addr().String())), "ClusterUnreachable: the proxy in data.config does not connect to HOST")
	checkAsk(t, ProberOptions{}, data(t, "https://tokyo.invalid:6443", config("ftp://me:"+token+"@proxy")), "InvalidCredentials: data.config: proxyUrl must start with http://, https:// or socks5://")
}

// tunnel answers CONNECT and copies both ways until one side ends.
func tunnel(t *testing.T, w http.ResponseWriter, target string) {
	out, err := net.Dial("tcp", target)
	if err != nil {
		t.Error(err)
		return
	}
	in, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	join(in, out)
}

func join(a, b net.Conn) {
	go func() {
		_, _ = io.Copy(a, b)
		_ = a.Close()
	}()
	_, _ = io.Copy(b, a)
	_ = b.Close()
}

// socks is a SOCKS5 proxy that connects every name to target.
func socks(t *testing.T, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		in, err := l.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReader(in)
		hello := make([]byte, 2)
		if _, err := io.ReadFull(r, hello); err != nil {
			return
		}
		_, _ = r.Discard(int(hello[1]))
		_, _ = in.Write([]byte{5, 0})
		request := make([]byte, 5) // version, connect, reserved, type, length of the name
		if _, err := io.ReadFull(r, request); err != nil || request[3] != 3 {
			return
		}
		_, _ = r.Discard(int(request[4]) + 2)
		_, _ = in.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		join(in, out)
	}()
	return l.Addr().String()
}

func TestAskWithACommand(t *testing.T) {
	s := serve(t, newAuthority(t).issue(t, "127.0.0.1", time.Now().Add(time.Hour)), nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	ran := filepath.Join(t.TempDir(), "ran")
	config := func(script string) map[string]any {
		return map[string]any{
			"tlsClientConfig": map[string]any{"insecure": true},
			"execProviderConfig": map[string]any{
				"command": "/bin/sh", "args": []string{"-c", script}, "apiVersion": "client.authentication.k8s.io/v1beta1", "env": map[string]string{"TOKEN": token, "RAN": ran},
			},
		}
	}
	const off = "a command that prints credentials, and running commands is off; start the manager with --allow-exec-credentials, or set annotation addons.kaas.dev/kubernetes-version"
	tells := `touch "$RAN"; echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"'$TOKEN'"}}'`
	checkAsk(t, ProberOptions{}, data(t, s.URL, config(tells)), "ExecNotAllowed: data.config has execProviderConfig, "+off)
	checkAsk(t, ProberOptions{}, data(t, s.URL, map[string]any{"awsAuthConfig": map[string]any{"clusterName": "a"}}), "ExecNotAllowed: data.config has awsAuthConfig, "+off)
	if _, err := os.Stat(ran); !os.IsNotExist(err) {
		t.Errorf("the command ran though it is not allowed: %v", err)
	}
	checkAsk(t, ProberOptions{AllowExec: true}, data(t, s.URL, config(tells)), eks)
	checkAsk(t, ProberOptions{AllowExec: true}, data(t, s.URL, config("exit 1")), "InvalidCredentials: the credential command in data.config fails; its own words are on the manager's standard error")

	t.Run("that hangs", func(t *testing.T) {
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		p := NewProber(ProberOptions{AllowExec: true, Timeout: 50 * time.Millisecond})
		_, err := p.Ask(t.Context(), data(t, s.URL, config("read line < "+fifo)))
		want := probeErrorf(CodeTimeout, "the credential command in data.config or the API server does not answer in time")
		if d := cmp.Diff(error(want), err); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		w, err := os.OpenFile(fifo, os.O_WRONLY, 0) // Waits for the reader, and then lets it end.
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
	})
}

func TestParseVersion(t *testing.T) {
	kube := func(minor, patch int, raw string) version.Kubernetes {
		return version.Kubernetes{Minor: version.Minor{Major: 1, Minor: minor}, Patch: patch, Raw: raw}
	}
	const garbage = "a document in which no Kubernetes version can be read"
	for name, tc := range map[string]struct {
		body string
		want version.Kubernetes
		why  string
	}{
		"plain":                        {`{"major":"1","minor":"31","gitVersion":"v1.31.4"}`, kube(31, 4, "v1.31.4"), ""},
		"o9 minor 31+":                 {`{"major":"1","minor":"31+","gitVersion":"v1.31.4-gke.100"}`, kube(31, 4, "v1.31.4-gke.100"), ""},
		"no gitVersion":                {`{"major":"1","minor":"31+"}`, kube(31, 0, "1.31+"), ""},
		"gitVersion of its own shape":  {`{"major":"1","minor":"31","gitVersion":"release-of-monday"}`, kube(31, 0, "1.31"), ""},
		"emulates itself":              {`{"major":"1","minor":"33","emulationMajor":"1","emulationMinor":"33","gitVersion":"v1.33.13"}`, kube(33, 13, "v1.33.13"), ""},
		"emulates an older minor":      {`{"major":"1","minor":"33","emulationMajor":"1","emulationMinor":"31","gitVersion":"v1.33.13"}`, kube(31, 0, "v1.31"), ""},
		"emulates and calls itself so": {`{"major":"1","minor":"33","emulationMajor":"1","emulationMinor":"31","gitVersion":"v1.31.4"}`, kube(31, 4, "v1.31.4"), ""},
		"emulation alone can be read":  {`{"emulationMajor":"1","emulationMinor":"31","gitVersion":"x"}`, kube(31, 0, "v1.31"), ""},
		"emulation unreadable":         {`{"emulationMajor":"1","emulationMinor":"x","gitVersion":"v1.31.4"}`, kube(31, 4, "v1.31.4"), ""},
		"numbers":                      {`{"major":1,"minor":31}`, version.Kubernetes{}, "something that is not a Kubernetes version document"},
		"nothing":                      {`{}`, version.Kubernetes{}, garbage},
		"null":                         {`null`, version.Kubernetes{}, garbage},
		"hostile":                      {`{"gitVersion":"v9999999999.1","major":"{{1}}","minor":"../31"}`, version.Kubernetes{}, garbage},
	} {
		t.Run(name, func(t *testing.T) {
			v, why := parseVersion([]byte(tc.body))
			if d := cmp.Diff(tc.want, v) + cmp.Diff(tc.why, why); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte(`{"major":"1","minor":"33","emulationMajor":"1","emulationMinor":"31","gitVersion":"v1.33.13"}`))
	f.Add([]byte(`{"major":"1","minor":"31+"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, why := parseVersion(body)
		if (why == "") == v.Minor.IsZero() {
			t.Fatalf("version %+v and reason %q", v, why)
		}
		if why == "" {
			if again, err := version.ParseKubernetes(v.Raw); err != nil || again != v {
				t.Errorf("%+v reads back as %+v, %v", v, again, err)
			}
		}
	})
}
