package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestVerdict is the line that a reviewer reads first.
func TestVerdict(t *testing.T) {
	change := func(name string) diff.Change {
		return changed(manifest.ID{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: name}, field("/data/a", "data.a", "1", "2"))
	}
	result := func(addon, object string, minors ...version.Minor) Result {
		return Result{Addon: addon, Minors: minors, Result: diff.Result{Changes: []diff.Change{change(object)}}}
	}
	hidden := Result{Addon: "a", Minors: three, Result: diff.Result{Changes: []diff.Change{{Kind: diff.Changed, Hidden: []diff.Field{field("/x", "x", 1, 2)}}}}}
	risks := []Flag{risky("ObjectRemoved", "a", "o", "", "m"), risky("RBACWider", "a", "o", "", "m")}
	for name, tc := range map[string]struct {
		report Report
		want   string
	}{
		"nothing":     {Report{Minors: three, Same: 5}, "nothing changes in the rendered manifests of 5 addons on 1.31, 1.32, 1.33"},
		"one addon":   {Report{Minors: three[:1], Same: 1}, "nothing changes in the rendered manifests of 1 addon on 1.31"},
		"known noise": {Report{Minors: three, Results: []Result{hidden}, Same: 4}, "nothing but known noise changes in the rendered manifests of 5 addons on 1.31, 1.32, 1.33 (1 field hidden)"},
		"nothing, and nobody touched": {
			Report{Minors: three, Same: 5, Clusters: &Clusters{Total: 9}}, "nothing changes in the rendered manifests of 5 addons on 1.31, 1.32, 1.33",
		},
		"no addons": {Report{Minors: three}, "there is no addon to render on 1.31, 1.32, 1.33"},
		"policies altered": {
			Report{Minors: three[:1], Same: 1, Policies: &Policies{Constraints: 2, Altered: true}}, "policies altered · nothing changes in the rendered manifests of 1 addon on 1.31",
		},
		"only a problem": {Report{Minors: three, Problems: []Problem{{Addon: "a"}}}, "1 problem · nothing else changes"},
		"a problem of the next minor": {
			Report{Minors: three, Same: 1, Problems: []Problem{{Addon: "a", Next: true}}}, "nothing changes in the rendered manifests of 1 addon on 1.31, 1.32, 1.33",
		},
		"minors agree": {Report{Minors: three, Results: []Result{result("a", "x", three...)}}, "no risks · 1 addon changes · 1.31–1.33 agree"},
		"two minors":   {Report{Minors: three[:2], Results: []Result{result("a", "x", three[:2]...)}}, "no risks · 1 addon changes · 1.31, 1.32 agree"},
		"one minor":    {Report{Minors: three[:1], Results: []Result{result("a", "x", m131)}, Flags: risks[:1]}, "1 risk · 1 addon changes · on 1.31"},
		"one differs": {
			Report{Minors: three, Results: []Result{result("a", "x", m131, m133), result("a", "y", m132)}, Flags: risks},
			"2 risks · 1 addon changes · 1.32 differs from 1.31, 1.33",
		},
		"one does nothing": {
			Report{Minors: three, Results: []Result{result("a", "x", m131, m132), result("b", "x", three...)}}, "no risks · 2 addons change · 1.33 differs from 1.31, 1.32",
		},
		"one fails": {
			Report{Minors: three, Results: []Result{result("a", "x", three...)}, Problems: []Problem{{Addon: "b", Minor: m131}}},
			"1 problem · no risks · 1 addon changes · 1.31 differs from 1.32, 1.33",
		},
		"all differ": {
			Report{Minors: three, Results: []Result{result("a", "x", m131), result("a", "y", m132), result("a", "z", m133)}},
			"no risks · 1 addon changes · no two of 1.31–1.33 agree",
		},
		"the same objects in other results": {
			Report{Minors: three, Results: []Result{result("a", "x", m131), result("a", "x", m132), result("a", "x", m133)}}, "no risks · 1 addon changes · 1.31–1.33 agree",
		},
		"clusters": {
			Report{Minors: three, Results: []Result{result("a", "x", three...)}, Clusters: &Clusters{Total: 1200, Touched: 1047}},
			"no risks · 1 addon changes · 1.31–1.33 agree · 1,047 of 1,200 clusters",
		},
		"no cluster has it": {
			Report{Minors: three, Results: []Result{result("a", "x", three...)}, Clusters: &Clusters{Total: 1}}, "no risks · 1 addon changes · 1.31–1.33 agree · 0 of 1 cluster",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newView(tc.report)
			if got := strings.Join(v.verdict(), " · "); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	for want, in := range map[string][]version.Minor{
		"": nil, "1.31": {m131}, "1.31, 1.32": {m132, m131}, "1.31–1.33": three, "1.31, 1.33": {m131, m133}, "1.29, 1.31–1.33": {minor(29), m131, m132, m133},
	} {
		if got := ranges(in); got != want {
			t.Errorf("ranges(%v) = %q, want %q", in, got, want)
		}
	}
}

// TestImageLinks are the pages where a reviewer sees what an image is.
func TestImageLinks(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/jetstack/cert-manager-controller:v1.15.1": "https://quay.io/repository/jetstack/cert-manager-controller?tab=tags&tag=v1.15.1",
		"ghcr.io/external-secrets/external-secrets:v1":     "https://ghcr.io/external-secrets/external-secrets",
		"gcr.io/kaniko-project/executor:v1":                "https://gcr.io/kaniko-project/executor",
		"nginx":                                            "https://hub.docker.com/_/nginx/tags?name=",
		"nginx:1.27":                                       "https://hub.docker.com/_/nginx/tags?name=1.27",
		"docker.io/bitnami/redis:7":                        "https://hub.docker.com/r/bitnami/redis/tags?name=7",
		"registry.k8s.io/kas-network-proxy/agent:v1":       "https://registry.k8s.io/v2/kas-network-proxy/agent/tags/list",
		"public.ecr.aws/aws/pause:1":                       "https://gallery.ecr.aws/aws/pause",
		"registry.example.com/a/b:1":                       "",
		"quay.io.evil.example/a/b:1":                       "",
		"Not An Image":                                     "",
		"quay.io/a/b:v1)](https://evil.example":            "",
		"":                                                 "",
	} {
		if got := imageLink(image); got != want {
			t.Errorf("imageLink(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestImageParts(t *testing.T) {
	for image, want := range map[string][2]string{
		"nginx": {"nginx", ""}, "nginx:1": {"nginx", "1"}, "localhost:5000/a": {"localhost:5000/a", ""}, "localhost:5000/a:2": {"localhost:5000/a", "2"},
		"a/b@sha256:0123456789abcdef":    {"a/b", "sha256:0123456789ab…"},
		"a/b:v1@sha256:0123456789abcdef": {"a/b", "v1@sha256:0123456789ab…"},
	} {
		repository, v := imageParts(image)
		if got := [2]string{repository, v}; got != want {
			t.Errorf("imageParts(%q) = %q, want %q", image, got, want)
		}
	}
}

// TestLines is how fields read in a diff.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", 400)
	from := manifest.ID{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: "settings-4f6"}
	for name, tc := range map[string]struct {
		change diff.Change
		want   string
	}{
		"a number":                   {changed(from, field("/spec/replicas", "spec.replicas", int64(1), int64(2))), "@ spec.replicas\n- 1\n+ 2"},
		"a number and its text":      {changed(from, field("/a", "a", int64(1), "1")), "@ a\n- 1\n+ \"1\""},
		"a truth and its text":       {changed(from, field("/a", "a", "true", true)), "@ a\n- \"true\"\n+ true"},
		"an empty text":              {changed(from, field("/a", "a", "", "x")), "@ a\n- \"\"\n+ x"},
		"null is not nothing":        {changed(from, diff.Field{Path: "/a", HadBefore: true, HasAfter: true, After: "x"}), "@ /a\n- null\n+ x"},
		"came":                       {changed(from, field("/a", "a", nil, []any{"x", 1.5})), "@ a\n+ - x\n+ - 1.5"},
		"went":                       {changed(from, field("/a", "a", map[string]any{"b": true, "a": nil}, nil)), "@ a\n- a: null\n- b: true"},
		"one of a list":              {changed(from, field("/a", "a", []any{"x", "w"}, []any{"x", "z"})), "@ a\n  - x\n- - w\n+ - z"},
		"lines":                      {changed(from, field("/a", "a", "1\n2\n3\n4\n5\n", "1\n2\n3\nfour\n5\n")), "@ a\n  2\n  3\n- 4\n+ four\n  5"},
		"only the last line's end":   {changed(from, field("/a", "a", "1\n", "1")), "@ a\n- 1\n+ 1\n\\ no line break at the end"},
		"far into a long text":       {changed(from, field("/a", "a", long+"a", long+"b")), "@ a\n- …" + long[:40] + "a\n+ …" + long[:40] + "b"},
		"renamed, and nothing else":  {diff.Change{Kind: diff.Renamed, From: &from}, `\ was v1/ConfigMap/n/settings-4f6`},
		"what acts on a terminal":    {changed(from, field("/a", "a\x1b", "x\x1b[1m\n", "x\u202e\n")), `@ a\x1b` + "\n" + `- x\x1b[1m` + "\n" + `+ x\u202e`},
		"added without its contents": {diff.Change{Kind: diff.Added}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out []string
			for _, l := range lines(tc.change, lineWidth) {
				out = append(out, string(rune(l.op))+" "+l.text)
			}
			if d := cmp.Diff(tc.want, strings.Join(out, "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}
