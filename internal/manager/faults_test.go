package manager_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// A cluster that reports no version is asked for it; one that does not answer is held, and delays no other.
func TestVersionOfTheCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha enabled: always"))
	api := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer secret-token" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(rw, `{"major":"1","minor":"31+","gitVersion":"v1.31.4-eks-99"}`)
	}))
	t.Cleanup(api.Close)
	w.source()
	asked := w.secret("asked-1", nil)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
	asked.Data["server"] = []byte(api.URL)
	asked.Data["config"] = fmt.Appendf(nil, `{"bearerToken":"secret-token","tlsClientConfig":{"caData":%q}}`, base64.StdEncoding.EncodeToString(ca))
	dead := w.secret("dead-1", map[string]string{"alpha": "enabled"})
	dead.Data["server"] = []byte("https://127.0.0.1:1")
	w.must(w.client.Create(w.ctx, dead))
	w.must(w.client.Create(w.ctx, asked))
	w.run()
	w.expect("asked-1", "alpha keep v1.31-ake.1 ready")
	w.expect("dead-1", "alpha hold ")
	w.eventually("the reason is told", func() error {
		r, err := w.report("dead-1")
		if err == nil && r.Status.Hold != "VersionUnknown" {
			err = fmt.Errorf("hold %q", r.Status.Hold)
		}
		return err
	})
	if r, _ := w.report("asked-1"); r.Status.KubernetesVersion != "v1.31.4-eks-99" {
		t.Errorf("version %q", r.Status.KubernetesVersion)
	}
}

const clusterAPI = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusters.cluster.x-k8s.io}
spec:
  group: cluster.x-k8s.io
  names: {kind: Cluster, plural: clusters}
  scope: Namespaced
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// A cluster of Cluster API's is not asked: its control plane's version is known.
func TestVersionFromClusterAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(sandbox.Apply(w.ctx, w.plane.Config, strings.NewReader(clusterAPI)))
	made := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"topology": map[string]any{"version": "v1.32.1"}}}}
	made.SetGroupVersionKind(schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Cluster"})
	made.SetNamespace(w.namespace)
	made.SetName("made-1")
	w.eventually("Cluster API's kind is served", func() error { return w.client.Create(w.ctx, made) })
	w.release("1.32", "v1.32-ake.1", catalogOf("alpha enabled: always"))
	w.source()
	w.cluster("made-1", "", nil)
	w.run()
	w.expect("made-1", "alpha keep v1.32-ake.1 ready")
}

// What belongs to others is never touched: an ApplicationSet or Application that has a name the manager would use.
func TestForeignObjectsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha enabled: always", "beta enabled: always"))
	w.source()
	set := &argo.ApplicationSet{ObjectMeta: metav1.ObjectMeta{Name: "tokyo-1", Namespace: w.namespace}, Spec: argo.ApplicationSetSpec{Generators: []argo.ApplicationSetGenerator{{List: &argo.ListGenerator{}}}}}
	w.must(w.client.Create(w.ctx, set))
	app := &argo.Application{ObjectMeta: metav1.ObjectMeta{Name: "paris-1-alpha", Namespace: w.namespace}, Spec: argo.ApplicationSpec{Project: "theirs", Source: &argo.ApplicationSource{RepoURL: "https://example.com/theirs"}}}
	w.must(w.client.Create(w.ctx, app))
	w.cluster("tokyo-1", "v1.31.4", nil)
	w.cluster("paris-1", "v1.31.4", nil)
	w.run()
	w.expect("tokyo-1", "alpha hold ", "beta hold ")
	w.expect("paris-1", "alpha hold ", "beta keep v1.31-ake.1 ready")
	if got := w.set("tokyo-1"); got.ResourceVersion != set.ResourceVersion {
		t.Error("the foreign ApplicationSet was written")
	}
	// Argo CD reports in it, as it does in every Application.
	if got := w.application("paris-1-alpha"); slices.ContainsFunc(got.ManagedFields, func(m metav1.ManagedFieldsEntry) bool { return m.Manager == argocd.Manager }) {
		t.Error("the foreign Application was written")
	}
}

// What somebody deletes or edits by hand comes back, the Applications with their objects untouched.
func TestRepairsWhatIsOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha enabled: always", "gamma enabled: always, onDisable: retain"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", nil)
	w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready")
	w.settled()
	before, err := w.report("tokyo-1")
	w.must(err)
	alpha := w.application("tokyo-1-alpha")
	set := w.set("tokyo-1")
	spec := set.Spec.DeepCopy()

	set.Spec.Generators[0].List.Elements = set.Spec.Generators[0].List.Elements[:1]
	set.Spec.SyncPolicy = nil
	w.must(w.client.Update(w.ctx, set))
	w.eventually("an edited ApplicationSet is put right", func() error {
		if got := w.set("tokyo-1"); len(got.Spec.Generators[0].List.Elements) != len(spec.Generators[0].List.Elements) || got.Spec.SyncPolicy == nil {
			return fmt.Errorf("spec %+v", got.Spec)
		}
		return nil
	})

	// What the report says is no evidence (o10): it is told anew, and nothing is delivered for it.
	w.eventually("edit the report", func() error {
		ca, err := w.report("tokyo-1")
		if err != nil {
			return err
		}
		ca.Status.Release, ca.Status.Ready = "v1.31-ake.9", "0/2"
		for i := range ca.Status.Addons {
			ca.Status.Addons[i].Wanted, ca.Status.Addons[i].Delivered, ca.Status.Addons[i].Action, ca.Status.Addons[i].Healthy = "v1.31-ake.9", "v1.31-ake.9", "remove", false
		}
		return w.client.Status().Update(w.ctx, ca)
	})
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready")
	w.eventually("an edited report is put right", func() error {
		got, err := w.report("tokyo-1")
		if d := cmp.Diff(before.Status, got.Status); err == nil && d != "" {
			err = errors.New(d)
		}
		return err
	})
	if got := w.application("tokyo-1-alpha"); got.Generation != alpha.Generation || got.UID != alpha.UID {
		t.Error("the Application was written for what a report says")
	}

	w.stopArgo(true)
	gone := w.set("tokyo-1")
	w.must(w.client.Delete(w.ctx, gone))
	// Argo CD's part, which is tested with Argo CD. The other way round, the manager may put the finalizer back before the deletion.
	w.must(client.IgnoreNotFound(w.client.Patch(w.ctx, gone, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))))
	w.eventually("a deleted ApplicationSet is made again", func() error {
		got := &argo.ApplicationSet{}
		if err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "tokyo-1"}, got); err != nil {
			return err
		}
		if got.UID == gone.UID || len(got.Spec.Generators[0].List.Elements) != 2 {
			return fmt.Errorf("UID %s, was %s", got.UID, gone.UID)
		}
		return nil
	})
	w.stopArgo(false)
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready")
	if got := w.application("tokyo-1-alpha"); got.UID != alpha.UID {
		t.Error("the Application was made anew")
	}
}

// The manager that has just begun, with the repository down and no mirror, holds everything; one that had read it goes on.
func TestRepositoryDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
	cache := t.TempDir()
	stop := w.runWith(manager.Options{CacheDir: cache})
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready")
	w.git.SetFault(githttp.Down())
	w.label("tokyo-1", "beta", "enabled")
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")

	stop()
	stop = w.runWith(manager.Options{CacheDir: cache})
	w.label("tokyo-1", "beta", "")
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready")

	stop()
	w.runWith(manager.Options{CacheDir: t.TempDir()})
	w.label("tokyo-1", "alpha", "")
	w.expect("tokyo-1", "alpha hold v1.31-ake.1 ready")
	w.git.SetFault(githttp.Fault{})
	w.expect("tokyo-1")
}

// A manager may stop at any moment, and the API server too: the end is the same, and no Application is made anew.
func TestRestartsConverge(t *testing.T) {
	t.Parallel()
	cp := plane.Start(t)
	w := newWorldOn(t, cp)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta", "gamma"))
	w.release("1.32", "v1.32-ake.1", catalogOf("alpha", "beta", "gamma"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled", "beta": "enabled"})
	stop := w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	uid := w.application("tokyo-1-alpha").UID
	steps := []struct {
		do   func()
		want []string
	}{
		{func() { w.label("tokyo-1", "gamma", "enabled") }, []string{"alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready"}},
		{func() { w.label("tokyo-1", "beta", "") }, []string{"alpha keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready"}},
		{func() {
			w.edit("tokyo-1", func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = "v1.32.1" })
		}, []string{"alpha keep v1.32-ake.1 ready", "gamma keep v1.32-ake.1 ready"}},
	}
	for i, step := range steps {
		step.do()
		// Stopped as often as fits between a step and its end.
		for pause := time.Millisecond; pause < 300*time.Millisecond; pause *= 3 {
			stop()
			stop = w.run()
			time.Sleep(pause)
		}
		if i == 1 {
			ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
			w.must(cp.Restart(ctx))
			cancel()
		}
		w.expect("tokyo-1", step.want...)
	}
	if got := w.application("tokyo-1-alpha").UID; got != uid {
		t.Error("the Application was made anew")
	}
	w.settled()
}

// Of two managers one works; when it stops, the other takes over.
func TestLeaderElection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
	o := manager.Options{LeaderElection: true, LeaseDuration: 3 * time.Second}
	o.CacheDir = t.TempDir()
	stop := w.runWith(o)
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready")
	o.CacheDir = t.TempDir()
	w.runWith(o)
	if n := w.settled(); n > 0 {
		t.Errorf("the second manager made %v writes while the first leads", n)
	}
	stop()
	w.label("tokyo-1", "beta", "enabled")
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
}
