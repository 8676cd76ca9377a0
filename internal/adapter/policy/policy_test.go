package policy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// requiredLabels asks for labels, with a default in its schema.
const requiredLabels = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8srequiredlabels}
spec:
  crd:
    spec:
      names: {kind: K8sRequiredLabels}
      validation:
        openAPIV3Schema:
          type: object
          properties:
            labels: {type: array, items: {type: string}, default: [owner]}
            hint: {type: string, default: ask the platform team}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8srequiredlabels

      import data.lib.labels

      violation[{"msg": msg, "details": {"missing": missing}}] {
        missing := {l | l := input.parameters.labels[_]} - labels.given(input.review.object)
        count(missing) > 0
        msg := sprintf("%v lacks the labels %v: %v", [input.review.object.metadata.name, concat(", ", missing), input.parameters.hint])
      }
    libs:
    - |
      package lib.labels

      given(o) = {l | o.metadata.labels[l]}
`

// privileged looks at every container of a pod.
const privileged = `apiVersion: templates.gatekeeper.sh/v1beta1
kind: ConstraintTemplate
metadata: {name: k8snoprivileged}
spec:
  crd: {spec: {names: {kind: K8sNoPrivileged}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    code:
    - engine: K8sNativeValidation
      source: {validations: [{expression: "true", message: never}]}
    - engine: Rego
      source:
        rego: |
          package k8snoprivileged

          violation[{"msg": msg}] {
            c := containers[_]
            c.securityContext.privileged
            msg := sprintf("container %v is privileged", [c.name])
          }

          containers[c] { c := input.review.object.spec.template.spec.containers[_] }
          containers[c] { c := input.review.object.spec.template.spec.initContainers[_] }
`

const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - {name: a, securityContext: {privileged: true}}
      - {name: b, securityContext: {privileged: true}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  namespace: shop
  labels: {owner: me}
  annotations: {addons.kaas.dev/skip-policies: "other, privileged"}
spec: {template: {spec: {containers: [{name: a, securityContext: {privileged: true}}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, labels: {owner: me}}
`

func TestCheck(t *testing.T) {
	s, err := set(t, Options{}, requiredLabels, privileged,
		constraintOf("K8sRequiredLabels", "owner", "{enforcementAction: warn, parameters: {mistyped: 1}}"),
		constraintOf("K8sNoPrivileged", "privileged", "{match: {kinds: [{apiGroups: [apps], kinds: [Deployment, DaemonSet]}]}}"),
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n---\napiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\nmetadata: {name: s}\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"K8sNoPrivileged/privileged", "K8sRequiredLabels/owner"}, s.Constraints()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"c.yaml:1: the schema of k8srequiredlabels has no parameter mistyped: clusters drop it", "e.yaml:1: v1 ConfigMap is no policy, and left out",
	}, s.Remarks()); diff != "" {
		t.Error(diff)
	}
	for range 2 { // The second answer is from memory.
		found, problems, err := s.Check(context.Background(), objects(t, workload), every)
		if err != nil || problems != nil {
			t.Fatal(problems, err)
		}
		want := []string{
			"deny K8sNoPrivileged/privileged apps/v1/DaemonSet/shop/agent: container a is privileged (opted out)",
			"deny K8sNoPrivileged/privileged apps/v1/Deployment/shop/web: container a is privileged",
			"deny K8sNoPrivileged/privileged apps/v1/Deployment/shop/web: container b is privileged",
			"warn K8sRequiredLabels/owner apps/v1/Deployment/shop/web: web lacks the labels owner: ask the platform team",
		}
		if diff := cmp.Diff(want, lines(found)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestOtherObjects is a policy that compares objects.
func TestOtherObjects(t *testing.T) {
	s, err := set(t, Options{}, templateOf("K8sUniqueHost", `
package k8suniquehost

violation[{"msg": msg}] {
  host := input.review.object.spec.rules[_].host
  other := data.inventory.namespace[ns]["networking.k8s.io/v1"].Ingress[name]
  other.spec.rules[_].host == host
  [ns, name] != [input.review.object.metadata.namespace, input.review.object.metadata.name]
  msg := sprintf("%v is the host of %v/%v too", [host, ns, name])
}
`), constraintOf("K8sUniqueHost", "hosts", "{}"))
	if err != nil {
		t.Fatal(err)
	}
	const one = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, namespace: shop}\nspec: {rules: [{host: x.example}]}"
	const two = one + "\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: b, namespace: shop}\nspec: {rules: [{host: x.example}]}"
	for text, want := range map[string][]string{one: nil, two: {
		"deny K8sUniqueHost/hosts networking.k8s.io/v1/Ingress/shop/a: x.example is the host of shop/b too",
		"deny K8sUniqueHost/hosts networking.k8s.io/v1/Ingress/shop/b: x.example is the host of shop/a too",
	}} {
		found, problems, err := s.Check(context.Background(), objects(t, text), every)
		if err != nil || problems != nil {
			t.Fatal(problems, err)
		}
		if diff := cmp.Diff(want, lines(found)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestWrong is what is told of policies that do not compile.
func TestWrong(t *testing.T) {
	fine := templateOf("K8sA", "package k8sa\nviolation[{\"msg\": \"no\"}] { true }\n")
	for name, tc := range map[string]struct {
		texts []string
		want  string
	}{
		"Rego that does not parse": {
			[]string{templateOf("K8sA", "package k8sa\n\nviolation[{\"msg\": msg}] {\n  msg := = 1\n}\n")},
			"a.yaml:12: rego_parse_error: unexpected eq token",
		},
		"Rego that does not compile": {
			[]string{templateOf("K8sA", "package k8sa\n\nviolation[{\"msg\": msg}] {\n  msg := nothing\n}\n")},
			"a.yaml:12: rego_unsafe_var_error: var msg is unsafe\na.yaml:12: rego_unsafe_var_error: var nothing is unsafe",
		},
		"a function that reaches the network": {
			[]string{templateOf("K8sA", "package k8sa\nviolation[{\"msg\": msg}] { r := http.send({\"url\": \"http://x\", \"method\": \"get\"}); msg := r.body }\n")},
			"a.yaml:10: rego_type_error: undefined function http.send: it is switched off here, where policies reach no network",
		},
		"a library that is missing": {
			[]string{templateOf("K8sA", "package k8sa\nimport data.lib.helpers\nviolation[{\"msg\": \"x\"}] { helpers.bad(input) }\n")},
			"a.yaml:10: data.lib.helpers is in none of the template's libs",
		},
		"other data": {
			[]string{templateOf("K8sA", "package k8sa\nviolation[{\"msg\": \"x\"}] { data.secrets.x }\n")},
			"a.yaml:10: refers to data.secrets.x: templates may refer to data.lib and data.inventory alone",
		},
		"all data": {
			[]string{templateOf("K8sA", "package k8sa\nviolation[{\"msg\": k}] { data[k] }\n")},
			"a.yaml:10: refers to data[k]: templates may refer to data.lib and data.inventory alone",
		},
		"no rule": {
			[]string{templateOf("K8sA", "package k8sa\ndeny[\"x\"] { true }\n")},
			`a.yaml:8: there is no rule violation[{"msg": msg}], which finds what is wrong`,
		},
		"CEL alone": {
			[]string{strings.Replace(fine, "rego: |\n      package k8sa\n      violation[{\"msg\": \"no\"}] { true }\n", "code: [{engine: K8sNativeValidation, source: {}}]\n", 1)},
			"a.yaml:7: the template has code for the engine K8sNativeValidation (CEL) alone, which runs in API servers: add code for the engine Rego, or leave the template out",
		},
		"a template with another name": {
			[]string{strings.Replace(fine, "name: k8sa", "name: k8s-a", 1)},
			`a.yaml:3: metadata.name is "k8s-a" and must be "k8sa", the kind in lower case`,
		},
		"a constraint without a template": {
			[]string{fine, constraintOf("K8sB", "b", "{}")},
			"b.yaml:1: there is no ConstraintTemplate of the kind K8sB: is it named k8sb?",
		},
		"a constraint twice": {
			[]string{fine, constraintOf("K8sA", "b", "{}"), constraintOf("K8sA", "b", "{}")},
			"c.yaml:1: there is another K8sA/b in b.yaml:1",
		},
		"an unknown action": {
			[]string{fine, constraintOf("K8sA", "b", "{enforcementAction: denny}")},
			`b.yaml:4: spec.enforcementAction: "denny" is none of deny, warn, dryrun, scoped`,
		},
		"a mistyped selector": {
			[]string{fine, constraintOf("K8sA", "b", "{match: {namspaces: [a]}}")},
			`b.yaml:4: spec.match: unknown field "namspaces"`,
		},
		"parameters that do not fit": {
			[]string{requiredLabels, constraintOf("K8sRequiredLabels", "b", "{parameters: {labels: [1]}}")},
			"b.yaml:4: spec.parameters do not fit what the template k8srequiredlabels asks for: at '/labels/0': got number, want string",
		},
		"YAML that is none": {
			[]string{"a: b: c\n"}, "a.yaml: mapping values are not allowed in this context",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := set(t, Options{}, tc.texts...)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestHostile is Rego that never ends, or takes all memory there is, or says too much.
func TestHostile(t *testing.T) {
	const small = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ns}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: ns}"
	for name, tc := range map[string]struct {
		rego     string
		problems []string
		err      string
	}{
		"endless": {
			"package k8sa\nviolation[{\"msg\": \"x\"}] { l := numbers.range(1, 100000); l[i] + l[j] + l[k] == 7.5 }\n",
			[]string{"K8sA/bad cannot be evaluated for v1/ConfigMap/ns/a and 1 more: it took more than 300ms, and is not asked again"},
			"",
		},
		"memory": {
			"package k8sa\nviolation[{\"msg\": \"x\"}] { a := concat(\"\", [\"0123456789abcdef\" | numbers.range(1, 100000)[_]]); count({x | i := numbers.range(1, 100000)[_]; x := sprintf(\"%v%v%v\", [i, a, a])}) < 0 }\n",
			nil, "the policies needed more than 96 MiB of memory and were stopped",
		},
		"a message of the wrong type": {
			"package k8sa\nviolation[{\"msg\": 7}] { true }\n",
			[]string{"K8sA/bad cannot be evaluated for v1/ConfigMap/ns/a and 1 more: a violation has no msg, or one that is no text"},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Time: 300 * time.Millisecond}
			if tc.err != "" {
				o = Options{Time: time.Minute, Memory: 96 << 20}
			}
			s, err := set(t, o, templateOf("K8sA", tc.rego), constraintOf("K8sA", "bad", "{}"),
				templateOf("K8sB", "package k8sb\nviolation[{\"msg\": \"still here\"}] { true }\n"), constraintOf("K8sB", "good", "{match: {name: a}}"))
			if err != nil {
				t.Fatal(err)
			}
			found, problems, err := s.Check(context.Background(), objects(t, small), every)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Fatalf("got  %v\nwant %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.problems, problems); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"deny K8sB/good v1/ConfigMap/ns/a: still here"}, lines(found)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
