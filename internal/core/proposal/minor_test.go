package proposal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// offer is a minor for which three addons are not ready.
func offer() MinorRequest {
	m := version.Minor{Major: 1, Minor: 34}
	r := MinorRequest{Repository: "kaas/addons", URL: home, Branch: "main", Readiness: Readiness{
		Minor: m, From: three[2], Released: on(2025, 8, 27), EndOfLife: on(2026, 10, 27),
		Report: rendered("addon-01", "registry.k8s.io/kubectl", "v1.33.4", "v1.34.1", m),
	}, Marker: Marker{Kind: KindMinor, Branch: "main", Unit: "1.34", Content: "0123456789abcdef"}}
	for i := range 17 {
		r.Addons = append(r.Addons, AddonReadiness{Name: fmt.Sprintf("addon-%02d", i+1), State: Ready})
	}
	r.Addons = append(r.Addons,
		AddonReadiness{Name: "log-forwarder", State: Unknown, Why: []string{"it does not render on 1.33 either: Chart.yaml is missing"}},
		AddonReadiness{Name: "csi-cinder", State: OutOfRange, Why: []string{`its range in the catalog is ">=1.29 <1.34"`}, Fix: "2.34.1"},
		AddonReadiness{Name: "velero", State: Breaks, Why: []string{
			"flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema/velero: v1beta3 of FlowSchema is no longer served by 1.34: use flowcontrol.apiserver.k8s.io/v1", "2", "3", "4", "5",
		}},
	)
	r.Report.BaseName, r.Report.HeadName = "main on 1.33", "main on 1.34"
	r.Report.Flags = []report.Flag{risky("APIRemoved", "velero", "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema/velero",
		"v1beta3 of FlowSchema is no longer served by 1.34: use flowcontrol.apiserver.k8s.io/v1.", m)}
	return r
}

func TestWriteMinor(t *testing.T) {
	golden(t, "minor.md", whole(WriteMinor(offer())))
	ready := offer()
	ready.Addons, ready.Report, ready.Unrendered = ready.Addons[:17], nil, "there is no data of Kubernetes 1.34: update branch-bot"
	golden(t, "minor-ready.md", whole(WriteMinor(ready)))
}

// TestWriteMinorBounds is about more addons than fit.
func TestWriteMinorBounds(t *testing.T) {
	r := offer()
	for range 3000 {
		r.Addons = append(r.Addons, AddonReadiness{Name: strings.Repeat("|", 400), State: Breaks, Why: []string{strings.Repeat("@", 4000)}, Fix: strings.Repeat("`", 400)})
	}
	x := WriteMinor(r)
	if len(x.Body) > report.Limit || !strings.HasPrefix(x.Body, "**17 of 3,020 addons are ready for Kubernetes 1.34.**\n") || !strings.Contains(x.Body, "more addons.\n") {
		t.Errorf("%d bytes:\n%.3000s", len(x.Body), x.Body)
	}
	if m, is := Find(x.Body); !is || m.Kind != KindMinor {
		t.Errorf("the marker says %+v, %v", m, is)
	}
}
