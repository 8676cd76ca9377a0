package resolve

import (
	"encoding/json"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// SampleCluster is the name of the cluster that stands for all of a minor where an addon is rendered for none in particular.
const SampleCluster = "sample"

// Sample is what the parameters of an addon add to its source on a cluster that stands for all of a minor.
type Sample struct {
	// Values are Helm values, nil for an addon that is no chart.
	Values map[string]any
	// Patches are those of a kustomization.
	Patches []SamplePatch
}

// SamplePatch is one entry of an Application's kustomize.patches.
type SamplePatch struct {
	Target map[string]string `json:"target"`
	Patch  string            `json:"patch"`
}

// SampleOf gives every parameter its literal value, its default, or what the sample cluster has. The Application of a real cluster differs
// from it in values only.
func SampleOf(a catalog.Addon, m version.Minor) (Sample, error) {
	if len(a.Parameters) == 0 {
		return Sample{}, nil
	}
	values := make([]string, len(a.Parameters))
	for i, p := range a.Parameters {
		values[i] = sampleValue(p, m)
	}
	text, err := patchOf(a, values)
	if err != nil {
		return Sample{}, err
	}
	var out struct {
		Spec struct {
			Source struct {
				Helm      struct{ ValuesObject map[string]any }
				Kustomize struct{ Patches []SamplePatch }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return Sample{}, err
	}
	return Sample{Values: out.Spec.Source.Helm.ValuesObject, Patches: out.Spec.Source.Kustomize.Patches}, nil
}

func sampleValue(p catalog.Parameter, m version.Minor) string {
	switch {
	case p.From.Value != "":
		return p.From.Value
	case p.From.Field == "kubernetesMinor":
		return m.String()
	case p.From.Field == "kubernetesVersion":
		return "v" + m.String() + ".0"
	case p.From.Field == "server":
		return "https://" + SampleCluster + ".example.com:6443"
	case p.Default != nil:
		return *p.Default
	}
	return SampleCluster
}
