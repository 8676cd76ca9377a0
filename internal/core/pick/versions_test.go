package pick

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

func rule(t *testing.T, kubernetes string) Rule {
	t.Helper()
	r, err := version.ParseRange(kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	return Rule{Addon: "cert-manager", Range: r, Minor: version.Minor{Major: 1, Minor: 31}}
}

// TestVersions changes a version on both sides. Texts have three values for each %s: of the base, the branch and the change.
func TestVersions(t *testing.T) {
	const (
		newer = " by main's catalog, and main's is not older"
		a     = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		b     = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		c     = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	)
	type values [][3]string
	for name, tc := range map[string]struct {
		file, text string
		values     values
		kubernetes string
		want       []string
	}{
		"main is newer": {
			file: "Chart.yaml", text: "apiVersion: v2\nname: x # ours\nversion:   %s  # bumped\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}, kubernetes: ">=1.29",
			want: []string{"3: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes >=1.29" + newer},
		},
		"the branch is newer": {
			file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.2.0", "1.1.0"}},
			want: []string{"1: 1.2.0 | 1.1.0 -> 1.2.0: main's is older than the branch's"},
		},
		"main is newer, and not for this minor": {
			file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}, kubernetes: ">=1.32",
			want: []string{"1: 1.0.1 | 1.1.0 -> 1.0.1: cert-manager is for Kubernetes >=1.32 by main's catalog, so the branch keeps its own"},
		},
		"the catalog has no range": {
			file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}},
			want: []string{"1: 1.0.1 | 1.1.0 -> 1.1.0: the catalog says nothing of Kubernetes versions for cert-manager, and main's is not older"},
		},
		"a chart's dependency, quoted in three ways": {
			file: "Chart.yaml", text: "dependencies:\n- name: cert-manager\n  repository: https://charts.jetstack.io\n  version: %s\n", kubernetes: "*",
			values: values{{`v1.14.0`, `"v1.14.3"`, `'v1.15.1'`}},
			want:   []string{"4: v1.14.3 | v1.15.1 -> v1.15.1: cert-manager is for Kubernetes *" + newer},
		},
		"a chart that goes two ways": {
			file: "Chart.yaml", text: "version: %s\nappVersion: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}, {"3", "5", "4"}},
		},
		"a lock goes one way": {
			file: "Chart.lock", text: "dependencies:\n- name: a\n  version: %s\n- name: b\n  version: %s\ndigest: %s\ngenerated: %s\n", kubernetes: "*",
			values: values{{"1.0.0", "1.0.1", "1.1.0"}, {"2.0.0", "2.0.0", "2.1.0"}, {a, b, c}, {`"2025-01-01T00:00:00Z"`, `"2025-01-02T00:00:00Z"`, `"2025-01-03T00:00:00Z"`}},
			want: []string{
				"3: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer, "5: 2.0.0 | 2.1.0 -> 2.1.0: cert-manager is for Kubernetes *" + newer,
				"6: " + b + " | " + c + " -> " + c + ": it goes with its version",
				"7: 2025-01-02T00:00:00Z | 2025-01-03T00:00:00Z -> 2025-01-03T00:00:00Z: it goes with its version",
			},
		},
		"a lock that goes two ways": {
			file: "Chart.lock", text: "dependencies:\n- name: a\n  version: %s\n- name: b\n  version: %s\ndigest: %s\n",
			values: values{{"1.0.0", "1.0.1", "1.0.0"}, {"2.0.0", "2.0.0", "2.1.0"}, {a, b, c}},
		},
		"a tag takes its digest along": {
			file: "kustomization.yaml", text: "images:\n- name: x\n  newTag: %s\n  digest: %s\n- name: y\n  newTag: %s\n", kubernetes: "*",
			values: values{{"v1.0.0", "v1.1.0", "v1.0.1"}, {a, b, c}, {"1.0", "1.5", "1.6"}},
			want: []string{
				"3: v1.1.0 | v1.0.1 -> v1.1.0: main's is older than the branch's", "4: " + b + " | " + c + " -> " + b + ": it goes with its version",
				"6: 1.5 | 1.6 -> 1.6: cert-manager is for Kubernetes *" + newer,
			},
		},
		"a digest that only one side changed goes too": {
			file: "kustomization.yaml", text: "images:\n- {name: x, newTag: %s, digest: '%s'}\n", values: values{{"v1.0.0", "v1.1.0", "v1.2.0"}, {a, b, a}}, kubernetes: "*",
			want: []string{"2: v1.1.0 | v1.2.0 -> v1.2.0: cert-manager is for Kubernetes *" + newer, "2: " + b + " | " + a + " -> " + a + ": it goes with its version"},
		},
		"two digests of one tag": {
			file: "kustomization.yaml", text: "images:\n- name: x\n  newTag: %s\n  digest: %s\n", values: values{{"v1.0.0", "v1.1.0", "v1.1.0"}, {a, b, c}},
		},
		"two spellings of one tag, with two digests": {
			file: "kustomization.yaml", text: "images:\n- name: x\n  newTag: %s\n  digest: %s\n", values: values{{"v1.0.0", "v1.1.0", "1.1.0"}, {a, b, c}},
		},
		"two spellings of one version": {
			file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "v1.1.0", "1.1.0"}}, kubernetes: "*",
			want: []string{"1: v1.1.0 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer},
		},
		"digests alone": {file: "kustomization.yaml", text: "images:\n- name: x\n  digest: %s\n", values: values{{a, b, c}}},
		"a kustomization's chart": {
			file: "kustomization.yaml", text: "helmCharts:\n- name: x\n  repo: https://x\n  version: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}, kubernetes: "*",
			want: []string{"4: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer},
		},
		"a remote base": {
			file: "kustomization.yaml", text: "resources:\n- a.yaml\n- https://github.com/x/y//config?timeout=90s&ref=%s\n", values: values{{"v1.0.0", "v1.0.1", "v1.1.0"}}, kubernetes: "*",
			want: []string{"3: https://github.com/x/y//config?timeout=90s&ref=v1.0.1 | https://github.com/x/y//config?timeout=90s&ref=v1.1.0 -> " +
				"https://github.com/x/y//config?timeout=90s&ref=v1.1.0: cert-manager is for Kubernetes *" + newer},
		},
		"an image with its digest": {
			file: "deploy.yml", text: "kind: Deployment\nmetadata: {name: größe, labels: {app.kubernetes.io/version: %s}}\nspec:\n  containers:\n  - name: c\n    image: \"ghcr.io:443/x/y:%s\" # é\n", kubernetes: "*",
			values: values{{"1.0.0", "1.0.1", "1.1.0"}, {"1.0.0@" + a, "1.0.1@" + b, "1.1.0@" + c}},
			want: []string{
				"2: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer,
				"6: ghcr.io:443/x/y:1.0.1@" + b + " | ghcr.io:443/x/y:1.1.0@" + c + " -> ghcr.io:443/x/y:1.1.0@" + c + ": cert-manager is for Kubernetes *" + newer,
			},
		},
		"an image of one tag and two digests": {file: "x.yaml", text: "image: x:%s\n", values: values{{"1.0.0@" + a, "1.0.1@" + b, "1.0.1@" + c}}},
		"another image":                       {file: "x.yaml", text: "image: %s\n", values: values{{"x:1.0.0", "y:1.0.1", "x:1.1.0"}}},
		"an image without a tag":              {file: "x.yaml", text: "image: %s\n", values: values{{"x", "localhost:1.2/x", "localhost:1.3/x"}}},
		"values": {
			file: "values.yaml", text: "image:\n  repository: x\n  tag: %s\n", values: values{{"1.9", "1.10", "1.11"}}, kubernetes: "*",
			want: []string{"3: 1.10 | 1.11 -> 1.11: cert-manager is for Kubernetes *" + newer},
		},
		"another repository":       {file: "values.yaml", text: "repository: %s\ntag: %s\n", values: values{{"x", "x", "y"}, {"1.0.0", "1.0.1", "1.1.0"}}},
		"only main changed it":     {file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.0.0", "1.1.0"}}},
		"both changed it alike":    {file: "Chart.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.1.0", "1.1.0"}}},
		"names of branches":        {file: "values.yaml", text: "tag: %s\n", values: values{{"main", "stable", "latest"}}},
		"commits":                  {file: "values.yaml", text: "tag: %s\n", values: values{{"12345678", "22345678", "abcdef12"}}},
		"suffixes without order":   {file: "values.yaml", text: "tag: %s\n", values: values{{"1.0.0-r1", "1.0.0-r9", "1.0.0-r10"}}},
		"a suffix of another kind": {file: "values.yaml", text: "tag: %s\n", values: values{{"1.0.0", "1.1.0", "1.1.0-alpine"}}},
		"suffixes after another version": {
			file: "values.yaml", text: "tag: %s\n", values: values{{"1.0.0-debian-12-r1", "1.0.1-debian-12-r9", "1.0.2-debian-12-r0"}}, kubernetes: "*",
			want: []string{"1: 1.0.1-debian-12-r9 | 1.0.2-debian-12-r0 -> 1.0.2-debian-12-r0: cert-manager is for Kubernetes *" + newer},
		},
		"release candidates": {
			file: "values.yaml", text: "tag: %s\n", values: values{{"1.0.0-rc.1", "1.0.0-rc.9", "1.0.0-rc.10"}}, kubernetes: "*",
			want: []string{"1: 1.0.0-rc.9 | 1.0.0-rc.10 -> 1.0.0-rc.10: cert-manager is for Kubernetes *" + newer},
		},
		"another version in a list":      {file: "x.yaml", text: "containers:\n%s\n", values: values{{"- image: x:1.0", "- image: x:1.1", "- image: x:1.2\n- image: z:1.0"}}},
		"two of the same name":           {file: "x.yaml", text: "containers:\n- {name: a, image: 'x:%s'}\n- {name: a, image: 'x:%s'}\n", values: values{{"1.0", "1.1", "1.2"}, {"1.0", "1.1", "1.2"}}},
		"a digest on one side only":      {file: "kustomization.yaml", text: "images:\n- name: x\n  newTag: %s\n", values: values{{"v1.0.0", "v1.2.0", "v1.1.0\n  digest: " + a}}},
		"a key that only sounds like it": {file: "x.yaml", text: "version: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}},
		"a catalog's":                    {file: "x.yaml", text: "apiVersion: %s\n", values: values{{"v1", "v2", "v3"}}},
		"no YAML":                        {file: "x.yaml", text: "tag: %s\n{{ if }}\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}},
		"no YAML by name":                {file: "x.txt", text: "tag: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}},
		"on several lines":               {file: "x.yaml", text: "tag: >-\n  %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}},
		"behind an anchor":               {file: "x.yaml", text: "tag: &t %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}},
		"with lines from Windows":        {file: "x.yaml", text: "a: b\r\ntag: %s\r\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}, kubernetes: "*", want: []string{"2: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer}},
		"in the second document": {
			file: "x.yaml", text: "a: b\n---\ntag: %s\n", values: values{{"1.0.0", "1.0.1", "1.1.0"}}, kubernetes: "*", want: []string{"3: 1.0.1 | 1.1.0 -> 1.1.0: cert-manager is for Kubernetes *" + newer},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var texts [3]string
			for i := range texts {
				var args []any
				for _, v := range tc.values {
					args = append(args, v[i])
				}
				texts[i] = fmt.Sprintf(tc.text, args...)
			}
			in := Sides{Base: []byte(texts[0]), Ours: []byte(texts[1]), Theirs: []byte(texts[2])}
			out, found := Versions(tc.file, in, rule(t, tc.kubernetes))
			var got []string
			for _, r := range found {
				if r.Path != tc.file || r.Addon != "cert-manager" {
					t.Errorf("it is about %s of %s", r.Path, r.Addon)
				}
				got = append(got, fmt.Sprintf("%d: %s | %s -> %s: %s", r.Line, r.Ours, r.Theirs, r.Taken, r.Reason))
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if len(tc.want) == 0 {
				if string(out.Base) != texts[0] || string(out.Ours) != texts[1] || string(out.Theirs) != texts[2] {
					t.Errorf("nothing is decided, and the files changed: %q", out)
				}
				return
			}
			if string(out.Base) != string(out.Ours) || string(out.Ours) != string(out.Theirs) {
				t.Errorf("they still differ:\n%s\n%s\n%s", out.Base, out.Ours, out.Theirs)
			}
			for _, r := range found {
				if !strings.Contains(string(out.Ours), r.Taken) || r.Taken != r.Ours && strings.Contains(string(out.Ours), r.Ours) {
					t.Errorf("%s is not what was written:\n%s", r.Taken, out.Ours)
				}
			}
		})
	}
}

// TestVersionsOnly changes nothing but the value: what else the sides did stays theirs.
func TestVersionsOnly(t *testing.T) {
	out, found := Versions("addons/x/values.yaml", Sides{
		Base:   []byte("# of old\nimage:\n    tag:   1.0.0 # pinned\nreplicas: 1\n"),
		Ours:   []byte("image:\n  tag: \"1.0.1\"   # pinned lower\nreplicas: 1\n"),
		Theirs: []byte("# of old\nmore: true\nimage:\n    tag:   1.1.0 # pinned\nreplicas: 2\n"),
	}, rule(t, ""))
	if len(found) != 1 || found[0].Line != 2 {
		t.Errorf("found %+v", found)
	}
	for got, want := range map[string]string{
		string(out.Base):   "# of old\nimage:\n    tag:   1.1.0 # pinned\nreplicas: 1\n",
		string(out.Ours):   "image:\n  tag: 1.1.0   # pinned lower\nreplicas: 1\n",
		string(out.Theirs): "# of old\nmore: true\nimage:\n    tag:   1.1.0 # pinned\nreplicas: 2\n",
	} {
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// FuzzVersions decides about anything: it takes nothing down, and what it decides is the same on all sides.
func FuzzVersions(f *testing.F) {
	f.Add("Chart.yaml", "version: 1.0.0\n", "version: 1.0.1\n", "version: 1.1.0\n")
	f.Add("kustomization.yaml", "images: [{name: a, newTag: 1.0.0, digest: x}]", "images: [{name: a, newTag: 1.0.1, digest: y}]", "images: [{name: a, newTag: '1.1.0', digest: z}]")
	f.Add("x.yaml", "a: &a {tag: 1.0}\nb: *a\n", "a: &a {tag: 1.1}\nb: *a\n", "\ufeffa: {tag: 1.2}\n")
	f.Fuzz(func(t *testing.T, file, base, ours, theirs string) {
		out, found := Versions(file, Sides{[]byte(base), []byte(ours), []byte(theirs)}, Rule{Addon: "x", Minor: version.Minor{Major: 1, Minor: 31}})
		if len(found) == 0 {
			if string(out.Ours) != ours {
				t.Fatalf("nothing is decided, and the file changed")
			}
			return
		}
		again, more := Versions(file, out, Rule{Addon: "x", Minor: version.Minor{Major: 1, Minor: 31}})
		if len(more) != 0 || string(again.Ours) != string(out.Ours) {
			t.Fatalf("decided once, %q is decided again: %+v", out, more)
		}
	})
}
