package upgrade

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/chance"
)

func TestMain(m *testing.M) { os.Exit(chance.Main(m)) }

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// world is a request, as short as one can tell it.
type world struct {
	// minors are those that main offers; 1.31 1.32 1.33 when empty.
	minors string
	// main, and branches by minor, have one pin on each line: addon, source, version, and what else: app, digest=…
	main     string
	branches map[string]string
	// offers are versions by source, one on each line: name, and what else: kube=…, app=…, age=…, digest=…, asset=…, deprecated, pre, security, untold.
	offers map[string]string
	// says are what the catalog says of addons, kubernetes their ranges, on all branches.
	says       map[string]catalog.Upstream
	kubernetes map[string]string
	rules      catalog.Upgrades
	ignored    []Ignored
	seen       map[Release]time.Time
	// broken are problems of sources, moved their remarks.
	broken, moved map[string]string
}

// source reads helm:name, image:name, github:owner/name[:asset], git:url.
func source(s string) upstream.Source {
	kind, name, _ := strings.Cut(s, ":")
	switch kind {
	case "helm":
		return upstream.Source{Kind: upstream.Helm, Repository: "https://charts.example.com", Name: name}
	case "oci":
		return upstream.Source{Kind: upstream.Helm, Repository: "oci://registry.example.com/charts", Name: name}
	case "github":
		repository, asset, _ := strings.Cut(name, ":")
		return upstream.Source{Kind: upstream.GitHub, Repository: repository, Name: asset}
	}
	return upstream.Source{Kind: upstream.Kind(kind), Repository: name}
}

func (w world) request(t testing.TB) Request {
	t.Helper()
	r := Request{Rules: w.rules, Listings: map[upstream.Source]upstream.Listing{}, Ignored: w.ignored, Seen: w.seen, Now: now}
	if w.minors == "" {
		w.minors = "1.31 1.32 1.33"
	}
	r.Main = w.branch(t, "main", w.minors, w.main)
	for _, minor := range sortedKeys(w.branches) {
		r.Branches = append(r.Branches, w.branch(t, "", minor, w.branches[minor]))
	}
	for s, text := range w.offers {
		r.Listings[source(s)] = upstream.Listing{Versions: offered(t, text), Remark: w.moved[s]}
	}
	for s, problem := range w.broken {
		r.Listings[source(s)] = upstream.Listing{Problem: problem}
	}
	return r
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (w world) branch(t testing.TB, name, minors, pins string) Branch {
	t.Helper()
	b := Branch{Name: name}
	for _, s := range strings.Fields(minors) {
		m, err := version.ParseMinor(s)
		if err != nil {
			t.Fatal(err)
		}
		b.Minors = append(b.Minors, m)
	}
	if name == "" {
		b.Name = release.Branch(b.Minors[0])
	}
	for _, line := range lines(pins) {
		f := strings.Fields(line)
		if len(b.Addons) == 0 || b.Addons[len(b.Addons)-1].Name != f[0] {
			r, err := version.ParseRange(w.kubernetes[f[0]])
			if err != nil {
				t.Fatal(err)
			}
			b.Addons = append(b.Addons, Addon{Addon: catalog.Addon{Name: f[0], Upstream: w.says[f[0]], Kubernetes: r}})
		}
		a := &b.Addons[len(b.Addons)-1]
		if f[1] == "problem" {
			a.Problems = append(a.Problems, strings.Join(f[2:], " "))
			continue
		}
		p := upstream.Pin{Source: source(f[1]), Version: f[2], Places: []upstream.Place{{File: "addons/" + f[0] + "/x.yaml", Line: 1, Field: "version"}}}
		for _, more := range f[3:] {
			if more == "app" {
				p.App = true
			} else {
				p.Digest = strings.TrimPrefix(more, "digest=")
			}
		}
		a.Pins = append(a.Pins, p)
	}
	return b
}

func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func offered(t testing.TB, text string) (all []upstream.Version) {
	t.Helper()
	for _, line := range lines(text) {
		f := strings.Fields(line)
		v := upstream.Version{Name: f[0], Described: true}
		for _, more := range f[1:] {
			key, value, _ := strings.Cut(more, "=")
			switch key {
			case "kube":
				v.Kubernetes = strings.ReplaceAll(value, "_", " ")
			case "app":
				v.App = value
			case "age":
				age, err := time.ParseDuration(value)
				if err != nil {
					t.Fatal(err)
				}
				v.Created = now.Add(-age)
			case "digest":
				v.Digest = value
			case "asset":
				name, digest, _ := strings.Cut(value, "@")
				v.Assets = append(v.Assets, upstream.Asset{Name: name, Digest: digest})
			case "deprecated":
				v.Deprecated = true
			case "pre":
				v.PreRelease = true
			case "security":
				v.Security = true
			case "untold":
				v.Described = false
			default:
				t.Fatalf("what is %q?", more)
			}
		}
		all = append(all, v)
	}
	return all
}

// told is a plan in the words of these tests.
func told(p Plan) string {
	var b strings.Builder
	for _, list := range []struct {
		word string
		all  []Upgrade
	}{{"", p.Upgrades}, {"held ", p.Held}} {
		for _, u := range list.all {
			fmt.Fprintf(&b, "%s%s %s: %s", list.word, u.Branch, u.Addon, u.From)
			if u.To != "" {
				b.WriteString(" → " + u.To)
			}
			if u.Group != "" {
				b.WriteString(" in group " + u.Group)
			}
			b.WriteString("\n")
			for i, c := range u.Changes {
				if i == 0 && len(u.Changes) == 1 && c.Write == c.To && c.Digest == "" && !c.Security && c.To == u.To {
					continue
				}
				fmt.Fprintf(&b, "  change %s %s → %s %s", short(c.Pin.Source), c.From, c.To, c.Size)
				if c.Write != c.To {
					b.WriteString(" writes " + c.Write)
				}
				if c.Digest != "" {
					b.WriteString(" digest " + c.Digest)
				}
				if c.Security {
					b.WriteString(" security")
				}
				if c.Apart {
					b.WriteString(" apart")
				}
				b.WriteString("\n")
			}
			for _, r := range u.Refused {
				if r.Person != strings.Contains(r.Reason, " does not want ") {
					fmt.Fprintf(&b, "  %s: Person is %v\n", r.Version, r.Person)
				}
				b.WriteString("  not " + r.Version)
				if r.Of != "" {
					b.WriteString(" of " + r.Of)
				}
				b.WriteString(": " + r.Reason)
				if !r.Until.IsZero() {
					b.WriteString(", until " + r.Until.Format(time.DateTime))
				}
				b.WriteString("\n")
			}
			tellReach(&b, u.Comes, u.Not)
			for _, r := range u.Remarks {
				b.WriteString("  remark " + r + "\n")
			}
		}
	}
	for _, list := range []struct {
		word string
		all  []Problem
	}{{"problem", p.Problems}, {"remark", p.Remarks}} {
		for _, p := range list.all {
			fmt.Fprintf(&b, "%s %s", list.word, p.Addon)
			if p.Branch != "" {
				b.WriteString(" on " + p.Branch)
			}
			b.WriteString(": " + p.Message + "\n")
		}
	}
	return b.String()
}

func tellReach(b *strings.Builder, comes []string, not []Not) {
	if len(comes) > 0 {
		b.WriteString("  comes to " + strings.Join(comes, ", ") + "\n")
	}
	for _, n := range not {
		b.WriteString("  not to " + n.Branch + ": " + n.Reason + "\n")
	}
}

// toldPulls are the pull requests of a plan.
func toldPulls(p Plan) string {
	var b strings.Builder
	for _, p := range p.Proposals {
		b.WriteString(p.Head)
		if p.Security {
			b.WriteString(" security")
		}
		b.WriteString("\n")
		for _, c := range p.Changes {
			fmt.Fprintf(&b, "  %s %s → %s %s\n", c.Addon, c.From, c.To, c.Size)
		}
		for _, addon := range sortedKeys(p.Refused) {
			for _, r := range p.Refused[addon] {
				fmt.Fprintf(&b, "  not %s %s: %s\n", addon, r.Version, r.Reason)
			}
		}
		tellReach(&b, p.Comes, p.Not)
	}
	return b.String()
}

// unindent takes the tabs off that a text in a table is indented with.
func unindent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line = strings.TrimLeft(line, "\t"); strings.TrimSpace(line) != "" {
			b.WriteString(line)
		}
	}
	return b.String()
}
