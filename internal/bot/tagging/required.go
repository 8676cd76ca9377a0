package tagging

import (
	"context"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// checks asks the forge for the checks that the branch requires.
func (c *checking) checks(ctx context.Context) error {
	if c.Hub == nil {
		return nil
	}
	required, known, err := c.Hub.RequiredChecks(ctx, c.branch)
	switch {
	case err != nil:
		return err
	case !known:
		c.doubt("checks", "give the bot the permission to read the repository's administration", "which checks %s requires cannot be asked", c.branch)
		return nil
	case len(required) == 0:
		c.ok("checks", "%s requires none", c.branch)
		return nil
	}
	at := c.tip
	states, err := c.states(ctx, at)
	if err != nil {
		return err
	}
	// A check that runs on pull requests alone says of a merged one what it said before, if nothing else was merged in between.
	if head := c.mergedFrom(); head != "" {
		more, err := c.states(ctx, head)
		if err != nil {
			return err
		}
		for name, conclusion := range more {
			if _, ran := states[name]; !ran {
				states[name] = conclusion
			}
		}
	}
	var bad []string
	for _, name := range required {
		conclusion, ran := states[name]
		switch {
		case !ran && name == pick.Check:
			// It looks at pull requests; what it looks for was looked for above.
		case !ran:
			bad = append(bad, name)
			c.doubt("checks", "let it run on pushes to "+c.branch+" too", "the required check %s has not run on %s", markdown.OneLine(name), at[:10])
		case conclusion == "":
			bad = append(bad, name)
			c.doubt("checks", "wait for it", "the required check %s is still running on %s", markdown.OneLine(name), at[:10])
		case !conclusion.Green():
			bad = append(bad, name)
			c.doubt("checks", "correct what it found", "the required check %s ended with %s on %s", markdown.OneLine(name), markdown.OneLine(string(conclusion)), at[:10])
		}
	}
	if len(bad) == 0 {
		c.ok("checks", "green: %s", markdown.OneLine(strings.Join(required, ", ")))
	}
	return nil
}

// states are how the checks on a commit ended.
func (c *checking) states(ctx context.Context, commit string) (map[string]forge.Conclusion, error) {
	checks, err := c.Hub.Checks(ctx, commit)
	states := map[string]forge.Conclusion{}
	for _, check := range checks {
		states[check.Name] = check.Conclusion
	}
	return states, err
}

// mergedFrom is the head of the pull request that was merged last, if the branch is exactly what was checked there; empty otherwise.
func (c *checking) mergedFrom() string {
	if c.live == nil {
		return ""
	}
	for _, p := range c.live.Pulls {
		if !p.Merged || p.MergeCommit != c.tip || p.HeadCommit == "" {
			continue
		}
		if changed, err := c.Mirror.Repository().Changed(p.HeadCommit, c.tip); err == nil && len(changed) == 0 {
			return p.HeadCommit
		}
	}
	return ""
}
