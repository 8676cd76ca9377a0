package bot

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	core "github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// CodePolicyDenied is what a gate calls an object that a policy denies and that was not denied before, and policies that cannot be asked.
const CodePolicyDenied fault.Code = "PolicyDenied"

// policies fetches and compiles policies.
type policies interface {
	Image(ctx context.Context, image string) ([]core.File, error)
	Load(ctx context.Context, files []core.File) (*policy.Set, error)
}

// police checks what a comparison renders. It is nil where no policies are asked for.
type police struct {
	namespaces []string
	// set is nil until done is closed, and stays nil where err says why.
	set  *policy.Set
	err  error
	done chan struct{}
}

// openPolice begins to compile the policies of the head: what is proposed is judged by what is proposed.
func (c *comparison) openPolice(ctx context.Context, changed []string) {
	p := c.head.catalog.Policies
	if c.Policies == nil || p == nil && c.base.catalog.Policies == nil {
		return
	}
	c.report.Policies = &report.Policies{Altered: altered(c.base.catalog.Policies, p, changed)}
	if p == nil {
		return
	}
	c.police = &police{namespaces: p.Namespaces, done: make(chan struct{})}
	go func() {
		defer close(c.police.done)
		c.police.set, c.police.err = loadPolicies(ctx, c.Options, c.head, *p)
	}()
}

// altered says whether a change concerns the policies themselves.
func altered(base, head *catalog.Policies, changed []string) bool {
	switch {
	case base == nil: // There was nothing to be strict.
		return false
	case head == nil, base.Path != head.Path, base.Image != head.Image, !slices.Equal(base.Namespaces, head.Namespaces):
		return true
	}
	return head.Path != "" && slices.ContainsFunc(changed, func(name string) bool { return strings.HasPrefix(name, head.Path+"/") })
}

// loadPolicies compiles the policies that a catalog names.
func loadPolicies(ctx context.Context, o Options, s *side, p catalog.Policies) (*policy.Set, error) {
	var files []core.File
	var err error
	if p.Image == "" {
		files, err = policy.Folder(s.tree, p.Path)
	} else {
		files, err = o.Policies.Image(ctx, p.Image)
	}
	if err != nil {
		return nil, err
	}
	return o.Policies.Load(ctx, files)
}

// judged is what policies say of an addon on some minors.
type judged struct {
	core.Change
	problems []string
}

// judge asks the policies about both sides of an addon. What they say quotes objects, and is masked as these are.
func (c *comparison) judge(ctx context.Context, o *outcome, before, after []manifest.Object) (out judged) {
	if c.police == nil {
		return out
	}
	<-c.police.done
	if c.police.set == nil {
		return out
	}
	base, _, err := c.ask(ctx, o.before, before)
	if err != nil {
		return judged{problems: []string{c.Masker.Text(err.Error())}}
	}
	head, problems, err := c.ask(ctx, o.after, after)
	if err != nil {
		return judged{problems: []string{c.Masker.Text(err.Error())}}
	}
	for _, p := range problems {
		out.problems = append(out.problems, c.Masker.Text(p))
	}
	renamed := map[manifest.ID]manifest.ID{}
	for _, change := range o.result.Changes {
		if change.Kind == diff.Renamed && change.From != nil {
			renamed[*change.From] = change.Object
		}
	}
	out.Change = core.Tell(base, head, renamed)
	return out
}

// ask is what the policies say of one side. What cannot be evaluated for the base is no matter: it was merged.
func (c *comparison) ask(ctx context.Context, a *addon, objects []manifest.Object) ([]core.Finding, []string, error) {
	if a == nil {
		return nil, nil, nil
	}
	found, problems, err := c.police.set.Check(ctx, objects, func(id manifest.ID) bool { return core.Selected(c.police.namespaces, id, a.Namespace) })
	if err != nil {
		return nil, nil, err
	}
	return masked(c.Options, found, objects), problems, nil
}

// masked hides in messages what is secret in the objects that they may quote.
func masked(o Options, found []core.Finding, objects []manifest.Object) []core.Finding {
	if len(found) == 0 {
		return nil
	}
	messages := make([]any, len(found))
	for i, f := range found {
		messages[i] = f.Message
	}
	const key = "messages"
	sets := o.Masker.Sets(objects, []manifest.Object{{ID: manifest.ID{Kind: "Messages"}, Content: map[string]any{key: messages}}})
	hidden := manifest.List(sets[1][0].Content, key)
	for i := range found {
		if text, ok := hidden[i].(string); ok {
			found[i].Message = o.Masker.Text(text)
		}
	}
	return found
}

// tellPolicies adds to the report what the policies say on the minors that it is about.
func (c *comparison) tellPolicies(outcomes []*outcome) {
	p := c.report.Policies
	if c.police == nil {
		return
	}
	<-c.police.done
	if c.police.err != nil {
		p.Problems = []string{"the policies cannot be used: " + c.police.err.Error()} // It quotes policies, and no objects.
		return
	}
	p.Constraints = len(c.police.set.Constraints())
	var fixed []report.Violation
	problems := map[string]bool{}
	for _, o := range outcomes {
		minors := slices.DeleteFunc(slices.Clone(o.minors), func(m version.Minor) bool { return m == c.report.Next })
		if len(minors) == 0 {
			continue
		}
		for _, text := range o.judged.problems {
			problems[o.name+": "+text] = true
		}
		for _, f := range o.judged.New {
			if f.OptedOut {
				p.OptedOut = add(p.OptedOut, o.name, minors, f, true)
			} else {
				p.New = add(p.New, o.name, minors, f, true)
			}
		}
		for _, f := range o.judged.Old {
			if f.OptedOut {
				p.OptedOut = add(p.OptedOut, o.name, minors, f, false)
			} else {
				p.Old = add(p.Old, o.name, minors, f, false)
			}
		}
		for _, f := range o.judged.Fixed {
			if !f.OptedOut {
				fixed = add(fixed, o.name, minors, f, false)
			}
		}
	}
	p.Fixed = len(fixed)
	for text := range problems {
		p.Problems = append(p.Problems, text)
	}
	slices.Sort(p.Problems)
	for _, all := range [][]report.Violation{p.New, p.Old, p.OptedOut} {
		slices.SortFunc(all, func(a, b report.Violation) int {
			return cmp.Or(a.Finding.Compare(b.Finding), cmp.Compare(a.Addon, b.Addon), slices.CompareFunc(a.Minors, b.Minors, version.Minor.Compare))
		})
	}
}

// add takes a violation of an addon: the same on other minors gets these too.
func add(all []report.Violation, addon string, minors []version.Minor, f core.Finding, isNew bool) []report.Violation {
	for i := range all {
		if known := &all[i]; known.Addon == addon && known.Finding == f && known.New == isNew {
			// An object may say the same twice, on the same minors.
			if !slices.ContainsFunc(minors, func(m version.Minor) bool { return slices.Contains(known.Minors, m) }) {
				known.Minors = append(slices.Clone(known.Minors), minors...)
				slices.SortFunc(known.Minors, version.Minor.Compare)
				return all
			}
		}
	}
	return append(all, report.Violation{Finding: f, Addon: addon, Minors: minors, New: isNew})
}
