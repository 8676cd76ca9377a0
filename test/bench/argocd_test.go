package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/test/sandbox"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// BenchmarkLabelToApplication measures the time from a label on a cluster Secret to the Application, through Argo CD's real
// ApplicationSet controller, in two ways on the same fleet: ours, and the usual one of an ApplicationSet for each addon with a clusters
// generator that selects by label.
func BenchmarkLabelToApplication(b *testing.B) {
	once(b)
	f := newFleet(b, size(b, "BENCH_CLUSTERS", 1000), size(b, "BENCH_ADDONS", 10))
	tools, err := sandbox.BuildTools(f.ctx, func(string) {})
	f.must(err)
	a, err := sandbox.StartArgoCD(f.ctx, f.plane, tools, sandbox.ArgoCDOptions{ApplicationSetOnly: true}, filepath.Join(b.TempDir(), "argocd"))
	f.must(err)
	defer a.Stop()
	f.argocd = a
	f.must(sandbox.Apply(f.ctx, f.config, strings.NewReader(project)))
	f.install(false)
	// The fleet is built up without Argo CD's controller, whose first pass over it would take half an hour: it finds every Application as it would
	// have made it.
	a.ApplicationSetController.Stop()
	f.populate()

	f.note("ours: first pass over the fleet")
	f.source()
	stop, _ := f.run()
	f.settle()
	stop()
	f.prepared()
	f.must(f.client.DeleteAllOf(f.ctx, &corev1.Secret{}, client.InNamespace(sandbox.Namespace), client.MatchingLabels{"argocd.argoproj.io/secret-type": "cluster"}))
	f.must(a.ApplicationSetController.Start(f.ctx))
	f.quiet() // With no cluster known, it looks at each ApplicationSet once, changes nothing, and soon is done.
	f.populate()
	stop, _ = f.run()
	f.settle()
	f.validated()
	f.quiet()
	var ours []time.Duration
	const changes = 100
	for n := range changes {
		i := n * 7919 % f.clusters
		started := time.Now()
		f.label(i, true)
		ours = append(ours, f.exists(cluster(i)+"-"+addon(f.addons-1), started))
	}
	stop()
	f.report("ours", ours)
	f.note("ours: p50 %v, p99 %v over %d changes", quantile(ours, 0.5), quantile(ours, 0.99), changes)

	f.note("the usual way: first pass over the fleet")
	a.ApplicationSetController.Stop()
	f.clear()
	for n := range changes {
		f.label(n*7919%f.clusters, false)
	}
	for i := range f.addons {
		set := usual(i)
		f.must(f.client.Create(f.ctx, set))
		if i < f.addons-1 {
			f.parallel(f.clusters, func(c int) error { return f.client.Create(f.ctx, f.usualApplication(set, c)) })
		}
	}
	f.must(a.ApplicationSetController.Start(f.ctx))
	f.quiet()
	var theirs []time.Duration
	rounds := size(b, "BENCH_USUAL_CHANGES", 3)
	for n := range rounds {
		started := time.Now()
		f.label(n, true)
		theirs = append(theirs, f.exists("usual-"+cluster(n)+"-"+addon(f.addons-1), started))
		f.note("the usual way: %v", theirs[n])
	}
	f.report("usual", theirs)
	b.ReportMetric(float64(quantile(theirs, 0.5))/float64(quantile(ours, 0.5)), "times-faster")
}

// project allows everything: what is measured is the way to an Application, not its checks.
const project = `
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: addons, namespace: argocd}
spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}], clusterResourceWhitelist: [{group: "*", kind: "*"}]}
`

// prepared makes the Applications of all ApplicationSets, rendered by Argo CD's own code.
func (f *fleet) prepared() {
	f.Helper()
	var sets argocd.ApplicationSetList
	f.must(f.client.List(f.ctx, &sets, client.InNamespace(sandbox.Namespace)))
	f.parallel(len(sets.Items), func(i int) error {
		set := &sets.Items[i]
		apps, err := fakeargo.Render(set)
		if err != nil {
			return err
		}
		for n := range apps {
			if err := controllerutil.SetControllerReference(set, &apps[n], f.client.Scheme()); err != nil {
				return err
			}
			if err := f.client.Create(f.ctx, &apps[n]); err != nil {
				return err
			}
		}
		return nil
	})
}

// usualApplication is what Argo CD makes of a usual ApplicationSet for one cluster.
func (f *fleet) usualApplication(set *argocd.ApplicationSet, i int) *argocd.Application {
	spec := set.Spec.Template.Spec.DeepCopy()
	spec.Destination.Server = "https://" + cluster(i) + ".example.com"
	app := &argocd.Application{
		ObjectMeta: metav1.ObjectMeta{
			Name: strings.Replace(set.Spec.Template.Name, "{{ .name }}", cluster(i), 1), Namespace: sandbox.Namespace,
			Finalizers: []string{"resources-finalizer.argocd.argoproj.io"},
		},
		Spec: *spec,
	}
	f.must(controllerutil.SetControllerReference(set, app, f.client.Scheme()))
	return app
}

// quiet waits until Argo CD's controller has worked off what the first pass queued, that is, until it needs no processor any more.
func (f *fleet) quiet() {
	f.Helper()
	f.note("waiting until Argo CD's controller is idle")
	idle := 0
	f.until("Argo CD's ApplicationSet controller is idle", func() bool {
		before := f.cpu()
		time.Sleep(3 * time.Second)
		if f.cpu()-before < 0.3 {
			idle++
		} else {
			idle = 0
		}
		return idle >= 4
	})
}

// ticks is how many of the clock ticks of /proc make a second on Linux.
const ticks = 100

// cpu is the processor time that Argo CD's ApplicationSet controller has used, in seconds.
func (f *fleet) cpu() float64 {
	f.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.argocd.ApplicationSetController.Pid()))
	f.must(err)
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.ParseFloat(fields[11], 64)
	f.must(err)
	system, err := strconv.ParseFloat(fields[12], 64)
	f.must(err)
	return (user + system) / ticks
}

// validated waits until Argo CD's controller has come back, three minutes after its first look, to every ApplicationSet whose cluster it did not
// know then.
func (f *fleet) validated() {
	f.Helper()
	f.note("waiting until Argo CD's controller knows every cluster")
	f.until("no ApplicationSet has an error", func() bool {
		time.Sleep(2 * time.Second)
		var sets argocd.ApplicationSetList
		f.must(f.client.List(f.ctx, &sets, client.InNamespace(sandbox.Namespace)))
		for _, set := range sets.Items {
			for _, c := range set.Status.Conditions {
				if c.Type == argo.ApplicationSetConditionErrorOccurred && c.Status != argo.ApplicationSetConditionStatusFalse {
					return false
				}
			}
		}
		return true
	})
}

// clear removes the ApplicationSets of the first way. Their Applications stay, owned by nobody.
func (f *fleet) clear() {
	f.Helper()
	in := client.InNamespace(sandbox.Namespace)
	var sets argocd.ApplicationSetList
	f.must(f.client.List(f.ctx, &sets, in))
	f.parallel(len(sets.Items), func(i int) error {
		set := &sets.Items[i]
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		if err := f.client.Patch(f.ctx, set, patch); err != nil {
			return err
		}
		return client.IgnoreNotFound(f.client.Delete(f.ctx, set))
	})
}

// usual is the ApplicationSet that people write by hand for one addon.
func usual(i int) *argocd.ApplicationSet {
	return &argocd.ApplicationSet{
		ObjectMeta: metav1.ObjectMeta{Name: "usual-" + addon(i), Namespace: sandbox.Namespace},
		Spec: argo.ApplicationSetSpec{
			GoTemplate: true,
			Generators: []argo.ApplicationSetGenerator{{Clusters: &argo.ClusterGenerator{
				Selector: metav1.LabelSelector{MatchLabels: map[string]string{"addons.kaas.dev/" + addon(i): "enabled"}},
			}}},
			Template: argo.ApplicationSetTemplate{
				ApplicationSetTemplateMeta: argo.ApplicationSetTemplateMeta{Name: "usual-{{ .name }}-" + addon(i)},
				Spec: argo.ApplicationSpec{
					Project:     "addons",
					Source:      &argo.ApplicationSource{RepoURL: "https://example.com/config", Path: "addons/" + addon(i), TargetRevision: "v1.31-ake.1"},
					Destination: argo.ApplicationDestination{Server: "{{ .server }}", Namespace: addon(i)},
				},
			},
		},
	}
}
