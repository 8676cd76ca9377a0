package engine

import (
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Skip is the phase of objects that Argo CD never applies.
const Skip = "Skip"

// hook is the phase in which Argo CD applies an object: several are sorted and separated by commas. Tests and what else Helm would run at times that
// Argo CD does not know are Skip.
func hook(content map[string]any) string {
	annotations := annotationsOf(content)
	own, isHook := annotations["argocd.argoproj.io/hook"]
	phases := phasesOf(own, argoPhases)
	if len(phases) > 1 {
		phases = slices.DeleteFunc(phases, func(p string) bool { return p == Skip })
	}
	if len(phases) == 0 {
		// With nothing that it knows, Argo CD looks at Helm's annotation, where crd-install was never a hook.
		helms, ok := annotations["helm.sh/hook"]
		isHook = isHook || ok && helms != "crd-install"
		phases = phasesOf(helms, helmPhases)
	}
	if len(phases) == 0 && isHook {
		return Skip
	}
	return strings.Join(phases, ",")
}

var (
	argoPhases = map[string]string{
		"PreSync": "PreSync", "Sync": "Sync", "PostSync": "PostSync", "SyncFail": "SyncFail", "PostDelete": "PostDelete", Skip: Skip,
	}
	helmPhases = map[string]string{
		"pre-install": "PreSync", "pre-upgrade": "PreSync", "post-install": "PostSync", "post-upgrade": "PostSync",
		"post-delete": "PostDelete",
	}
)

// phasesOf are the phases that a list of hooks, separated by commas, stands for.
func phasesOf(hooks string, known map[string]string) []string {
	var phases []string
	for h := range strings.SplitSeq(hooks, ",") {
		if phase := known[strings.TrimSpace(h)]; phase != "" && !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
	}
	slices.Sort(phases)
	return phases
}

// annotationsOf are an object's annotations; none when one is not text, which is how the API's own libraries read them.
func annotationsOf(content map[string]any) map[string]string {
	found := map[string]string{}
	for k, v := range manifest.Map(content, "metadata", "annotations") {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		found[k] = s
	}
	return found
}
