//go:build linux

package e2e

import (
	"maps"
	"slices"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// TestRestarts crashes addon-manager, the management API server and the Git server in the middle of everything that the demo
// shows. Each time it ends where it would have ended, with the same objects.
func TestRestarts(t *testing.T) {
	w := begin(t)
	steps := []struct {
		name string
		// do begins a change, and says where it ends: the release and the addons of tokyo-1.
		do func() (release string, addons []string)
		// leaves is what goes in this step.
		leaves string
	}{
		{name: "installing", do: func() (string, []string) {
			w.label("tokyo-1", "late", "enabled")
			return release["1.31"], append(slices.Clone(usual), "late")
		}},
		{name: "switching off", leaves: "late", do: func() (string, []string) {
			w.label("tokyo-1", "late", "")
			return release["1.31"], usual
		}},
		{name: "a new release", do: func() (string, []string) {
			release["1.31"] = w.publish("1.31", gitrepo.File("addons/base/base.yaml", string(configMap("base", "release: next"))))
			return release["1.31"], usual
		}},
		{name: "upgrading Kubernetes", do: func() (string, []string) {
			w.must(w.Workloads["tokyo-1"].Upgrade(w.ctx, "1.32"))
			return release["1.32"], usual
		}},
		{name: "going back", do: func() (string, []string) {
			w.must(w.Workloads["tokyo-1"].Upgrade(w.ctx, "1.31"))
			return release["1.31"], usual
		}},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) {
			w := &world{Sandbox: w.Sandbox, T: t, ctx: w.ctx}
			before, others := w.identities("tokyo-1"), w.identities("paris-1")
			maps.DeleteFunc(before, func(name, _ string) bool {
				return step.leaves != "" && (name == step.leaves || name == step.leaves+": ConfigMap default/"+step.leaves)
			})
			release, addons := step.do()
			w.crash()
			w.await("tokyo-1", release, addons...)
			w.unchanged("tokyo-1", before)
			w.unchanged("paris-1", others)
		}) {
			return // the next step begins where this one should have ended
		}
	}
}

// crash kills what delivery depends on, and starts it again in the order that is the hardest: addon-manager first has no Git server,
// and meets an API server that has just come up.
func (w *world) crash() {
	w.Helper()
	w.Config.Stop()
	w.Manager.Kill()
	w.Management.APIServer.Kill()
	w.must(w.Management.APIServer.Start(w.ctx))
	w.must(w.Manager.Start(w.ctx))
	w.must(w.Config.Start())
}

// TestAPIServerRestartsAlone is the one crash that addon-manager lives through.
func TestAPIServerRestartsAlone(t *testing.T) {
	w := begin(t)
	before := w.identities("tokyo-1")
	pid := w.Manager.Pid()
	w.Management.APIServer.Kill()
	w.must(w.Management.APIServer.Start(w.ctx))
	w.label("tokyo-1", "late", "enabled")
	if !w.Manager.Running() { // It lost its lease while the API server was down; in a Pod, kubelet starts it again.
		w.must(w.Manager.Start(w.ctx))
	}
	w.await("tokyo-1", release["1.31"], append(slices.Clone(usual), "late")...)
	w.unchanged("tokyo-1", before)
	if w.Manager.Pid() != pid {
		t.Log("addon-manager ended and was started again")
	}
}

// restart starts addon-manager again with these arguments besides its own, and this way to the API server.
func (w *world) restart(config *rest.Config, args ...string) {
	w.Helper()
	w.Manager.Stop()
	w.must(w.Manager.Through(config))
	w.Manager.With(args...)
	w.must(w.Manager.Start(w.ctx))
}
