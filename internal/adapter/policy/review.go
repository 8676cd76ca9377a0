package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/ast"
	"github.com/open-policy-agent/opa/rego"
	"github.com/open-policy-agent/opa/storage"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// Bounds of what a policy may say.
const (
	maxMessage = 2000
	// maxSaid bounds the violations of one constraint about one object.
	maxSaid = 100
)

// subject is an object to judge.
type subject struct {
	object    map[string]any
	namespace map[string]any
	policy.Subject
}

// review asks all constraints about the objects of a request.
func (c *compiled) review(ctx context.Context, r request) ([]answer, error) {
	objects := make([]map[string]any, len(r.Objects))
	namespaces := map[string]map[string]any{}
	for i, text := range r.Objects {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&objects[i]); err != nil {
			return nil, err
		}
		if o := objects[i]; manifest.Text(o, "kind") == "Namespace" && manifest.Text(o, "apiVersion") == "v1" {
			namespaces[manifest.Text(o, "metadata", "name")] = o
		}
	}
	if c.referential {
		if err := storage.WriteOne(ctx, c.store, storage.ReplaceOp, storage.MustParsePath("/inventory"), inventory(objects)); err != nil {
			return nil, err
		}
	}
	answers, errs := make([]answer, len(r.Ask)), make([]error, len(r.Ask))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n, i := range r.Ask {
		slots <- struct{}{}
		wait.Go(func() {
			answers[n], errs[n] = c.judge(ctx, subjectOf(objects[i], namespaces))
			<-slots
		})
	}
	wait.Wait()
	return answers, errors.Join(errs...)
}

// subjectOf is an object with its namespace. A namespace that is not among the objects is there with the label that every namespace has.
func subjectOf(o map[string]any, namespaces map[string]map[string]any) subject {
	group, _, found := strings.Cut(manifest.Text(o, "apiVersion"), "/")
	if !found {
		group = ""
	}
	s := subject{object: o, Subject: policy.Subject{
		Group: group, Kind: manifest.Text(o, "kind"), Namespace: manifest.Text(o, "metadata", "namespace"), Name: manifest.Text(o, "metadata", "name"),
		GenerateName: manifest.Text(o, "metadata", "generateName"), Labels: labelsOf(o),
	}}
	if s.Namespace == "" {
		return s
	}
	const nameLabel = "kubernetes.io/metadata.name"
	s.NamespaceLabels = map[string]string{nameLabel: s.Namespace}
	s.namespace = map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.Namespace, "labels": map[string]any{nameLabel: s.Namespace}}}
	if known := namespaces[s.Namespace]; known != nil {
		s.namespace = known
		maps.Copy(s.NamespaceLabels, labelsOf(known))
	}
	return s
}

func labelsOf(o map[string]any) map[string]string {
	all := map[string]string{}
	for k, v := range manifest.Map(o, "metadata", "labels") {
		if s, ok := v.(string); ok {
			all[k] = s
		}
	}
	return all
}

// inventory is data.inventory: objects where policies that compare objects look for them.
func inventory(objects []map[string]any) map[string]any {
	root := map[string]any{}
	for _, o := range objects {
		path := []string{"cluster"}
		if ns := manifest.Text(o, "metadata", "namespace"); ns != "" {
			path = []string{"namespace", ns}
		}
		at := root
		for _, key := range append(path, manifest.Text(o, "apiVersion"), manifest.Text(o, "kind")) {
			next, ok := at[key].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[key] = next
			}
			at = next
		}
		at[manifest.Text(o, "metadata", "name")] = o
	}
	return root
}

// review is what Rego gets to see: the request that an API server would make.
func (s subject) review() map[string]any {
	group, version, found := strings.Cut(manifest.Text(s.object, "apiVersion"), "/")
	if !found {
		group, version = "", group
	}
	r := map[string]any{
		"uid": "", "kind": map[string]any{"group": group, "version": version, "kind": s.Kind},
		"resource": map[string]any{"group": "", "version": "", "resource": ""},
		"name":     s.Name, "operation": "", "userInfo": map[string]any{},
		"object": s.object, "oldObject": nil, "options": nil,
	}
	if s.Namespace != "" {
		r["namespace"] = s.Namespace
		r["_unstable"] = map[string]any{"namespace": s.namespace}
	}
	return r
}

// judge asks all constraints about one object.
func (c *compiled) judge(ctx context.Context, s subject) (a answer, err error) {
	var review ast.Value
	for _, one := range c.constraints {
		if !one.match.Matches(s.Subject) {
			continue
		}
		if why, slow := c.slow.Load(one.name); slow {
			a.Problems = append(a.Problems, failed{one.name, why.(string)})
			continue
		}
		if review == nil {
			if review, err = ast.InterfaceToValue(s.review()); err != nil {
				return a, err
			}
		}
		input := ast.NewObject(
			[2]*ast.Term{ast.StringTerm("review"), ast.NewTerm(review)}, [2]*ast.Term{ast.StringTerm("parameters"), ast.NewTerm(one.input)},
		)
		messages, err := c.evaluate(ctx, one, input)
		if err != nil {
			a.Problems = append(a.Problems, failed{one.name, clip(err.Error())})
			continue
		}
		for _, m := range messages {
			a.Violations = append(a.Violations, violation{one.name, one.action, m})
		}
	}
	return a, nil
}

// evaluate is what one constraint says, sorted.
func (c *compiled) evaluate(ctx context.Context, one *constraint, input ast.Value) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.time)
	defer cancel()
	query := c.queries[one.template]
	results, err := query.Eval(ctx, rego.EvalParsedInput(input))
	if ctx.Err() != nil {
		why := fmt.Sprintf("it took more than %s, and is not asked again", c.time)
		c.slow.Store(one.name, why)
		return nil, errors.New(why)
	}
	if err != nil {
		return nil, err
	}
	var messages []string
	for _, r := range results {
		said, ok := r.Bindings["x"].([]any)
		if !ok {
			return nil, errors.New(`violation is no set: write violation[{"msg": msg}] { … }`)
		}
		for _, v := range said {
			m, _ := v.(map[string]any)
			msg, ok := m["msg"].(string)
			if !ok {
				return nil, errors.New("a violation has no msg, or one that is no text")
			}
			messages = append(messages, clip(msg))
		}
	}
	slices.Sort(messages)
	if rest := len(messages) - maxSaid; rest > 0 {
		messages = append(messages[:maxSaid], fmt.Sprintf("and %d more", rest))
	}
	return messages, nil
}

// clip bounds a text, and keeps it whole otherwise.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}
