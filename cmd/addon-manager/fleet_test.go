package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// fleet is a place where the manager delivers to three clusters on 1.31, the canary c1, c2 and c3, through a fake Argo CD.
type fleet struct {
	*place
	repo *gitrepo.Fixture
	argo *fakeargo.Argo
}

// newFleet has the addons base, on everywhere, and csi, which leaves its objects behind, on c1 alone.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{place: newPlace(t), repo: gitrepo.New(t)}
	f.now = time.Now
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	git, err := githttp.Handler(f.repo.Root(), githttp.Options{})
	f.must(err)
	base, served, err := git.Serve(ctx, "127.0.0.1:0")
	f.must(err)
	f.release("v1.31-ake.1")
	var objects strings.Builder
	for _, c := range []struct{ name, labels string }{{"c1", "wave: canary, addons.kaas.dev/csi: enabled"}, {"c2", "wave: rest"}, {"c3", "wave: rest"}} {
		fmt.Fprintf(&objects, `---
apiVersion: v1
kind: Secret
metadata:
  name: %s
  labels: {argocd.argoproj.io/secret-type: cluster, %s}
  annotations: {addons.kaas.dev/kubernetes-version: v1.31.4}
stringData: {name: %[1]s, server: "https://%[1]s.example.com:6443", config: "{}"}
`, c.name, c.labels)
	}
	f.apply([]byte(objects.String()))
	f.apply([]byte(fmt.Sprintf(`apiVersion: addons.kaas.dev/v1alpha1
kind: CatalogSource
metadata: {name: fleet}
spec:
  url: %s/%s
  pollInterval: 1s
  deletion: {grace: 0s, budget: {perAddon: 1, fleet: 1}}
  rollout:
    groups:
    - {name: canary, selector: {matchLabels: {wave: canary}}}
`, base, filepath.Base(f.repo.Dir))))
	f.argo = fakeargo.New(f.plane.Config, fakeargo.Options{Namespace: f.namespace, Fail: func(err error) { t.Error(err) }})
	f.must(f.argo.Start(ctx))
	done := make(chan error, 1)
	go func() {
		done <- manager.Run(ctx, f.plane.Config, manager.Options{
			Namespace: f.namespace, Registry: prometheus.NewRegistry(), MetricsAddress: "0", ProbeAddress: "0", CacheDir: filepath.Join(t.TempDir(), "mirror"),
		})
	}()
	t.Cleanup(func() {
		cancel()
		f.argo.Stop()
		if err := <-done; err != nil {
			t.Errorf("manager: %v", err)
		}
		<-served
	})
	return f
}

func (f *fleet) release(tag string) {
	files := map[string]string{
		"catalog.yaml": `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31"]}
addons:
- {name: base, enabled: always}
- {name: csi, onDisable: retain}
`,
		"addons/base/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {of: " + tag + "}\n",
		"addons/csi/config.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: csi}\ndata: {of: " + tag + "}\n",
	}
	f.repo.Commit("main", files, "change "+tag)
	f.repo.Tag(tag, f.repo.Commit("release-1.31", files, "release "+tag))
}

// order runs an order that must succeed, and answers what it prints.
func (f *fleet) order(line string) string {
	f.Helper()
	got := f.addonManager(words(line)...)
	if strings.Contains(got, "exit status") {
		f.Fatalf("$ addon-manager %s\n%s", line, got)
	}
	return got
}

func (f *fleet) eventually(what string, condition func(context.Context) error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	if err := plane.Until(ctx, condition); err != nil {
		f.Fatalf("%s: %v\n%s\n%s", what, err, f.addonManager("status"), f.addonManager("rollout", "status"))
	}
}

// delivered waits until the Applications are exactly these, each as `name release`, and Argo CD reports on each of them.
func (f *fleet) delivered(want ...string) {
	f.Helper()
	f.eventually("Applications", func(ctx context.Context) error {
		var apps argocd.ApplicationList
		if err := f.client.List(ctx, &apps, client.InNamespace(f.namespace)); err != nil {
			return err
		}
		var got []string
		for _, a := range apps.Items {
			got = append(got, a.Name+" "+a.Labels[argocd.LabelRelease])
			if a.Status.Sync.Status == "" {
				return fmt.Errorf("nothing is reported of %s", a.Name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

// rollout waits until the rollout is in a state.
func (f *fleet) rollout(tag, state string) {
	f.Helper()
	f.eventually("rollout", func(ctx context.Context) error {
		s, err := requireSource(ctx, f.client, f.namespace)
		if err != nil {
			return err
		}
		if len(s.Status.Rollouts) != 1 || s.Status.Rollouts[0].Release != tag || s.Status.Rollouts[0].State != state {
			return fmt.Errorf("rollouts %+v, want %s %s", s.Status.Rollouts, tag, state)
		}
		return nil
	})
}

// knows waits until the manager has found a release.
func (f *fleet) knows(tag string) {
	f.Helper()
	f.eventually("release "+tag, func(ctx context.Context) error {
		s, err := requireSource(ctx, f.client, f.namespace)
		if err != nil {
			return err
		}
		_, err = knownRelease(s, tagOf(f.T, tag))
		return err
	})
}

// report waits for something in a cluster's report.
func (f *fleet) report(cluster, what string, is func(v1alpha1.ClusterAddonsStatus) bool) {
	f.Helper()
	f.eventually("report on "+cluster, func(ctx context.Context) error {
		ca := &v1alpha1.ClusterAddons{}
		if err := f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: cluster}, ca); err != nil {
			return err
		}
		if !is(ca.Status) {
			return fmt.Errorf("no %s in %+v", what, ca.Status)
		}
		return nil
	})
}

// explains waits until explain says something of a pair: reports come once a second.
func (f *fleet) explains(cluster, addon, want string) {
	f.Helper()
	f.eventually("explain", func(context.Context) error {
		if got := f.addonManager("explain", cluster, addon); !strings.Contains(got, want) {
			return fmt.Errorf("no %q in\n%s", want, got)
		}
		return nil
	})
}

// fails lets the Applications of a cluster end in a state, from one release on.
func fails(cluster, from string, state fakeargo.State) fakeargo.Script {
	return func(app *argo.Application) fakeargo.Outcome {
		if app.Labels[argocd.LabelCluster] == cluster && app.Labels[argocd.LabelRelease] >= from {
			return fakeargo.Outcome{State: state}
		}
		return fakeargo.Outcome{}
	}
}

// TestOrdersSteerTheManager steers rollouts by orders: what is typed is what happens.
func TestOrdersSteerTheManager(t *testing.T) {
	f := newFleet(t)
	at := func(base1, csi1, base2, base3 string) {
		t.Helper()
		f.delivered("c1-base "+base1, "c1-csi "+csi1, "c2-base "+base2, "c3-base "+base3)
	}
	const ake1, ake2, ake3, ake4, ake5 = "v1.31-ake.1", "v1.31-ake.2", "v1.31-ake.3", "v1.31-ake.4", "v1.31-ake.5"
	at(ake1, ake1, ake1, ake1)
	f.rollout(ake1, "Completed")

	// Pinned and frozen clusters stay, while the canary moves.
	f.order("pin c3 --to v1.31-ake.1 --reason fair --owner sales --for 1h")
	f.order("freeze c2 --reason fair --owner sales --for 1h")
	f.release(ake2)
	at(ake2, ake2, ake1, ake1)
	f.explains("c3", "base", "Pinned: ")

	// Rolled back, the canary returns; halted, nobody follows; resumed, everybody does.
	f.order("rollout rollback v1.31-ake.2")
	at(ake1, ake1, ake1, ake1)
	f.order("unpin c3")
	f.order("unfreeze c2")
	f.order("rollout halt v1.31-ake.2")
	f.order("rollout rollback --undo v1.31-ake.2")
	f.rollout(ake2, "Halted")
	at(ake1, ake1, ake1, ake1)
	f.order("rollout resume v1.31-ake.2")
	at(ake2, ake2, ake2, ake2)

	// A pause holds everything.
	f.order("pause")
	f.release(ake3)
	f.knows(ake3)
	at(ake2, ake2, ake2, ake2)
	f.order("unpause")
	at(ake3, ake3, ake3, ake3)
	f.rollout(ake3, "Completed")

	// The canary fails, and a person accepts it.
	f.argo.SetScript(fails("c1", ake4, fakeargo.Degraded))
	f.release(ake4)
	f.rollout(ake4, "Halted")
	at(ake4, ake4, ake3, ake3)
	if got := f.order("rollout resume v1.31-ake.4"); !strings.Contains(got, "accepted in group canary: c1") {
		t.Errorf("resume says\n%s", got)
	}
	at(ake4, ake4, ake4, ake4)

	// The canary takes its time, and a person does not.
	f.argo.SetScript(fails("c1", ake5, fakeargo.Progressing))
	f.release(ake5)
	f.rollout(ake5, "Progressing")
	at(ake5, ake5, ake4, ake4)
	f.order("rollout emergency v1.31-ake.5")
	at(ake5, ake5, ake5, ake5)
}

var hashShown = regexp.MustCompile("addon-manager approve ([0-9a-f]{12,})`")

// TestOrdersDecideWhatLeaves takes addons and a cluster away by orders, and keeps what an order wants kept.
func TestOrdersDecideWhatLeaves(t *testing.T) {
	f := newFleet(t)
	const ake1 = "v1.31-ake.1"
	all := []string{"c1-base " + ake1, "c1-csi " + ake1, "c2-base " + ake1, "c3-base " + ake1}
	f.delivered(all...)
	released := func(s v1alpha1.ClusterAddonsStatus) bool { return len(s.Released) == 1 && s.Released[0].Name == "csi" }

	// Its label is removed: it is released, and wanted back.
	f.label("c1", "csi", "")
	f.delivered("c1-base "+ake1, "c2-base "+ake1, "c3-base "+ake1)
	f.report("c1", "released csi", released)
	f.order("adopt c1 csi")
	f.delivered(all...)
	f.explains("c1", "csi", "on because  somebody adopted what was left of it\n")

	// Not any more: within the hour that is one too many, and waits for approval.
	f.order("adopt --undo c1 csi")
	var hash string
	f.eventually("quarantine", func(context.Context) error {
		got := f.addonManager("status")
		m := hashShown.FindStringSubmatch(got)
		if m == nil {
			return fmt.Errorf("status shows no hash:\n%s", got)
		}
		hash = m[1]
		return nil
	})
	f.delivered(all...)
	f.order("approve " + hash)
	f.delivered("c1-base "+ake1, "c2-base "+ake1, "c3-base "+ake1)
	f.report("c1", "released csi", released)
	f.order("forget c1 csi")
	f.report("c1", "empty list", func(s v1alpha1.ClusterAddonsStatus) bool { return len(s.Released) == 0 })

	// A cluster is given up.
	f.order("decommission c3 --mode=prune")
	f.delivered("c1-base "+ake1, "c2-base "+ake1)
	if _, left := f.argo.Objects()["c3-base"]; left {
		t.Error("the objects of c3-base are still there")
	}
	if got := f.addonManager("decommission", "--undo", "c3"); !strings.Contains(got, "has no Applications any more") {
		t.Errorf("undo says\n%s", got)
	}
}

// label sets a switch on a cluster's Secret, or removes it.
func (f *fleet) label(cluster, addon, value string) {
	f.Helper()
	secret, err := clusterSecret(f.Context(), f.client, client.ObjectKey{Namespace: f.namespace, Name: cluster})
	f.must(err)
	before := secret.DeepCopy()
	secret.Labels["addons.kaas.dev/"+addon] = value
	if value == "" {
		delete(secret.Labels, "addons.kaas.dev/"+addon)
	}
	f.must(f.client.Patch(f.Context(), secret, client.MergeFrom(before)))
}
