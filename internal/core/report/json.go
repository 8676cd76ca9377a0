package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// The types below are what other programs read: names stay, and lists are never null. What is added later is added beside them.
type (
	jsonReport struct {
		Base     string          `json:"base"`
		Head     string          `json:"head"`
		Minors   []version.Minor `json:"minors"`
		Same     int             `json:"same"`
		Results  []jsonResult    `json:"results"`
		Flags    []jsonFlag      `json:"flags"`
		Problems []jsonProblem   `json:"problems"`
		Next     *jsonNext       `json:"next,omitempty"`
		Clusters *jsonClusters   `json:"clusters,omitempty"`
		Policies *jsonPolicies   `json:"policies,omitempty"`
	}
	jsonResult struct {
		Addon    string          `json:"addon"`
		Minors   []version.Minor `json:"minors"`
		Hidden   int             `json:"hidden"`
		Objects  []jsonObject    `json:"objects"`
		Images   []diff.Image    `json:"images"`
		Unstable []jsonUnstable  `json:"unstable"`
	}
	jsonObject struct {
		Object string      `json:"object"`
		From   string      `json:"from,omitempty"`
		Change diff.Kind   `json:"change"`
		Fields []jsonField `json:"fields"`
	}
	jsonField struct {
		Path  string `json:"path"`
		Shown string `json:"shown"`
		// A side without the field has no key: null is a value.
		Before json.RawMessage `json:"before,omitempty"`
		After  json.RawMessage `json:"after,omitempty"`
	}
	jsonUnstable struct {
		Object string `json:"object"`
		Path   string `json:"path"`
	}
	jsonFlag struct {
		Code    fault.Code      `json:"code"`
		Addon   string          `json:"addon"`
		Object  string          `json:"object"`
		Path    string          `json:"path"`
		Minors  []version.Minor `json:"minors"`
		Message string          `json:"message"`
	}
	jsonProblem struct {
		Addon   string `json:"addon"`
		Minor   string `json:"minor"`
		Side    string `json:"side,omitempty"`
		Message string `json:"message"`
	}
	jsonNext struct {
		Minor    version.Minor `json:"minor"`
		Flags    []jsonFlag    `json:"flags"`
		Problems []jsonProblem `json:"problems"`
	}
	jsonClusters struct {
		Total   int         `json:"total"`
		Touched int         `json:"touched"`
		Groups  []jsonGroup `json:"groups"`
	}
	jsonGroup struct {
		Name     string        `json:"name"`
		Clusters []jsonCluster `json:"clusters"`
	}
	jsonCluster struct {
		Name   string        `json:"name"`
		Minor  version.Minor `json:"minor"`
		Addons []string      `json:"addons"`
	}
)

// JSON is the report for programs. Objects that change only in known noise are counted as hidden, not listed.
func JSON(r Report) ([]byte, error) {
	out := jsonReport{
		Base: r.Base, Head: r.Head, Minors: listed(r.Minors), Same: r.Same,
		Results: make([]jsonResult, len(r.Results)), Flags: jsonFlags(r.Flags), Problems: jsonProblems(r.Problems, false), Policies: jsonPoliciesOf(r.Policies),
	}
	for i := range r.Results {
		result, err := toJSON(&r.Results[i])
		if err != nil {
			return nil, err
		}
		out.Results[i] = result
	}
	if !r.Next.IsZero() {
		out.Next = &jsonNext{r.Next, jsonFlags(r.NextFlags), jsonProblems(r.Problems, true)}
	}
	if c := r.Clusters; c != nil {
		out.Clusters = &jsonClusters{Total: c.Total, Touched: c.Touched, Groups: make([]jsonGroup, len(c.Groups))}
		for i, g := range c.Groups {
			group := jsonGroup{g.Name, make([]jsonCluster, len(g.Clusters))}
			for j, c := range g.Clusters {
				group.Clusters[j] = jsonCluster{c.Name, c.Minor, listed(c.Addons)}
			}
			out.Clusters.Groups[i] = group
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(out)
	return b.Bytes(), err
}

func toJSON(r *Result) (jsonResult, error) {
	out := jsonResult{
		Addon: r.Addon, Minors: listed(r.Minors), Hidden: r.Hidden(), Objects: []jsonObject{}, Images: listed(r.Images), Unstable: []jsonUnstable{},
	}
	for _, c := range r.Changes {
		if !visible(c) {
			continue
		}
		o := jsonObject{Object: c.Object.String(), Change: c.Kind, Fields: make([]jsonField, len(c.Fields))}
		if c.From != nil {
			o.From = c.From.String()
		}
		for i, f := range c.Fields {
			o.Fields[i] = jsonField{Path: f.Path, Shown: f.Shown}
			var err error
			if o.Fields[i].Before, err = value(f.Before, f.HadBefore); err == nil {
				o.Fields[i].After, err = value(f.After, f.HasAfter)
			}
			if err != nil {
				return out, fmt.Errorf("%s of %s: %w", f.Path, o.Object, err)
			}
		}
		out.Objects = append(out.Objects, o)
	}
	for _, u := range r.Unstable {
		out.Unstable = append(out.Unstable, jsonUnstable{u.Object.String(), u.Path})
	}
	return out, nil
}

// value is one side of a field, nil where the field is not there.
func value(v any, has bool) (json.RawMessage, error) {
	if !has {
		return nil, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(speakable(v))
	return bytes.TrimSpace(b.Bytes()), err
}

// speakable is a value with the numbers that JSON cannot say, such as YAML's .inf, as text.
func speakable(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, inner := range v {
			m[k] = speakable(inner)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, inner := range v {
			l[i] = speakable(inner)
		}
		return l
	}
	return v
}

func jsonFlags(flags []Flag) []jsonFlag {
	out := make([]jsonFlag, len(flags))
	for i, f := range flags {
		out[i] = jsonFlag{f.Code, f.Addon, f.Object, f.Path, listed(f.Minors), f.Message}
	}
	return out
}

func jsonProblems(problems []Problem, next bool) []jsonProblem {
	out := []jsonProblem{}
	for _, p := range problems {
		if p.Next != next {
			continue
		}
		j := jsonProblem{Addon: p.Addon, Side: p.Side, Message: p.Message}
		if !p.Minor.IsZero() {
			j.Minor = p.Minor.String()
		}
		out = append(out, j)
	}
	return out
}

// listed is a list that JSON writes as one even when it is empty.
func listed[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
