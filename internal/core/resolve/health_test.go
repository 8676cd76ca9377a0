package resolve_test

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// mode is what Argo CD finds when it looks at an Application.
type mode string

const (
	healthy mode = "healthy"
	// progressing, degraded and outOfSync are what the words say; running has a sync on the way, failed one that failed.
	progressing mode = "progressing"
	degraded    mode = "degraded"
	outOfSync   mode = "outOfSync"
	running     mode = "running"
	failed      mode = "failed"
	// unreachable has a cluster that does not answer: nothing can be compared, and no deletion that prunes ends.
	unreachable mode = "unreachable"
	// unrendered has a revision that no manifests can be made of.
	unrendered mode = "unrendered"
	// stale is not looked at: what was reported last stays.
	stale mode = "stale"
)

var modes = []mode{healthy, progressing, degraded, outOfSync, running, failed, unreachable, unrendered, stale}

// script tells what Argo CD finds, the last line that fits counts: `CLUSTER/ADDON[@RELEASE] MODE`, with * as in path.Match.
type script []string

func parseScript(text string) (s script, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !slices.Contains(modes, mode(fields[1])) {
			return nil, fmt.Errorf("%q is no line of a script", strings.TrimSpace(line))
		}
		s = append(s, strings.TrimSpace(line))
	}
	return s, nil
}

func (s script) mode(key resolve.PairKey, release string) mode {
	for _, line := range slices.Backward(s) {
		pattern, is, _ := strings.Cut(line, " ")
		pattern, at, pinned := strings.Cut(pattern, "@")
		if pinned && at != release {
			continue
		}
		if fits, _ := path.Match(pattern, key.Cluster+"/"+key.Addon); fits {
			return mode(is)
		}
	}
	return healthy
}

// look is Argo CD looking at one Application; it reports whether it finds anything new.
func (w *world) look(app *application) bool {
	key := resolve.PairKey{Cluster: app.cluster, Addon: app.Addon}
	found := w.health.mode(key, app.Release)
	if found == stale {
		return false
	}
	was := app.status
	st := &app.status
	st.Reconciled, st.Message = w.now, ""
	synced := func() {
		if st.Operation.Phase != "Succeeded" || st.Operation.Revision != app.Commit {
			st.Operation = resolve.Operation{Phase: "Succeeded", Revision: app.Commit, Finished: w.now}
		}
		st.Sync, st.Revision = "Synced", app.Commit
		w.objects[key] = app.Release
	}
	health := "Healthy"
	switch found {
	case healthy:
		synced()
		app.proved = app.Release
	case progressing:
		synced()
		health = "Progressing"
	case degraded:
		synced()
		health, st.Message = "Degraded", "a pod crashes"
	case outOfSync:
		st.Sync, st.Revision = "OutOfSync", app.Commit
	case running:
		st.Sync, st.Revision = "OutOfSync", app.Commit
		st.Operation = resolve.Operation{Phase: "Running"}
	case failed:
		st.Sync, st.Revision, st.Message = "OutOfSync", app.Commit, "one or more objects failed to apply"
		if st.Operation.Phase != "Failed" || st.Operation.Revision != app.Commit {
			st.Operation = resolve.Operation{Phase: "Failed", Revision: app.Commit, Finished: w.now}
		}
	case unreachable:
		st.Sync, st.Message, health = "Unknown", "dial tcp: i/o timeout", "Unknown"
	case unrendered:
		st.Sync, st.Message, health = "Unknown", "failed to generate target state: kustomize build failed", st.Health
	}
	if st.Health != health {
		st.Health, st.HealthSince = health, w.now
	}
	news := *st
	news.Reconciled = was.Reconciled // That it looked again is no news.
	return news != was
}
