package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

func brokenJSON(err error) error { return failf(ErrInvalid, "index.yaml does not decode: %v", err) }

// scanJSON finds the charts in an index that is JSON, which is YAML too.
func scanJSON(text []byte) (map[string]span, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	// each calls do for the keys of the object that comes next.
	each := func(do func(key string) error) error {
		if t, err := d.Token(); err != nil || t != json.Delim('{') {
			return errors.Join(err, errors.New("an object is missing"))
		}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if err := do(key.(string)); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	var charts map[string]span
	var skip ignored
	err := each(func(key string) error {
		if key != "entries" {
			return d.Decode(&skip)
		}
		if charts != nil {
			return errors.New("entries are there twice")
		}
		charts = map[string]span{}
		return each(func(name string) error {
			_, twice := charts[name]
			from := int(d.InputOffset())
			err := d.Decode(&skip)
			charts[name] = span{from, int(d.InputOffset()), twice}
			return err
		})
	})
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax): // YAML begins like that too.
		return nil, errLayout
	case err != nil:
		return nil, brokenJSON(err)
	case charts == nil:
		return nil, noIndex()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, brokenJSON(errors.New("something follows"))
	}
	return charts, nil
}

func readJSON[E any](x *index, name string) (versions []E, known bool, err error) {
	at, known := x.charts[name]
	switch {
	case !known:
		return nil, false, nil
	case at.twice:
		return nil, false, brokenJSON(errors.New("the chart is there twice"))
	}
	// Between the name and the value there is a colon.
	if err := json.Unmarshal(bytes.TrimLeft(x.text[at.from:at.to], " \t\r\n:"), &versions); err != nil {
		return nil, false, brokenJSON(err)
	}
	return versions, true, nil
}

// ignored takes any JSON and keeps nothing.
type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }
