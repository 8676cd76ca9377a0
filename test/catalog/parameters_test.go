package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// clusterFacts is one cluster as parameters see it.
type clusterFacts struct {
	name, server        string
	labels, annotations map[string]string
}

// Two clusters: one that says everything in values that appear nowhere else, and one whose values look like other
// YAML types, which they must not become.
var (
	tokyo = clusterFacts{
		name: "tokyo-1", server: "https://tokyo-1.clusters.example.net:6443",
		labels: map[string]string{"topology.kubernetes.io/region": "ap-northeast-1"},
		annotations: map[string]string{
			"autoscaler.kaas.dev/nodes-max":         "173",
			"autoscaler.kaas.dev/cores-min":         "1357",
			"autoscaler.kaas.dev/cores-max":         "2468",
			"dns.kaas.dev/domain":                   "tokyo.example.net",
			"logging.kaas.dev/host":                 "logs.tokyo.example.net",
			"repair.kaas.dev/unhealthy-after":       "17m",
			"repair.kaas.dev/max-unhealthy-percent": "37",
		},
	}
	numeric = clusterFacts{
		name: "123", server: "https://10.0.0.1",
		labels: map[string]string{"topology.kubernetes.io/region": "true"},
		annotations: map[string]string{
			"dns.kaas.dev/domain":   "1.5",
			"logging.kaas.dev/host": "null",
		},
	}
	silent = clusterFacts{name: "osaka-9", server: "https://osaka-9.clusters.example.net:6443"}
)

// values are an addon's parameters for this cluster at this minor.
func (c clusterFacts) values(a catalog.Addon, m version.Minor) (map[string]string, error) {
	fields := map[string]string{
		"name": c.name, "server": c.server, "kubernetesVersion": "v" + m.String() + ".4", "kubernetesMinor": m.String(),
	}
	values := map[string]string{}
	for _, p := range a.Parameters {
		v, ok := p.From.Value, p.From.Value != ""
		switch {
		case p.From.Field != "":
			v, ok = fields[p.From.Field]
		case p.From.Label != "":
			v, ok = c.labels[p.From.Label]
		case p.From.Annotation != "":
			v, ok = c.annotations[p.From.Annotation]
		}
		if !ok && p.Default != nil {
			v, ok = *p.Default, true
		}
		if !ok {
			return nil, fmt.Errorf("parameter %q has neither a value on cluster %s nor a default", p.Name, c.name)
		}
		values[p.Name] = v
	}
	return values, nil
}

func TestParametersReachTheObjects(t *testing.T) {
	c := load(t)
	said := map[string]bool{}
	for _, b := range builds(t, c, tokyo) {
		values, err := tokyo.values(b.addon, b.minor)
		if err != nil {
			t.Fatal(err)
		}
		text := b.text(t)
		for name, v := range values {
			if !strings.Contains(text, v) {
				t.Errorf("%s: the value %q of parameter %q is in no object", b, v, name)
			}
		}
		for _, p := range b.addon.Parameters {
			said[p.From.Label+p.From.Annotation] = true
		}
	}
	for _, keys := range []map[string]string{tokyo.labels, tokyo.annotations} {
		for key := range keys {
			if !said[key] {
				t.Errorf("%q is set on the test's cluster and read by no addon: remove it here", key)
			}
		}
	}
}

// TestClustersThatSayNothing builds with defaults alone, and sees that nothing of another cluster stays behind.
func TestClustersThatSayNothing(t *testing.T) {
	for _, b := range builds(t, load(t), silent) {
		text := b.text(t)
		for _, p := range b.addon.Parameters {
			if p.Name != "cluster.name" && p.Name != "global.cluster.name" {
				continue
			}
			if strings.Contains(text, "unnamed") || strings.Contains(text, "CLUSTER-kubeconfig") {
				t.Errorf("%s: a placeholder for the cluster's name is left in the objects", b)
			}
		}
	}
}
