package upgrading_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

func archived(t testing.TB, data []byte) map[string]string {
	t.Helper()
	a, err := render.Unpack(data)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for name, f := range a.Files {
		files[name] = string(f.Data)
	}
	return files
}

const repository = "https://charts.example.com"

// metrics is a chart with a subchart inside, as published.
func metrics(version string, more map[string]string) upstreams.Chart {
	files := map[string]string{
		"values.yaml":             "image:\n  repository: registry.example.com/metrics\n  tag: \"\"\nreplicas: 1\nresources: {}\n",
		"README.md":               "metrics " + version + "\n",
		"templates/_helpers.tpl":  "{{- define \"name\" }}metrics{{ end }}\n",
		"templates/service.yaml":  "apiVersion: v1\nkind: Service\nmetadata: {name: {{ include \"name\" . }}}\n",
		"charts/rbac/Chart.yaml":  "apiVersion: v2\nname: rbac\nversion: 0.1.0\n",
		"charts/rbac/values.yaml": "{}\n",
	}
	maps.Copy(files, more)
	return upstreams.Chart{Name: "metrics", Version: version, AppVersion: "v" + version, Files: files}
}

// lockOf is the lock that helm dependency update writes.
func lockOf(t testing.TB, chartYAML string, locked ...*chart.Dependency) string {
	t.Helper()
	c, err := loader.LoadFiles([]*loader.BufferedFile{{Name: "Chart.yaml", Data: []byte(chartYAML)}})
	if err != nil {
		t.Fatal(err)
	}
	text := "dependencies:\n"
	for _, d := range locked {
		text += fmt.Sprintf("- name: %s\n  repository: %s\n  version: %s\n", d.Name, d.Repository, d.Version)
	}
	return text + "digest: " + render.LockDigest(c.Metadata.Dependencies, locked) + "\ngenerated: \"2025-01-01T10:00:00.123456789+01:00\"\n"
}

func locked(name, version string) *chart.Dependency {
	return &chart.Dependency{Name: name, Version: version, Repository: repository}
}

const wrapper = `apiVersion: v2
name: metrics-addon # ours
version: 0.1.0
dependencies:
- name: metrics
  version: 1.2.0   # what we run
  repository: https://charts.example.com
  condition: metrics.enabled
- {name: other, version: "3.0.0", repository: "https://charts.example.com"}
`

func TestBuild(t *testing.T) {
	for name, tell := range map[string]func(w *work) []upgrade.Change{
		"chart with a lock": func(w *work) []upgrade.Change {
			w.commit("main", "addons: [{name: metrics}]\n", map[string]string{
				"addons/metrics/Chart.yaml": wrapper, "addons/metrics/Chart.lock": lockOf(w.t, wrapper, locked("metrics", "1.2.0"), locked("other", "3.0.0")),
			})
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"two dependencies of one lock": func(w *work) []upgrade.Change {
			w.commit("main", "addons: [{name: metrics}]\n", map[string]string{
				"addons/metrics/Chart.yaml": wrapper, "addons/metrics/Chart.lock": lockOf(w.t, wrapper, locked("metrics", "1.2.0"), locked("other", "3.0.0")),
			})
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0"), w.change("main", "metrics", "other", "3.1.0")}
		},
		"vendored archive": func(w *work) []upgrade.Change {
			old, _ := metrics("1.2.0", nil).Pack()
			w.publish(repository, metrics("1.10.0", nil))
			w.commit("main", "addons: [{name: metrics}]\n", map[string]string{
				"addons/metrics/Chart.yaml": wrapper, "addons/metrics/Chart.lock": lockOf(w.t, wrapper, locked("metrics", "1.2.0"), locked("other", "3.0.0")),
				"addons/metrics/charts/metrics-1.2.0.tgz": string(old),
			})
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"vendored folder": func(w *work) []upgrade.Change {
			old := metrics("1.2.0", map[string]string{"templates/old.yaml": "kind: Old\n"})
			w.publish(repository, old, metrics("1.10.0", map[string]string{"templates/new.yaml": "kind: New\n"}))
			files := unpacked("addons/metrics/charts/metrics", old, w.t)
			files["addons/metrics/Chart.yaml"] = wrapper
			w.commit("main", "addons: [{name: metrics}]\n", files)
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"vendored folder that people changed": func(w *work) []upgrade.Change {
			old := metrics("1.2.0", nil)
			next := metrics("1.10.0", map[string]string{"values.yaml": strings.Replace(old.Files["values.yaml"], "resources: {}", "resources: {limits: {}}", 1)})
			w.publish(repository, old, next)
			files := unpacked("addons/metrics/charts/metrics", old, w.t)
			files["addons/metrics/charts/metrics/templates/service.yaml"] += "spec: {type: LoadBalancer}\n"
			files["addons/metrics/charts/metrics/templates/own.yaml"] = "kind: Own\n"
			files["addons/metrics/charts/metrics/values.yaml"] = strings.Replace(old.Files["values.yaml"], "registry.example.com", "mirror.example.com", 1)
			delete(files, "addons/metrics/charts/metrics/README.md")
			files["addons/metrics/Chart.yaml"] = wrapper
			w.commit("main", "addons: [{name: metrics}]\n", files)
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"addon that is a copy of the chart": func(w *work) []upgrade.Change {
			old := metrics("1.2.0", nil)
			w.publish(repository, old, metrics("1.10.0", map[string]string{"templates/new.yaml": "kind: New\n"}))
			files := unpacked("addons/metrics", old, w.t)
			files["addons/metrics/OWNERS"] = "us\n"
			w.commit("main", "addons: [{name: metrics, upstream: {helm: {repository: \"https://charts.example.com\", chart: metrics}}}]\n", files)
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"kustomize with its own copy": func(w *work) []upgrade.Change {
			old := metrics("1.2.0", nil)
			w.publish(repository, old, metrics("1.10.0", nil))
			files := unpacked("addons/metrics/charts/metrics-1.2.0/metrics", old, w.t)
			files["addons/metrics/kustomization.yaml"] = "helmCharts:\n- name: metrics\n  repo: https://charts.example.com\n  version: 1.2.0\n  releaseName: metrics\n"
			w.commit("main", "addons: [{name: metrics}]\n", files)
			w.open()
			return []upgrade.Change{w.change("main", "metrics", "metrics", "1.10.0")}
		},
		"images with digests": func(w *work) []upgrade.Change {
			old, next := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
			w.commit("main", "addons: [{name: web}]\n", map[string]string{
				"addons/web/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: \"registry.example.com/web:v1.2.3@" + old + "\" # pinned\n",
			})
			w.open()
			c := w.change("main", "web", "registry.example.com/web", "v1.3.0")
			c.Digest = next
			return []upgrade.Change{c}
		},
		"asset of a release": func(w *work) []upgrade.Change {
			old, next := "kind: CustomResourceDefinition\n# 1.0.0\n", "kind: CustomResourceDefinition\n# 1.1.0\n"
			s := upstream.Source{Kind: upstream.GitHub, Repository: "acme/crds", Name: "install.yaml"}
			w.listings[s] = upstream.Listing{Versions: []upstream.Version{{Name: "v1.1.0", Described: true, Assets: []upstream.Asset{
				{Name: "install.yaml", URL: "https://example.com/install.yaml", Digest: digestOf([]byte(next))}, {Name: "other.yaml", URL: "https://example.com/other.yaml"},
			}}}}
			w.assets["https://example.com/install.yaml"] = []byte(next)
			w.commit("main", "addons:\n- name: crds\n  upstream:\n    # renewed by the bot\n    github:\n      repository: acme/crds\n      asset: install.yaml\n      version: v1.0.0\n      sha256: "+
				strings.TrimPrefix(digestOf([]byte(old)), "sha256:")+"\n", map[string]string{"addons/crds/install.yaml": old})
			w.open()
			return []upgrade.Change{w.change("main", "crds", "install.yaml", "v1.1.0")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			changes := tell(w)
			built, err := w.build("main", changes...)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, r := range built.Remarks {
				b.WriteString("Remark: " + r + "\n")
			}
			b.WriteString("Files: " + strings.Join(built.Files, " ") + "\n")
			golden(t, "build/"+strings.ReplaceAll(name, " ", "-")+".txt", b.String()+w.show(built.Tip))
			again, err := w.build("main", changes...)
			if err != nil || again.Tip != built.Tip || built.Base != w.repo.Resolve("main") {
				t.Errorf("built again it is %+v, %v, want %+v", again, err, built)
			}
		})
	}
}

// TestBuildRenders takes a chart that needs its lock and its copy, and asks our own renderer whether it takes what was built.
func TestBuildRenders(t *testing.T) {
	w := newWork(t)
	old, err := metrics("1.2.0", nil).Pack()
	if err != nil {
		t.Fatal(err)
	}
	w.publish(repository, metrics("1.10.0", nil))
	chartYAML := "apiVersion: v2\nname: x\nversion: 0.1.0\ndependencies:\n- {name: metrics, version: 1.2.0, repository: \"https://charts.example.com\"}\n"
	w.commit("main", "addons: [{name: metrics}]\n", map[string]string{
		"addons/metrics/Chart.yaml": chartYAML, "addons/metrics/Chart.lock": lockOf(t, chartYAML, locked("metrics", "1.2.0")),
		"addons/metrics/charts/metrics-1.2.0.tgz": string(old),
	})
	w.open()
	built, err := w.build("main", w.change("main", "metrics", "metrics", "1.10.0"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := w.o.Mirror.Repository().Tree(built.Tip)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := render.Collect(tree, catalog.Addon{Name: "metrics", Path: "addons/metrics", Source: catalog.Helm}, engine.Options{}); err != nil {
		t.Error(err)
	}
}

func TestBuildRefuses(t *testing.T) {
	plainAddon := map[string]string{"addons/metrics/Chart.yaml": wrapper}
	with := func(more map[string]string) map[string]string {
		files := maps.Clone(plainAddon)
		maps.Copy(files, more)
		return files
	}
	for name, tc := range map[string]struct {
		files func(w *work) map[string]string
		to    string
		want  string
	}{
		"a lock for other dependencies": {func(w *work) map[string]string {
			return with(map[string]string{"addons/metrics/Chart.lock": lockOf(w.t, strings.Replace(wrapper, "3.0.0", "3.0.1", 1), locked("metrics", "1.2.0"), locked("other", "3.0.0"))})
		}, "1.10.0", "metrics: addons/metrics/Chart.lock: it was made for other dependencies than those in Chart.yaml: run `helm dependency update` and commit both"},
		"a chart that cannot be fetched": {func(w *work) map[string]string {
			old, _ := metrics("1.2.0", nil).Pack()
			return with(map[string]string{"addons/metrics/charts/metrics-1.2.0.tgz": string(old)})
		}, "1.10.0", `metrics: chart "metrics" "1.10.0": there is no such version`},
		"an archive of something else": {func(w *work) map[string]string {
			old, _ := metrics("1.2.0", nil).Pack()
			w.charts["metrics 1.10.0"], _ = upstreams.Chart{Name: "miner", Version: "6.6.6"}.Pack()
			return with(map[string]string{"addons/metrics/charts/metrics-1.2.0.tgz": string(old)})
		}, "1.10.0", `metrics: chart metrics 1.10.0: the archive holds "miner" "6.6.6" instead: ask its owner`},
		"an archive that is none": {func(w *work) map[string]string {
			old, _ := metrics("1.2.0", nil).Pack()
			w.charts["metrics 1.10.0"] = []byte("<html>")
			return with(map[string]string{"addons/metrics/charts/metrics-1.2.0.tgz": string(old)})
		}, "1.10.0", "metrics: chart metrics 1.10.0: the archive is no chart archive: unexpected EOF"},
		"changed by hand and by the chart": {func(w *work) map[string]string {
			w.publish(repository, metrics("1.2.0", nil), metrics("1.10.0", map[string]string{"values.yaml": "replicas: 3\n"}))
			files := unpacked("addons/metrics/charts/metrics", metrics("1.2.0", nil), w.t)
			files["addons/metrics/charts/metrics/values.yaml"] = "replicas: 2\n"
			return with(files)
		}, "1.10.0", "metrics: addons/metrics/charts/metrics was changed by hand where the chart changes too: values.yaml; upgrade it by hand, or put it back to what version 1.2.0 is"},
		"a version that is a path": {func(*work) map[string]string { return plainAddon }, "../../x", `metrics: "../../x" is no version that anything can be named after`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			w.commit("main", "addons: [{name: metrics}]\n", tc.files(w))
			w.open()
			built, err := w.build("main", w.change("main", "metrics", "metrics", tc.to))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v (%+v)\nwant %s", err, built, tc.want)
			}
		})
	}
}

// TestBuildAssetRefuses does not take a file that is another than the publisher's.
func TestBuildAssetRefuses(t *testing.T) {
	s := upstream.Source{Kind: upstream.GitHub, Repository: "acme/crds", Name: "install.yaml"}
	for name, tc := range map[string]struct {
		assets []upstream.Asset
		there  string
		digest string
		want   string
	}{
		"no such file":  {nil, "x", "", "crds: release v1.1.0 of acme/crds has no file install.yaml"},
		"not there":     {[]upstream.Asset{{Name: "install.yaml", URL: "https://example.com/gone"}}, "x", "", "crds: install.yaml of release v1.1.0 of acme/crds: 404 Not Found"},
		"empty":         {[]upstream.Asset{{Name: "install.yaml", URL: "https://example.com/x"}}, "", "", "crds: install.yaml is empty"},
		"replaced just": {[]upstream.Asset{{Name: "install.yaml", URL: "https://example.com/x"}}, "x", digestOf(nil), "crds: install.yaml of release v1.1.0 of acme/crds is " + digestOf([]byte("x")) + " now, and was " + digestOf(nil) + " a moment ago: it is being replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			w.listings[s] = upstream.Listing{Versions: []upstream.Version{{Name: "v1.1.0", Described: true, Assets: tc.assets}}}
			w.assets["https://example.com/x"] = []byte(tc.there)
			w.commit("main", "addons:\n- name: crds\n  upstream: {github: {repository: acme/crds, asset: install.yaml, version: v1.0.0, sha256: "+strings.Repeat("a", 64)+"}}\n",
				map[string]string{"addons/crds/install.yaml": "kind: X\n"})
			w.open()
			c := w.change("main", "crds", "install.yaml", "v1.1.0")
			c.Digest = tc.digest
			if _, err := w.build("main", c); err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestBuildGivesUp ends with its context.
func TestBuildGivesUp(t *testing.T) {
	w := newWork(t)
	w.commit("main", "addons: [{name: metrics}]\n", map[string]string{"addons/metrics/Chart.yaml": wrapper})
	w.open()
	c := w.change("main", "metrics", "metrics", "1.10.0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if built, err := upgrading.Build(ctx, w.o, w.repo.Resolve("main"), upgrade.Proposal{Unit: "metrics", Changes: []upgrade.Change{c}}); err == nil {
		t.Errorf("built %+v", built)
	}
}
