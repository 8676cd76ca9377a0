package diff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

func TestLists(t *testing.T) {
	const (
		role    = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\nrules: "
		binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: a}\nsubjects: "
		service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: "
		pods    = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: "
		ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: "
		policy  = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {ingress: "
		scaler  = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {metrics: "
		hook    = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: a}\nwebhooks: "
		custom  = "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec: "
	)
	for name, tc := range map[string]struct {
		object, end   string
		before, after string
		want          []string
	}{
		"rules and verbs in another order": {role, "", "[{apiGroups: [''], resources: [pods, nodes], verbs: [get, list]}, {resources: [secrets], verbs: [get]}]", "[{resources: [secrets], verbs: [get]}, {apiGroups: [''], resources: [nodes, pods], verbs: [list, get]}]", nil},
		"a verb more": {role, "", "[{resources: [secrets], verbs: [get]}, {resources: [pods], verbs: [get, list]}]", "[{resources: [pods], verbs: [get, delete, list]}, {resources: [secrets], verbs: [get]}]", []string{
			"/rules/0/verbs/1 | rules[0].verbs[1] | none -> delete",
		}},
		"a rule more and one less": {role, "", "[{resources: [secrets], verbs: [get]}, {resources: [pods], verbs: [list]}]", "[{resources: [pods], verbs: [list]}, {nonResourceURLs: [/a], verbs: [put]}]", []string{
			"/rules/0 | rules[0] | map[resources:[secrets] verbs:[get]] -> none",
			"/rules/1 | rules[1] | none -> map[nonResourceURLs:[/a] verbs:[put]]",
		}},
		"a subject more": {binding, "", "[{kind: User, name: a}]", "[{kind: Group, name: a}, {kind: User, name: a}]", []string{
			"/subjects/0 | subjects[name=a,kind=Group] | none -> map[kind:Group name:a]",
		}},
		"ports of one number": {service, "}", "[{port: 53, protocol: UDP, name: a}, {port: 53, protocol: TCP, name: b}]", "[{port: 53, name: b, protocol: TCP}, {port: 53, protocol: UDP, name: c}]", []string{
			"/spec/ports/1/name | spec.ports[port=53,protocol=UDP].name | a -> c",
		}},
		"a port that keeps its name": {service, "}", "[{port: 80, name: http, targetPort: 1}]", "[{port: 81, name: http, targetPort: 1}, {port: 82, name: x}]", []string{
			"/spec/ports/0/port | spec.ports[port=81].port | 80 -> 81",
			"/spec/ports/1 | spec.ports[port=82] | none -> map[name:x port:82]",
		}},
		"tolerations as a set": {pods, "", "{tolerations: [{operator: Exists}, {key: a, effect: NoSchedule}]}", "{tolerations: [{key: a, effect: NoSchedule}, {operator: Exists}]}", nil},
		"a mount elsewhere": {pods, "", "{containers: [{name: a, volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}]}]}", "{containers: [{name: a, volumeMounts: [{name: v, mountPath: /b, readOnly: true}, {name: v, mountPath: /a}]}]}", []string{
			"/spec/containers/0/volumeMounts/0/readOnly | spec.containers[name=a].volumeMounts[mountPath=/b].readOnly | none -> true",
		}},
		"a variable twice": {pods, "", "{containers: [{name: a, env: [{name: V, value: a}, {name: V, value: b}]}]}", "{containers: [{name: a, env: [{name: V, value: a}, {name: V, value: c}]}]}", []string{
			"/spec/containers/0/env/1/value | spec.containers[name=a].env[name=V#2].value | b -> c",
		}},
		"aliases by address": {pods, "", "{hostAliases: [{ip: 10.0.0.1, hostnames: [a]}, {ip: '::1', hostnames: [b]}]}", "{hostAliases: [{ip: '::1', hostnames: [c]}, {ip: 10.0.0.1, hostnames: [a]}]}", []string{
			"/spec/hostAliases/0/hostnames/0 | spec.hostAliases[ip=::1].hostnames[0] | b -> c",
		}},
		"hosts and paths": {ingress, "}", "[{host: a.example, http: {paths: [{path: /, pathType: Prefix, x: 1}]}}, {host: b.example}]", "[{host: b.example}, {host: a.example, http: {paths: [{path: /x}, {path: /, pathType: Prefix, x: 2}]}}]", []string{
			"/spec/rules/1/http/paths/0 | spec.rules[host=a.example].http.paths[path=/x] | none -> map[path:/x]",
			"/spec/rules/1/http/paths/1/x | spec.rules[host=a.example].http.paths[path=/,pathType=Prefix].x | 1 -> 2",
		}},
		"peers as a set": {policy, "}", "[{from: [{ipBlock: {cidr: a}}, {ipBlock: {cidr: b}}]}, {ports: [{port: 1}]}]", "[{ports: [{port: 1}]}, {from: [{ipBlock: {cidr: b}}, {ipBlock: {cidr: c}}]}]", []string{
			"/spec/ingress/1/from/1/ipBlock/cidr | spec.ingress[1].from[1].ipBlock.cidr | a -> c",
		}},
		"metrics by type and name": {scaler, "}", "[{type: Resource, resource: {name: cpu, target: 1}}, {type: Pods, pods: {metric: {name: rate}, target: 5}}]", "[{type: Pods, pods: {metric: {name: rate}, target: 6}}, {type: Resource, resource: {name: cpu, target: 1}}]", []string{
			"/spec/metrics/0/pods/target | spec.metrics[type=Pods,pods.metric.name=rate].pods.target | 5 -> 6",
		}},
		"rules of which the first that fits decides": {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {podFailurePolicy: {rules: ", "}}", "[{action: Ignore, x: [1]}, {action: FailJob, x: [2]}]", "[{action: FailJob, x: [2]}, {action: Ignore, x: [1]}]", []string{
			"/spec/podFailurePolicy/rules/0 | spec.podFailurePolicy.rules[0] | map[action:Ignore x:[1]] -> none",
			"/spec/podFailurePolicy/rules/1 | spec.podFailurePolicy.rules[1] | none -> map[action:Ignore x:[1]]",
		}},
		"variables that may use those before them": {"apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: a}\nspec: {variables: ", "}", "[{name: a, expression: x}, {name: b, expression: y}]", "[{name: b, expression: y}, {name: a, expression: x}]", []string{
			"/spec/variables | spec.variables | [name=a name=b] -> [name=b name=a]",
		}},
		"webhooks by name": {hook, "", "[{name: a.example, rules: [{operations: [CREATE, UPDATE]}]}, {name: b.example, x: 1}]", "[{name: b.example, x: 2}, {name: a.example, rules: [{operations: [UPDATE, CREATE]}]}]", []string{
			"/webhooks/0/x | webhooks[name=b.example].x | 1 -> 2",
		}},
		"unknown items by name, whose order counts": {custom, "", "[{name: a, x: 1}, {name: b, x: 1}]", "[{name: b, x: 2}, {name: a, x: 1}]", []string{
			"/spec | spec | [name=a name=b] -> [name=b name=a]",
			"/spec/0/x | spec[name=b].x | 1 -> 2",
		}},
		"unknown items with a name twice": {custom, "", "[{name: a, x: 1}, {name: a, x: 2}]", "[{name: a, x: 1}, {name: a, x: 3}]", []string{
			"/spec/1/x | spec[1].x | 2 -> 3",
		}},
		"unknown items without names": {custom, "", "[{x: 1, y: 1, z: 1}, {x: 2, y: 2, z: 2}]", "[{q: 1}, {x: 1, y: 1, z: 1}, {x: 2, y: 2, z: 3, w: 1}]", []string{
			"/spec/0 | spec[0] | none -> map[q:1]",
			"/spec/2/w | spec[2].w | none -> 1",
			"/spec/2/z | spec[2].z | 2 -> 3",
		}},
		"lists in lists":    {custom, "", "[[1, 2], [3]]", "[[1, 2, 4], [3]]", []string{"/spec/0/2 | spec[0][2] | none -> 4"}},
		"a list that went":  {custom, "", "[1]", "null", []string{"/spec | spec | [1] -> none"}},
		"null in a list":    {custom, "", "[null, 1]", "[2, 1]", []string{"/spec/0 | spec[0] | <nil> -> 2"}},
		"a name with signs": {custom, "", "[{name: 'a],b=\"', x: 1}]", "[{name: 'a],b=\"', x: 2}]", []string{`/spec/0/x | spec[name="a],b=\""].x | 1 -> 2`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Compare(parse(t, tc.object+tc.before+tc.end), parse(t, tc.object+tc.after+tc.end), Options{})
			var got []string
			for _, c := range r.Changes {
				got = append(got, lines(c.Fields)...)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestSchemas tells from the schema of a custom resource what a list means.
func TestSchemas(t *testing.T) {
	crd := parse(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  names: {kind: Thing}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              rules:
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [host, port]
                items: {properties: {tags: {x-kubernetes-list-type: set}}}
              steps: {x-kubernetes-list-type: atomic}
`)
	before := "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec: {rules: [{host: a, port: 1, tags: [x, y]}, {host: a, port: 2, name: m}], steps: [{name: a}, {name: b}]}"
	after := "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec: {rules: [{host: a, port: 2, name: n}, {host: a, port: 1, tags: [y, x]}], steps: [{name: b}, {name: a}]}"
	r := Compare(parse(t, before), parse(t, after), Options{CRDs: crd})
	want := []string{
		"/spec/rules/0/name | spec.rules[host=a,port=2].name | m -> n",
		"/spec/steps | spec.steps | [name=a name=b] -> [name=b name=a]",
	}
	if d := cmp.Diff(want, lines(r.Changes[0].Fields)); d != "" {
		t.Error(d)
	}
}

// TestLongLists compares lists that have nothing in common, which must not take quadratic time.
func TestLongLists(t *testing.T) {
	list := func(side string, n int) manifest.Object {
		var items []any
		for i := range n {
			items = append(items, map[string]any{"a": fmt.Sprint(side, i), "b": int64(1), "c": int64(2)}, side+fmt.Sprint(i))
		}
		return object(map[string]any{"apiVersion": "example.org/v1", "kind": "Thing", "metadata": map[string]any{"name": "a"}, "rules": items, "verbs": items})
	}
	base, head := []manifest.Object{list("x", 10_000)}, []manifest.Object{list("y", 10_100)}
	start := time.Now()
	r := Compare(base, head, Options{})
	if spent := time.Since(start); spent > 20*time.Second {
		t.Errorf("took %v", spent)
	}
	if n := len(r.Changes[0].Fields); n < 20_000 {
		t.Errorf("%d fields found: some changes are missing", n)
	}
	if strings.HasPrefix(r.Changes[0].Fields[0].Path, "/metadata") {
		t.Error("the name is no field")
	}
}
