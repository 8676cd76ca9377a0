package upgrading

import (
	"context"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// maxHistories is how many repositories are asked for the notes of one change: charts may name any number.
const maxHistories = 3

// What release notes are about.
const (
	ofChart       = "chart"
	ofApplication = "application"
)

// Notes are the release notes of each change of a proposal, as far as they can be found. What cannot is left out; the error is ctx's.
func Notes(ctx context.Context, o Options, p upgrade.Proposal) ([][]proposal.Note, error) {
	all := make([][]proposal.Note, len(p.Changes))
	for i, c := range p.Changes {
		if c.From == c.To {
			continue
		}
		n := notes{Sources: o.Sources, change: c}
		switch c.Pin.Source.Kind {
		case upstream.Helm:
			n.chart(ctx)
		case upstream.GitHub, upstream.Git:
			n.releases(ctx)
		case upstream.Image:
			to, _ := n.Describe(ctx, c.Pin.Source, c.To)
			n.histories(ctx, to, func(h []upstream.Version) bool {
				return n.add(proposal.Between(h, ofApplication, "", core(c.From), core(c.To)))
			})
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all[i] = n.found
	}
	return all, nil
}

// notes gathers those of one change.
type notes struct {
	Sources
	change upgrade.Change
	found  []proposal.Note
}

// add takes notes that say something, each once.
func (n *notes) add(found []proposal.Note) (any bool) {
	for _, note := range found {
		if note.Text == "" || slices.ContainsFunc(n.found, func(have proposal.Note) bool {
			return have.URL != "" && have.URL == note.URL || have.Of == note.Of && have.Version == note.Version
		}) {
			continue
		}
		n.found, any = append(n.found, note), true
	}
	return any
}

// histories asks the repositories that a version names, until one has notes.
func (n *notes) histories(ctx context.Context, v upstream.Version, take func([]upstream.Version) bool) {
	asked := 0
	for _, link := range v.Links {
		if asked == maxHistories || ctx.Err() != nil {
			return
		}
		h, err := n.History(ctx, link)
		if err != nil {
			asked++
			continue
		}
		if len(h) == 0 {
			continue
		}
		if asked++; take(h) {
			return
		}
	}
}

// releases are those of the source itself.
func (n *notes) releases(ctx context.Context) {
	c := n.change
	var history []upstream.Version
	if c.Pin.Source.Kind == upstream.Git {
		history, _ = n.History(ctx, c.Pin.Source.Repository)
	} else if listed, err := n.List(ctx, []upstream.Source{c.Pin.Source}); err == nil {
		history = listed[c.Pin.Source].Versions
	}
	n.add(proposal.Between(history, ofApplication, "", c.From, c.To))
}

// chart looks for notes of a chart where its index has them, and then, with those of the application, in the repositories that it names.
func (n *notes) chart(ctx context.Context) {
	c := n.change
	if listed, err := n.List(ctx, []upstream.Source{c.Pin.Source}); err == nil {
		n.add(proposal.Between(listed[c.Pin.Source].Versions, ofChart, "", c.From, c.To))
	}
	to, err := n.Describe(ctx, c.Pin.Source, c.To)
	if err != nil {
		return
	}
	from, _ := n.Describe(ctx, c.Pin.Source, c.From)
	chart, app := len(n.found) == 0, from.App != "" && to.App != "" && core(from.App) != core(to.App)
	n.histories(ctx, to, func(h []upstream.Version) bool {
		if chart {
			chart = !n.add(slices.DeleteFunc(proposal.Between(h, ofChart, c.Pin.Source.Name, c.From, c.To), func(note proposal.Note) bool {
				// A tag without a name is of the application, which counts in its own way.
				return numbered(note.Version)
			}))
		}
		if app {
			app = !n.add(proposal.Between(applications(h, c.Pin.Source.Name), ofApplication, "", from.App, to.App))
		}
		return !app && (!chart || core(to.App) == core(c.To))
	})
}

// applications are the releases that may be an application's: where many charts are released, each with its name in the tag, another's version may look like it.
func applications(all []upstream.Version, chart string) []upstream.Version {
	if !slices.ContainsFunc(all, func(v upstream.Version) bool {
		rest, is := strings.CutPrefix(v.Name, chart+"-")
		return is && numbered(rest)
	}) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(v upstream.Version) bool { return !numbered(v.Name) })
}

// numbered tells of a tag that is nothing but a version.
func numbered(tag string) bool {
	tag = bare(tag)
	return tag != "" && '0' <= tag[0] && tag[0] <= '9'
}

// core is a version without what is said of an image's variant.
func core(version string) string {
	if c, ok := upstream.Core(version); ok {
		return c
	}
	return version
}
