package manager_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/internal/adapter/fleet"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/manager"
)

// replica starts one of several managers, and tells where it serves its metrics.
func (w *world) replica() (url string) {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	address := l.Addr().String()
	w.must(l.Close())
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	o := manager.Options{
		Namespace: w.namespace, MetricsAddress: address, ProbeAddress: "0", CacheDir: filepath.Join(w.TempDir(), "mirror"),
		LeaderElection: true, Registry: prometheus.NewRegistry(),
	}
	go func() { done <- manager.Run(ctx, w.config, o) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("manager: %v", err)
		}
	})
	return "http://" + address
}

// TestFleetView asks two replicas for the fleet, of which one leads.
func TestFleetView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) {
		s.Rollout = &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{
			{Name: "canary", Selector: metav1.LabelSelector{MatchLabels: map[string]string{"addons.kaas.dev/net": "enabled"}}},
		}}
	})
	w.release("1.31", "v1.31-ake.1", catalogOf("certs enabled: always", "net", "csi"))
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"net": "enabled"})
	w.cluster("tokyo-2", "v1.31.4", nil)
	w.cluster("paris-1", "v1.33.0", nil)
	first, second := w.replica(), w.replica()
	w.expect("tokyo-1", "certs keep v1.31-ake.1 ready", "net keep v1.31-ake.1 ready")
	w.expect("tokyo-2", "certs keep v1.31-ake.1 ready")

	want := `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["canary","rest"],"clusters":[` +
		`{"name":"paris-1","minor":"1.33","group":"rest","addons":[]},` +
		`{"name":"tokyo-1","minor":"1.31","group":"canary","addons":["certs","net"]},` +
		`{"name":"tokyo-2","minor":"1.31","group":"rest","addons":["certs"]}]}` + "\n"
	for _, url := range []string{first, second} {
		w.eventually("the fleet of "+url, func() error {
			resp, err := http.Get(url + "/fleet")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != want || resp.Header.Get("Content-Type") != "application/json" {
				return fmt.Errorf("got  %s %v\nwant %s", body, err, want)
			}
			return nil
		})
		resp, err := http.Post(url+"/fleet", "application/json", strings.NewReader("{}"))
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST is answered with %s", resp.Status)
		}
	}

	// What changes is seen, and read as the bot reads it.
	w.label("tokyo-2", "csi", "enabled")
	w.expect("tokyo-2", "certs keep v1.31-ake.1 ready", "csi keep v1.31-ake.1 ready")
	w.eventually("the fleet has changed", func() error {
		f, err := fleet.Read(w.ctx, first, "")
		if err != nil {
			return err
		}
		if got := fmt.Sprint(addonsOf(f, "tokyo-2")); got != "[certs csi]" {
			return fmt.Errorf("tokyo-2 has %s", got)
		}
		return nil
	})
}

func addonsOf(f impact.Fleet, cluster string) []string {
	for _, c := range f.Clusters {
		if c.Name == cluster {
			return c.Addons
		}
	}
	return nil
}
