package rollout_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

var update = flag.Bool("update", false, "rewrite want/ in testdata/*.txtar")

// TestStories plays rollouts. Each file named do has commands, one a line, _ for a space within a word:
//
//	now TIME | now +DURATION        the clock
//	release TAG…, refuse TAG…       releases that are usable, or not
//	group NAME SELECTOR SETTING…    the next group; settings are max=, soak=, deadline=, failures=, mandatory
//	rest SETTING…                   the last group
//	window fleet|GROUP CRON DURATION ZONE
//	halt|resume|rollback|emergency TAG
//	accept TAG CLUSTER…
//	cluster NAME CHANGE…            a new cluster or changes of one: minor=, tier= (a label), at=, ready, unready, failed=, unreachable=, exempt=,
//	                                pin=, empty, enabled
//	gone NAME
//	record                          what was permitted becomes where the clusters stand
//
// A file named want/N has what is decided then.
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := player{clusters: map[string]*rollout.Cluster{}}
			for i := range story.Files {
				f := &story.Files[i]
				if !strings.HasPrefix(f.Name, "want/") {
					for line := range strings.Lines(string(f.Data)) {
						if err := p.do(strings.Fields(line)); err != nil {
							t.Fatalf("%s: %s: %v", f.Name, strings.TrimSpace(line), err)
						}
					}
					continue
				}
				got := []byte(write(rollout.Decide(p.input())))
				if *update {
					f.Data = got
				} else if !bytes.Equal(got, f.Data) {
					t.Errorf("%s (-want +got, -update rewrites it):\n%s", f.Name, gocmp.Diff(string(f.Data), string(got)))
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// player is a fleet in a story.
type player struct {
	in       rollout.Input
	clusters map[string]*rollout.Cluster
}

func (p *player) input() rollout.Input {
	in := p.in
	in.Clusters = nil
	for _, c := range p.clusters {
		in.Clusters = append(in.Clusters, *c)
	}
	return in
}

func (p *player) do(words []string) (err error) {
	if len(words) == 0 {
		return nil
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "_", " ")
	}
	what, args := words[0], words[1:]
	set := func(m *map[string]bool, on bool) {
		if *m == nil {
			*m = map[string]bool{}
		}
		for _, a := range args {
			(*m)[a] = on
		}
	}
	switch what {
	case "now":
		if d, ok := strings.CutPrefix(args[0], "+"); ok {
			span, err := time.ParseDuration(d)
			p.in.Now = p.in.Now.Add(span)
			return err
		}
		p.in.Now, err = time.Parse(time.RFC3339, args[0])
	case "release", "refuse":
		for _, a := range args {
			t, err := release.ParseTag(a)
			if err != nil {
				return err
			}
			p.in.Releases = slices.DeleteFunc(p.in.Releases, func(r rollout.Release) bool { return r.Tag == t })
			p.in.Releases = append(p.in.Releases, rollout.Release{Tag: t, Usable: what == "release"})
		}
	case "group":
		g := rollout.Group{Name: args[0]}
		if g.Selector, err = labels.Parse(args[1]); err != nil {
			return err
		}
		err = pace(&g, args[2:])
		p.in.Policy.Groups = append(p.in.Policy.Groups, g)
	case "rest":
		p.in.Policy.Rest = rollout.Group{Name: "rest"}
		return pace(&p.in.Policy.Rest, args)
	case "window":
		w, err := rollout.ParseWindow(args[1], args[2], args[3])
		if err != nil {
			return err
		}
		if args[0] == "fleet" {
			p.in.Policy.Windows = append(p.in.Policy.Windows, w)
		}
		for i := range p.in.Policy.Groups {
			if g := &p.in.Policy.Groups[i]; g.Name == args[0] {
				g.Windows = append(g.Windows, w)
			}
		}
	case "halt", "resume":
		set(&p.in.Policy.Halted, what == "halt")
	case "rollback":
		set(&p.in.Policy.RolledBack, true)
	case "emergency":
		set(&p.in.Policy.Emergency, true)
	case "accept":
		if p.in.Policy.Accepted == nil {
			p.in.Policy.Accepted = map[string]map[string]bool{}
		}
		accepted := p.in.Policy.Accepted[args[0]]
		args = args[1:]
		set(&accepted, true)
		p.in.Policy.Accepted[words[1]] = accepted
	case "cluster":
		return p.cluster(args)
	case "gone":
		delete(p.clusters, args[0])
	case "record":
		record(rollout.Decide(p.input()), p.clusters, p.in.Now)
	default:
		err = fmt.Errorf("no such command")
	}
	return err
}

// record is what whoever calls Decide keeps of the answer.
func record(out rollout.Output, clusters map[string]*rollout.Cluster, now time.Time) {
	for name, p := range out.Permits {
		c := clusters[name]
		switch {
		case p.Release.IsZero() || p.Ahead():
		case p.Release != c.At:
			c.At, c.Since, c.Proven = p.Release, now, false
			c.Ready, c.ReadySince, c.Failed = false, time.Time{}, ""
		case p.State == rollout.Succeeded:
			c.Proven = true
		}
	}
}

func pace(g *rollout.Group, settings []string) (err error) {
	g.Pace.MaxConcurrency = rollout.Limit{Value: 100, Percent: true}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		switch key {
		case "max":
			g.Pace.MaxConcurrency, err = rollout.ParseLimit(value)
		case "soak":
			g.Pace.MinSuccessTime, err = time.ParseDuration(value)
		case "deadline":
			g.Pace.ProgressDeadline, err = time.ParseDuration(value)
		case "failures":
			g.Pace.MaxFailures, err = rollout.ParseLimit(value)
		case "mandatory":
			g.Mandatory = true
		default:
			err = fmt.Errorf("no such setting: %s", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *player) cluster(args []string) (err error) {
	c := p.clusters[args[0]]
	if c == nil {
		c = &rollout.Cluster{Name: args[0], Minor: version.Minor{Major: 1, Minor: 31}, Labels: map[string]string{}}
		p.clusters[c.Name] = c
	}
	for _, change := range args[1:] {
		key, value, _ := strings.Cut(change, "=")
		switch key {
		case "minor":
			c.Minor, c.Ready = version.Minor{}, false
			if value != "" {
				c.Minor, err = version.ParseMinor(value)
			}
		case "tier":
			c.Labels["tier"] = value
		case "at":
			c.At, err = release.ParseTag(value)
			c.Since = p.in.Now
		case "ready":
			c.Ready, c.ReadySince, c.Failed = true, p.in.Now, ""
		case "unready":
			c.Ready, c.ReadySince = false, time.Time{}
		case "failed":
			c.Failed, c.Ready = value, false
		case "unreachable":
			c.Unreachable = value
		case "exempt":
			c.Exempt = value
		case "pin":
			c.Pinned, err = release.ParseTag(value)
		case "empty", "enabled":
			c.Empty, c.Ready = key == "empty", false
		default:
			err = fmt.Errorf("no such change: %s", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write is a whole decision as text.
func write(out rollout.Output) string {
	var b strings.Builder
	for _, name := range sortedKeys(out.Permits) {
		p := out.Permits[name]
		text := p.Release.String()
		if text == "" {
			text = "nothing"
		}
		fmt.Fprintf(&b, "%s: %s %s\n", name, text, p.State)
		for _, r := range p.Reasons {
			fmt.Fprintf(&b, "  %s: %s\n", r.Code, r.Message)
		}
	}
	for _, s := range out.Rollouts {
		fmt.Fprintf(&b, "rollout %s %s %s: %s\n", s.Minor, s.Release, s.State, s.Message)
		for _, g := range s.Groups {
			fmt.Fprintf(&b, "  %s %s: %s\n    clusters=%d", g.Name, g.State, g.Message, g.Clusters)
			for _, n := range []struct {
				state rollout.State
				count int
			}{
				{rollout.ToApply, g.ToApply},
				{rollout.Progressing, g.Progressing},
				{rollout.Succeeded, g.Succeeded},
				{rollout.Failed, g.Failed},
				{rollout.TimeOut, g.TimeOut},
				{rollout.Skip, g.Skip},
				{rollout.Exempt, g.Exempt},
			} {
				if n.count > 0 {
					fmt.Fprintf(&b, " %s=%d", n.state, n.count)
				}
			}
			if len(g.Late) > 0 {
				fmt.Fprintf(&b, " late: %s", strings.Join(g.Late, " "))
			}
			b.WriteString("\n")
		}
	}
	next := "never"
	if !out.Next.IsZero() {
		next = out.Next.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(&b, "next: %s\n", next)
	return strings.NewReplacer(": \n", "\n", " \n", "\n").Replace(b.String()) // Where there is no message or state.
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
