package policy

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/ast"
	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// constraint is a policy as it is applied.
type constraint struct {
	// name is the kind and the name.
	name       string
	template   *template
	match      *policy.Match
	action     policy.Action
	parameters map[string]any
	// input are the parameters as Rego has them.
	input ast.Value
}

// points are the enforcement points whose actions count: what gator would say, and what an API server would.
var points = []string{"*", "gator.gatekeeper.sh", "validation.gatekeeper.sh"}

// parseConstraint reads a constraint of a template. It is nil without a fault where none of its actions counts here.
func parseConstraint(d *document, t *template) (*constraint, faults) {
	c := &constraint{name: d.head.Kind + "/" + d.head.Metadata.Name, template: t}
	if d.head.Metadata.Name == "" {
		return nil, faults{d.at(0, "metadata.name is missing")}
	}
	var err error
	match := []byte("{}")
	if n := find(d.node, "spec", "match"); n != nil {
		var content map[string]any
		if err = n.Decode(&content); err == nil {
			match, err = json.Marshal(content)
		}
		if err != nil {
			return nil, faults{d.at(n.Line, "spec.match: %v", err)}
		}
	}
	if c.match, err = policy.ParseMatch(match); err != nil {
		return nil, faults{d.at(lineOf(find(d.node, "spec", "match")), "%v", err)}
	}
	if n := find(d.node, "spec", "parameters"); n != nil {
		var content map[string]any
		if err := n.Decode(&content); err != nil {
			return nil, faults{d.at(n.Line, "spec.parameters is no map")}
		}
		if content != nil {
			c.parameters, _ = plain(content).(map[string]any)
		}
	}
	if err := t.schema.apply(c.parameters); err != nil {
		return nil, faults{d.at(lineOf(find(d.node, "spec", "parameters")), "spec.parameters do not fit what the template %s asks for: %v", t.document.head.Metadata.Name, err)}
	}
	if c.parameters == nil {
		c.parameters = map[string]any{}
	}
	if c.input, err = ast.InterfaceToValue(c.parameters); err != nil {
		return nil, faults{d.at(lineOf(find(d.node, "spec", "parameters")), "spec.parameters: %v", err)}
	}
	action, wrong := actionOf(d)
	if wrong != nil || action == "" {
		return nil, wrong
	}
	c.action = action
	return c, nil
}

// actionOf is what a constraint does, the most severe of what it does at the points that count; empty where it does nothing there.
func actionOf(d *document) (policy.Action, faults) {
	n := find(d.node, "spec", "enforcementAction")
	switch said := strings.ToLower(text(n)); {
	case said == "":
		return policy.Deny, nil
	case slices.Contains(policy.Actions(), policy.Action(said)):
		return policy.Action(said), nil
	case said != "scoped":
		return "", faults{d.at(lineOf(n), "spec.enforcementAction: %q is none of deny, warn, dryrun, scoped", text(n))}
	}
	scoped := find(d.node, "spec", "scopedEnforcementActions")
	if len(items(scoped)) == 0 {
		return "", faults{d.at(lineOf(n), "spec.scopedEnforcementActions is missing, and the enforcementAction is scoped")}
	}
	var found []policy.Action
	for _, one := range items(scoped) {
		action := policy.Action(strings.ToLower(text(find(one, "action"))))
		if !slices.Contains(policy.Actions(), action) {
			return "", faults{d.at(lineOf(one), "spec.scopedEnforcementActions: action %q is none of deny, warn, dryrun", text(find(one, "action")))}
		}
		if slices.ContainsFunc(items(find(one, "enforcementPoints")), func(p *yaml.Node) bool { return slices.Contains(points, text(find(p, "name"))) }) {
			found = append(found, action)
		}
	}
	for _, a := range policy.Actions() {
		if slices.Contains(found, a) {
			return a, nil
		}
	}
	return "", nil
}
