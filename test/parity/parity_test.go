//go:build linux

package parity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/gitops-engine/pkg/sync/hook"
	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// tracking is Argo CD's default label.
const tracking = "app.kubernetes.io/instance"

func versions(minor string) []string {
	m, err := version.ParseMinor(minor)
	if err != nil {
		panic(err)
	}
	set, err := apis.Of(m)
	if err != nil {
		panic(err)
	}
	return set.Versions()
}

func TestFixturesRenderAsArgoCDRendersThem(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the sandbox's repo-server; run without -short")
	}
	all := fixtures(t)
	contents := map[string][]byte{}
	charts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := contents[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data) // the client says when it is not enough
	}))
	defer charts.Close()
	for i := range all {
		f := &all[i]
		f.Release = cmp.Or(f.Release, "the-release")
		f.Namespace = cmp.Or(f.Namespace, "the-namespace")
		f.Minor = cmp.Or(f.Minor, "1.31")
		f.Argo, f.Ours = cmp.Or(f.Argo, f.Error), cmp.Or(f.Ours, f.Error)
		for name, data := range f.files {
			if path.Ext(name) != ".tgz" {
				f.files[name] = bytes.ReplaceAll(data, []byte(chartsURL), []byte(charts.URL+"/"+f.name))
			}
		}
		maps.Copy(contents, f.files)
		contents[f.name+"/index.yaml"] = f.index(charts.URL)
	}
	committed := maps.Clone(contents)
	maps.DeleteFunc(committed, func(name string, _ []byte) bool { return path.Base(name) == "index.yaml" })
	s := serve(t, committed)
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) { f.compare(t, s, f.job(charts.URL)) })
	}
}

func (f fixture) compare(t *testing.T, s *server, job engine.Job) {
	label := ""
	if f.Label {
		label = tracking
	}
	want, argoErr := s.render(t.Context(), job, label)
	out, ourErr := engine.Render(t.Context(), job)
	says(t, "Argo CD", argoErr, f.Argo)
	says(t, "we", ourErr, f.Ours)
	if argoErr == nil && ourErr == nil && !f.Label {
		equal(t, want, out.Objects)
	}
}

func says(t *testing.T, who string, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("%s: no error; want %q", who, want)
	case err != nil && want == "":
		t.Errorf("%s: %v", who, err)
	case err != nil && !strings.Contains(err.Error(), want):
		t.Errorf("%s: %v\nwant %q", who, err, want)
	}
}

func TestAddonsRenderAsArgoCDRendersThem(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the sandbox's repo-server; run without -short")
	}
	root := os.DirFS("../..")
	text, err := fs.ReadFile(root, "catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode("catalog.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c, problems := catalog.Inspect(c, root)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	files := map[string][]byte{}
	err = fs.WalkDir(root, "addons", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(root, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, files)
	for _, addon := range c.Addons {
		for _, minor := range c.Minors {
			t.Run(addon.Name+"/"+minor.String(), func(t *testing.T) {
				job := engine.Job{
					Files: files, Path: addon.Path, Type: addon.Source, Release: "tokyo-1-" + addon.Name, Namespace: addon.Namespace,
					KubeVersion: minor.String(), APIVersions: assumed(versions(minor.String())),
				}
				parameters(&job, addon)
				want, err := s.render(t.Context(), job, "")
				if err != nil {
					t.Fatalf("Argo CD: %v", err)
				}
				out, err := engine.Render(t.Context(), job)
				if err != nil {
					t.Fatalf("we: %v", err)
				}
				if len(want) == 0 {
					t.Error("Argo CD rendered nothing")
				}
				equal(t, want, out.Objects)
			})
		}
	}
}

// TestChartsRenderAsArgoCDRendersThem renders charts that are not in this repository: PARITY_CHARTS names their folders, separated by commas.
func TestChartsRenderAsArgoCDRendersThem(t *testing.T) {
	dirs := strings.FieldsFunc(os.Getenv("PARITY_CHARTS"), func(r rune) bool { return r == ',' })
	if len(dirs) == 0 {
		t.Skip("PARITY_CHARTS names no charts")
	}
	files := map[string][]byte{}
	for _, dir := range dirs {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files[path.Base(dir)+"/"+name], err = os.ReadFile(dir + "/" + name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, files)
	for _, dir := range dirs {
		for _, minor := range []string{"1.31", "1.33"} {
			t.Run(path.Base(dir)+"/"+minor, func(t *testing.T) {
				job := engine.Job{
					Files: files, Path: path.Base(dir), Type: catalog.Helm, Release: "release", Namespace: "namespace",
					KubeVersion: minor, APIVersions: assumed(versions(minor)),
				}
				want, err := s.render(t.Context(), job, "")
				var once, again engine.Output
				if err == nil {
					once, err = engine.Render(t.Context(), job)
				}
				if err == nil {
					again, err = engine.Render(t.Context(), job)
				}
				if err != nil {
					t.Fatal(err)
				}
				random := map[string]bool{}
				for i, o := range once.Objects {
					differences(random, o.ID.String(), o.Content, again.Objects[i].Content)
				}
				for i, o := range once.Objects {
					once.Objects[i].Content = masked(random, o.ID.String(), o.Content).(map[string]any)
				}
				for i, o := range want {
					group, version, _ := strings.Cut(manifest.Text(o, "apiVersion"), "/")
					if version == "" {
						group, version = "", group
					}
					id := manifest.ID{
						Group: group, Version: version, Kind: manifest.Text(o, "kind"),
						Namespace: manifest.Text(o, "metadata", "namespace"), Name: manifest.Text(o, "metadata", "name"),
					}
					want[i] = masked(random, id.String(), o).(map[string]any)
				}
				t.Logf("%d objects, %d random values", len(want), len(random))
				equal(t, want, once.Objects)
			})
		}
	}
}

// differences notes the paths of values that two renders of the same input do not share.
func differences(at map[string]bool, where string, a, b any) {
	switch a := a.(type) {
	case map[string]any:
		for k, v := range a {
			differences(at, where+"/"+k, v, manifest.At(b, k))
		}
	case []any:
		for i, v := range a {
			if list, ok := b.([]any); ok && i < len(list) {
				differences(at, fmt.Sprint(where, "/", i), v, list[i])
			}
		}
	default:
		at[where] = at[where] || a != b
		if !at[where] {
			delete(at, where)
		}
	}
}

// masked is a copy without what is random.
func masked(random map[string]bool, where string, v any) any {
	if random[where] {
		return "random"
	}
	switch v := v.(type) {
	case map[string]any:
		c := map[string]any{}
		for k, inner := range v {
			c[k] = masked(random, where+"/"+k, inner)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, inner := range v {
			c[i] = masked(random, fmt.Sprint(where, "/", i), inner)
		}
		return c
	}
	return v
}

// parameters are passed as the Application has them.
func parameters(job *engine.Job, addon catalog.Addon) {
	var operations []string
	for _, p := range addon.Parameters {
		value := "tokyo-1"
		switch {
		case p.Default != nil:
			value = *p.Default
		case p.From.Field == "server":
			value = "https://tokyo-1.example.com:6443"
		}
		if addon.Source != catalog.Helm {
			operations = append(operations, fmt.Sprintf(`{"op":"add","path":"/data/%s","value":%q}`, strings.ReplaceAll(p.Name, "/", "~1"), value))
			continue
		}
		if job.Values == nil {
			job.Values = map[string]any{}
		}
		at, steps := job.Values, strings.Split(p.Name, ".")
		for _, step := range steps[:len(steps)-1] {
			next, ok := at[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		at[steps[len(steps)-1]] = value
	}
	if len(operations) > 0 {
		job.Patches = []engine.Patch{{
			Target: map[string]string{"kind": "ConfigMap", "name": "addon-parameters"},
			Patch:  "[" + strings.Join(operations, ",") + "]",
		}}
	}
}

// equal compares what Argo CD made with what we made, object by object, whatever their order.
func equal(t *testing.T, want []map[string]any, objects []manifest.Object) {
	t.Helper()
	got := make([]map[string]any, len(objects))
	for i, o := range objects {
		got[i] = o.Content
		if phase := phaseOf(o.Content); o.Hook != phase {
			t.Errorf("%s: hook %q; Argo CD takes it for %q", o.ID, o.Hook, phase)
		}
		if i > 0 && objects[i-1].Compare(o.ID) > 0 {
			t.Errorf("%s comes before %s", objects[i-1].ID, o.ID)
		}
	}
	theirs, ours := texts(want), texts(got)
	if diff := gocmp.Diff(theirs, ours); diff != "" {
		t.Errorf("-Argo CD +we:\n%s", diff)
	}
}

// texts are objects as lines of text that tell every type apart, sorted by what the objects are.
func texts(objects []map[string]any) []string {
	all := make([]string, len(objects))
	for i, o := range objects {
		text, err := json.MarshalIndent(o, "", " ")
		if err != nil {
			panic(err)
		}
		all[i] = fmt.Sprintf("%v %v %v\n%s", o["kind"], manifest.At(o, "metadata", "namespace"), manifest.At(o, "metadata", "name"), text)
	}
	slices.Sort(all)
	return all
}

// phaseOf asks Argo CD's own library for what Object.Hook says.
func phaseOf(content map[string]any) string {
	u := &unstructured.Unstructured{Object: content}
	var phases []string
	for _, phase := range hook.Types(u) {
		if !slices.Contains(phases, string(phase)) {
			phases = append(phases, string(phase))
		}
	}
	slices.Sort(phases)
	if len(phases) > 1 {
		phases = slices.DeleteFunc(phases, func(p string) bool { return p == engine.Skip }) // no phase that ever comes
	}
	switch {
	case len(phases) == 0 && u.GetAnnotations()["argocd.argoproj.io/hook"] == "PostDelete", u.GetAnnotations()["helm.sh/hook"] == "post-delete":
		return "PostDelete" // in the application controller, not in the library
	case hook.Skip(u), hook.IsHook(u) && len(phases) == 0:
		return engine.Skip
	}
	return strings.Join(phases, ",")
}
