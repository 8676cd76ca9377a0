package tagging

import (
	"fmt"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/report"
)

// maxDenied bounds the denials that are named one by one.
const maxDenied = 20

// policies looks at what the branch's policies say of every object, whether it was there before or not.
func (c *checking) policies(p *report.Policies) {
	const name = "policies"
	if p == nil {
		return
	}
	for _, text := range p.Problems {
		c.doubt(name, "merge a correction of the policies to "+c.branch, "%s", markdown.OneLine(text))
	}
	denied := p.AllDenied()
	for _, v := range denied[:min(len(denied), maxDenied)] {
		c.doubt(name, fmt.Sprintf("merge a correction to %s, or an annotation %s on the object", c.branch, policy.Annotation),
			"%s: %s denies %s: %s", v.Addon, v.Constraint, v.Object, markdown.OneLine(v.Message))
	}
	if rest := len(denied) - maxDenied; rest > 0 {
		c.doubt(name, "run branch-bot policy test to see them", "policies deny %s more", markdown.Count(rest, "object"))
	}
	if len(p.Problems)+len(denied) > 0 {
		return
	}
	if p.Constraints == 0 {
		c.ok(name, "the policies hold no constraint, so nothing is checked")
		return
	}
	also := ""
	if n := len(p.OptedOut); n > 0 {
		also = ", and " + markdown.Count(n, "violation") + " opted out"
	}
	c.ok(name, "no object is denied by %s%s", markdown.Count(p.Constraints, "constraint"), also)
}
