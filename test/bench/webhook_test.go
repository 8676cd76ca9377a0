package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
	"github.com/addon-manager/addon-manager/internal/bot/serve"
)

// BenchmarkWebhook measures how long deliveries wait for their answer while 200 come each second, each over a connection of its own and as large as
// that of a pull request, and a pass over the repository keeps a processor busy. GitHub waits 10 seconds, and does not try again.
func BenchmarkWebhook(b *testing.B) {
	once(b)
	const secret, perSecond = "correct horse battery staple", 200
	seconds := size(b, "BENCH_SECONDS", 10)
	reader, err := webhook.New(secret)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	passes := 0
	ended := make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, serve.Options{
			Webhooks: reader, WebhookListener: listener, Settle: 10 * time.Millisecond,
			Repositories: func() []string { return []string{"acme/addons"} }, Login: func() string { return "keeper[bot]" },
			Reconcile: func(_ context.Context, stop <-chan struct{}) error {
				passes++
				for until := time.Now().Add(time.Second); time.Now().Before(until); {
					select {
					case <-stop:
						return nil
					default:
						sha256.Sum256(make([]byte, 1<<16))
					}
				}
				return nil
			},
		})
	}()

	body := []byte(`{"action":"synchronize","pull_request":{"number":12,"body":"` + strings.Repeat("x", 20_000) + `"},"repository":{"full_name":"acme/addons"},"sender":{"login":"mona"}}`)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	deliver := func(id int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener.Addr().String()+"/webhook", bytes.NewReader(body))
		if err != nil {
			return err
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "X-GitHub-Event": "pull_request", "X-GitHub-Delivery": fmt.Sprint(id), "X-Hub-Signature-256": signature,
		} {
			req.Header.Set(name, value)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
			return fmt.Errorf("answer %s, %w", resp.Status, err)
		}
		return nil
	}

	took := make([]time.Duration, seconds*perSecond)
	var sent sync.WaitGroup
	began := time.Now()
	for i := range took {
		// When it is due, whether those before were answered or not; a delay of this very loop counts as the bot's.
		due := began.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		sent.Go(func() {
			if err := deliver(i); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	sent.Wait()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(float64(passes), "passes")
}
