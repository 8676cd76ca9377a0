package argocd_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v2/applicationset/generators"
	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

const finalizer = "resources-finalizer.argocd.argoproj.io"

var delivery = argocd.Delivery{Namespace: "argocd", URL: "https://git.example.com/config.git", Project: "addons"}

// elements are one of each shape, in the order of their addons.
func elements() []resolve.Element {
	commit := strings.Repeat("ab", 20)
	make := func(addon string, change func(*resolve.Element)) resolve.Element {
		e := resolve.Element{
			Application: "tokyo-1-" + addon, Addon: addon, Placement: "workload", OnDisable: "prune", Release: "v1.31-ake.4", Commit: commit, Revision: commit,
			Path: "addons/" + addon, Namespace: addon, Server: "https://10.0.0.1:6443", Patch: `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`,
		}
		change(&e)
		return e
	}
	return []resolve.Element{
		make("helm", func(e *resolve.Element) {
			e.Patch = `{"spec":{"source":{"helm":{"valuesObject":{"cluster":{"name":"{{ .Values }}","region":"$(id) ` + "`id`" + `\n\"\\ {{ fail \"now\" }}"},"size":"3"}}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
		}),
		make("hostile", func(e *resolve.Element) {
			e.Server, e.Namespace, e.Path = "https://API.example.com/{{ fail \"x\" }}/{{.application}}", "{{ .addon }}", "addons/{{ range $i := until 9 }}x{{ end }}"
		}),
		make("kustomize", func(e *resolve.Element) {
			e.Patch = `{"spec":{"source":{"kustomize":{"patches":[{"patch":"[{\"op\":\"add\",\"path\":\"/data/a\",\"value\":\"{{ .server }} \\u003c\\\"\"}]","target":{"kind":"ConfigMap","name":"addon-parameters"}}]}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
		}),
		make("leaving", func(e *resolve.Element) { e.Finalize = true }),
		make("long", func(e *resolve.Element) {
			e.Patch = `{"spec":{"source":{"helm":{"releaseName":"short","valuesObject":{"size":"3"}}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
		}),
		make("longer", func(e *resolve.Element) {
			e.Patch = `{"spec":{"source":{"helm":{"releaseName":"short"}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
		}),
		make("management", func(e *resolve.Element) {
			e.Placement, e.OnDisable, e.Server, e.Namespace = "management", "retain", "https://kubernetes.default.svc", "addons-tokyo-1"
		}),
		make("options", func(e *resolve.Element) {
			e.Patch = `{"spec":{"ignoreDifferences":[{"group":"apps","jqPathExpressions":[".spec.x | {{ .y }}"],"jsonPointers":["/data"],"kind":"Secret","managedFieldsManagers":["m"],"name":"n","namespace":"ns"}],"syncPolicy":{"syncOptions":["ServerSideApply=true","CreateNamespace=false"]}}}`
		}),
		make("tagged", func(e *resolve.Element) { e.Revision = e.Release }),
	}
}

// render makes the Applications as Argo CD's ApplicationSet controller would, with its own code.
func render(t *testing.T, set *argocd.ApplicationSet) []argocd.Application {
	t.Helper()
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	read := argo.ApplicationSet{} // As the controller reads it from the API server.
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetLevel(logrus.PanicLevel)
	apps, _, err := template.GenerateApplications(logrus.NewEntry(log), read, map[string]generators.Generator{"List": generators.NewListGenerator()}, &utils.Render{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range apps {
		raw, err := json.Marshal(apps[i])
		if err != nil {
			t.Fatal(err)
		}
		apps[i] = argo.Application{}
		if err := json.Unmarshal(raw, &apps[i]); err != nil {
			t.Fatal(err)
		}
	}
	return apps
}

func compile(t *testing.T, list []resolve.Element) *argocd.ApplicationSet {
	t.Helper()
	set, err := delivery.Compile("tokyo-1", resolve.Admitted{}, list)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestRoundTrip reads back exactly what was compiled, also by way of the API server.
func TestRoundTrip(t *testing.T) {
	want := elements()
	set := compile(t, want)
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	stored := &argocd.ApplicationSet{}
	if err := json.Unmarshal(raw, stored); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]*argocd.ApplicationSet{"compiled": set, "stored": stored} {
		got, err := argocd.Elements(set)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	again, err := json.Marshal(compile(t, elements()))
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != string(again) {
		t.Error("the same elements make other bytes")
	}
}

// TestApplicationsTellTheSame lets Argo CD's own code make the Applications, and finds in them alone the elements that they came from:
// whatever an element says is taken literally, and an ApplicationSet that is lost can be written again as it was.
func TestApplicationsTellTheSame(t *testing.T) {
	want := elements()
	set := compile(t, want)
	apps := render(t, set)

	var names []string
	for i, app := range apps {
		names = append(names, app.Name)
		has := slices.Contains(app.Finalizers, finalizer)
		if has != want[i].Finalize || has != argocd.Prunes(&app) {
			t.Errorf("%s: finalizers %q, want one: %v", app.Name, app.Finalizers, want[i].Finalize)
		}
		if name, ok := argocd.ClusterOf(app.Labels, app.Annotations); !ok || name != "tokyo-1" {
			t.Errorf("%s: belongs to %q", app.Name, name)
		}
	}
	var wantNames []string
	listed := map[string]resolve.Delivered{}
	for _, e := range want {
		wantNames = append(wantNames, e.Application)
		listed[e.Application] = resolve.Delivered{
			Element: e, Listed: true, Exists: true, Finalizer: e.Finalize, Status: resolve.Status{Release: e.Release},
		}
	}
	if d := cmp.Diff(wantNames, names); d != "" {
		t.Fatalf("Applications (-want +got):\n%s", d)
	}

	both, err := argocd.Delivered(set, apps)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := argocd.Delivered(nil, apps)
	if err != nil {
		t.Fatal(err)
	}
	for i := range both {
		if d := cmp.Diff(listed[both[i].Application], both[i]); d != "" {
			t.Errorf("with the ApplicationSet (-want +got):\n%s", d)
		}
		unlisted := listed[alone[i].Application]
		unlisted.Listed, unlisted.Finalize = false, false // The finalizer itself says it.
		if d := cmp.Diff(unlisted, alone[i]); d != "" {
			t.Errorf("without (-want +got):\n%s", d)
		}
	}

	slim := slices.Clone(apps)
	for i := range slim {
		slim[i] = *slim[i].DeepCopy()
		slim[i].ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}}
		slim[i].Annotations["note"] = "x"
		argocd.Slim(&slim[i])
		if slim[i].ManagedFields != nil || slim[i].Annotations["note"] != "" {
			t.Errorf("%s is not slim", slim[i].Name)
		}
	}
	if again, err := argocd.Delivered(nil, slim); err != nil || !cmp.Equal(alone, again) {
		t.Errorf("slim (%v):\n%s", err, cmp.Diff(alone, again))
	}
}

// TestApplication compares one whole Application.
func TestApplication(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	got := render(t, compile(t, elements()[6:7]))
	factor := int64(2)
	want := []argo.Application{{
		ObjectMeta: metav1.ObjectMeta{
			Name: "tokyo-1-management", Namespace: "argocd",
			Labels: map[string]string{
				"app.kubernetes.io/managed-by": "addon-manager", "addons.kaas.dev/addon": "management", "addons.kaas.dev/cluster": "tokyo-1",
				"addons.kaas.dev/release": "v1.31-ake.4", "addons.kaas.dev/kubernetes-minor": "1.31", "addons.kaas.dev/placement": "management",
			},
			Annotations: map[string]string{
				"addons.kaas.dev/cluster-name": "tokyo-1", "addons.kaas.dev/commit": commit, "addons.kaas.dev/on-disable": "retain",
			},
		},
		Spec: argo.ApplicationSpec{
			Project:     "addons",
			Source:      &argo.ApplicationSource{RepoURL: "https://git.example.com/config.git", TargetRevision: commit, Path: "addons/management"},
			Destination: argo.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: "addons-tokyo-1"},
			SyncPolicy: &argo.SyncPolicy{
				Automated:   &argo.SyncPolicyAutomated{Prune: true, SelfHeal: true},
				SyncOptions: []string{"CreateNamespace=true"},
				Retry:       &argo.RetryStrategy{Limit: -1, Backoff: &argo.Backoff{Duration: "5s", Factor: &factor, MaxDuration: "3m"}},
			},
			Info: []argo.Info{{Name: "Release", Value: "v1.31-ake.4"}, {Name: "Kubernetes minor", Value: "1.31"}},
		},
	}}
	a, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Errorf("Application (-want +got):\n%s", d)
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*resolve.Element)
		want   string
	}{
		"no revision":   {func(e *resolve.Element) { e.Revision = "" }, `addon "helm" of cluster "tokyo-1": the revision is empty, which Argo CD would read as the newest commit`},
		"foreign patch": {func(e *resolve.Element) { e.Patch = `{"metadata":{}}` }, `addon "helm" of cluster "tokyo-1": patch "{\"metadata\":{}}" is none of ours`},
		"no release":    {func(e *resolve.Element) { e.Release = "main" }, `addon "helm" of cluster "tokyo-1": "main" is not a release tag: it does not start with v; want v<minor>-<distribution>.<n>, such as v1.31-ake.4`},
	} {
		t.Run(name, func(t *testing.T) {
			list := elements()
			tc.change(&list[0])
			if _, err := delivery.Compile("tokyo-1", resolve.Admitted{}, list); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

// TestElementsRefuse reads no set in part: an element that is skipped would look as if its addon had never been delivered.
func TestElementsRefuse(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"not JSON":       {`{`, `ApplicationSet "tokyo-1", spec.generators[0].list.elements[1]: unexpected end of JSON input`},
		"wrong type":     {`{"application":1}`, `ApplicationSet "tokyo-1", spec.generators[0].list.elements[1]: json: cannot unmarshal number into Go struct field element.application of type string`},
		"no application": {`{"addon":"x"}`, `ApplicationSet "tokyo-1", spec.generators[0].list.elements[1]: application or addon is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			set := compile(t, elements())
			set.Spec.Generators[0].List.Elements[1].Raw = []byte(tc.raw)
			if _, err := argocd.Elements(set); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
			if _, err := argocd.Delivered(set, nil); err == nil {
				t.Error("Delivered gives no error")
			}
			if _, err := argocd.Differs(set, compile(t, elements()), elements()); err == nil {
				t.Error("Differs gives no error")
			}
		})
	}
}

func TestDiffers(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*argocd.ApplicationSet)
		want   bool
	}{
		"nothing":             {func(*argocd.ApplicationSet) {}, false},
		"what others add":     {func(s *argocd.ApplicationSet) { s.Labels["team"], s.Annotations["note"] = "x", "y" }, false},
		"status and metadata": {func(s *argocd.ApplicationSet) { s.ResourceVersion, s.Generation, s.UID = "7", 3, "u" }, false},
		"another finalizer":   {func(s *argocd.ApplicationSet) { s.Finalizers = append(s.Finalizers, "x/y") }, false},
		"no finalizer":        {func(s *argocd.ApplicationSet) { s.Finalizers = nil }, true},
		"a label":             {func(s *argocd.ApplicationSet) { delete(s.Labels, argocd.LabelCluster) }, true},
		"an annotation":       {func(s *argocd.ApplicationSet) { s.Annotations[argocd.AnnotationCluster] = "other" }, true},
		"the policy":          {func(s *argocd.ApplicationSet) { s.Spec.SyncPolicy.PreserveResourcesOnDeletion = false }, true},
		"the template":        {func(s *argocd.ApplicationSet) { s.Spec.Template.Spec.Project = "default" }, true},
		"one element less":    {func(s *argocd.ApplicationSet) { l := s.Spec.Generators[0].List; l.Elements = l.Elements[1:] }, true},
		"one element at another release": {func(s *argocd.ApplicationSet) {
			l := s.Spec.Generators[0].List
			l.Elements[0].Raw = []byte(strings.ReplaceAll(string(l.Elements[0].Raw), "v1.31-ake.4", "v1.31-ake.3"))
		}, true},
		"no generator": {func(s *argocd.ApplicationSet) { s.Spec.Generators = nil }, true},
		"one more generator": {func(s *argocd.ApplicationSet) {
			s.Spec.Generators = append(s.Spec.Generators, argo.ApplicationSetGenerator{Clusters: &argo.ClusterGenerator{}})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			desired := compile(t, elements())
			existing := desired.DeepCopy()
			argocd.SlimSet(existing)
			tc.change(existing)
			got, err := argocd.Differs(existing, desired, elements())
			if err != nil || got != tc.want {
				t.Errorf("Differs: %v, %v, want %v", got, err, tc.want)
			}
		})
	}
	if got, err := argocd.Differs(nil, compile(t, elements()), elements()); !got || err != nil {
		t.Errorf("where there is none: %v, %v", got, err)
	}
}

// TestStatus tells what Argo CD says, cut to what a status can hold.
func TestStatus(t *testing.T) {
	app := render(t, compile(t, elements()[1:2]))[0]
	status := func(change func(*argo.Application)) resolve.Status {
		t.Helper()
		one := *app.DeepCopy()
		change(&one)
		full, err := argocd.Delivered(nil, []argocd.Application{one})
		if err != nil {
			t.Fatal(err)
		}
		argocd.Slim(&one)
		slim, err := argocd.Delivered(nil, []argocd.Application{one})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(full, slim); d != "" {
			t.Errorf("slim tells another story (-full +slim):\n%s", d)
		}
		return full[0].Status
	}
	long := strings.Repeat("語", 200)
	for name, tc := range map[string]struct {
		change func(*argo.Application)
		want   resolve.Status
	}{
		"nothing yet": {func(*argo.Application) {}, resolve.Status{Release: "v1.31-ake.4"}},
		"fine, old errors forgotten": {func(a *argo.Application) {
			a.Status.Sync = argo.SyncStatus{Status: "Synced", Revision: "abc"}
			a.Status.Health.Status = "Healthy"
			a.Status.OperationState = &argo.OperationState{Phase: "Failed", Message: "before"}
		}, resolve.Status{Release: "v1.31-ake.4", Sync: "Synced", Health: "Healthy", Revision: "abc", Operation: resolve.Operation{Phase: "Failed"}}},
		"when it was found, and synced": {func(a *argo.Application) {
			at := func(minute int) *metav1.Time {
				t := metav1.NewTime(time.Date(2026, 1, 31, 12, minute, 0, 0, time.FixedZone("", 3600)))
				return &t
			}
			a.Status.Sync = argo.SyncStatus{Status: "Synced", Revision: "abc"}
			a.Status.Health = argo.HealthStatus{Status: "Healthy", LastTransitionTime: at(1)}
			a.Status.ReconciledAt = at(2)
			a.Status.OperationState = &argo.OperationState{Phase: "Succeeded", FinishedAt: at(3), SyncResult: &argo.SyncOperationResult{Revision: "abc"}}
		}, resolve.Status{
			Release: "v1.31-ake.4", Sync: "Synced", Health: "Healthy", Revision: "abc",
			HealthSince: time.Date(2026, 1, 31, 11, 1, 0, 0, time.UTC), Reconciled: time.Date(2026, 1, 31, 11, 2, 0, 0, time.UTC),
			Operation: resolve.Operation{Phase: "Succeeded", Revision: "abc", Finished: time.Date(2026, 1, 31, 11, 3, 0, 0, time.UTC)},
		}},
		"an error condition": {func(a *argo.Application) {
			a.Status.Sync.Status = "Unknown"
			a.Status.Conditions = []argo.ApplicationCondition{{Type: "OrphanedResourceWarning", Message: "warn"}, {Type: "ComparisonError", Message: "boom"}}
		}, resolve.Status{Release: "v1.31-ake.4", Sync: "Unknown", Message: "boom"}},
		"a failed operation": {func(a *argo.Application) {
			a.Status.Sync.Status = "OutOfSync"
			a.Status.OperationState = &argo.OperationState{Phase: "Failed", Message: long}
		}, resolve.Status{Release: "v1.31-ake.4", Sync: "OutOfSync", Message: strings.Repeat("語", 100) + "…", Operation: resolve.Operation{Phase: "Failed"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, status(tc.change)); d != "" {
				t.Errorf("status (-want +got):\n%s", d)
			}
		})
	}
}

func TestWithoutFinalizer(t *testing.T) {
	app := &argocd.Application{}
	app.Finalizers = []string{"post-delete-finalizer.argocd.argoproj.io", finalizer, finalizer + "/background", "x/y"}
	if !argocd.Prunes(app) {
		t.Error("does not prune")
	}
	if d := cmp.Diff([]string{"post-delete-finalizer.argocd.argoproj.io", "x/y"}, argocd.WithoutFinalizer(app)); d != "" {
		t.Errorf("finalizers (-want +got):\n%s", d)
	}
	if len(app.Finalizers) != 4 {
		t.Error("the Application itself was changed")
	}
	app.Finalizers = argocd.WithoutFinalizer(app)
	if argocd.Prunes(app) {
		t.Error("still prunes")
	}
}

// TestChanged wakes for what matters to a decision, and sleeps through the rest.
func TestChanged(t *testing.T) {
	base := render(t, compile(t, elements()[1:2]))[0]
	for name, tc := range map[string]struct {
		change func(*argo.Application)
		want   bool
	}{
		"nothing":         {func(*argo.Application) {}, false},
		"a sync began":    {func(a *argo.Application) { a.Generation++; a.Operation = &argo.Operation{} }, false},
		"another server":  {func(a *argo.Application) { a.Generation++; a.Spec.Destination.Server = "https://other" }, true},
		"another release": {func(a *argo.Application) { a.Labels = map[string]string{argocd.LabelRelease: "v1.31-ake.5"} }, true},
		"now healthy":     {func(a *argo.Application) { a.Status.Health.Status = "Healthy" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			other := base.DeepCopy()
			tc.change(other)
			if got := argocd.Changed(&base, other); got != tc.want {
				t.Errorf("Changed: %v, want %v", got, tc.want)
			}
		})
	}
}
