package contract

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed webhooks.json.gz
var packedShapes []byte

// shape is what GitHub's examples of one event have at one place.
type shape struct {
	Types    []string          `json:"t"`
	Keys     map[string]*shape `json:"k"`
	Required []string          `json:"r"`
	Items    *shape            `json:"i"`
}

var loadShapes = sync.OnceValues(func() (map[string]*shape, error) {
	text, err := unpack(packedShapes)
	if err != nil {
		return nil, err
	}
	var all struct {
		Events map[string]*shape `json:"events"`
	}
	err = json.Unmarshal(text, &all)
	return all.Events, err
})

// CheckWebhook says what is wrong with a payload: a key or type that no example of the event has, or a key missing at the top that all have.
func CheckWebhook(event string, payload []byte) error {
	shapes, err := loadShapes()
	if err != nil {
		return err
	}
	s := shapes[event]
	if s == nil {
		return fmt.Errorf("event %q is not among the examples", event)
	}
	var v map[string]any
	if err := json.Unmarshal(payload, &v); err != nil {
		return err
	}
	problems := s.differs(v, event)
	for _, key := range s.Required {
		if _, has := v[key]; !has {
			problems = append(problems, fmt.Sprintf("%s/%s is missing", event, key))
		}
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

func (s *shape) differs(v any, at string) (problems []string) {
	kind := "null"
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			of := s.Keys[key]
			if of == nil {
				// Examples of empty objects say nothing of what may be in them.
				if len(s.Keys) > 0 {
					problems = append(problems, at+"/"+key+" is in no example")
				}
				continue
			}
			problems = append(problems, of.differs(v[key], at+"/"+key)...)
		}
	case []any:
		kind = "array"
		for i, item := range v {
			if s.Items != nil {
				problems = append(problems, s.Items.differs(item, at+"/"+strconv.Itoa(i))...)
			}
		}
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	}
	// What is null in every example may be something else at other times, and the other way round is GitHub's habit too.
	if kind != "null" && !slices.Contains(s.Types, kind) && !slices.Equal(s.Types, []string{"null"}) {
		problems = append(problems, fmt.Sprintf("%s is of type %s, in the examples %s", at, kind, strings.Join(s.Types, " or ")))
	}
	return problems
}

// Trim removes from a payload the keys that no example of the event has: the examples are older than the description of the API.
func Trim(event string, payload any) error {
	shapes, err := loadShapes()
	if err != nil {
		return err
	}
	if s := shapes[event]; s != nil {
		s.trim(payload)
	}
	return nil
}

func (s *shape) trim(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if of := s.Keys[key]; of != nil {
				of.trim(value)
			} else if len(s.Keys) > 0 {
				delete(v, key)
			}
		}
	case []any:
		for _, item := range v {
			if s.Items != nil {
				s.Items.trim(item)
			}
		}
	}
}
