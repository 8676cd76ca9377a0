package proposal

import (
	"slices"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// TestBetween reads releases of repositories as they are.
func TestBetween(t *testing.T) {
	plain := []string{"v1.18.0", "v1.17.0", "v1.17.0-beta.0", "v1.16.3", "v1.16.2", "v1.16.1", "nightly", "v1.9.0"}
	both := []string{"controller-v1.12.0", "helm-chart-4.12.0", "controller-v1.11.3", "helm-chart-4.11.3", "controller-v1.11.2", "helm-chart-4.11.2"}
	many := []string{"kube-state-metrics-5.27.0", "prometheus-26.0.0", "kube-state-metrics-5.26.0", "prometheus-25.30.1", "prometheus-node-exporter-26.0.0"}
	for name, tc := range map[string]struct {
		releases        []string
		chart, from, to string
		want            []string
	}{
		"from is out, to is in":                      {plain, "", "v1.16.2", "v1.17.0", []string{"v1.17.0", "v1.16.3"}},
		"with and without v":                         {plain, "", "1.16.2", "1.17.0", []string{"v1.17.0", "v1.16.3"}},
		"numbers count as numbers":                   {plain, "", "v1.9.0", "v1.16.2", []string{"v1.16.2", "v1.16.1"}},
		"a pre-release is wanted":                    {plain, "", "v1.16.3", "v1.17.0-beta.0", []string{"v1.17.0-beta.0"}},
		"nothing in between":                         {plain, "", "v1.18.0", "v1.19.0", nil},
		"the application's, beside a chart's":        {both, "", "1.11.2", "1.12.0", []string{"controller-v1.12.0", "controller-v1.11.3"}},
		"the chart's, beside an application's":       {both, "ingress-nginx", "4.11.2", "4.12.0", []string{"helm-chart-4.12.0", "helm-chart-4.11.3"}},
		"one chart of many":                          {many, "prometheus", "25.30.1", "26.0.0", []string{"prometheus-26.0.0"}},
		"a chart that is tagged nowhere":             {many, "grafana", "1.0.0", "99.0.0", nil},
		"a chart numbered like its repository":       {plain, "cert-manager", "v1.16.2", "v1.16.3", []string{"v1.16.3"}},
		"a folder in front":                          {[]string{"charts/x/v1.1.0", "charts/x/v1.0.0", "v7.0.0"}, "x", "1.0.0", "1.1.0", []string{"charts/x/v1.1.0"}},
		"a chart's tags are none of the application": {[]string{"helm-chart-1.2.0", "helm-chart-1.1.0"}, "", "1.1.0", "1.2.0", nil},
		"the application's tags are none of a chart": {[]string{"helm-chart-1.0.0", "v2.0.0"}, "x", "1.0.0", "2.0.0", nil},
		"more digits are no prefix":                  {[]string{"11.2.3", "12.0.0"}, "", "1.2.2", "1.2.3", nil},
		"a variant of an image":                      {[]string{"v1.2.3", "v1.2.2", "v1.2.1"}, "", "1.2.1-alpine", "1.2.3-alpine", []string{"v1.2.3", "v1.2.2"}},
		"the same version twice":                     {[]string{"1.2.3", "v1.2.3"}, "", "1.2.2", "1.2.3", []string{"1.2.3"}},
		"ends that cannot be compared":               {plain, "", "stable", "v1.17.0", []string{"v1.17.0"}},
		"no releases":                                {nil, "", "1.0.0", "2.0.0", nil},
	} {
		var releases []upstream.Version
		for _, r := range tc.releases {
			releases = append(releases, upstream.Version{Name: r, Notes: "Notes of " + r, URL: "https://example.com/" + r})
		}
		for range 2 {
			var got []string
			for _, n := range Between(releases, "application", tc.chart, tc.from, tc.to) {
				if n.Of != "application" || n.Text != "Notes of "+n.Version || n.URL != "https://example.com/"+n.Version {
					t.Errorf("%s: %+v", name, n)
				}
				got = append(got, n.Version)
			}
			if len(tc.want) == 1 && tc.want[0] == "1.2.3" && len(got) == 1 {
				continue // Either name of it is right.
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %q, want %q", name, got, tc.want)
			}
			slices.Reverse(releases)
		}
	}
}

// TestBetweenPreRelease believes the source where a name says nothing.
func TestBetweenPreRelease(t *testing.T) {
	got := Between([]upstream.Version{{Name: "v1.1.0"}, {Name: "v1.0.1", PreRelease: true}, {Name: "1.1.0", Notes: "It says something."}}, "release", "", "v1.0.0", "v1.1.0")
	if len(got) != 1 || got[0] != (Note{Of: "release", Version: "1.1.0", Text: "It says something."}) {
		t.Errorf("got %+v", got)
	}
}
