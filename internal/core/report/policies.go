package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Policies are what policies find in the addons that change.
type Policies struct {
	// Constraints is how many were asked.
	Constraints int
	// New is found in the head and not in the base, Old in both; the denials are first.
	New, Old []Violation
	// OptedOut is what objects asked not to be told of.
	OptedOut []Violation
	// Fixed counts what the base has and the head has not.
	Fixed int
	// Altered tells that the change concerns the policies that it is checked against.
	Altered bool
	// Problems say why the policies, or some of them, could not be asked.
	Problems []string
}

// Violation is something that a policy finds in an object, on the minors that have it.
type Violation struct {
	policy.Finding
	Addon  string
	Minors []version.Minor
	// New tells that the change brings it.
	New bool
}

// Denied are the violations that the change brings and that are not let into a cluster.
func (p *Policies) Denied() []Violation {
	if p == nil {
		return nil
	}
	return only(p.New, policy.Deny)
}

// AllDenied are Denied and the violations of this kind that were there before.
func (p *Policies) AllDenied() []Violation {
	if p == nil {
		return nil
	}
	return only(slices.Concat(p.New, p.Old), policy.Deny)
}

func only(all []Violation, action policy.Action) (some []Violation) {
	for _, v := range all {
		if v.Action == action {
			some = append(some, v)
		}
	}
	return some
}

// actionWords are what the sections of actions are called, and what one of them is.
var actionWords = map[policy.Action]struct{ title, noun string }{
	policy.Deny: {"Denied", "denial"}, policy.Warn: {"Warnings", "warning"}, policy.DryRun: {"On trial", "dry-run result"},
}

// policyCounts say in short how many violations of each action there are.
func policyCounts(all []Violation) string {
	var parts []string
	for _, a := range policy.Actions() {
		if n := len(only(all, a)); n > 0 {
			parts = append(parts, markdown.Count(n, actionWords[a].noun))
		}
	}
	return strings.Join(parts, ", ")
}

// policyRemarks are what there is to know beside the violations, as sentences that hold nothing from outside.
func (p *Policies) policyRemarks() (lines []string) {
	if p.Altered {
		lines = append(lines, "This change alters the policies that it is checked against.")
	}
	if p.unasked() {
		lines = append(lines, "No constraint is left to ask: nothing is checked.")
	}
	if p.Fixed > 0 {
		lines = append(lines, markdown.Count(p.Fixed, "violation")+" of before "+verb(p.Fixed, "is", "are")+" gone.")
	}
	if n := len(p.OptedOut); n > 0 {
		brought := 0
		for _, v := range p.OptedOut {
			if v.New {
				brought++
			}
		}
		line := markdown.Count(n, "violation") + " opted out by an annotation"
		if brought > 0 {
			line += ", " + markdown.Number(brought) + " of them new"
		}
		lines = append(lines, line+".")
	}
	return lines
}

// unasked tells that policies were meant to be asked, and that there are none.
func (p *Policies) unasked() bool { return p.Constraints == 0 && len(p.Problems) == 0 }

// silent tells that there is nothing to say.
func (p *Policies) silent() bool {
	return p == nil || len(p.New)+len(p.Old)+len(p.OptedOut)+len(p.Problems)+p.Fixed == 0 && !p.Altered && !p.unasked()
}

// violation is one as Markdown.
func (d *document) violation(v Violation) string {
	return "- **" + markdown.Text(markdown.Clip(v.Constraint, nameWidth)) + "**: " + markdown.Text(markdown.Clip(v.Message, messageWidth)) +
		"\n  " + markdown.Code(markdown.Clip(v.Object.String(), nameWidth)) + " (" + markdown.Text(d.where(markdown.Clip(v.Addon, nameWidth), v.Minors)) + ")\n"
}

// policies adds what the policies say: what is new, and behind a click what was there before.
func (d *document) policies() {
	p := d.Policies
	if p.silent() {
		return
	}
	title := "\n### Policies\n"
	if lines := p.policyRemarks(); len(lines) > 0 {
		title += "\n" + strings.Join(lines, " ") + "\n"
	}
	if !d.add(title, 4) {
		d.leave(len(p.New)+len(p.Old)+len(p.OptedOut), "violation")
		return
	}
	var failed []string
	for _, text := range p.Problems {
		failed = append(failed, "- "+markdown.Text(markdown.Clip(text, messageWidth))+"\n")
	}
	d.leave(d.items("\nNot everything could be checked:\n\n", failed, 4, "problem"), "problem")
	for _, a := range policy.Actions() {
		var items []string
		for _, v := range only(p.New, a) {
			items = append(items, d.violation(v))
		}
		d.leave(d.items("\n**"+actionWords[a].title+", new with this change**\n\n", items, 3, "violation"), "violation")
	}
	d.folded("Before and still: "+policyCounts(p.Old), p.Old)
	d.folded("Opted out: "+policyCounts(p.OptedOut), p.OptedOut)
}

// folded adds violations behind a click, as many as have room.
func (d *document) folded(summary string, all []Violation) {
	if len(all) == 0 {
		return
	}
	const tail = "\n</details>\n"
	head := "\n<details><summary>" + summary + "</summary>\n\n"
	budget, n := d.room/6-len(head)-len(tail), 0
	var b strings.Builder
	for _, v := range all {
		item := d.violation(v)
		if b.Len()+len(item) > budget {
			break
		}
		b.WriteString(item)
		n++
	}
	d.leave(len(all)-n, "violation")
	if n > 0 {
		d.add(head+b.String()+tail, 1)
	}
}

// textPolicies is the section for a terminal.
func (v *view) textPolicies(p printer) {
	if v.Policies.silent() {
		return
	}
	p("\nPolicies")
	for _, l := range v.Policies.policyRemarks() {
		p("  %s", l)
	}
	for _, text := range v.Policies.Problems {
		for l := range strings.SplitSeq("Not checked: "+text, "\n") {
			p("  %s", markdown.Clean(l))
		}
	}
	list := func(all []Violation, word string) {
		for _, one := range all {
			p("  %s  %s  %s  %s", cmp.Or(word, "new "+actionWords[one.Action].noun), markdown.Clean(one.Constraint), markdown.Clean(v.where(one.Addon, one.Minors)), markdown.Clean(one.Object.String()))
			p("      %s", markdown.OneLine(one.Message))
		}
	}
	list(v.Policies.New, "")
	for _, a := range policy.Actions() {
		list(only(v.Policies.Old, a), "old "+actionWords[a].noun)
	}
	list(v.Policies.OptedOut, "opted out")
}

type (
	jsonPolicies struct {
		Constraints int             `json:"constraints"`
		Altered     bool            `json:"altered"`
		Fixed       int             `json:"fixed"`
		New         []jsonViolation `json:"new"`
		Old         []jsonViolation `json:"old"`
		OptedOut    []jsonViolation `json:"optedOut"`
		Problems    []string        `json:"problems"`
	}
	jsonViolation struct {
		Action     policy.Action   `json:"action"`
		Constraint string          `json:"constraint"`
		Addon      string          `json:"addon"`
		Object     string          `json:"object"`
		Minors     []version.Minor `json:"minors"`
		Message    string          `json:"message"`
		New        bool            `json:"new"`
	}
)

func jsonPoliciesOf(p *Policies) *jsonPolicies {
	if p == nil {
		return nil
	}
	violations := func(all []Violation) []jsonViolation {
		out := make([]jsonViolation, len(all))
		for i, v := range all {
			out[i] = jsonViolation{v.Action, v.Constraint, v.Addon, v.Object.String(), listed(v.Minors), v.Message, v.New}
		}
		return out
	}
	return &jsonPolicies{p.Constraints, p.Altered, p.Fixed, violations(p.New), violations(p.Old), violations(p.OptedOut), listed(p.Problems)}
}

// The page's section.
type (
	pagePolicies struct {
		Remarks, Problems []string
		Groups            []pageViolations
	}
	pageViolations struct {
		Title string
		// Folded groups open on a click.
		Folded bool
		Items  []pageViolation
	}
	pageViolation struct{ Constraint, Message, Object, Where, Link string }
)

func (v *view) pagePolicies(links map[[2]string]string) *pagePolicies {
	p := v.Policies
	if p.silent() {
		return nil
	}
	out := &pagePolicies{Remarks: p.policyRemarks()}
	for _, text := range p.Problems {
		out.Problems = append(out.Problems, markdown.Clean(strings.ReplaceAll(text, "\n", "; ")))
	}
	group := func(title string, folded bool, all []Violation) {
		g := pageViolations{Title: title, Folded: folded}
		for _, one := range all {
			g.Items = append(g.Items, pageViolation{
				markdown.Clean(one.Constraint), markdown.OneLine(one.Message), markdown.Clean(one.Object.String()), markdown.Clean(v.where(one.Addon, one.Minors)),
				links[[2]string{one.Addon, one.Object.String()}],
			})
		}
		if len(g.Items) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	for _, a := range policy.Actions() {
		group(actionWords[a].title+", new with this change", false, only(p.New, a))
	}
	group("Before and still: "+policyCounts(p.Old), true, p.Old)
	group("Opted out: "+policyCounts(p.OptedOut), true, p.OptedOut)
	return out
}
