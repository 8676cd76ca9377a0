package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

// entry is one version of a chart in the index of a Helm repository, as far as we need it.
type entry struct {
	Version string   `yaml:"version" json:"version"`
	URLs    []string `yaml:"urls" json:"urls"`
	Digest  string   `yaml:"digest" json:"digest"`
}

const (
	// maxWhole is how large an index may be that is decoded as a whole, because it is not laid out as Helm does. Decoded it takes some
	// twenty times as much memory.
	maxWhole = 4 << 20
	// maxEntry bounds one version of a chart.
	maxEntry = 1 << 20
)

var errLayout = errors.New("not laid out as helm repo index does")

// find is the one entry of an index for a version of a chart.
//
// Indexes have tens of megabytes, and a YAML decoder makes gigabytes of them. So only the lines of the versions asked for are decoded, which
// Helm's layout makes easy to find; JSON is read in pieces, and of other layouts only small ones are read.
func find(index []byte, name, version string) (entry, error) {
	read := func(index []byte, name string) ([]entry, bool, error) { return lines(index, name, version) }
	if bytes.HasPrefix(bytes.TrimLeft(index, " \t\r\n"), []byte("{")) {
		read = inJSON
	}
	versions, known, err := read(index, name)
	if errors.Is(err, errLayout) {
		if len(index) > maxWhole {
			return entry{}, failf(ErrInvalid, "index.yaml is %v; of others at most %d MiB are read: let its owner write it with helm repo index, or vendor the chart", errLayout, maxWhole>>20)
		}
		versions, known, err = whole(index, name)
	}
	if err != nil {
		return entry{}, err
	}
	if !known {
		return entry{}, failf(ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL")
	}
	return choose(versions, version)
}

// choose takes the version that is meant: exactly that, or the same with or without a v before it.
func choose(versions []entry, version string) (entry, error) {
	match := func(same func(string) bool) (found []entry) {
		for _, e := range versions {
			if same(e.Version) {
				found = append(found, e)
			}
		}
		return found
	}
	found := match(func(v string) bool { return v == version })
	if len(found) == 0 {
		found = match(func(v string) bool { return strings.TrimPrefix(v, "v") == strings.TrimPrefix(version, "v") })
	}
	if len(found) == 0 {
		return entry{}, failf(ErrNotFound, "the repository has no such version of it: check the version")
	}
	one := found[0]
	if one.Digest == "" {
		return entry{}, failf(ErrDigest, "the repository's index has no digest for it, so nobody can tell what it is: vendor the chart")
	}
	if len(one.URLs) == 0 || one.URLs[0] == "" {
		return entry{}, failf(ErrInvalid, "the repository's index has no URL for it: vendor the chart")
	}
	digest, err := parseDigest(one.Digest)
	if err != nil {
		return entry{}, err
	}
	one.Digest = digest
	for _, other := range found[1:] {
		if d, err := parseDigest(other.Digest); err != nil || d != digest {
			return entry{}, failf(ErrDigest, "the repository's index has that version twice, with digests %s and %.80q: take another version, or vendor the chart", digest, other.Digest)
		}
	}
	return one, nil
}

// exact reports whether a version is one, and no range of them.
func exact(version string) bool {
	_, err := semver.NewVersion(version)
	// 1.2 and 1 are read as versions, but Helm takes them for ranges.
	return err == nil && strings.Count(strings.FieldsFunc(version, func(r rune) bool { return r == '-' || r == '+' })[0], ".") == 2
}

// whole decodes an index of any layout.
func whole(index []byte, name string) (versions []entry, known bool, err error) {
	var all struct {
		Entries map[string]yaml.Node `yaml:"entries"`
	}
	if err := yaml.Unmarshal(index, &all); err != nil {
		return nil, false, failf(ErrInvalid, "index.yaml does not decode: %v; check the repository's URL", err)
	}
	if all.Entries == nil {
		return nil, false, noIndex()
	}
	node, known := all.Entries[name]
	if !known {
		return nil, false, nil
	}
	if err := node.Decode(&versions); err != nil {
		return nil, false, failf(ErrInvalid, "index.yaml does not decode: %v", err)
	}
	return versions, true, nil
}

func noIndex() error {
	return failf(ErrInvalid, "index.yaml has no entries, so this is no Helm repository: check its URL")
}

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

// lines finds a chart's versions in an index that is laid out as Helm does:
//
//	entries:
//	  name:
//	  - digest: …
//	    version: 1.2.3
//
// The dash may stand deeper. Of other versions than that asked for nothing is decoded.
func lines(index []byte, name, version string) (versions []entry, known bool, err error) {
	var (
		number  = []byte(strings.TrimPrefix(version, "v"))
		entries = false
		inside  = false
		done    = false
		deep    = -1 // the indentation of names
		dash    = -1 // the indentation of the dashes before versions
		item    []byte
		failure error
	)
	flush := func() {
		if failure == nil && len(item) > 0 && bytes.Contains(item, number) {
			var one []entry
			if len(item) > maxEntry {
				failure = failf(ErrTooLarge, "one version has more than %d KiB in index.yaml", maxEntry>>10)
			} else if err := yaml.Unmarshal(item, &one); err != nil {
				failure = errors.Join(errLayout, err)
			}
			versions = append(versions, one...)
		}
		item = item[:0]
	}
	for rest := index; len(rest) > 0 && failure == nil; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		text := bytes.TrimLeft(line, " ")
		indent := len(line) - len(text)
		text = bytes.TrimRight(text, " \r")
		switch {
		case len(text) == 0 || text[0] == '#':
			if known && inside && dash >= 0 {
				item = append(append(item, line...), '\n')
			}
		case text[0] == '\t' || indent == 0 && (text[0] == '%' || bytes.HasPrefix(text, []byte("..."))),
			indent == 0 && bytes.HasPrefix(text, []byte("---")) && (entries || len(text) > 3):
			return nil, false, errLayout
		case indent == 0 && text[0] != '-':
			if string(text) == "entries:" {
				if entries {
					return nil, false, failf(ErrInvalid, "index.yaml has its entries twice")
				}
				entries = true
			} else if key, _, ok := bytes.Cut(text, []byte(":")); !ok || string(key) == "entries" || bytes.ContainsAny(key, `"'?{[*&!`) {
				return nil, false, errLayout
			}
			done = entries && string(text) != "entries:"
			flush()
			inside = false
		case !entries || done:
		case indent == deep && text[0] != '-' || deep < 0:
			flush()
			if deep, dash = indent, -1; text[0] == '-' {
				return nil, false, errLayout
			}
			key, ok := bytes.CutSuffix(text, []byte(":"))
			if !ok || bytes.ContainsAny(key[:1], `?{[*&!|>@%`) {
				if _, value, _ := bytes.Cut(text, []byte(":")); string(bytes.TrimSpace(value)) != "[]" {
					return nil, false, errLayout
				}
				key, _, _ = bytes.Cut(text, []byte(":"))
			}
			inside = strings.Trim(string(key), `"'`) == name
			if inside && known {
				return nil, false, failf(ErrInvalid, "index.yaml has the chart twice: let its owner write it with helm repo index, or vendor the chart")
			}
			known = known || inside
		case indent < deep:
			return nil, false, errLayout
		case inside:
			if dash < 0 {
				dash = indent
			}
			if indent < dash || indent == dash && text[0] != '-' {
				return nil, false, errLayout
			}
			if indent == dash {
				flush()
			}
			item = append(append(item, line...), '\n')
		}
	}
	flush()
	if failure != nil {
		return nil, false, failure
	}
	if !entries {
		return nil, false, errLayout
	}
	return slices.Clip(versions), known, nil
}
