package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	core "github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// policyResults are what -o json prints.
type policyResults struct {
	Constraints int `json:"constraints"`
	Objects     int `json:"objects"`
	// Outside counts the objects that are not checked, because the catalog's policies are about other namespaces.
	Outside  int            `json:"outside"`
	Results  []policyResult `json:"results"`
	OptedOut []policyResult `json:"optedOut"`
	Problems []string       `json:"problems"`
}

type policyResult struct {
	Action     core.Action     `json:"action"`
	Constraint string          `json:"constraint"`
	Addon      string          `json:"addon"`
	Object     string          `json:"object"`
	Minors     []version.Minor `json:"minors"`
	Message    string          `json:"message"`
}

func (s *policyResults) add(of bot.JudgeRequest, r report.Report) {
	namespaces := map[string]string{}
	for _, a := range of.Catalog.Addons {
		namespaces[a.Name] = a.Namespace
	}
	objects := map[string]bool{}
	for _, one := range r.Results {
		for _, c := range one.Changes {
			objects[one.Addon+" "+c.Object.String()] = core.Selected(of.Namespaces, c.Object, namespaces[one.Addon])
		}
	}
	for _, selected := range objects {
		if s.Objects++; !selected {
			s.Outside++
		}
	}
	results := func(all []report.Violation) (out []policyResult) {
		for _, v := range all {
			out = append(out, policyResult{v.Action, v.Constraint, v.Addon, v.Object.String(), v.Minors, v.Message})
		}
		return out
	}
	s.Results = append(s.Results, results(r.Policies.New)...)
	s.OptedOut = append(s.OptedOut, results(r.Policies.OptedOut)...)
	for _, p := range r.Problems {
		s.Problems = append(s.Problems, fmt.Sprintf("%s cannot be rendered for %s: %s", p.Addon, p.Minor, p.Message))
	}
	s.Problems = append(s.Problems, r.Policies.Problems...)
}

func (s *policyResults) count(action core.Action) (n int) {
	for _, r := range s.Results {
		if r.Action == action {
			n++
		}
	}
	return n
}

func (s *policyResults) denied() int { return s.count(core.Deny) }

// actionNouns are what a result of an action is called.
var actionNouns = map[core.Action]string{core.Deny: "denial", core.Warn: "warning", core.DryRun: "dry-run result"}

func (s *policyResults) print(w io.Writer, format string) error {
	if format == "json" {
		for _, list := range []*[]policyResult{&s.Results, &s.OptedOut} {
			if *list == nil {
				*list = []policyResult{}
			}
		}
		if s.Problems == nil {
			s.Problems = []string{}
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	for _, r := range s.Results {
		minors := make([]string, len(r.Minors))
		for i, m := range r.Minors {
			minors[i] = m.String()
		}
		fmt.Fprintf(w, "%s  %s  %s  %s  on %s\n    %s\n", actionNouns[r.Action], r.Constraint, markdown.Clean(r.Addon), markdown.Clean(r.Object), strings.Join(minors, ", "), markdown.OneLine(r.Message))
	}
	var parts []string
	for _, a := range core.Actions() {
		if n := s.count(a); n > 0 || a == core.Deny {
			parts = append(parts, markdown.Count(n, actionNouns[a]))
		}
	}
	if n := len(s.OptedOut); n > 0 {
		parts = append(parts, markdown.Number(n)+" opted out")
	}
	outside := ""
	if s.Outside > 0 {
		outside = fmt.Sprintf(", %s of them in namespaces that are not checked", markdown.Number(s.Outside))
	}
	_, err := fmt.Fprintf(w, "%s, of %s for %s%s\n", strings.Join(parts, ", "), markdown.Count(s.Constraints, "constraint"), markdown.Count(s.Objects, "object"), outside)
	return err
}
