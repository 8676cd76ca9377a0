package serve

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// observers answers those who watch the bot.
func observers(o Options, l *loop, m *metrics) *server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	// Ready is also who cannot reach GitHub: deliveries are taken all the same, and a restart would not help.
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case l.stopping.Load():
			http.Error(w, "about to end", http.StatusServiceUnavailable)
		case !l.passed.Load():
			fmt.Fprintln(w, "ok; the first pass has not ended yet")
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	return newServer("metrics", o.MetricsListener, mux)
}
