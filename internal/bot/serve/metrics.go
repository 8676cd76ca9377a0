package serve

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are described in docs/metrics.md.
type metrics struct {
	registry    *prometheus.Registry
	deliveries  *prometheus.CounterVec
	passes      *prometheus.CounterVec
	seconds     prometheus.Histogram
	lastSuccess prometheus.Gauge
}

func newMetrics(spent func() (asked, unchanged, writes int)) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branch_bot_deliveries_total", Help: "Webhook deliveries, by whether they were taken, ignored or refused.",
		}, []string{"result"}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branch_bot_reconciles_total", Help: "Passes over the repository, by whether they went well or failed.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "branch_bot_reconcile_seconds", Help: "Time of a pass.", Buckets: prometheus.ExponentialBuckets(0.25, 2, 15),
		}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "branch_bot_last_success_timestamp_seconds", Help: "When the last pass that went well ended; 0 before the first.",
		}),
	}
	m.registry.MustRegister(m.deliveries, m.passes, m.seconds, m.lastSuccess, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, result := range []string{"taken", "ignored", "refused"} {
		m.deliveries.WithLabelValues(result)
	}
	for _, result := range []string{"ok", "failed"} {
		m.passes.WithLabelValues(result)
	}
	if spent != nil {
		for kind, count := range map[string]func() int{
			"all":       func() int { asked, _, _ := spent(); return asked },
			"unchanged": func() int { _, unchanged, _ := spent(); return unchanged },
			"write":     func() int { _, _, writes := spent(); return writes },
		} {
			m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "branch_bot_github_requests_total", Help: "Requests to GitHub: all, those answered with unchanged, and writes.",
				ConstLabels: prometheus.Labels{"kind": kind},
			}, func() float64 { return float64(count()) }))
		}
	}
	return m
}

// pass counts a pass that ended by itself.
func (m *metrics) pass(took time.Duration, err error) {
	m.seconds.Observe(took.Seconds())
	if err != nil {
		m.passes.WithLabelValues("failed").Inc()
		return
	}
	m.passes.WithLabelValues("ok").Inc()
	m.lastSuccess.SetToCurrentTime()
}
