package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
)

// deliveries answers webhooks. An answer waits for nothing but the delivery itself.
func deliveries(o Options, l *loop, m *metrics) (*server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, req *http.Request) {
		status, why := receive(o, l, m, w, req)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "60")
		}
		w.WriteHeader(status)
		// GitHub shows it to those who look for what became of a delivery.
		fmt.Fprintln(w, why)
	})
	s := newServer("webhooks", o.WebhookListener, mux)
	if o.Certificate != "" || o.Key != "" {
		load := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
			if err != nil {
				l.refusals.Do(func() { l.log("the TLS certificate cannot be read", "error", err) })
			}
			return &c, err
		}
		if _, err := load(nil); err != nil {
			return nil, fmt.Errorf("TLS certificate: %w", err)
		}
		s.tls, s.http.TLSConfig = true, &tls.Config{GetCertificate: load, MinVersion: tls.VersionTLS12}
	}
	return s, nil
}

// receive decides about one delivery, and what to answer.
func receive(o Options, l *loop, m *metrics, w http.ResponseWriter, req *http.Request) (status int, why string) {
	event, err := o.Webhooks.Read(w, req)
	var refusal *webhook.Refusal
	switch {
	case errors.As(err, &refusal):
		m.deliveries.WithLabelValues("refused").Inc()
		// Whoever reaches the port could fill the log.
		l.refusals.Do(func() { l.log("webhook refused", "status", refusal.Status, "reason", refusal.Reason) })
		return refusal.Status, refusal.Reason
	case err != nil:
		m.deliveries.WithLabelValues("refused").Inc()
		return http.StatusInternalServerError, "the delivery cannot be read"
	}
	look, why := event.Concern(o.Repositories(), o.Login())
	if !look {
		m.deliveries.WithLabelValues("ignored").Inc()
		return http.StatusOK, why
	}
	m.deliveries.WithLabelValues("taken").Inc()
	l.log("webhook", "event", event, "delivery", event.ID)
	l.want()
	return http.StatusAccepted, why
}
