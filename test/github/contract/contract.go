// Package contract holds requests, answers and webhook payloads to what GitHub publishes of itself: its OpenAPI description and its examples of
// webhooks. test/github/generate makes the data; operations that are not in it do not exist here.
package contract

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed api.json.gz
var packed []byte

// Operation is one of the description.
type Operation struct {
	// ID is GitHub's name of it, such as pulls/create.
	ID     string
	Method string

	names    []string
	path     *regexp.Regexp
	declared map[string]*openapi3.Parameter
	details  *openapi3.Operation
}

type description struct {
	operations []*Operation
	errors     map[string]*openapi3.Schema
}

// load reads the description once for the process.
var load = sync.OnceValues(func() (*description, error) {
	text, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	openapi3.DefineStringFormat("uri", `^[a-z][a-z0-9+.-]*:\S+$`)
	openapi3.DefineStringFormat("email", `^[^@\s]+@[^@\s]+$`)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	d := &description{errors: map[string]*openapi3.Schema{}}
	for path, item := range doc.Paths.Map() {
		if name, isError := strings.CutPrefix(path, "/-/"); isError {
			d.errors[name] = item.Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
			continue
		}
		for method, details := range item.Operations() {
			o := &Operation{ID: details.OperationID, Method: method, details: details, declared: map[string]*openapi3.Parameter{}}
			o.path, o.names = template(path)
			for _, p := range append(slices.Clone(item.Parameters), details.Parameters...) {
				o.declared[p.Value.In+" "+p.Value.Name] = p.Value
			}
			d.operations = append(d.operations, o)
		}
	}
	// Literal paths come before those with parameters: releases/latest is no release's number.
	slices.SortFunc(d.operations, func(a, b *Operation) int {
		if n := len(a.names) - len(b.names); n != 0 {
			return n
		}
		return strings.Compare(b.path.String(), a.path.String())
	})
	return d, nil
})

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

// template makes an expression of a path. Names of refs may hold slashes.
func template(path string) (*regexp.Regexp, []string) {
	var names []string
	expression := parameter.ReplaceAllStringFunc(path, func(p string) string {
		name := strings.Trim(p, "{}")
		names = append(names, name)
		if name == "ref" || name == "basehead" || name == "branch" || name == "tag" {
			return `(.+)`
		}
		return `([^/]+)`
	})
	return regexp.MustCompile("^" + expression + "$"), names
}

// Find is the operation of a request, with its path's parameters. The path is as it came, still escaped.
func Find(method, path string) (*Operation, map[string]string, error) {
	d, err := load()
	if err != nil {
		return nil, nil, err
	}
	for _, o := range d.operations {
		if o.Method != method {
			continue
		}
		found := o.path.FindStringSubmatch(path)
		if found == nil {
			continue
		}
		values := map[string]string{}
		for i, name := range o.names {
			if values[name], err = url.PathUnescape(found[i+1]); err != nil {
				return nil, nil, err
			}
		}
		return o, values, nil
	}
	return nil, nil, fmt.Errorf("%s %s is no operation of the description", method, path)
}

// CheckRequest says what is wrong with a request.
func (o *Operation) CheckRequest(path map[string]string, query url.Values, body []byte) error {
	for name, value := range path {
		if err := o.parameter("path", name, value); err != nil {
			return err
		}
	}
	for name, values := range query {
		for _, value := range values {
			if err := o.parameter("query", name, value); err != nil {
				return err
			}
		}
	}
	if o.details.RequestBody == nil || o.details.RequestBody.Value == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return fmt.Errorf("%s: a body where none is described", o.ID)
		}
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if o.details.RequestBody.Value.Required {
			return fmt.Errorf("%s: no body", o.ID)
		}
		return nil
	}
	content := o.details.RequestBody.Value.Content.Get("application/json")
	if content == nil {
		return fmt.Errorf("%s: a JSON body where none is described", o.ID)
	}
	if err := check(content.Schema.Value, body, openapi3.VisitAsRequest()); err != nil {
		return fmt.Errorf("%s: body %s: %w", o.ID, clip(body), err)
	}
	return nil
}

func (o *Operation) parameter(in, name, value string) error {
	p := o.declared[in+" "+name]
	if p == nil {
		return fmt.Errorf("%s: %s parameter %q is not described", o.ID, in, name)
	}
	var v any = value
	if p.Schema != nil && p.Schema.Value.Type.Is("integer") {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("%s: %s parameter %q is no number: %q", o.ID, in, name, value)
		}
		v = n
	}
	if p.Schema != nil && p.Schema.Value.Type.Is("boolean") {
		v = value == "true"
	}
	if err := p.Schema.Value.VisitJSON(v); err != nil {
		return fmt.Errorf("%s: %s parameter %q: %w", o.ID, in, name, err)
	}
	return nil
}

// CheckAnswer says what is wrong with an answer.
func (o *Operation) CheckAnswer(status int, body []byte) error {
	schema, err := o.answer(status)
	if err != nil {
		return err
	}
	if schema == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return fmt.Errorf("%s: answer %d with a body where none is described", o.ID, status)
		}
		return nil
	}
	whole := seen{schema, hash(body)}
	if _, done := checked.Load(whole); done {
		return nil
	}
	// Of a list, each item by itself: most are as they were in the list before.
	parts, each := []json.RawMessage{body}, schema
	if items := []json.RawMessage(nil); schema.Type.Is("array") && schema.Items != nil && json.Unmarshal(body, &items) == nil {
		parts, each = items, schema.Items.Value
	}
	for _, part := range parts {
		if err := check(each, part, openapi3.VisitAsResponse()); err != nil {
			return fmt.Errorf("%s: answer %d %s: %w", o.ID, status, clip(part), err)
		}
	}
	checked.Store(whole, true)
	return nil
}

// answer is the schema of an answer, nil when it has no body.
func (o *Operation) answer(status int) (*openapi3.Schema, error) {
	if response := o.details.Responses.Value(strconv.Itoa(status)); response != nil && response.Value != nil {
		if content := response.Value.Content.Get("application/json"); content != nil {
			return content.Schema.Value, nil
		}
		if status < 400 {
			return nil, nil
		}
	}
	// Some errors any operation may answer with, whether its description lists them or not.
	d, err := load()
	if err != nil {
		return nil, err
	}
	switch status {
	case http.StatusNotModified:
		return nil, nil
	case http.StatusUnprocessableEntity:
		return d.errors["validation-error"], nil
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusTooManyRequests, http.StatusBadRequest:
		return d.errors["basic-error"], nil
	}
	return nil, fmt.Errorf("%s: answer %d is not described", o.ID, status)
}

func check(schema *openapi3.Schema, body []byte, option openapi3.SchemaValidationOption) error {
	key := seen{schema, hash(body)}
	if _, done := checked.Load(key); done {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	if err := schema.VisitJSON(v, option); err != nil {
		return short(err)
	}
	if extra := unknown([]*openapi3.Schema{schema}, v, ""); len(extra) > 0 {
		return fmt.Errorf("not described: %s", strings.Join(extra, ", "))
	}
	checked.Store(key, true)
	return nil
}

// short leaves out the schema and the whole value, which an error of the library repeats.
func short(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return fmt.Errorf("%s", text)
}

func clip(body []byte) string {
	const most = 300
	if len(body) > most {
		return string(body[:most]) + "…"
	}
	return string(body)
}

// Operations are the names of all that are described here.
func Operations() ([]string, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, o := range d.operations {
		all = append(all, o.ID)
	}
	slices.Sort(all)
	return all, nil
}
