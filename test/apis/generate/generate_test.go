package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

const data = "../../../internal/core/apis/data/"

// known are the groups that a part of the tests needs.
var known = map[string]string{"apps": "apps", "core": "", "flowcontrol": "flowcontrol.apiserver.k8s.io", "batch": "batch"}

// TestTheKubernetesOfThisModule makes the data of one minor again: its sources are there, because the sandbox runs them.
func TestTheKubernetesOfThisModule(t *testing.T) {
	dir, err := plane.ModuleDir(t.Context(), "k8s.io/kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	api, err := plane.ModuleDir(t.Context(), "k8s.io/api")
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]string{}
	if err := addGroups(groups, os.DirFS(api)); err != nil {
		t.Fatal(err)
	}
	kinds, err := served(os.DirFS(dir), groups)
	if err != nil {
		t.Fatal(err)
	}
	m := module{"k8s.io/kubernetes", dir[strings.LastIndex(dir, "@")+1:]}
	want, err := os.ReadFile(data + m.minor() + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(minorFile(m, kinds))); diff != "" {
		t.Errorf("%s is not what its sources say; run make generate-apis (-checked in +made now):\n%s", m, diff)
	}
}

// tree is a small Kubernetes: a stable version, a beta that is on in part, a beta and an alpha that are off.
func tree(change map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"pkg/controlplane/instance.go": `package controlplane
import (
	appsv1 "k8s.io/api/apps/v1"
	apiv1 "k8s.io/api/core/v1"
	batchv1alpha1 "k8s.io/api/batch/v1alpha1"
	flowcontrolv1beta3 "k8s.io/kubernetes/pkg/apis/flowcontrol/v1beta3"
)
var (
	on    = []schema.GroupVersion{appsv1.SchemeGroupVersion, apiv1.SchemeGroupVersion}
	betas = []schema.GroupVersionResource{flowcontrolv1beta3.SchemeGroupVersion.WithResource("flowschemas")}
	off   = []schema.GroupVersion{batchv1alpha1.SchemeGroupVersion}
)
func f() {
	ret.EnableVersions(on...)
	ret.DisableVersions(off...)
	ret.EnableResources(betas...)
}`,
		"pkg/registry/apps/rest/storage.go": `package rest
func (p P) v1Storage() {
	storage[resource] = s
	if utilfeature.DefaultFeatureGate.Enabled(features.A) {
		storage[resource+"/scale"] = s
	}
}
func (p P) v1beta1Storage() {
	if utilfeature.DefaultFeatureGate.Enabled(features.A) { storage["betas"] = s }
}`,
		"api/discovery/api__v1.json": `{"groupVersion":"v1","resources":[
			{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]},
			{"name":"pods/status","kind":"Pod","namespaced":true,"verbs":["get"]},
			{"name":"bindings","kind":"Binding","namespaced":true,"verbs":["create"]},
			{"name":"componentstatuses","kind":"ComponentStatus","namespaced":false,"verbs":["get","list"]}]}`,
		"api/discovery/apis__apps__v1.json":                 `{"groupVersion":"apps/v1","resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list","watch"]}]}`,
		"api/discovery/apis__batch__v1alpha1.json":          `{"groupVersion":"batch/v1alpha1","resources":[{"name":"a","kind":"A","verbs":["list","watch"]}]}`,
		"api/discovery/apis__apiextensions.k8s.io__v1.json": `{"groupVersion":"apiextensions.k8s.io/v1","resources":[{"name":"customresourcedefinitions","kind":"CustomResourceDefinition","verbs":["list","watch"]}]}`,
		"api/discovery/apis__apps.json":                     `{"kind":"APIGroup"}`,
		"api/discovery/aggregated_v2.json":                  `not read`,
		"api/discovery/apis__flowcontrol.apiserver.k8s.io__v1beta3.json": `{"groupVersion":"flowcontrol.apiserver.k8s.io/v1beta3","resources":[
			{"name":"flowschemas","kind":"FlowSchema","verbs":["list","watch"]},
			{"name":"prioritylevelconfigurations","kind":"PriorityLevelConfiguration","verbs":["list","watch"]}]}`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range change {
		files[name] = &fstest.MapFile{Data: []byte(text)}
		if text == "" {
			delete(files, name)
		}
	}
	return files
}

func TestServed(t *testing.T) {
	kinds, err := served(tree(nil), known)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range kinds {
		got = append(got, k.String())
	}
	want := []string{
		"apiextensions.k8s.io/v1 CustomResourceDefinition cluster",
		"apps/v1 Deployment namespaced",
		"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema cluster",
		"v1 Binding namespaced unlisted",
		"v1 ComponentStatus cluster unlisted",
		"v1 Pod namespaced",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestServedRefuses: what Kubernetes has never done so far is refused, not guessed.
func TestServedRefuses(t *testing.T) {
	const instance, storage = "pkg/controlplane/instance.go", "pkg/registry/apps/rest/storage.go"
	for name, tc := range map[string]struct {
		change map[string]string
		want   string
	}{
		"a stable version that nobody switches on": {
			map[string]string{"api/discovery/apis__batch__v1.json": `{"groupVersion":"batch/v1"}`},
			"batch/v1 is published, is stable, and instance.go does not switch it on: say in elsewhere who does",
		},
		"a version that is on, and not published": {
			map[string]string{"api/discovery/apis__apps__v1.json": ""},
			"apps/v1 is switched on, and api/discovery does not have it",
		},
		"a resource that is on, and not published": {
			map[string]string{"api/discovery/apis__flowcontrol.apiserver.k8s.io__v1beta3.json": ""},
			"flowcontrol.apiserver.k8s.io/v1beta3/flowschemas is switched on, and api/discovery does not have it",
		},
		"a gate on a stable kind": {
			map[string]string{storage: `package rest
func (p P) v1Storage() {
	if utilfeature.DefaultFeatureGate.Enabled(features.A) { storage["deployments"] = s }
}`},
			storage + ": a feature gate decides in v1Storage whether deployments is served: the generator must learn its default",
		},
		"a gate within, in the else": {
			map[string]string{storage: `package rest
func (p P) v2Storage() {
	if on := utilfeature.DefaultFeatureGate.Enabled(features.A); !on {
	} else if true { storage[resource] = s }
}`},
			storage + ": a feature gate decides in v2Storage whether resource is served: the generator must learn its default",
		},
		"a list made by a function": {
			map[string]string{instance: "package a\nfunc f() { ret.EnableVersions(all()...) }"},
			instance + ": what EnableVersions or EnableResources gets",
		},
		"a version written otherwise": {
			map[string]string{instance: "package a\nvar on = []schema.GroupVersion{{Group: `apps`}}\nfunc f() { ret.EnableVersions(on...) }"},
			instance + ": list on: cannot read an element of type *ast.CompositeLit",
		},
		"an unknown group": {
			map[string]string{instance: "package a\nimport newv1 `k8s.io/api/new/v1`\nvar on = []schema.GroupVersion{newv1.SchemeGroupVersion}\nfunc f() { ret.EnableVersions(on...) }"},
			instance + ": list on: no group is known of newv1 (k8s.io/api/new/v1)",
		},
		"nothing switched on": {map[string]string{instance: "package a"}, instance + ": it switches nothing on"},
		"a list without a version": {
			map[string]string{"api/discovery/api__v1.json": "{}"},
			"read api/discovery/api__v1.json: it has no groupVersion",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kinds, err := served(tree(tc.change), known)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("%v, error %v\nwant %s", kinds, err, tc.want)
			}
		})
	}
}

const lifecycleGo = `package v1beta1
func (in *CronJob) APILifecycleIntroduced() (major, minor int) { return 1, 8 }
func (in *CronJob) APILifecycleDeprecated() (major, minor int) { return 1, 21 }
func (in *CronJob) APILifecycleReplacement() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}
}
func (in *CronJob) APILifecycleRemoved() (major, minor int) { return 1, 25 }
func (in *CronJobList) APILifecycleIntroduced() (major, minor int) { return 1, 8 }
func (in *JobOptions) APILifecycleIntroduced() (major, minor int) { return 1, 8 }
func (in *Job) APILifecycleIntroduced() (major, minor int) { return 0, 0 }
`

func TestReadLives(t *testing.T) {
	const name = "batch/v1beta1/zz_generated.prerelease-lifecycle.go"
	got, err := readLives(fstest.MapFS{name: {Data: []byte(lifecycleGo)}}, "", known)
	want := map[string]life{
		"batch/v1beta1 CronJob": {introduced: 8, deprecated: 21, removed: 25, replacement: "batch/v1"},
		"batch/v1beta1 Job":     {},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(life{})); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	for text, want := range map[string]string{
		"return 1, 8 }":     "return 2, 8 }",
		"Introduced":        "Invented",
		"{ return 1, 8 }":   "{ return release() }",
		"{ return 1, 8 }\n": "{ major, minor = 1, 8; return }\n",
		"schema.GroupVersionKind{Group: \"batch\", Version: \"v1\", Kind: \"CronJob\"}": "CronJob",
	} {
		changed := strings.Replace(lifecycleGo, text, want, 1)
		if got, err := readLives(fstest.MapFS{name: {Data: []byte(changed)}}, "", known); err == nil {
			t.Errorf("%s: read as %v", want, got)
		}
	}
	if _, err := readLives(fstest.MapFS{"new/v1/" + name[14:]: {Data: []byte(lifecycleGo)}}, "", known); err == nil || err.Error() != "no group is known of new/v1/zz_generated.prerelease-lifecycle.go" {
		t.Errorf("unknown group: %v", err)
	}
	if _, err := readLives(fstest.MapFS{}, "", known); err == nil || err.Error() != "no file with lifecycles" {
		t.Errorf("no files: %v", err)
	}
}

// TestMerge has three minors, the newest first, of a group in which things came and went.
func TestMerge(t *testing.T) {
	got := merge([]release{
		{minor: 34, lives: map[string]life{
			"a/v1 Kept":        {introduced: 30},
			"a/v1beta2 Kept":   {introduced: 29, deprecated: 32, removed: 36},
			"a/v1 Doomed":      {introduced: 29, removed: 40},
			"a/v1 Tired":       {introduced: 29, deprecated: 31},
			"a/v1beta1 Doomed": {introduced: 28, deprecated: 31},
		}, types: map[string]string{"a/v1 Kept": "", "a/v1beta1 Scheduled": "", "a/v1alpha1 Silent": ""}},
		{minor: 33, lives: map[string]life{
			"a/v1 Kept":           {introduced: 1}, // the newest knows better
			"a/v1 Gone":           {introduced: 20},
			"a/v1alpha1 Dropped":  {introduced: 31, deprecated: 34, removed: 37},
			"a/v1alpha1 Endless":  {introduced: 31},
			"a/v1beta1 Scheduled": {introduced: 25, deprecated: 28, removed: 35},
		}},
		{minor: 32, lives: map[string]life{
			"a/v1beta1 Kept": {introduced: 25, deprecated: 28, removed: 31, replacement: "a/v1beta2"},
			"a/v1beta1 Old":  {introduced: 25, deprecated: 28, removed: 31, replacement: "b/v1"},
		}, types: map[string]string{"a/v1alpha1 Kept": "", "a/v1 Gone": "", "a/v1alpha1 Silent": ""}},
	})
	want := map[string]life{
		"a/v1 Kept":           {introduced: 30},
		"a/v1 Doomed":         {introduced: 29, removed: 40},
		"a/v1 Tired":          {introduced: 29, deprecated: 31},
		"a/v1beta1 Doomed":    {introduced: 28, deprecated: 31},
		"a/v1beta2 Kept":      {introduced: 29, deprecated: 32, removed: 36, replacement: "a/v1"},
		"a/v1 Gone":           {introduced: 20},
		"a/v1alpha1 Dropped":  {introduced: 31, removed: 34},
		"a/v1alpha1 Endless":  {introduced: 31, removed: 34},
		"a/v1alpha1 Kept":     {removed: 33, replacement: "a/v1"},
		"a/v1alpha1 Silent":   {},
		"a/v1beta1 Scheduled": {introduced: 25, deprecated: 28, removed: 35},
		"a/v1beta1 Kept":      {introduced: 25, deprecated: 28, removed: 31, replacement: "a/v1"},
		"a/v1beta1 Old":       {introduced: 25, deprecated: 28, removed: 31, replacement: "b/v1"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(life{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDeprecations(t *testing.T) {
	types, err := readTypes(fstest.MapFS{"core/v1/types.go": {Data: []byte(`package v1
// Endpoints is a list.
//
// Deprecated: This API is deprecated in v1.33+. Use batchv1.EndpointSlice.
type Endpoints struct {
	metav1.TypeMeta
	metav1.ObjectMeta
}
// Deprecated: This API is deprecated in v1.33+.
type EndpointsList struct { metav1.TypeMeta; metav1.ListMeta }
// Deprecated: This API is deprecated in v1.33+.
type EndpointsTemplate struct { metav1.ObjectMeta }
// Deprecated: This API is deprecated in v1.19+
type ComponentStatus struct { metav1.TypeMeta; metav1.ObjectMeta }
// Pod is not.
type Pod struct { metav1.TypeMeta; metav1.ObjectMeta }
// Deprecated: This API is deprecated in v1.19+
type Name string
`)}}, known)
	if err != nil {
		t.Fatal(err)
	}
	lives := map[string]life{"v1 Endpoints": {introduced: 2}, "v1 Pod": {introduced: 1}}
	err = addDeprecations(lives, types, known)
	want := map[string]life{
		"v1 Endpoints":       {introduced: 2, deprecated: 33, replacement: "batch/v1"},
		"v1 ComponentStatus": {deprecated: 19},
		"v1 Pod":             {introduced: 1},
	}
	if diff := cmp.Diff(want, lives, cmp.AllowUnexported(life{})); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
}
