package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// listRule says how the items of a list are matched.
type listRule struct {
	// keys are alternatives: the first whose first field all items have is used, the others for what it leaves. A field may be a path.
	keys [][]string
	// set lists have no order, and without keys, items are matched by value.
	set bool
	// ordered lists have keys, and mean something else in another order.
	ordered bool
}

// builtinLists are the lists of Kubernetes' own kinds by the name of their field: the merge keys, map keys and sets that the struct tags and
// comments of k8s.io/api declare, and lists whose order its documentation says means nothing. Any other list is ordered.
var builtinLists = func() map[string]listRule {
	lists := map[string]listRule{
		"initContainers": {keys: [][]string{{"name"}}, ordered: true},
		"variables":      {keys: [][]string{{"name"}}, ordered: true},
		"ports":          {keys: [][]string{{"containerPort", "protocol", "hostPort", "hostIP"}, {"port", "protocol"}, {"name"}}, set: true},
		"subjects":       {keys: [][]string{{"name", "kind", "namespace"}}, set: true},
		"paths":          {keys: [][]string{{"path", "pathType"}}, set: true},
		"metrics": {keys: [][]string{{
			"type", "resource.name", "containerResource.container", "containerResource.name", "pods.metric.name", "external.metric.name",
			"object.metric.name", "object.describedObject.kind", "object.describedObject.name",
		}}, set: true},
		"topologySpreadConstraints": {keys: [][]string{{"topologyKey", "whenUnsatisfiable"}}, set: true},
		"tolerations":               {keys: [][]string{{"key", "operator", "effect", "value"}}, set: true},
		"taints":                    {keys: [][]string{{"key", "effect"}}, set: true},
		"additionalPrinterColumns":  {keys: [][]string{{"name"}}, ordered: true},
	}
	for key, fields := range map[string]string{
		"name": "containers ephemeralContainers env volumes imagePullSecrets secrets resourceClaims schedulingGates sysctls httpHeaders " +
			"webhooks matchConditions versions",
		"mountPath": "volumeMounts", "devicePath": "volumeDevices", "ip": "hostAliases", "uid": "ownerReferences", "host": "rules",
		"type": "conditions limits", "conditionType": "readinessGates", "key": "items matchExpressions matchFields auditAnnotations",
		"rule": "x-kubernetes-validations", "metadata.name": "volumeClaimTemplates",
	} {
		for field := range strings.FieldsSeq(fields) {
			lists[field] = listRule{keys: [][]string{{key}}, set: true}
		}
	}
	for field := range strings.FieldsSeq(`finalizers verbs apiGroups apiVersions resources resourceNames nonResourceURLs operations accessModes add drop
		values policyTypes ingress egress from to except policies tls externalIPs loadBalancerSourceRanges allowedTopologies matchLabelExpressions
		nodeSelectorTerms preferredDuringSchedulingIgnoredDuringExecution requiredDuringSchedulingIgnoredDuringExecution supplementalGroups
		clusterRoleSelectors resourceRules excludeResourceRules required enum storedVersions scopes volumeLifecycleModes nonResourceRules
		x-kubernetes-list-map-keys`) {
		lists[field] = listRule{set: true}
	}
	return lists
}()

// guessedKeys identify the items of lists that nothing is known of, when they are different in all items.
var guessedKeys = [][]string{{"name"}, {"key"}, {"id"}, {"type"}, {"host"}, {"path"}, {"mountPath"}, {"alert"}, {"record"}}

// rule finds how the items of the list at hand are matched.
func (w *walker) rule(base, head []any, schema map[string]any) listRule {
	rule, known := listRule{}, false
	switch kind := schema["x-kubernetes-list-type"]; {
	case kind == "map":
		var keys []string
		for _, k := range manifest.List(schema, "x-kubernetes-list-map-keys") {
			keys = append(keys, fmt.Sprint(k))
		}
		rule, known = listRule{keys: [][]string{keys}, set: true}, len(keys) > 0
	case kind == "set":
		rule, known = listRule{set: true}, true
	case w.key(1) == "podFailurePolicy" || w.key(1) == "successPolicy":
		// The first rule that fits decides, unlike those of roles and webhooks.
	case w.builtin:
		rule, known = builtinLists[w.key(0)]
	}
	rule.keys = slices.DeleteFunc(slices.Clone(rule.keys), func(keys []string) bool { return !all(base, keys[0]) || !all(head, keys[0]) })
	if !known {
		// Whoever wrote the kind may have meant the order.
		rule.ordered = true
		for _, keys := range guessedKeys {
			if unique(base, keys) && unique(head, keys) {
				rule.keys = append(rule.keys, keys)
				break
			}
		}
	}
	return rule
}

// all reports whether all items are maps with a scalar at a path.
func all(items []any, field string) bool {
	return !slices.ContainsFunc(items, func(item any) bool { _, ok := scalarAt(item, field); return !ok })
}

func unique(items []any, keys []string) bool {
	seen := map[string]bool{}
	for _, item := range items {
		name, ok := nameOf(item, keys)
		if !ok || seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// nameOf is what identifies an item, as paths show it: name=app. It is false where the first key is missing.
func nameOf(item any, keys []string) (string, bool) {
	var parts []string
	for i, k := range keys {
		v, ok := scalarAt(item, k)
		if !ok && i == 0 {
			return "", false
		}
		// A port without a protocol is one of TCP, an operator that is left out is Equal.
		if !ok || k == "protocol" && v == "TCP" || k == "operator" && v == "Equal" {
			continue
		}
		if !plain(v, "-_/$.:*") {
			v = strconv.Quote(v)
		}
		parts = append(parts, k+"="+v)
	}
	return strings.Join(parts, ","), true
}

// longestName is how long a value may be that identifies an item; a longer one is text.
const longestName = 256

// scalarAt is the scalar at a path of map keys with dots.
func scalarAt(item any, field string) (string, bool) {
	switch v := manifest.At(item, strings.Split(field, ".")...).(type) {
	case string:
		return v, len(v) <= longestName
	case int64, float64, bool, int:
		return fmt.Sprint(v), true
	}
	return "", false
}
