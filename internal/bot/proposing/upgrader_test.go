package proposing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// upgrader finds upgrades in a town: an addon's version stands in its version.yaml, and what is published is a list in order. It keeps to the rules of the real
// one as far as pull requests depend on them.
func (town *town) upgrader() upgrader {
	return upgrader{
		look: town.look,
		again: func(_ upgrading.Found, ctx context.Context, o upgrading.Options, k upgrading.Known) (upgrading.Found, error) {
			return town.look(ctx, o, k)
		},
		build: town.build,
		notes: func(context.Context, upgrading.Options, upgrade.Proposal) ([][]proposal.Note, error) {
			town.notes++
			return nil, nil
		},
	}
}

func source(addon string) upstream.Source {
	return upstream.Source{Kind: upstream.Helm, Repository: "https://charts.example.com", Name: addon}
}

func major(version string) string { first, _, _ := strings.Cut(version, "."); return first }

func (town *town) look(ctx context.Context, o upgrading.Options, k upgrading.Known) (upgrading.Found, error) {
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return upgrading.Found{}, err
	}
	f := upgrading.Found{Rules: town.rules, Main: "main", Tips: map[string]string{}}
	offered, err := read(ctx, o.Mirror, refs.Branches["main"], catalog.File)
	if err != nil {
		return f, err
	}
	c, err := catalog.Decode(catalog.File, []byte(offered))
	if err != nil {
		return f, err
	}
	town.releases = nil
	for _, m := range c.Minors {
		town.releases = append(town.releases, release.Branch(m))
	}
	targets := map[string]string{}
	groups := map[string]*upgrade.Proposal{}
	for _, branch := range append([]string{"main"}, town.releases...) {
		f.Tips[branch] = refs.Branches[branch]
		for _, a := range c.Addons {
			asked := func(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }
			if !asked(o.Branches, branch) || !asked(o.Addons, a.Name) {
				continue
			}
			if why := town.broken[a.Name]; why != "" {
				if branch == "main" {
					f.Plan.Problems = append(f.Plan.Problems, upgrade.Problem{Addon: a.Name, Message: why})
				}
				continue
			}
			text, err := read(ctx, o.Mirror, f.Tips[branch], "addons/"+a.Name+"/version.yaml")
			if err != nil {
				continue
			}
			town.choose(&f, k, branch, a.Name, current(text), targets, groups)
		}
	}
	slices.SortStableFunc(f.Plan.Proposals, func(a, b upgrade.Proposal) int { return rank(a) - rank(b) })
	return f, nil
}

func rank(p upgrade.Proposal) int {
	switch {
	case p.Security:
		return 0
	case p.Major:
		return 2
	}
	return 1
}

// choose adds what is proposed for an addon on a branch.
func (town *town) choose(f *upgrading.Found, k upgrading.Known, branch, addon, from string, targets map[string]string, groups map[string]*upgrade.Proposal) {
	var small, large string
	var refused []upgrade.Refused
	newer := town.published[addon]
	if at := slices.Index(newer, from); at >= 0 {
		newer = newer[at+1:]
	}
	limit := len(newer) - 1
	if most := town.limits[branch+" "+addon]; most != "" {
		limit = slices.Index(newer, most)
	}
	for i, v := range newer {
		switch who, is := unwanted(k, branch, addon, v); {
		case is:
			refused = append(refused, upgrade.Refused{Version: v, Reason: who})
		case branch != "main" && targets[addon] != "" && slices.Index(town.published[addon], v) > slices.Index(town.published[addon], targets[addon]):
		case i > limit:
			refused = append(refused, upgrade.Refused{Version: v, Reason: "it cannot run there"})
		case major(v) == major(from):
			small = v
		default:
			large = v
		}
	}
	slices.Reverse(refused)
	to := large
	if to == "" {
		to = small
	}
	u := upgrade.Upgrade{Addon: addon, Branch: branch, From: from, To: to, Refused: refused}
	if to == "" {
		if len(refused) > 0 {
			f.Plan.Held = append(f.Plan.Held, u)
		}
		if branch == "main" {
			targets[addon] = from
		}
		return
	}
	if branch == "main" {
		targets[addon] = to
		for _, other := range town.releases {
			if town.limits[other+" "+addon] != "" {
				u.Not = append(u.Not, upgrade.Not{Branch: other, Reason: "it cannot run there"})
			} else {
				u.Comes = append(u.Comes, other)
			}
		}
	} else if targets[addon] == to {
		return
	}
	for _, v := range []string{small, large} {
		if v == "" {
			continue
		}
		c := upgrade.Change{
			Addon: addon, Pin: upstream.Pin{Source: source(addon), Version: from}, From: from, To: v, Write: v, Size: upstream.Minor,
			Security: town.security[addon+" "+v], Apart: v != to,
		}
		p := upgrade.Proposal{
			Unit: addon, Branch: branch, Major: v == large, Security: c.Security, Changes: []upgrade.Change{c}, Refused: map[string][]upgrade.Refused{addon: refused},
			Comes: u.Comes, Not: u.Not,
		}
		u.Changes = append(u.Changes, c)
		for _, g := range town.rules.Groups {
			if slices.Contains(g.Addons, addon) && !p.Major {
				p.Unit = g.Name
			}
		}
		p.Head = upgrade.Prefix + branch + "/" + p.Unit
		if p.Major {
			p.Head += ".major"
		}
		if i := slices.IndexFunc(f.Plan.Proposals, func(o upgrade.Proposal) bool { return o.Head == p.Head }); i >= 0 {
			f.Plan.Proposals[i].Changes = append(f.Plan.Proposals[i].Changes, c)
			f.Plan.Proposals[i].Refused[addon] = refused
		} else {
			f.Plan.Proposals = append(f.Plan.Proposals, p)
		}
	}
	f.Plan.Upgrades = append(f.Plan.Upgrades, u)
}

func unwanted(k upgrading.Known, branch, addon, v string) (string, bool) {
	for _, i := range k.Ignored {
		if i.Branch == branch && i.Source == source(addon) && (i.Version == v || i.Major && major(i.Version) == major(v)) {
			return fmt.Sprintf("%s does not want it (#%d)", i.By, i.Pull), true
		}
	}
	return "", false
}

func read(ctx context.Context, m *native.Mirror, commit, path string) (string, error) {
	files, err := m.Files(ctx, commit)
	if err != nil {
		return "", err
	}
	data, err := m.Blob(ctx, files[path].Blob)
	return string(data), err
}

func current(text string) string {
	_, rest, _ := strings.Cut(text, "version: ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// build changes version.yaml of each addon.
func (town *town) build(ctx context.Context, o upgrading.Options, base string, p upgrade.Proposal) (b upgrading.Built, err error) {
	commits, err := o.Mirror.Log(ctx, native.LogRequest{Of: []string{base}})
	if err != nil {
		return b, err
	}
	at := commits[len(commits)-1]
	b.Base = base
	edits := map[string]change.Entry{}
	var title, trailers []string
	for _, c := range p.Changes {
		if why := town.unbuildable[c.Addon]; why != "" {
			return b, errors.New(why)
		}
		path := "addons/" + c.Addon + "/version.yaml"
		text, err := read(ctx, o.Mirror, base, path)
		if err != nil {
			return b, err
		}
		blob, err := o.Mirror.WriteBlob(ctx, []byte(strings.Replace(text, "version: "+current(text), "version: "+c.Write, 1)))
		if err != nil {
			return b, err
		}
		edits[path] = change.Entry{Mode: "100644", Blob: blob}
		b.Files = append(b.Files, path)
		title = append(title, fmt.Sprintf("%s from %s to %s", c.Addon, c.From, c.To))
		trailers = append(trailers, fmt.Sprintf("Upgrade-Of: %s helm %s %s %s\n", c.Addon, c.Addon, c.From, c.To))
	}
	tree, err := o.Mirror.WriteTree(ctx, at.Tree, edits)
	if err != nil {
		return b, err
	}
	who := o.Committer
	who.When = at.Committer.When
	b.Tip, err = o.Mirror.Commit(ctx, change.Commit{
		Tree: tree, Parents: []string{base}, Author: who, Committer: who, Message: "Upgrade " + strings.Join(title, ", ") + "\n\n" + strings.Join(trailers, ""),
	})
	return b, err
}

// diff says of each addon whose folder differs what its files say.
func (town *town) diff(m *native.Mirror) func(ctx context.Context, base, head, name string) (report.Report, error) {
	return func(ctx context.Context, base, head, name string) (r report.Report, err error) {
		town.diffs++
		r.Base, r.Head, r.BaseName = base, head, name
		before, err := m.Files(ctx, base)
		if err != nil {
			return r, err
		}
		after, err := m.Files(ctx, head)
		if err != nil {
			return r, err
		}
		offered, err := read(ctx, m, base, catalog.File)
		if err != nil {
			return r, err
		}
		c, err := catalog.Decode(catalog.File, []byte(offered))
		if err != nil {
			return r, err
		}
		for _, addon := range slices.Sorted(maps.Keys(town.published)) {
			file, setting := "addons/"+addon+"/version.yaml", "addons/"+addon+"/setting.yaml"
			if before[file] == after[file] {
				continue
			}
			old, err := read(ctx, m, base, file)
			if err != nil {
				return r, err
			}
			now, err := read(ctx, m, head, file)
			if err != nil {
				return r, err
			}
			with, err := read(ctx, m, head, setting)
			if err != nil {
				return r, err
			}
			if strings.Contains(with, "template: broken") {
				return r, errors.New("cert does not render: template is broken")
			}
			id := manifest.ID{}
			r.Results = append(r.Results, report.Result{Addon: addon, Minors: c.Minors, Result: diff.Result{Changes: []diff.Change{{
				Object: id, Kind: diff.Changed, Fields: []diff.Field{{
					Path: "/spec/version", Shown: "spec.version", Before: current(old), After: current(now) + " with " + strings.TrimSpace(strings.SplitN(with, "#", 2)[0]), HadBefore: true, HasAfter: true,
				}},
			}}}})
		}
		return r, nil
	}
}
