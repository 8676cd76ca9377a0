package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Match is spec.match of a constraint: which objects it is about. The zero value is about all.
type Match struct {
	Source string `json:"source"`
	Kinds  []struct {
		APIGroups []string `json:"apiGroups"`
		Kinds     []string `json:"kinds"`
	} `json:"kinds"`
	Scope              string    `json:"scope"`
	Namespaces         []string  `json:"namespaces"`
	ExcludedNamespaces []string  `json:"excludedNamespaces"`
	LabelSelector      *selector `json:"labelSelector"`
	NamespaceSelector  *selector `json:"namespaceSelector"`
	Name               string    `json:"name"`
}

// selector is a label selector as Kubernetes writes them.
type selector struct {
	MatchLabels      map[string]string `json:"matchLabels"`
	MatchExpressions []struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	} `json:"matchExpressions"`

	compiled labels.Selector
}

// operators are those of a label selector.
var operators = map[string]selection.Operator{
	"In": selection.In, "NotIn": selection.NotIn, "Exists": selection.Exists, "DoesNotExist": selection.DoesNotExist,
}

// kinds are what Go's kinds are called where people write YAML.
var kinds = map[string]string{"slice": "a list", "struct": "a map", "map": "a map", "string": "a text"}

// ParseMatch reads spec.match, as JSON. Fields that nobody knows are an error: a mistyped one would widen what the constraint is about.
func ParseMatch(text []byte) (*Match, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	var m Match
	var other *json.UnmarshalTypeError
	if err := d.Decode(&m); errors.As(err, &other) && kinds[other.Type.Kind().String()] != "" {
		return nil, fmt.Errorf("spec.match.%s must be %s", strings.TrimPrefix(other.Field, "."), kinds[other.Type.Kind().String()])
	} else if err != nil {
		return nil, fmt.Errorf("spec.match: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	switch m.Scope {
	case "", "*", "Cluster", "Namespaced":
	default:
		return nil, fmt.Errorf("spec.match.scope: %q is none of *, Cluster, Namespaced", m.Scope)
	}
	switch m.Source {
	case "", "All", "Original", "Generated":
	default:
		return nil, fmt.Errorf("spec.match.source: %q is none of All, Original, Generated", m.Source)
	}
	for field, s := range map[string]*selector{"labelSelector": m.LabelSelector, "namespaceSelector": m.NamespaceSelector} {
		if s == nil {
			continue
		}
		if err := s.compile(); err != nil {
			return nil, fmt.Errorf("spec.match.%s: %w", field, err)
		}
	}
	return &m, nil
}

func (s *selector) compile() error {
	all := labels.NewSelector()
	for key, value := range s.MatchLabels {
		r, err := labels.NewRequirement(key, selection.Equals, []string{value})
		if err != nil {
			return err
		}
		all = all.Add(*r)
	}
	for _, e := range s.MatchExpressions {
		operator, known := operators[e.Operator]
		if !known {
			return fmt.Errorf("operator %q is none of In, NotIn, Exists, DoesNotExist", e.Operator)
		}
		r, err := labels.NewRequirement(e.Key, operator, e.Values)
		if err != nil {
			return err
		}
		all = all.Add(*r)
	}
	s.compiled = all
	return nil
}

// Subject is an object as a constraint looks at it.
type Subject struct {
	Group, Kind, Namespace, Name, GenerateName string
	Labels                                     map[string]string
	// NamespaceLabels are those of the object's namespace.
	NamespaceLabels map[string]string
}

// Matches reports whether a constraint is about an object. What a selector cannot exclude is matched: an object of the whole cluster has no
// namespace that could be the wrong one.
func (m *Match) Matches(s Subject) bool {
	isNamespace := s.Kind == "Namespace" && s.Group == ""
	namespace, itsLabels := s.Namespace, s.NamespaceLabels
	if isNamespace {
		namespace, itsLabels = s.Name, s.Labels
	}
	switch {
	case m.Source == "Generated": // What a Deployment makes is not rendered.
		return false
	case !m.kind(s):
		return false
	case m.Scope == "Cluster" && !isNamespace && namespace != "", m.Scope == "Namespaced" && (isNamespace || namespace == ""):
		return false
	case m.Name != "" && !wildcard(m.Name, s.Name) && (s.GenerateName == "" || !wildcardBegins(m.Name, s.GenerateName)):
		return false
	case m.LabelSelector != nil && !m.LabelSelector.compiled.Matches(labels.Set(s.Labels)):
		return false
	case namespace == "":
		return true
	case len(m.Namespaces) > 0 && !someWildcard(m.Namespaces, namespace), someWildcard(m.ExcludedNamespaces, namespace):
		return false
	}
	return m.NamespaceSelector == nil || m.NamespaceSelector.compiled.Matches(labels.Set(itsLabels))
}

func (m *Match) kind(s Subject) bool {
	holds := func(list []string, one string) bool {
		return len(list) == 0 || slices.Contains(list, "*") || slices.Contains(list, one)
	}
	if len(m.Kinds) == 0 {
		return true
	}
	for _, k := range m.Kinds {
		if holds(k.Kinds, s.Kind) && holds(k.APIGroups, s.Group) {
			return true
		}
	}
	return false
}

func someWildcard(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, text) })
}

// wildcard is Gatekeeper's: a * counts at the start and at the end alone.
func wildcard(pattern, text string) bool {
	before, starts := strings.CutPrefix(pattern, "*")
	middle, ends := strings.CutSuffix(before, "*")
	switch {
	case starts && (ends || before == ""):
		return strings.Contains(text, middle)
	case starts:
		return strings.HasSuffix(text, before)
	case ends:
		return strings.HasPrefix(text, middle)
	}
	return pattern == text
}

// wildcardBegins is wildcard for a name of which only the beginning is known yet.
func wildcardBegins(pattern, begin string) bool {
	before, starts := strings.CutPrefix(pattern, "*")
	middle, ends := strings.CutSuffix(before, "*")
	switch {
	case starts && (ends || before == ""):
		return strings.Contains(begin, middle)
	case ends:
		return strings.HasPrefix(begin, middle)
	}
	return false
}
