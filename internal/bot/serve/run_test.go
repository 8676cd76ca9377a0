package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// within waits for what must come soon: a program that does not go on fails here, and does not hang.
func within[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing comes")
	}
	return v
}

// ask answers what a GET says, with the status.
func ask(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + ": " + strings.TrimSpace(string(text))
}

// TestServing is the life of a bot: it looks at the start, when a delivery comes, tells those who watch it, and ends when it is told to, with the
// pass that runs.
func TestServing(t *testing.T) {
	reader, err := webhook.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	hooks, watch := listen(t), listen(t)
	began, goOn := make(chan int), make(chan error)
	passes := 0
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{
			Reconcile: func(_ context.Context, stop <-chan struct{}) error {
				passes++
				began <- passes
				select {
				case err := <-goOn:
					return err
				case <-stop:
					began <- 0
					return <-goOn
				}
			},
			Repositories: func() []string { return []string{ours} }, Login: func() string { return "" },
			Webhooks: reader, WebhookListener: hooks, MetricsListener: watch,
			Spent:  func() (int, int, int) { return 40, 30, 2 },
			Settle: time.Millisecond,
		})
	}()
	address := "http://" + watch.Addr().String()

	within(t, began)
	if got, want := ask(t, http.DefaultClient, address+"/readyz"), "200 OK: ok; the first pass has not ended yet"; got != want {
		t.Errorf("ready: %s, want %s", got, want)
	}
	goOn <- nil
	if got := deliver("pull_request", opened).send(t, hooks.Addr().String()); got != looking {
		t.Errorf("delivery: %s", got)
	}
	deliver("star", opened).send(t, hooks.Addr().String())
	deliver("push", opened, header("X-Hub-Signature-256")).send(t, hooks.Addr().String())
	within(t, began)
	if got, want := ask(t, http.DefaultClient, address+"/readyz"), "200 OK: ok"; got != want {
		t.Errorf("ready: %s, want %s", got, want)
	}
	if got, want := ask(t, http.DefaultClient, address+"/healthz"), "200 OK: ok"; got != want {
		t.Errorf("healthy: %s, want %s", got, want)
	}
	want := []string{
		`branch_bot_deliveries_total{result="ignored"} 1`,
		`branch_bot_deliveries_total{result="refused"} 1`,
		`branch_bot_deliveries_total{result="taken"} 1`,
		`branch_bot_github_requests_total{kind="all"} 40`,
		`branch_bot_github_requests_total{kind="unchanged"} 30`,
		`branch_bot_github_requests_total{kind="write"} 2`,
		`branch_bot_reconcile_seconds_count 1`,
		`branch_bot_reconciles_total{result="failed"} 0`,
		`branch_bot_reconciles_total{result="ok"} 1`,
	}
	var got []string
	metrics := ask(t, http.DefaultClient, address+"/metrics")
	for line := range strings.Lines(metrics) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "branch_bot_") && !strings.Contains(line, "_bucket") && !strings.Contains(line, "_sum") && !strings.Contains(line, "timestamp") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if strings.Contains(metrics, "branch_bot_last_success_timestamp_seconds 0\n") {
		t.Error("nobody knows when the last pass went well")
	}

	cancel()
	if told := within(t, began); told != 0 {
		t.Error("another pass began")
	}
	goOn <- nil
	if err := within(t, ended); err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := net.Dial("tcp", hooks.Addr().String()); err == nil {
		t.Error("deliveries are still taken after the end")
	}
}

// TestListenerThatBreaks ends the program: somebody must start it again.
func TestListenerThatBreaks(t *testing.T) {
	l := listen(t)
	l.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(t.Context(), Options{
			Reconcile:       func(_ context.Context, stop <-chan struct{}) error { <-stop; return nil },
			MetricsListener: l,
		})
	}()
	if err := within(t, ended); err == nil || !strings.HasPrefix(err.Error(), "serve metrics: ") || !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

// TestTLS serves with a certificate, and with the next one after it was renewed, without a restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	reader, err := webhook.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Webhooks: reader, WebhookListener: listen(t), Certificate: cert, Key: key, Reconcile: func(context.Context, <-chan struct{}) error { return nil }}
	if err := Run(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "TLS certificate: open ") {
		t.Fatalf("without a certificate: %v", err)
	}
	o.WebhookListener.Close()
	o.WebhookListener = listen(t)
	first := writeCertificate(t, cert, key)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	serial := func() string {
		conn, err := tls.Dial("tcp", o.WebhookListener.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // The certificate is what is looked at.
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	if got := serial(); got != first {
		t.Errorf("served with certificate %s, want %s", got, first)
	}
	second := writeCertificate(t, cert, key)
	if got := serial(); got != second {
		t.Errorf("served with certificate %s after it was renewed, want %s", got, second)
	}
	cancel()
	if err := within(t, ended); err != nil {
		t.Error(err)
	}
}

// writeCertificate makes a certificate and answers its serial number.
func writeCertificate(t *testing.T, cert, key string) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "bot"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return serial.String()
}
