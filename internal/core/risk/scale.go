package risk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// scale flags workloads that stop.
func (x *finder) scale(c diff.Change) {
	if c.Before == nil || c.After == nil {
		return
	}
	before, after := manifest.Map(c.Before.Content, "spec"), manifest.Map(c.After.Content, "spec")
	if n, ok := number(after["replicas"]); ok && n == 0 {
		if was, ok := number(before["replicas"]); !ok || was != 0 {
			x.flag(ScaledToZero, c.Object, "/spec/replicas", "has no pods any more: replicas is 0")
		}
	}
	if after["suspend"] == true && before["suspend"] != true {
		x.flag(ScaledToZero, c.Object, "/spec/suspend", "is suspended: it starts nothing any more")
	}
	if c.Object.GroupKind() == "HorizontalPodAutoscaler.autoscaling" {
		for _, key := range []string{"minReplicas", "maxReplicas"} {
			n, ok := number(after[key])
			if was, had := number(before[key]); ok && n == 0 && (!had || was != 0) {
				x.flag(ScaledToZero, c.Object, pointer("spec", key), "may scale down to no pods: %s is 0", key)
			}
		}
	}
}

// guards are kinds whose objects keep something from happening.
var guards = map[string]string{
	"PodDisruptionBudget.policy":      "a drain may stop all pods that it held back at once",
	"NetworkPolicy.networking.k8s.io": "traffic that it kept out may pass, unless another policy does",
	"LimitRange":                      "containers of the namespace no longer get its requests and limits",
	"ResourceQuota":                   "the namespace may take as much as there is",
}

// protection flags budgets, requests, limits, probes, priorities and network policies that went or got weaker.
func (x *finder) protection(c diff.Change) {
	means, guard := guards[c.Object.GroupKind()]
	switch {
	case c.Before == nil:
		return
	case c.After == nil:
		if guard {
			x.weigh(1, ProtectionRemoved, c.Object, "", "is gone: %s", means)
		}
		return
	}
	switch c.Object.GroupKind() {
	case "PodDisruptionBudget.policy":
		x.budget(c)
	case "NetworkPolicy.networking.k8s.io":
		x.network(c)
	}
	for _, p := range podPairs(c.Before, c.After) {
		if p.before == nil {
			continue
		}
		if was := manifest.Text(p.before, "priorityClassName"); was != "" && manifest.Text(p.after, "priorityClassName") == "" {
			x.flag(ProtectionRemoved, c.Object, p.path+pointer("priorityClassName"), "has no priority any more, it was %s: when nodes are full, others push it out", quote(was))
		}
		old := containers(p.before, p.path)
		for _, now := range containers(p.after, p.path) {
			was := named(old, now.name)
			for _, key := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
				if was[key] != nil && now.content[key] == nil {
					x.flag(ProtectionRemoved, c.Object, now.path+pointer(key), "container %s has no %s any more", quote(now.name), key)
				}
			}
			for _, key := range []string{"requests", "limits"} {
				for _, what := range []string{"cpu", "memory", "ephemeral-storage"} {
					// Without a request the limit counts as one.
					limit := key == "requests" && manifest.At(now.content, "resources", "limits", what) != nil
					if manifest.At(was, "resources", key, what) != nil && manifest.At(now.content, "resources", key, what) == nil && !limit {
						x.flag(ProtectionRemoved, c.Object, now.path+pointer("resources", key, what), "container %s has no %s of %s any more", quote(now.name), key, what)
					}
				}
			}
		}
	}
}

func (x *finder) budget(c diff.Change) {
	for _, b := range []struct {
		key   string
		sign  int
		means string
	}{{"minAvailable", 1, "fewer pods need to stay up"}, {"maxUnavailable", -1, "more pods may be down"}} {
		was, is := manifest.At(c.Before.Content, "spec", b.key), manifest.At(c.After.Content, "spec", b.key)
		if was == nil || fmt.Sprint(was) == fmt.Sprint(is) {
			continue
		}
		before, percent := amount(was)
		after, inPercent := amount(is)
		// Without the number of pods, neither a share and a number can be compared, nor those that may go and those that must stay.
		if is == nil || percent != inPercent || (before-after)*b.sign > 0 {
			x.flag(ProtectionRemoved, c.Object, pointer("spec", b.key), "%s at the same time: %s is %s instead of %s", maybe(is == nil || percent != inPercent)+b.means, b.key, or(is, "not set"), quote(was))
		}
	}
	if !same(manifest.At(c.Before.Content, "spec", "selector"), manifest.At(c.After.Content, "spec", "selector")) {
		x.flag(ProtectionRemoved, c.Object, "/spec/selector", "protects other pods than before")
	}
}

func or(v any, other string) string {
	if v == nil {
		return other
	}
	return quote(v)
}

func maybe(m bool) string {
	if m {
		return "perhaps "
	}
	return ""
}

// amount reads 2 and 50%.
func amount(v any) (n int, percent bool) {
	s, percent := strings.CutSuffix(fmt.Sprint(v), "%")
	n, _ = strconv.Atoi(s)
	return n, percent
}

func (x *finder) network(c diff.Change) {
	types := func(o *manifest.Object) []string { return texts(manifest.List(o.Content, "spec", "policyTypes")) }
	for _, t := range types(c.Before) {
		if !slices.Contains(types(c.After), t) {
			x.flag(ProtectionRemoved, c.Object, "/spec/policyTypes", "no longer restricts %s", t)
		}
	}
	all := func(v any) bool { m, ok := v.(map[string]any); return ok && len(m) == 0 }
	for _, key := range []string{"ingress", "egress"} {
		now := manifest.List(c.After.Content, "spec", key)
		if slices.ContainsFunc(now, all) && !slices.ContainsFunc(manifest.List(c.Before.Content, "spec", key), all) {
			x.flag(ProtectionRemoved, c.Object, pointer("spec", key, slices.IndexFunc(now, all)), "lets all %s pass", key)
		}
	}
	if !same(manifest.At(c.Before.Content, "spec", "podSelector"), manifest.At(c.After.Content, "spec", "podSelector")) {
		x.flag(ProtectionRemoved, c.Object, "/spec/podSelector", "restricts other pods than before")
	}
}
