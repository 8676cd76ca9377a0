package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// verdict is what a reviewer reads first, in parts. It holds numbers and minors, nothing from outside.
func (v *view) verdict() []string {
	var parts []string
	add := func(s string) { parts = append(parts, s) }
	if n := len(v.failed); n > 0 {
		add(markdown.Count(n, "problem"))
	}
	if v.Policies != nil {
		if n := len(v.Policies.Problems); n > 0 {
			add("policies not fully checked")
		}
		if v.Policies.Altered {
			add("policies altered")
		}
		if n := len(v.Policies.Denied()); n > 0 {
			add(markdown.Count(n, "new denial") + " by policies")
		}
	}
	if n := len(v.Flags); n > 0 {
		add(markdown.Count(n, "risk"))
	} else if len(v.Changed()) > 0 {
		add("no risks")
	}
	switch n := len(v.Changed()); {
	case n > 0:
		add(markdown.Count(n, "addon") + " " + verb(n, "changes", "change"))
		add(v.agreement())
	case len(v.failed) > 0:
		add("nothing else changes")
	default:
		add(v.nothing())
	}
	if c := v.Clusters; c != nil && (c.Touched > 0 || len(v.Changed()) > 0) {
		add(fmt.Sprintf("%s of %s", markdown.Number(c.Touched), markdown.Count(c.Total, "cluster")))
	}
	return parts
}

// nothing is the verdict where there is nothing to see.
func (v *view) nothing() string {
	hidden := 0
	for _, a := range v.addons {
		hidden += a.hidden()
	}
	on := ""
	if len(v.Minors) > 0 {
		on = " on " + list(v.Minors)
	}
	all := v.Same + len(v.addons)
	if all == 0 {
		return "there is no addon to render" + on
	}
	of := markdown.Count(all, "addon")
	if hidden > 0 {
		return fmt.Sprintf("nothing but known noise changes in the rendered manifests of %s%s (%s hidden)", of, on, markdown.Count(hidden, "field"))
	}
	return fmt.Sprintf("nothing changes in the rendered manifests of %s%s", of, on)
}

func verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// list names minors one by one.
func list(minors []version.Minor) string {
	names := make([]string, len(minors))
	for i, m := range minors {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

// ranges names minors in short: 1.29, 1.31–1.33.
func ranges(minors []version.Minor) string {
	minors = slices.SortedFunc(slices.Values(minors), version.Minor.Compare)
	var parts []string
	for i := 0; i < len(minors); {
		end := i
		for end+1 < len(minors) && minors[end+1] == minors[end].Next() {
			end++
		}
		switch end - i {
		case 0:
			parts = append(parts, minors[i].String())
		case 1:
			parts = append(parts, minors[i].String(), minors[end].String())
		default:
			parts = append(parts, minors[i].String()+"–"+minors[end].String())
		}
		i = end + 1
	}
	return strings.Join(parts, ", ")
}

// short is the beginning of a commit, enough to name it.
func short(commit string) string { return commit[:min(len(commit), 10)] }

// side names a commit by how it was asked for.
func side(name, commit string) string {
	if name == "" || name == commit {
		return short(commit)
	}
	return name + " (" + short(commit) + ")"
}

// where says which addon and minors something is about, in brackets; empty when it is about everything.
func (v *view) where(addon string, minors []version.Minor) string {
	parts := []string{addon}
	if addon == "" {
		parts = nil
	}
	if !v.everywhere(minors) {
		parts = append(parts, "only on "+ranges(minors))
	}
	return strings.Join(parts, ", ")
}

// failure is a problem as people read it: once, with all the minors that have it.
type failure struct{ where, message string }

func failures(problems []Problem) []failure {
	type same struct{ addon, side, message string }
	minors := map[same][]version.Minor{}
	var order []same
	for _, p := range problems {
		k := same{p.Addon, p.Side, strings.TrimSpace(p.Message)}
		if _, known := minors[k]; !known {
			order = append(order, k)
		}
		minors[k] = append(minors[k], p.Minor)
	}
	all := make([]failure, len(order))
	for i, k := range order {
		all[i] = failure{of(k.addon, k.side, minors[k]), k.message}
	}
	return all
}

// of says which addon, minors and side a problem has.
func of(addon, side string, minors []version.Minor) string {
	var parts []string
	if addon != "" {
		parts = append(parts, addon)
	}
	if minors = slices.DeleteFunc(minors, version.Minor.IsZero); len(minors) > 0 {
		slices.SortFunc(minors, version.Minor.Compare)
		parts = append(parts, "on "+list(slices.Compact(minors)))
	}
	if side != "" {
		parts = append(parts, "in the "+side)
	}
	if len(parts) == 0 {
		return "the whole"
	}
	return strings.Join(parts, " ")
}
