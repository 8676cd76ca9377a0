package manager_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
)

// chain is a catalog of three addons, each of which needs the one before.
func chain(release string) map[string]string {
	files := catalogOf("base enabled: always", "middle enabled: always, dependsOn: [base]", "top enabled: always, dependsOn: [middle]")
	files["addons/base/config.yaml"] += fmt.Sprintf("data: {release: %q}\n", release)
	return files
}

// only lets one addon have a state once it has left a revision; everything else is healthy.
func only(addon, left string, state fakeargo.State) fakeargo.Script {
	return func(app *argo.Application) fakeargo.Outcome {
		if app.Labels[argocd.LabelAddon] == addon && app.Spec.Source.TargetRevision != left {
			return fakeargo.Outcome{State: state}
		}
		return fakeargo.Outcome{}
	}
}

// waits waits until an addon is held because what it depends on is not ready, and the reason says all of these.
func (w *world) waits(cluster, addon string, says ...string) {
	w.Helper()
	w.wantReason(cluster, addon, "hold", "WaitingForDependency")
	w.eventually(cluster+"/"+addon+" says what it waits for", func() error {
		a, _ := w.addon(cluster, addon)
		for _, s := range says {
			if len(a.Reasons) == 0 || !strings.Contains(a.Reasons[0].Message, s) {
				return fmt.Errorf("reasons %+v, want %q", a.Reasons, s)
			}
		}
		return nil
	})
}

// revisions are what a cluster's Applications of the chain name, - for none.
func (w *world) revisions(cluster string) (all []string) {
	w.Helper()
	for _, addon := range []string{"base", "middle", "top"} {
		if app := w.get(cluster + "-" + addon); app != nil {
			all = append(all, app.Spec.Source.TargetRevision)
		} else {
			all = append(all, "-")
		}
	}
	return all
}

// wantRevisions checks them once the manager rests.
func (w *world) wantRevisions(cluster string, want ...string) {
	w.Helper()
	w.settled()
	if got := w.revisions(cluster); !slices.Equal(got, want) {
		w.Errorf("%s is at %v, want %v", cluster, got, want)
	}
}

// An addon comes and moves only once what it needs is Synced and Healthy at exactly the revision wanted; and so does the next group of clusters.
// What Argo CD still says of the revision before opens neither gate.
func TestGates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.release("1.31", firstTag, chain(firstTag))
	w.argo.SetScript(only("base", "", fakeargo.Progressing))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", nil)
	stop := w.run()
	w.waits("tokyo-1", "middle", "base, which is Progressing")
	w.waits("tokyo-1", "top", "middle, which waits for base, which is Progressing")
	w.wantRevisions("tokyo-1", first, "-", "-")
	w.argo.SetScript(only("middle", "", fakeargo.Degraded))
	w.waits("tokyo-1", "top", "middle, which is Degraded")
	w.wantRevisions("tokyo-1", first, first, "-")
	w.argo.SetScript(nil)
	all := []string{"base keep " + firstTag + " ready", "middle keep " + firstTag + " ready", "top keep " + firstTag + " ready"}
	w.expect("tokyo-1", all...)
	w.cluster("paris-1", "v1.31.4", nil)
	w.expect("paris-1", all...)
	uids := w.alive()

	w.edit("tokyo-1", func(s *corev1.Secret) { s.Labels["wave"] = "canary" })
	w.tune(func(s *v1alpha1.CatalogSourceSpec) {
		s.Rollout = &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{{
			Name: "canary", Mandatory: true, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"wave": "canary"}},
		}}}
	})
	w.settled()
	w.argo.SetScript(only("base", first, fakeargo.Stale)) // Before the release is there: nobody may see it healthy for a moment.
	second := w.release("1.31", secondTag, chain(secondTag))
	for _, state := range []fakeargo.State{fakeargo.Stale, fakeargo.Silent, fakeargo.Progressing} {
		w.argo.SetScript(only("base", first, state))
		w.waits("tokyo-1", "middle", "base, which is")
		w.waits("tokyo-1", "top", "middle, which waits for base, which is")
		w.wantRevisions("tokyo-1", second, first, first)
		w.wantReason("paris-1", "base", "hold", "WaitingForGroup")
		w.wantRevisions("paris-1", first, first, first)
	}
	// The last of the chain holds the group as well.
	w.argo.SetScript(only("top", first, fakeargo.Stale))
	w.eventually("the whole chain moves", func() error {
		if got := w.revisions("tokyo-1"); !slices.Equal(got, []string{second, second, second}) {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	w.wantRevisions("paris-1", first, first, first)
	w.argo.SetScript(nil)
	for _, c := range []string{"tokyo-1", "paris-1"} {
		w.expect(c, "base keep "+secondTag+" ready", "middle keep "+secondTag+" ready", "top keep "+secondTag+" ready")
	}
	w.kept(uids)
	w.restsThroughRestart(stop)
}

// workloads is a client for the API server as a workload cluster.
func (w *world) workloads() client.Client {
	w.Helper()
	scheme := runtime.NewScheme()
	w.must(apiextensions.AddToScheme(scheme))
	c, err := client.New(w.plane.Config, client.Options{Scheme: scheme})
	w.must(err)
	return c
}

// definition makes a CustomResourceDefinition that Argo CD tracks as part of an Application, and answers its name.
func (w *world) definition(c client.Client, plural, application string) string {
	w.Helper()
	group := w.namespace + ".example.com"
	crd := &apiextensions.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group, Labels: map[string]string{"app.kubernetes.io/instance": application}},
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensions.NamespaceScoped,
			Names: apiextensions.CustomResourceDefinitionNames{Plural: plural, Kind: strings.ToUpper(plural[:1]) + plural[1:]},
			Versions: []apiextensions.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensions.CustomResourceValidation{OpenAPIV3Schema: &apiextensions.JSONSchemaProps{Type: "object"}},
			}},
		},
	}
	w.must(c.Create(w.ctx, crd))
	return crd.Name
}

// The CustomResourceDefinitions of an addon go with it where the catalog says so, and only those that are its own; otherwise they stay, and so
// they do where its objects are retained.
func TestPruneCRDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", firstTag, catalogOf("gadgets", "tools pruneCRDs: true", "widgets pruneCRDs: true"))
	w.source()
	labels := map[string]string{"gadgets": "enabled", "tools": "enabled", "widgets": "enabled"}
	s := w.secret("tokyo-1", labels)
	s.Annotations = map[string]string{"addons.kaas.dev/kubernetes-version": "v1.31.4", "addons.kaas.dev/on-disable": "tools=retain"}
	s.Data["server"] = []byte(w.plane.Config.Host)
	s.Data["config"] = fmt.Appendf(nil, `{"bearerToken":%q,"tlsClientConfig":{"caData":%q}}`, w.plane.Token, base64.StdEncoding.EncodeToString(w.plane.CA))
	w.must(w.client.Create(w.ctx, s))
	c := w.workloads()
	all := map[string][]string{}
	for _, addon := range []string{"gadgets", "tools", "widgets"} {
		all["tokyo-1-"+addon] = []string{w.definition(c, addon, "tokyo-1-"+addon), w.definition(c, "shared"+addon, "another-application")}
	}
	w.argo.SetScript(func(app *argo.Application) (o fakeargo.Outcome) {
		for _, name := range all[app.Name] {
			o.Resources = append(o.Resources, argo.ResourceStatus{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: name, Status: argo.SyncStatusCodeSynced})
		}
		return o
	})
	stop := w.run()
	w.expect("tokyo-1", "gadgets keep "+firstTag+" ready", "tools keep "+firstTag+" ready", "widgets keep "+firstTag+" ready")
	for addon := range labels {
		w.label("tokyo-1", addon, "disabled")
	}
	w.expect("tokyo-1")
	w.eventually("the Applications are gone", func() error { return w.none("tokyo-1-gadgets", "tokyo-1-tools", "tokyo-1-widgets") })
	gone := all["tokyo-1-widgets"][0]
	w.eventually("the definition is gone", func() error {
		if n := len(w.definitions(c)); n != 5 {
			return fmt.Errorf("%d are left", n)
		}
		return nil
	})
	if slices.Contains(w.definitions(c), gone) {
		t.Errorf("%s is still there: %v", gone, w.definitions(c))
	}
	w.restsThroughRestart(stop)
}

// definitions are the CustomResourceDefinitions of this world that are not on their way out.
func (w *world) definitions(c client.Client) (names []string) {
	w.Helper()
	var list apiextensions.CustomResourceDefinitionList
	w.must(c.List(w.ctx, &list))
	for _, crd := range list.Items {
		if crd.Spec.Group == w.namespace+".example.com" {
			names = append(names, crd.Name)
		}
	}
	return names
}
