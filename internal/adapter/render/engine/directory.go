package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// manifestFile is what Argo CD takes for a manifest.
var manifestFile = regexp.MustCompile(`^.*\.(yaml|yml|json|jsonnet)$`)

// maxDirectoryBytes is Argo CD's default for --max-combined-directory-manifests-size: 10M.
const maxDirectoryBytes = 10_000_000

// directory reads a folder of manifests, without its subfolders.
func directory(job Job) ([]document, error) {
	var names []string
	size := 0
	for name, data := range job.Files {
		rel, ok := strings.CutPrefix(name, under(job.Path))
		if !ok || strings.Contains(rel, "/") || !manifestFile.MatchString(rel) {
			continue
		}
		if path.Ext(rel) == ".jsonnet" {
			return nil, fmt.Errorf("%s: jsonnet is not supported: commit the YAML that it makes", name)
		}
		names, size = append(names, name), size+len(data)
	}
	if size > maxDirectoryBytes {
		return nil, fmt.Errorf("%s: manifests of %d bytes: Argo CD refuses more than %d in one folder", job.Path, size, maxDirectoryBytes)
	}
	slices.Sort(names)
	var all []document
	for _, name := range names {
		documents, err := manifests(name, job.Files[name])
		if err != nil {
			return nil, err
		}
		if all = append(all, documents...); len(all) > maxObjects {
			return nil, errTooManyObjects
		}
	}
	return all, nil
}

func manifests(name string, data []byte) ([]document, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if path.Ext(name) == ".json" {
		return oneJSON(name, text)
	}
	documents, err := stream(name, text)
	if err == nil || len(documents) > 0 {
		return documents, err
	}
	for _, field := range []string{"apiVersion:", "kind:", "metadata:"} {
		if !bytes.Contains(text, []byte(field)) {
			return nil, nil // Argo CD thinks that it is something else
		}
	}
	return nil, err
}

func oneJSON(name string, text []byte) ([]document, error) {
	d := document{from: name}
	decoder := json.NewDecoder(bytes.NewReader(text))
	v, err := decodeJSON(decoder)
	if err != nil {
		return nil, d.wrap(err)
	}
	if decoder.More() {
		return nil, d.wrap(errors.New("more than one object: Argo CD takes only one from a JSON file"))
	}
	if err := d.take(v); err != nil {
		return nil, d.wrap(err)
	}
	return []document{d}, nil
}

// take is for an object that needs a kind.
func (d *document) take(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("it is %s, not a Kubernetes object", typeOf(v))
	}
	if kind, _ := m["kind"].(string); kind == "" {
		return errors.New("object has no kind")
	}
	d.content = m
	return nil
}

// stream reads the documents of YAML, or of JSON one after the other. With an error it gives those before it.
func stream(name string, text []byte) ([]document, error) {
	if kubeyaml.IsJSONBuffer(text) {
		return jsonStream(name, text)
	}
	texts, splitErr := split(text)
	var documents []document
	for i, text := range texts {
		v, err := decode(text)
		if err == nil && v == nil {
			continue
		}
		d := document{from: name, number: i + 1}
		if err == nil {
			err = d.take(v)
		}
		if err != nil {
			return documents, d.wrap(err)
		}
		documents = append(documents, d)
	}
	if splitErr != nil {
		return documents, fmt.Errorf("%s: %w", name, splitErr)
	}
	return documents, nil
}

// jsonStream leaves it to Kubernetes' own decoder to find out whether text that begins as JSON is JSON.
func jsonStream(name string, text []byte) ([]document, error) {
	decoder := kubeyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var documents []document
	for i := 1; ; i++ {
		d := document{from: name, number: i}
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if raw = bytes.TrimSpace(raw); err == nil && (len(raw) == 0 || string(raw) == "null") {
			continue
		}
		var v any
		if err == nil {
			v, err = decodeJSON(json.NewDecoder(bytes.NewReader(raw)))
		}
		if err == nil {
			err = d.take(v)
		}
		if err != nil {
			return documents, d.wrap(err)
		}
		documents = append(documents, d)
	}
}
