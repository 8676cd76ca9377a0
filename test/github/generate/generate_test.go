package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"
)

func TestReduceKeepsWhatIsValidAndDropsProse(t *testing.T) {
	const text = `{"openapi":"3.0.3","paths":{
		"/repos/{owner}/{repo}/issues/{issue_number}/labels":{
			"post":{"operationId":"add","summary":"s","requestBody":{"content":{"application/json":{"schema":{"type":"object"},"examples":{"a":{}}}}},
				"responses":{"200":{"description":"d","content":{"application/json":{"schema":{"$ref":"#/components/schemas/label"}}}}}},
			"put":{"operationId":"set","requestBody":{"content":{"application/json":{"schema":{"type":"object"}}}}},
			"delete":{"operationId":"other"}},
		"/app/installations":{"get":{"operationId":"list","responses":{"200":{"content":{"application/json":{"schema":{"type":"array"}}}}}}},
		"/unused":{"get":{"operationId":"unused"}}},
	"components":{"schemas":{
		"label":{"type":"object","description":"prose","properties":{"description":{"type":"string","description":"prose"},"part":{"$ref":"#/components/schemas/part"}}},
		"part":{"type":"string","example":"x"}, "unused":{}, "installation":{}, "nullable-repository":{}, "basic-error":{}, "validation-error":{}, "validation-error-simple":{},
		"pull-request":{"properties":{"head":{"properties":{}}}}, "pull-request-simple":{"properties":{"head":{"properties":{}}}}}}}`
	doc, err := reduce([]byte(text), []string{"add", "set", "list"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(v any, keys ...string) string {
		for _, key := range keys {
			v = v.(object)[key]
		}
		out, _ := json.Marshal(v)
		return string(out)
	}
	for _, tc := range []struct{ got, want string }{
		{get(doc, "components", "schemas", "label"), `{"properties":{"description":{"type":"string"},"part":{"$ref":"#/components/schemas/part"}},"type":"object"}`},
		{get(doc, "components", "schemas", "part"), `{"type":"string"}`},
		{get(doc, "components", "schemas", "unused"), "null"},
		{get(doc, "paths", "/unused"), "null"},
		{get(doc, "paths", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "delete"), "null"},
		{get(doc, "paths", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "post", "responses"), `{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/label"}}}}}`},
		{get(doc, "info", "title"), `"@octokit/openapi@23.0.2"`},
	} {
		if tc.got != tc.want {
			t.Errorf("got  %s\nwant %s", tc.got, tc.want)
		}
	}
	if _, err := reduce([]byte(text), []string{"add", "gone"}); err == nil || err.Error() != "there is no operation gone" {
		t.Errorf("an operation that is not there: %v", err)
	}
}

func TestShapesMergeTheExamples(t *testing.T) {
	const text = `[{"name":"push","examples":[{"a":1,"b":null,"c":[{"d":true}]},{"a":"x","c":[{"e":""}]}]},{"name":"other","examples":[{}]}]`
	shapes, err := shapesOf([]byte(text), []string{"push"})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(shapes["events"])
	const want = `{"push":{"t":["object"],"k":{"a":{"t":["number","string"]},"b":{"t":["null"]},"c":{"t":["array"],"i":{"t":["object"],"k":{"d":{"t":["boolean"]},"e":{"t":["string"]}}}}},"r":["a","c"]}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := shapesOf([]byte(text), []string{"gone"}); err == nil || err.Error() != `there is no example of event "gone"` {
		t.Errorf("an event that is not there: %v", err)
	}
}

func TestExtract(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	files := tar.NewWriter(z)
	_ = files.WriteHeader(&tar.Header{Name: "package/a", Size: 5, Mode: 0o644})
	_, _ = files.Write([]byte("hello"))
	_, _ = files.Close(), z.Close()
	if got, err := extract(packed.Bytes(), "package/a"); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := extract(packed.Bytes(), "package/b"); err == nil || err.Error() != `the package has no file "package/b"` {
		t.Error(err)
	}
}
