package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/applicationset/controllers"
	"github.com/argoproj/argo-cd/v2/applicationset/generators"
	"github.com/argoproj/argo-cd/v2/applicationset/metrics"
	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

var shared plane.Shared

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(shared.Run(m))
}

func TestRefreshPatch(t *testing.T) {
	const mark = `{"metadata":{"annotations":{"argocd.argoproj.io/application-set-refresh":%q}}}`
	for name, tc := range map[string]struct{ have, want string }{
		"none yet":        {"", fmt.Sprintf(mark, "true")},
		"left behind":     {"true", fmt.Sprintf(mark, "again")},
		"again and again": {"again", fmt.Sprintf(mark, "true")},
		"somebody's own":  {"1", fmt.Sprintf(mark, "true")},
	} {
		t.Run(name, func(t *testing.T) {
			set := &argocd.ApplicationSet{}
			if tc.have != "" {
				set.Annotations = map[string]string{argocd.AnnotationRefresh: tc.have}
			}
			if d := cmp.Diff(tc.want, string(argocd.RefreshPatch(set))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// argoCD is Argo CD's own ApplicationSet controller on a real API server.
type argoCD struct {
	*testing.T
	client.Client
	namespace string
}

func startArgoCD(t *testing.T, namespace string) *argoCD {
	t.Helper()
	logrus.SetLevel(logrus.PanicLevel)
	t.Cleanup(func() { logrus.SetLevel(logrus.InfoLevel) })
	config := shared.Get(t).Config
	a := &argoCD{T: t, namespace: namespace}
	scheme := runtime.NewScheme()
	a.must(corev1.AddToScheme(scheme))
	a.must(argocd.AddToScheme(scheme))
	var err error
	a.Client, err = client.New(config, client.Options{Scheme: scheme})
	a.must(err)
	dir, err := plane.ModuleDir(t.Context(), "github.com/argoproj/argo-cd/v2")
	a.must(err)
	for _, crd := range []string{"application", "applicationset", "appproject"} {
		a.must(sandbox.ApplyFile(t.Context(), config, filepath.Join(dir, "manifests/crds", crd+"-crd.yaml")))
	}
	a.await("Argo CD's kinds are not served", func() bool {
		return a.List(t.Context(), &argocd.ApplicationList{}) == nil && a.List(t.Context(), &argocd.ApplicationSetList{}) == nil && a.List(t.Context(), &argo.AppProjectList{}) == nil
	})
	a.must(a.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	a.must(a.Create(t.Context(), &argo.AppProject{ObjectMeta: a.named("addons")}))

	mgr, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	a.must(err)
	a.must((&controllers.ApplicationSetReconciler{
		Client: mgr.GetClient(), Scheme: scheme, Recorder: mgr.GetEventRecorderFor("argo"), KubeClientset: kubernetes.NewForConfigOrDie(config),
		Generators: map[string]generators.Generator{"List": generators.NewListGenerator()}, Renderer: &utils.Render{}, EnablePolicyOverride: true,
		ArgoCDNamespace: namespace, ApplicationSetNamespaces: []string{namespace}, Metrics: metrics.NewFakeAppsetMetrics(nil),
	}).SetupWithManager(mgr, false, 1))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		a.must(<-ended)
	})
	return a
}

func (a *argoCD) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// await waits a minute: less than Argo CD takes to look again by itself.
func (a *argoCD) await(what string, ok func() bool) {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), time.Minute)
	defer cancel()
	a.must(plane.Until(ctx, func(context.Context) error {
		if ok() {
			return nil
		}
		return errors.New(what)
	}))
}

func (a *argoCD) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: name}
}

func (a *argoCD) secret(name, config string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: a.named(name), StringData: map[string]string{"name": name, "server": "https://" + name, "config": config}}
	s.Labels = map[string]string{"argocd.argoproj.io/secret-type": "cluster"}
	a.must(a.Create(a.Context(), s))
	return s
}

// A cluster Secret that Argo CD cannot read stops every ApplicationSet. Once it is mended, the patch spares them the wait, and leaves no trace.
func TestRefreshAfterARepair(t *testing.T) {
	a := startArgoCD(t, "refresh")
	a.secret("tokyo", "{}")
	spoiled := a.secret("spoiled", "{")
	set := &argocd.ApplicationSet{ObjectMeta: a.named("tokyo"), Spec: argo.ApplicationSetSpec{
		GoTemplate: true,
		Generators: []argo.ApplicationSetGenerator{{List: &argo.ListGenerator{Elements: []apiextensions.JSON{{Raw: []byte(`{"name":"tokyo-cert-manager"}`)}}}}},
		Template: argo.ApplicationSetTemplate{
			ApplicationSetTemplateMeta: argo.ApplicationSetTemplateMeta{Name: "{{ .name }}"},
			Spec: argo.ApplicationSpec{
				Project: "addons", Source: &argo.ApplicationSource{RepoURL: "https://git.example.com/config", TargetRevision: "v1", Path: "addons/cert-manager"},
				Destination: argo.ApplicationDestination{Server: "https://tokyo", Namespace: "default"},
			},
		},
	}}
	a.must(a.Create(t.Context(), set))
	read := func() *argocd.ApplicationSet {
		now := &argocd.ApplicationSet{}
		a.must(a.Get(t.Context(), client.ObjectKeyFromObject(set), now))
		return now
	}
	made := func() bool {
		return a.Get(t.Context(), client.ObjectKey{Namespace: a.namespace, Name: "tokyo-cert-manager"}, &argocd.Application{}) == nil
	}
	refresh := func() {
		a.must(a.Patch(t.Context(), read(), client.RawPatch(types.MergePatchType, argocd.RefreshPatch(read()))))
	}
	if argocd.Stopped(set) {
		t.Error("it is called stopped before Argo CD looked")
	}
	a.await("Argo CD does not complain", func() bool { return argocd.Stopped(read()) })

	// Too early: nothing is mended yet. The annotation goes all the same, so that the next counts.
	refresh()
	a.await("the annotation stays", func() bool { return read().Annotations[argocd.AnnotationRefresh] == "" })
	if made() || !argocd.Stopped(read()) {
		t.Fatalf("Argo CD made an Application although it cannot read a Secret: %+v", read().Status)
	}

	a.must(a.Patch(t.Context(), spoiled, client.RawPatch(types.MergePatchType, []byte(`{"stringData":{"config":"{}"}}`))))
	if made() {
		t.Fatal("Argo CD looked again by itself")
	}
	refresh()
	a.await("no Application is made", made)
	a.await("the annotation stays, or the complaint", func() bool {
		return read().Annotations[argocd.AnnotationRefresh] == "" && !argocd.Stopped(read())
	})
}
