package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// drafts are the JSON schemas of JSON schemas that every validator has built in; any other $schema would be fetched.
var drafts = []string{
	"json-schema.org/draft-04/schema", "json-schema.org/draft-06/schema", "json-schema.org/draft-07/schema",
	"json-schema.org/draft/2019-09/schema", "json-schema.org/draft/2020-12/schema", "json-schema.org/schema",
}

// checkSchema refuses a values.schema.json that refers to anything but itself: Helm would fetch it, or read it from the disk.
func checkSchema(where string, data []byte) error {
	if len(data) > maxSchema {
		return refuse(where, "has %d bytes, at most %s are read: shorten it", len(data), bytesText(maxSchema))
	}
	line := func(d *json.Decoder) int { return bytes.Count(data[:d.InputOffset()], []byte("\n")) + 1 }
	d := json.NewDecoder(bytes.NewReader(data))
	// inside says of each open object or list whether the next string is a key.
	type level struct{ object, key bool }
	var inside []level
	var key string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return refuse(at(where, line(d)), "is not JSON: %v", err)
		}
		top := len(inside) - 1
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				if top+1 >= maxSchemaDepth {
					return refuse(at(where, line(d)), "nests deeper than %d levels", maxSchemaDepth)
				}
				inside = append(inside, level{token == '{', token == '{'})
				key = ""
				continue
			}
			inside = inside[:top]
		case string:
			if top >= 0 && inside[top].key {
				key, inside[top].key = token, false
				continue
			}
			if err := reference(at(where, line(d)), key, token); err != nil {
				return err
			}
		}
		if top = len(inside) - 1; top >= 0 {
			inside[top].key = inside[top].object
		}
		key = ""
	}
}

// maxSchemaDepth is how deep a schema nests; generated ones reach about 60 levels.
const maxSchemaDepth = 256

func reference(where, key, value string) error {
	switch key {
	case "$ref", "$dynamicRef", "$recursiveRef":
		if !strings.HasPrefix(value, "#") {
			return refuse(where, "%s: %.200q is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…", key, value)
		}
	case "$schema":
		name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(value, "http://"), "https://"), "#")
		if !slices.Contains(drafts, name) {
			return refuse(where, "$schema: %.200q is no published draft: name one, such as http://json-schema.org/draft-07/schema#", value)
		}
	}
	return nil
}
