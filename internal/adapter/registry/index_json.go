package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// inJSON reads an index that is JSON, which is YAML too.
func inJSON(index []byte, name string) (versions []entry, known bool, err error) {
	broken := func(err error) error { return failf(ErrInvalid, "index.yaml does not decode: %v", err) }
	d := json.NewDecoder(bytes.NewReader(index))
	entries := false
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
	var skip struct{}
	ignore := func() error { return d.Decode((*ignored)(&skip)) }
	err = each(func(key string) error {
		if key != "entries" {
			return ignore()
		}
		if entries {
			return errors.New("entries are there twice")
		}
		entries = true
		return each(func(key string) error {
			if key != name {
				return ignore()
			}
			if known {
				return errors.New("the chart is there twice")
			}
			known = true
			return d.Decode(&versions)
		})
	})
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax): // YAML begins like that too.
		return nil, false, errLayout
	case err != nil:
		return nil, false, broken(err)
	case !entries:
		return nil, false, noIndex()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false, broken(errors.New("something follows"))
	}
	return versions, known, nil
}

// ignored takes any JSON and keeps nothing.
type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }
