//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// TestRepositoryTrouble breaks the config repository in every way that a person can: nothing changes, and everybody says why.
func TestRepositoryTrouble(t *testing.T) {
	w := begin(t)
	release["1.31"] = w.publish("1.31", gitrepo.File("addons/base/base.yaml", string(configMap("base", "release: before the trouble"))))
	w.settle()
	for _, tc := range []struct {
		name string
		// spoil breaks the repository, given the release that tokyo-1 has; heal repairs it.
		spoil, heal func(w *world, tag, commit string)
		// says is what status and explain answer, ca what `kubectl get ca` shows, source what the CatalogSource's conditions say.
		says, ca, source string
	}{
		{
			name: "a tag that moves",
			spoil: func(w *world, tag, _ string) {
				other, err := w.Config.Commit("1.31", "Sneak in", gitrepo.File("addons/base/base.yaml", string(configMap("base", "release: sneaked"))))
				w.must(err)
				w.must(w.Config.Repo.MoveTag(tag, other))
			},
			heal: func(w *world, tag, commit string) { w.must(w.Config.Repo.MoveTag(tag, commit)) },
			says: "moved from", ca: "base: TagMoved (and 5 more)", source: "moved from",
		},
		{
			name:  "a tag that is deleted",
			spoil: func(w *world, tag, _ string) { w.must(w.Config.Repo.DeleteTag(tag)) },
			heal:  func(w *world, tag, commit string) { w.must(w.Config.Repo.AnnotatedTag(tag, commit, "Again")) },
			says:  "is gone from the repository", ca: "base: TagGone (and 5 more)", source: "is gone from the repository",
		},
		{
			name: "a catalog that is broken at a new tag",
			spoil: func(w *world, _, _ string) {
				w.publish("1.31", gitrepo.File("catalog.yaml", "addons: {"))
			},
			heal: func(w *world, _, _ string) {
				release["1.31"] = w.publish("1.31", gitrepo.File("catalog.yaml", string(source["catalog.yaml"].Data)))
			},
			says: "is refused", ca: "ReleaseRefused", source: "is refused",
		},
		{
			name:   "a server that is down",
			spoil:  func(w *world, _, _ string) { w.Config.Stop() },
			heal:   func(w *world, _, _ string) { w.must(w.Config.Start()) },
			source: "connection refused",
		},
		{
			name: "a server that is down when a new addon-manager starts",
			spoil: func(w *world, _, _ string) {
				w.Config.Stop()
				w.Manager.Kill()
				w.must(os.RemoveAll(w.Manager.CacheDir)) // a new Pod has none
				w.must(w.Manager.Start(w.ctx))
			},
			heal: func(w *world, _, _ string) { w.must(w.Config.Start()) },
			says: "the config repository has not been read", ca: "SourceUnavailable", source: "connection refused",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &world{Sandbox: w.Sandbox, T: t, ctx: w.ctx}
			tag := release["1.31"]
			commit, err := w.Config.Repo.Resolve(tag + "^{commit}")
			w.must(err)
			before, delivered := w.identities("tokyo-1"), w.delivered()
			tc.spoil(w, tag, commit)
			defer func() {
				tc.heal(w, tag, commit)
				w.settle()
				w.unchanged("tokyo-1", before)
			}()
			w.eventually(func() error { return contains("conditions of the CatalogSource", w.conditions(), tc.source) })
			w.eventually(func() error {
				return contains("kubectl get ca", w.run("kubectl", "-n", sandbox.Namespace, "get", "ca", "tokyo-1"), tc.ca)
			})
			w.eventually(func() error {
				return contains("explain", w.run("addon-manager", "explain", "tokyo-1", "base"), tc.says)
			})
			w.eventually(func() error {
				return contains("status", w.run("addon-manager", "status", "--cluster", "tokyo-1"), tc.says)
			})
			if diff := cmp.Diff(delivered, w.delivered()); diff != "" {
				t.Errorf("what Applications name (-before +after):\n%s", diff)
			}
			w.unchanged("tokyo-1", before)
		})
	}
}

// delivered is what every Application names.
func (w *world) delivered() map[string]string {
	w.Helper()
	apps, err := w.Applications(w.ctx, "")
	w.must(err)
	all := map[string]string{}
	for name, app := range apps {
		all[name] = app.Release + " " + app.Wanted
	}
	return all
}

// conditions are those of the CatalogSource, one a line.
func (w *world) conditions() string {
	w.Helper()
	source, err := w.Catalog(w.ctx)
	w.must(err)
	var text strings.Builder
	for _, c := range source.Status.Conditions {
		fmt.Fprintf(&text, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return text.String()
}

func contains(what, text, want string) error {
	if strings.Contains(text, want) {
		return nil
	}
	return fmt.Errorf("%s: want %q in\n%s", what, want, text)
}

// TestSecretThatStopsArgoCD is the one bad Secret that stops Argo CD 2.14 for every cluster: whoever looks anywhere is told which.
func TestSecretThatStopsArgoCD(t *testing.T) {
	w := begin(t)
	before := w.identities("tokyo-1")
	secret, err := sandbox.ClusterSecret(w.Workloads["tokyo-1"], nil, nil)
	w.must(err)
	secret.Name = "spoiled-1"
	secret.StringData = map[string]string{"name": "spoiled-1", "server": "https://spoiled.example.com", "config": "no JSON"}
	w.must(w.Client("").Create(w.ctx, secret))
	heal := func() { _ = w.Client("").Delete(w.ctx, secret) }
	t.Cleanup(heal)

	w.eventually(func() error {
		return contains("conditions of the CatalogSource", w.conditions(), `ClusterSecretBlocksArgoCD: Argo CD cannot read cluster Secret "spoiled-1"`)
	})
	w.eventually(func() error { return contains("metrics", w.metrics(), "addon_manager_blocking_cluster_secrets 1\n") })
	w.eventually(func() error {
		return contains("kubectl get ca", w.run("kubectl", "-n", sandbox.Namespace, "get", "ca", "spoiled-1"), "InvalidConfig")
	})
	w.eventually(func() error { return contains("status", w.run("addon-manager", "status"), "spoiled-1 is held: ") })

	w.label("tokyo-1", "late", "enabled")
	w.eventually(func() error { // addon-manager has done its part,
		report, err := w.Report(w.ctx, "tokyo-1")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(report.Status.Addons, func(a v1alpha1.AddonStatus) bool { return a.Name == "late" })
		if i < 0 || report.Status.Addons[i].Sync != "" {
			return fmt.Errorf("late on tokyo-1: %v; want it listed and not delivered", report.Status.Addons)
		}
		return nil
	})
	// and Argo CD says that it cannot do its own.
	w.eventually(func() error {
		return contains("conditions of the ApplicationSet", w.run("kubectl", "-n", sandbox.Namespace, "get", "applicationset", "tokyo-1", "-o", "jsonpath={.status.conditions}"), "'spoiled-1'")
	})
	heal()
	// By itself, Argo CD looks again three minutes later.
	w.run("kubectl", "-n", sandbox.Namespace, "annotate", "applicationset", "tokyo-1", "argocd.argoproj.io/application-set-refresh=true")
	w.await("tokyo-1", release["1.31"], append(slices.Clone(usual), "late")...)
	w.unchanged("tokyo-1", before)
	w.eventually(func() error {
		source, err := w.Catalog(w.ctx)
		if err == nil && !meta.IsStatusConditionTrue(source.Status.Conditions, "Ready") {
			err = fmt.Errorf("the CatalogSource is not Ready: %s", w.conditions())
		}
		return err
	})
}

// metrics is what addon-manager tells Prometheus.
func (w *world) metrics() string {
	w.Helper()
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.Manager.MetricsURL(), nil)
	w.must(err)
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	w.must(err)
	return string(text)
}
