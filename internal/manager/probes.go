package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/kube"
	"github.com/addon-manager/addon-manager/internal/core/version"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// probes finds the versions of clusters whose Secret reports none: Cluster API knows, or else the cluster is asked.
type probes struct {
	*kube.Prober
}

// newProbes asks with the credentials that the Secret has at the time, read past the cache, which holds none.
func newProbes(o kube.ProberOptions, live client.Reader, namespace string, c *counters, again chan<- event.GenericEvent) *probes {
	o.Fetch = func(ctx context.Context, name string) (map[string][]byte, error) {
		secret := &corev1.Secret{}
		if err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
			return nil, fmt.Errorf("get cluster Secret: %w", err)
		}
		return secret.Data, nil
	}
	o.Changed = func(name string) {
		again <- event.GenericEvent{Object: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}}
	}
	o.Observe = func(_ string, _ time.Duration, err *kube.ProbeError) {
		if err != nil {
			c.probeFailures.Inc()
		}
	}
	o.Known = kube.ClusterAPI{Reader: live}.Version
	return &probes{Prober: kube.NewProber(o)}
}

// Version implements versions. What a cluster told before it stopped answering is no evidence of what it runs now.
func (p *probes) Version(name, server, digest string) (v version.Kubernetes, why string, pending bool) {
	r := p.Watch(kube.Target{Name: name, Server: server, Digest: digest})
	switch {
	case r.Err != nil:
		return version.Kubernetes{}, r.Err.Message, false
	case r.Version.Minor.IsZero():
		return version.Kubernetes{}, "", true
	}
	return r.Version, "", false
}

// Nodes is what the nodes of a cluster run, as far as it is known; it never blocks. While a cluster does not answer, neither do its nodes.
func (p *probes) Nodes(name string) kube.Nodes {
	switch r, _ := p.Cached(name); {
	case r.Err != nil:
		return kube.Nodes{Why: r.Err.Message}
	default:
		return r.Nodes
	}
}

// Renew has a cluster that is being asked asked again with new credentials, without queueing it: only a new answer does.
func (p *probes) Renew(name, server, digest string) {
	if _, watched := p.Cached(name); watched {
		p.Watch(kube.Target{Name: name, Server: server, Digest: digest})
	}
}
