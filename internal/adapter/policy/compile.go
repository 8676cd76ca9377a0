package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/rego"
	"github.com/open-policy-agent/opa/storage"
	"github.com/open-policy-agent/opa/storage/inmem"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// compiled is a set of policies, ready to be asked; one request at a time.
type compiled struct {
	time        time.Duration
	constraints []*constraint
	remarks     []string
	queries     map[*template]rego.PreparedEvalQuery
	store       storage.Store
	referential bool
	// slow are the constraints that took too long once, with what is told of them.
	slow sync.Map
}

func (c *compiled) about() loaded {
	l := loaded{Remarks: c.remarks, Referential: c.referential}
	for _, one := range c.constraints {
		l.Constraints = append(l.Constraints, one.name)
	}
	return l
}

// compile reads policies of files. Its error holds everything that is wrong.
func compile(files []policy.File, limit time.Duration) (*compiled, error) {
	c := &compiled{
		time: limit, queries: map[*template]rego.PreparedEvalQuery{},
		store: inmem.NewFromObjectWithOpts(map[string]any{"inventory": map[string]any{}}, inmem.OptRoundTripOnWrite(false)),
	}
	all, wrong := documents(files)
	templates := map[string]*template{}
	allowed := capabilities()
	for _, d := range all {
		if d.group() != templateGroup || d.head.Kind != "ConstraintTemplate" {
			continue
		}
		t, bad := parseTemplate(d, allowed)
		if wrong = append(wrong, bad...); t == nil {
			continue
		}
		if other := templates[t.kind]; other != nil {
			wrong = append(wrong, d.at(0, "there is another template of the kind %s in %s", t.kind, other.document.file))
			continue
		}
		templates[t.kind] = t
	}
	named := map[string]*document{}
	for _, d := range all {
		switch group := d.group(); {
		case group == templateGroup && d.head.Kind == "ConstraintTemplate", group == "test.gatekeeper.sh":
		case group == constraintGroup:
			wrong = append(wrong, c.add(d, templates, named)...)
		default:
			c.remarks = append(c.remarks, fmt.Sprintf("%s:%d: %s %s is no policy, and left out", d.file, d.line, d.head.APIVersion, d.head.Kind))
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if len(c.constraints) == 0 {
		c.remarks = append(c.remarks, "there is no constraint that counts here, so nothing is asked for")
	}
	slices.SortFunc(c.constraints, func(a, b *constraint) int { return cmp.Compare(a.name, b.name) })
	return c, c.prepare()
}

func (c *compiled) add(d *document, templates map[string]*template, named map[string]*document) faults {
	t := templates[d.head.Kind]
	if t == nil {
		return faults{d.at(0, "there is no ConstraintTemplate of the kind %s: is it named %s?", d.head.Kind, strings.ToLower(d.head.Kind))}
	}
	name := d.head.Kind + "/" + d.head.Metadata.Name
	if other := named[name]; other != nil {
		return faults{d.at(0, "there is another %s in %s:%d", name, other.file, other.line)}
	}
	named[name] = d
	one, wrong := parseConstraint(d, t)
	switch {
	case one != nil:
		c.constraints = append(c.constraints, one)
		// Schemas of v1 are strict where they do not say otherwise.
		if dropped := t.schema.unknown(one.parameters); strings.HasSuffix(t.document.head.APIVersion, "/v1") && len(dropped) > 0 && find(t.document.node, "spec", "crd", "spec", "validation", "legacySchema") == nil {
			c.remarks = append(c.remarks, fmt.Sprintf("%s:%d: the schema of %s has no parameter %s: clusters drop it", d.file, d.line, t.document.head.Metadata.Name, strings.Join(dropped, ", ")))
		}
	case wrong == nil:
		c.remarks = append(c.remarks, fmt.Sprintf("%s:%d: %s does nothing at gator's or the webhook's enforcement point, and is left out", d.file, d.line, name))
	}
	return wrong
}

func (c *compiled) prepare() error {
	for _, one := range c.constraints {
		t := one.template
		c.referential = c.referential || t.referential
		if _, known := c.queries[t]; known {
			continue
		}
		q, err := rego.New(rego.Compiler(t.compiler), rego.Store(c.store), rego.Query("x = "+t.query)).PrepareForEval(context.Background())
		if err != nil {
			return fmt.Errorf("%s: %w", t.document.at(0, "%s", t.kind), err)
		}
		c.queries[t] = q
	}
	return nil
}
