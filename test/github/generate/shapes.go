package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// shape is what the examples of one event have at one place of the payload.
type shape struct {
	// Types are the JSON types seen there, sorted.
	Types []string `json:"t"`
	// Keys are those of objects; Required are those that every object there had.
	Keys     map[string]*shape `json:"k,omitempty"`
	Required []string          `json:"r,omitempty"`
	// Items is what the lists hold.
	Items *shape `json:"i,omitempty"`
}

// shapesOf merges the examples of each event.
func shapesOf(text []byte, events []string) (map[string]any, error) {
	var all []struct {
		Name     string `json:"name"`
		Examples []any  `json:"examples"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	shapes := map[string]*shape{}
	for _, event := range all {
		if !slices.Contains(events, event.Name) {
			continue
		}
		var merged *shape
		for _, example := range event.Examples {
			merged = merged.with(example)
		}
		shapes[event.Name] = merged
	}
	for _, event := range events {
		if shapes[event] == nil {
			return nil, fmt.Errorf("there is no example of event %q", event)
		}
	}
	return map[string]any{"source": examples.String(), "integrity": examples.integrity, "events": shapes}, nil
}

func (s *shape) with(v any) *shape {
	first := s == nil
	if first {
		s = &shape{}
	}
	kind := "null"
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		s.object(v)
	case []any:
		kind = "array"
		for _, item := range v {
			s.Items = s.Items.with(item)
		}
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	}
	if i, found := slices.BinarySearch(s.Types, kind); !found {
		s.Types = slices.Insert(s.Types, i, kind)
	}
	return s
}

func (s *shape) object(v map[string]any) {
	seen := slices.Contains(s.Types, "object")
	if s.Keys == nil {
		s.Keys = map[string]*shape{}
	}
	if seen {
		s.Required = slices.DeleteFunc(s.Required, func(key string) bool { _, has := v[key]; return !has })
	}
	for key, value := range v {
		s.Keys[key] = s.Keys[key].with(value)
		if !seen {
			s.Required = append(s.Required, key)
		}
	}
	slices.Sort(s.Required)
}
