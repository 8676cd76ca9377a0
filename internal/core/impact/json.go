package impact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// What a Fleet may hold in JSON.
const (
	// MaxBytes bounds the whole: 10,000 clusters with 30 addons each take some 6 MB.
	MaxBytes    = 64 << 20
	maxClusters = 100_000
	maxGroups   = 1000
	maxAddons   = 1000
	maxName     = 253
	maxGroup    = 63
)

// Names of the format. Fields may be added to it; what is there keeps its meaning.
const (
	apiVersion = "addons.kaas.dev/v1alpha1"
	kind       = "Fleet"
)

// ErrNotFleet means that a text is something else than a Fleet.
var ErrNotFleet = errors.New(`no fleet: JSON with "kind": "Fleet" is expected`)

type document struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Groups     []string      `json:"groups"`
	Clusters   []clusterJSON `json:"clusters"`
}

type clusterJSON struct {
	Name string `json:"name"`
	// Minor is empty while it is not known.
	Minor  string   `json:"minor"`
	Group  string   `json:"group"`
	Addons []string `json:"addons"`
}

// Encode writes a Fleet as JSON, clusters and addons sorted by name:
//
//	{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["canary","rest"],
//	 "clusters":[{"name":"tokyo-1","minor":"1.31","group":"canary","addons":["cert-manager"]}]}
func Encode(f Fleet) ([]byte, error) {
	doc := document{APIVersion: apiVersion, Kind: kind, Groups: list(f.Groups), Clusters: make([]clusterJSON, 0, len(f.Clusters))}
	for _, c := range f.Clusters {
		one := clusterJSON{Name: c.Name, Group: c.Group, Addons: list(c.Addons)}
		if !c.Minor.IsZero() {
			one.Minor = c.Minor.String()
		}
		slices.Sort(one.Addons)
		doc.Clusters = append(doc.Clusters, one)
	}
	slices.SortFunc(doc.Clusters, func(a, b clusterJSON) int { return cmp.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(doc)
	return out.Bytes(), err
}

// list is a copy that becomes [] and not null.
func list(names []string) []string { return append([]string{}, names...) }

// objectName is what an API server accepts as a name; addons have such names too.
var objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// Decode reads what Encode writes, or a later version of it with more fields. It trusts nothing: names become text for people.
func Decode(r io.Reader) (Fleet, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return Fleet{}, err
	}
	if len(data) > MaxBytes {
		return Fleet{}, fmt.Errorf("the fleet has more than %d MiB, which is what is read at most", MaxBytes>>20)
	}
	var doc document
	err = json.Unmarshal(data, &doc)
	var mistyped *json.UnmarshalTypeError
	switch {
	case err != nil && !errors.As(err, &mistyped), doc.Kind != kind:
		return Fleet{}, ErrNotFleet
	case err != nil:
		return Fleet{}, fmt.Errorf("the fleet's field %s holds a JSON %s, which does not belong there", mistyped.Field, mistyped.Value)
	case doc.APIVersion != apiVersion:
		return Fleet{}, fmt.Errorf("the fleet is of version %.60q, and must be of %q: use programs of the same version", doc.APIVersion, apiVersion)
	case doc.Clusters == nil:
		return Fleet{}, errors.New("the fleet has no field clusters")
	case len(doc.Clusters) > maxClusters:
		return Fleet{}, fmt.Errorf("the fleet has %d clusters, at most %d are read", len(doc.Clusters), maxClusters)
	case len(doc.Groups) > maxGroups:
		return Fleet{}, fmt.Errorf("the fleet has %d groups, at most %d are read", len(doc.Groups), maxGroups)
	}
	f := Fleet{Groups: doc.Groups, Clusters: make([]Cluster, 0, len(doc.Clusters))}
	for i, g := range doc.Groups {
		if !plain(g) {
			return Fleet{}, fmt.Errorf("groups[%d] is %.80q, which is no name of a group", i, g)
		}
	}
	known := make(map[string]bool, len(doc.Clusters))
	for i := range doc.Clusters {
		c, err := read(&doc.Clusters[i])
		if err != nil {
			return Fleet{}, fmt.Errorf("clusters[%d]: %w", i, err)
		}
		if known[c.Name] {
			return Fleet{}, fmt.Errorf("clusters[%d]: cluster %q is there twice", i, c.Name)
		}
		known[c.Name] = true
		f.Clusters = append(f.Clusters, c)
	}
	slices.SortFunc(f.Clusters, func(a, b Cluster) int { return cmp.Compare(a.Name, b.Name) })
	return f, nil
}

func read(c *clusterJSON) (Cluster, error) {
	out := Cluster{Name: c.Name, Group: c.Group, Addons: c.Addons}
	if len(c.Name) > maxName || !objectName.MatchString(c.Name) {
		return out, fmt.Errorf("name is %.80q, which is no name of a cluster", c.Name)
	}
	if !plain(c.Group) {
		return out, fmt.Errorf("group of cluster %q is %.80q, which is no name of a group", c.Name, c.Group)
	}
	if len(c.Addons) > maxAddons {
		return out, fmt.Errorf("cluster %q has %d addons, at most %d are read", c.Name, len(c.Addons), maxAddons)
	}
	for _, a := range c.Addons {
		if len(a) > maxGroup || !objectName.MatchString(a) {
			return out, fmt.Errorf("an addon of cluster %q is %.80q, which is no name of an addon", c.Name, a)
		}
	}
	slices.Sort(out.Addons)
	if c.Minor == "" {
		return out, nil
	}
	var err error
	if out.Minor, err = version.ParseMinor(c.Minor); err != nil {
		return out, fmt.Errorf("minor of cluster %q: %w", c.Name, err)
	}
	return out, nil
}

// plain reports whether a name of a group is what an API server would let through, and can be shown.
func plain(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxGroup && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}
