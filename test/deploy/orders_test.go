package deploy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// TestAPIServerReadsOrders holds what people order, for the fleet and for a cluster, to the rules of the CustomResourceDefinitions. A row
// without want is accepted.
func TestAPIServerReadsOrders(t *testing.T) {
	c := client.WithFieldValidation(installed(t), metav1.FieldValidationStrict)
	for name, tc := range map[string]struct {
		kind, spec string
		want       []string
	}{
		"everything about deletion": {kind: "CatalogSource", spec: `
deletion: {grace: 0s, budget: {perAddon: 25%, fleet: 3}, approved: [0123456789ab]}`},
		"grace below zero":          {"CatalogSource", `deletion: {grace: -1s}`, []string{"spec.deletion.grace", "between 0s and 720h"}},
		"grace of a year":           {"CatalogSource", `deletion: {grace: 8760h}`, []string{"spec.deletion.grace", "between 0s and 720h"}},
		"budget beyond 100 percent": {"CatalogSource", `deletion: {budget: {fleet: 101%}}`, []string{"spec.deletion.budget.fleet"}},
		"budget in words":           {"CatalogSource", `deletion: {budget: {perAddon: all}}`, []string{"spec.deletion.budget.perAddon"}},
		"approval of all":           {"CatalogSource", `deletion: {approved: ["*"]}`, []string{"spec.deletion.approved[0]"}},
		"approval twice":            {"CatalogSource", `deletion: {approved: [0123456789ab, 0123456789ab]}`, []string{"spec.deletion.approved[1]", "Duplicate"}},
		"unknown field of deletion": {"CatalogSource", `deletion: {gracePeriod: 1h}`, []string{`unknown field "spec.deletion.gracePeriod"`}},

		"everything about rollouts": {kind: "CatalogSource", spec: `
rollout:
  maxConcurrency: 25%
  minSuccessTime: 1h
  progressDeadline: 2h30m
  maxFailures: 5%
  groups:
  - {name: canary, selector: {matchLabels: {stage: canary}}, maxConcurrency: 1, minSuccessTime: 30m, progressDeadline: None, mandatory: true}
  - {name: rest, selector: {matchExpressions: [{key: stage, operator: Exists}]}, windows: [{schedule: "0 2 * * *", duration: 3h}]}
  windows: [{schedule: "0 8 * * 1-5", duration: 8h, timeZone: Europe/Berlin}]
  halted: [v1.31-ake.4]
  resumed: [{release: v1.31-ake.4, accept: [tokyo-1]}]
  rolledBack: [v1.31-ake.3]
  emergency: [v1.32-ake.10]`},
		"concurrency of 101 percent":    {"CatalogSource", `rollout: {maxConcurrency: 101%}`, []string{"spec.rollout.maxConcurrency"}},
		"failures in words":             {"CatalogSource", `rollout: {maxFailures: none}`, []string{"spec.rollout.maxFailures"}},
		"soak of two months":            {"CatalogSource", `rollout: {minSuccessTime: 1440h}`, []string{"spec.rollout.minSuccessTime", "between 0s and 720h"}},
		"deadline without a unit":       {"CatalogSource", `rollout: {progressDeadline: "30"}`, []string{"spec.rollout.progressDeadline"}},
		"a group without a name":        {"CatalogSource", `rollout: {groups: [{selector: {}}]}`, []string{"spec.rollout.groups[0].name", "Required"}},
		"a group without a selector":    {"CatalogSource", `rollout: {groups: [{name: canary}]}`, []string{"spec.rollout.groups[0].selector", "Required"}},
		"two groups of one name":        {"CatalogSource", `rollout: {groups: [{name: a, selector: {}}, {name: a, selector: {}}]}`, []string{"spec.rollout.groups[1]", "Duplicate"}},
		"a window of a second":          {"CatalogSource", `rollout: {windows: [{schedule: "0 2 * * *", duration: 1s}]}`, []string{"spec.rollout.windows[0].duration", "between 1m and 168h"}},
		"a window that never opens":     {"CatalogSource", `rollout: {windows: [{duration: 1h}]}`, []string{"spec.rollout.windows[0].schedule", "Required"}},
		"a halted branch":               {"CatalogSource", `rollout: {halted: [release-1.31]}`, []string{"spec.rollout.halted[0]"}},
		"an emergency without a number": {"CatalogSource", `rollout: {emergency: [v1.31-ake]}`, []string{"spec.rollout.emergency[0]"}},
		"resumed without saying what for": {
			"CatalogSource", `rollout: {resumed: [{release: v1.31-ake.4}]}`, []string{"spec.rollout.resumed[0].accept", "Required"},
		},

		"everything about a cluster": {kind: "ClusterAddons", spec: `
pins:
- {release: v1.31-ake.3, reason: "INC-7: new release breaks ingress", owner: team-edge, expires: "2027-01-31T00:00:00Z"}
- {addon: loki, release: v1.31-ake.2, reason: migration, owner: team-logs, expires: "2027-01-31T00:00:00Z"}
freeze: {reason: Black Friday, owner: shop, until: "2026-11-28T00:00:00Z"}
decommission: {mode: prune, requested: "2026-11-21T22:00:00Z", deadline: 30m}
adopt: [loki]
forget: [{addon: falco, since: "2026-11-21T22:00:00Z"}]`},
		"a pin without a reason":   {"ClusterAddons", `pins: [{release: v1.31-ake.3, reason: "", owner: me, expires: "2027-01-31T00:00:00Z"}]`, []string{"spec.pins[0].reason"}},
		"a pin that never expires": {"ClusterAddons", `pins: [{release: v1.31-ake.3, reason: x, owner: me}]`, []string{"spec.pins[0].expires", "Required"}},
		"a pin to a commit": {
			"ClusterAddons", `pins: [{release: 0123456789abcdef0123456789abcdef01234567, reason: x, owner: me, expires: "2027-01-31T00:00:00Z"}]`, []string{"spec.pins[0].release"},
		},
		"two pins of the cluster": {
			"ClusterAddons", `pins: [{release: v1.31-ake.3, reason: x, owner: me, expires: "2027-01-31T00:00:00Z"}, {release: v1.31-ake.4, reason: x, owner: me, expires: "2027-01-31T00:00:00Z"}]`,
			[]string{"spec.pins[1]", "Duplicate"},
		},
		"a freeze without an end":      {"ClusterAddons", `freeze: {reason: x, owner: me}`, []string{"spec.freeze.until", "Required"}},
		"decommission without a mode":  {"ClusterAddons", `decommission: {requested: "2026-11-21T22:00:00Z"}`, []string{"spec.decommission.mode", "Required"}},
		"decommission in another mode": {"ClusterAddons", `decommission: {mode: delete, requested: "2026-11-21T22:00:00Z"}`, []string{"spec.decommission.mode", `"prune", "abandon"`}},
		"decommission in a year": {
			"ClusterAddons", `decommission: {mode: prune, requested: "2026-11-21T22:00:00Z", deadline: 8760h}`, []string{"spec.decommission.deadline", "between 0s and 720h"},
		},
		"forgetting without a time": {"ClusterAddons", `forget: [{addon: falco}]`, []string{"spec.forget[0].since", "Required"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := object{}
			if err := yaml.Unmarshal([]byte(tc.spec), &spec); err != nil {
				t.Fatal(err)
			}
			if tc.kind == "CatalogSource" {
				spec["url"] = "https://git.example.com/addons.git"
			}
			order := ours(tc.kind, "ordered")
			order.Object["spec"] = spec
			err := c.Create(t.Context(), order, client.DryRunAll)
			if len(tc.want) == 0 && err != nil {
				t.Error(err)
			}
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v lacks %q", err, want)
				}
			}
		})
	}
}

// TestDefaultsOfADecommission wants the deadline that the documents promise.
func TestDefaultsOfADecommission(t *testing.T) {
	c := installed(t)
	order := ours("ClusterAddons", "ordered")
	order.Object["spec"] = object{"decommission": object{"mode": "prune", "requested": "2026-11-21T22:00:00Z"}}
	if err := c.Create(t.Context(), order, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	want := object{"decommission": object{"mode": "prune", "requested": "2026-11-21T22:00:00Z", "deadline": "1h"}}
	if diff := cmp.Diff(want, order.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}
