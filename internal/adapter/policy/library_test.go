package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	templatesv1 "github.com/open-policy-agent/frameworks/constraint/pkg/apis/templates/v1"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/frameworks/constraint/pkg/core/constraints"
	"github.com/open-policy-agent/frameworks/constraint/pkg/core/templates"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// handler has Gatekeeper's own library see objects as we do. The library is not used outside of tests: it takes as long to start as all the rest.
type handler struct{}

func (handler) GetName() string { return target }

func (handler) MatchSchema() apiextensions.JSONSchemaProps {
	yes := true
	return apiextensions.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &yes}
}

func (handler) ProcessData(any) (bool, []string, any, error) { return false, nil, nil, nil }

func (handler) HandleReview(o any) (bool, any, error) { return true, o, nil }

func (handler) ValidateConstraint(*unstructured.Unstructured) error { return nil }

func (handler) ToMatcher(u *unstructured.Unstructured) (constraints.Matcher, error) {
	match, _, _ := unstructured.NestedMap(u.Object, "spec", "match")
	if match == nil {
		match = map[string]any{}
	}
	text, err := json.Marshal(match)
	if err != nil {
		return nil, err
	}
	m, err := policy.ParseMatch(text)
	return matcher{m}, err
}

type matcher struct{ m *policy.Match }

func (m matcher) Match(review any) (bool, error) {
	o, _ := review.(map[string]any)["object"].(map[string]any)
	return m.m.Matches(subjectOf(o, nil).Subject), nil
}

// TestAsTheLibrary has Gatekeeper's library evaluate the same policies: defaults of parameters, libraries, and two places for Rego.
func TestAsTheLibrary(t *testing.T) {
	texts := []string{
		requiredLabels, privileged,
		strings.Replace(templateOf("K8sCounts", `
package k8scounts
import future.keywords.in
violation[{"msg": msg, "details": {"n": n}}] {
  n := count([c | some c in input.review.object.spec.template.spec.containers])
  n > object.get(input.parameters, "most", 1)
  msg := sprintf("%d containers, %v: %v of %v in %v", [n, input.parameters, input.review.name, input.review.kind, input.review.namespace])
}
violation[{"msg": "named by hand"}] { input.review.object.metadata.name == "web" }
`), "{kind: K8sCounts}", "{kind: K8sCounts}, validation: {openAPIV3Schema: {type: object, properties: {most: {type: integer}}}}", 1),
		constraintOf("K8sRequiredLabels", "owner", "{enforcementAction: warn}"),
		constraintOf("K8sRequiredLabels", "team", "{parameters: {labels: [team, costs], hint: x}, match: {namespaces: [shop]}}"),
		constraintOf("K8sNoPrivileged", "privileged", "{match: {kinds: [{apiGroups: [apps], kinds: [Deployment, DaemonSet]}]}}"),
		constraintOf("K8sCounts", "one", "{}"), constraintOf("K8sCounts", "two", "{enforcementAction: dryrun, parameters: {most: 2}}"),
		constraintOf("K8sCounts", "scoped", "{enforcementAction: scoped, scopedEnforcementActions: [{action: warn, enforcementPoints: [{name: gator.gatekeeper.sh}]}, {action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}]}"),
	}
	driver, err := rego.New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewClient(client.Targets(handler{}), client.Driver(driver), client.EnforcementPoints("gator.gatekeeper.sh"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, text := range texts {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{Object: o}
		if u.GetKind() == "ConstraintTemplate" {
			// The versions differ in nothing that matters here.
			var template templatesv1.ConstraintTemplate
			err = yaml.Unmarshal([]byte(text), &template)
			if err == nil {
				var plain *templates.ConstraintTemplate
				if plain, err = template.ToVersionless(); err == nil {
					_, err = c.AddTemplate(ctx, plain)
				}
			}
		} else {
			_, err = c.AddConstraint(ctx, u)
		}
		if err != nil {
			t.Fatalf("%s: %v", u.GetName(), err)
		}
	}
	var want []string
	all := objects(t, workload)
	for _, o := range all {
		r, err := c.Review(ctx, subjectOf(o.Content, nil).review())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range r.Results() {
			action := one.EnforcementAction
			if action == "scoped" {
				action = one.ScopedEnforcementActions[0]
			}
			want = append(want, fmt.Sprintf("%s %s/%s %s: %s", action, one.Constraint.GetKind(), one.Constraint.GetName(), o.ID, one.Msg))
		}
	}
	ours, err := set(t, Options{}, texts...)
	if err != nil {
		t.Fatal(err)
	}
	found, problems, err := ours.Check(ctx, all, every)
	if err != nil || problems != nil {
		t.Fatal(problems, err)
	}
	for i := range found {
		found[i].OptedOut = false
	}
	got := lines(found)
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 10 {
		t.Errorf("the library finds only %q", want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
