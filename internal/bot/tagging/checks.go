package tagging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// checking collects what the checks of one release find.
type checking struct {
	Options
	*facts
	minor  version.Minor
	anyway bool
	found  []Check
	// tree and catalog are of the tip.
	tree    fs.FS
	catalog catalog.Catalog
}

func (c *checking) ok(name, format string, args ...any) {
	c.found = append(c.found, Check{Name: name, Result: OK, Message: fmt.Sprintf(format, args...)})
}

// refuse is for what nobody can overrule: the release could not be delivered.
func (c *checking) refuse(name, do, format string, args ...any) {
	c.found = append(c.found, Check{Name: name, Result: Refused, Message: fmt.Sprintf(format, args...), Do: do})
}

// doubt is for what a person can overrule.
func (c *checking) doubt(name, do, format string, args ...any) {
	check := Check{Name: name, Result: Refused, Message: fmt.Sprintf(format, args...), Do: do + `, or say --anyway "reason"`}
	if c.anyway {
		check.Result, check.Do = Overruled, ""
	}
	c.found = append(c.found, check)
}

// all makes every check, so that people hear of all that is wrong at once. Its error means that something could not be asked.
func (c *checking) all(ctx context.Context) error {
	c.branches()
	if err := c.validate(); err != nil {
		return err
	}
	if c.catalog.Addons != nil {
		if err := c.render(ctx); err != nil {
			return err
		}
	}
	c.picks()
	return c.checks(ctx)
}

// branches looks at the branch and its releases.
func (c *checking) branches() {
	switch {
	case c.live == nil:
		c.refuse("branch", "put the minor back into kubernetes.minors of the default branch's catalog if there must be another release",
			"%s is retired: the catalog does not offer %s any more", c.branch, c.minor)
	case len(c.beside) > 0:
		c.doubt("branch", "find out who rewrote the branch or made the tag, and bring back what was delivered",
			"%s is not on %s: clusters that have it would lose what only it has", names(c.beside), c.branch)
	case c.last.IsZero():
		c.ok("branch", "%s has no release yet", c.branch)
	default:
		c.ok("branch", "%s comes after %s", c.branch, c.last)
	}
}

// validate is what the validate command does.
func (c *checking) validate() error {
	var err error
	if c.tree, err = c.Mirror.Repository().Tree(c.tip); err != nil {
		return err
	}
	data, err := fs.ReadFile(c.tree, catalog.File)
	if errors.Is(err, fs.ErrNotExist) {
		c.refuse("catalog", "merge a change that brings it", "there is no %s at the root of %s", catalog.File, c.branch)
		return nil
	}
	if err != nil {
		return err
	}
	var problems []fault.Problem
	c.catalog, problems = catalog.Validate(catalog.File, data, c.tree, catalog.Options{})
	for _, p := range problems {
		c.refuse("catalog", "merge a correction to "+c.branch, "%s", p.Error())
	}
	switch d := c.history.Distribution; {
	case len(problems) > 0:
	case c.catalog.Distribution != d:
		c.refuse("catalog", "make both say the same", "%s names the distribution %q and the default branch %q", c.branch, c.catalog.Distribution, d)
	default:
		c.ok("catalog", "the catalog and its addons' folders are valid (%s)", markdown.Count(len(c.catalog.Addons), "addon"))
	}
	return nil
}

// render renders every addon, changed or not, and looks at every object.
func (c *checking) render(ctx context.Context) error {
	checked, err := bot.Check(ctx, c.Rendering, c.tree, c.minor, nil)
	if err != nil {
		c.refuse("render", "merge a correction to "+c.branch, "nothing can be rendered for %s: %v", c.minor, err)
		return ctx.Err()
	}
	for _, name := range slices.Sorted(maps.Keys(checked.Broken)) {
		c.refuse("render", "merge a correction to "+c.branch, "%s cannot be rendered for %s: %s", name, c.minor, markdown.OneLine(checked.Broken[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(checked.Unknown)) {
		c.refuse("render", "try again when the chart's repository answers", "%s cannot be rendered for %s: %s", name, c.minor, markdown.OneLine(checked.Unknown[name]))
	}
	all := len(checked.Broken)+len(checked.Unknown) == 0
	if all {
		c.ok("render", "every addon renders for %s", c.minor)
	}
	// Compared to nothing, every object is new, and looked at.
	nothing, err := c.nothing(ctx)
	if err != nil {
		return err
	}
	r, err := c.compare(ctx, c.minor, nothing, c.tip)
	if err != nil {
		return err
	}
	removed := slices.DeleteFunc(r.Flags, func(f report.Flag) bool { return f.Code != risk.APIRemoved })
	for _, f := range removed {
		c.refuse("apis", "use a version that "+c.minor.String()+" serves", "%s: %s: %s", f.Addon, f.Object, f.Message)
	}
	if all && len(removed) == 0 {
		c.ok("apis", "%s serves the API of every object", c.minor)
	}
	c.policies(r.Policies)
	return nil
}

// picks looks for changes that are on their way to the branch.
func (c *checking) picks() {
	if c.live == nil {
		return
	}
	pending := false
	for _, row := range slices.Backward(c.history.Ledger.Changes) {
		e := row.Branches[c.branch]
		where, do := "", "merge it, or close it to leave it out"
		switch {
		case e.State == ledger.Open:
			where = "is open"
		case e.State == ledger.Draft:
			where = "is a draft that somebody must finish"
		case e.State == ledger.Waiting:
			where, do = "waits for one that is not merged", "merge that one and then it"
		default:
			continue
		}
		pending = true
		c.doubt("picks", do, "%s %s", picked(row, e), where)
	}
	if !pending {
		c.ok("picks", "nothing is picked to %s and not merged", c.branch)
	}
}

// picked names a change and its pull request.
func picked(row ledger.Row, e ledger.Entry) string {
	what := row.Commit[:min(len(row.Commit), 10)]
	if row.Pull > 0 {
		what = fmt.Sprintf("#%d", row.Pull)
	}
	what += " (" + markdown.OneLine(markdown.Clip(row.Title, 100)) + ")"
	if e.Pull > 0 {
		return fmt.Sprintf("the pick #%d of %s", e.Pull, what)
	}
	return "the pick of " + what
}

// missing are changes that nobody picked yet: the next reconcile does.
func (c *checking) missing() string {
	n := 0
	for _, row := range c.history.Ledger.Changes {
		if e := row.Branches[c.branch]; e.State == ledger.Missing {
			n++
		}
	}
	if n == 0 || c.live == nil {
		return ""
	}
	return markdown.Count(n, "change") + " of the default branch " + map[bool]string{true: "is", false: "are"}[n == 1] +
		" not picked to " + c.branch + " yet, and not in this release: branch-bot pick shows them"
}
