package resolve_test

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// policyFile is the policy of a story. What it does not say is as the product's default, beside grace: that is none.
type policyFile struct {
	Paused bool
	Grace  string
	// PerAddon and Fleet are the limits of the budget; without either nothing bounds deletions.
	PerAddon, Fleet string
	Approved        []string
	Groups          []groupFile
	Rest            groupFile
	Windows         []windowFile
	Halted          []string
	RolledBack      []string
	Emergency       []string
	Accepted        map[string][]string
}

type groupFile struct {
	Name, Selector                   string
	Max, Soak, Deadline, MaxFailures string
	Mandatory                        bool
	Windows                          []windowFile
}

type windowFile struct{ Schedule, Duration, Zone string }

// orderFile is what people ask for one cluster.
type orderFile struct {
	Pins         []struct{ Addon, Release, Expires string }
	Freeze       string
	Decommission *struct {
		Abandon             bool
		Requested, Deadline string
	}
	Adopt  []string
	Forget map[string]string
}

func parsePolicy(data []byte) (p resolve.Policy, err error) {
	var f policyFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return p, err
	}
	p.Paused = f.Paused
	if p.Deletion.Grace, err = duration(f.Grace); err != nil {
		return p, err
	}
	if f.PerAddon != "" || f.Fleet != "" {
		limits := budget.Default()
		for text, into := range map[string]*budget.Limit{f.PerAddon: &limits.PerAddon, f.Fleet: &limits.Fleet} {
			if text == "" {
				continue
			}
			if *into, err = budget.ParseLimit(text); err != nil {
				return p, err
			}
		}
		limits.Approved = setOf(f.Approved)
		p.Deletion.Budget = &limits
	}
	p.Rollout.Halted, p.Rollout.RolledBack, p.Rollout.Emergency = setOf(f.Halted), setOf(f.RolledBack), setOf(f.Emergency)
	for tag, clusters := range f.Accepted {
		p.Rollout.Accepted = map[string]map[string]bool{tag: setOf(clusters)}
	}
	if p.Rollout.Windows, err = windows(f.Windows); err != nil {
		return p, err
	}
	if len(f.Groups) == 0 && reflect.DeepEqual(f.Rest, groupFile{}) && len(f.Windows) == 0 {
		return p, nil
	}
	f.Rest.Name = "rest"
	for _, g := range append(f.Groups, f.Rest) {
		group, err := g.group()
		if err != nil {
			return p, fmt.Errorf("group %s: %w", g.Name, err)
		}
		p.Rollout.Groups = append(p.Rollout.Groups, group)
	}
	last := len(p.Rollout.Groups) - 1
	p.Rollout.Groups, p.Rollout.Rest = p.Rollout.Groups[:last], p.Rollout.Groups[last]
	return p, nil
}

func (f groupFile) group() (g rollout.Group, err error) {
	g = rollout.Group{Name: f.Name, Mandatory: f.Mandatory}
	if f.Selector != "" {
		if g.Selector, err = labels.Parse(f.Selector); err != nil {
			return g, err
		}
	}
	if f.Max == "" {
		f.Max = "100%"
	}
	if f.MaxFailures == "" {
		f.MaxFailures = "0"
	}
	if g.Pace.MaxConcurrency, err = rollout.ParseLimit(f.Max); err != nil {
		return g, err
	}
	if g.Pace.MaxFailures, err = rollout.ParseLimit(f.MaxFailures); err != nil {
		return g, err
	}
	if g.Pace.MinSuccessTime, err = duration(f.Soak); err != nil {
		return g, err
	}
	if g.Pace.ProgressDeadline, err = duration(f.Deadline); err != nil {
		return g, err
	}
	g.Windows, err = windows(f.Windows)
	return g, err
}

func windows(files []windowFile) (all []rollout.Window, err error) {
	for _, f := range files {
		w, err := rollout.ParseWindow(f.Schedule, f.Duration, f.Zone)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func parseOrders(data []byte) (o resolve.Orders, err error) {
	var f orderFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return o, err
	}
	moment := func(text string) (t time.Time) {
		if t, one := time.Parse(time.RFC3339, text); one == nil {
			return t
		}
		err = fmt.Errorf("%q is no time", text)
		return t
	}
	for _, p := range f.Pins {
		o.Pins = append(o.Pins, resolve.Pin{Addon: p.Addon, Release: p.Release, Reason: "INC-7", Owner: "ada", Expires: moment(p.Expires)})
	}
	if f.Freeze != "" {
		o.Freeze = &resolve.Freeze{Reason: "black friday", Owner: "ada", Until: moment(f.Freeze)}
	}
	if d := f.Decommission; d != nil {
		o.Decommission = &resolve.Decommission{Abandon: d.Abandon, Requested: moment(d.Requested), Deadline: moment(d.Deadline)}
	}
	o.Adopt = f.Adopt
	for addon, since := range f.Forget {
		if o.Forget == nil {
			o.Forget = map[string]time.Time{}
		}
		o.Forget[addon] = moment(since)
	}
	return o, err
}

func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

func setOf(words []string) map[string]bool {
	set := map[string]bool{}
	for _, w := range words {
		set[w] = true
	}
	return set
}

// brief is a plan for people who follow a story: what is done about each pair and why, how far each release has come, and what is left or
// waits for a person.
func brief(plan resolve.Plan) []byte {
	var b strings.Builder
	reasons := func(text string) {
		fmt.Fprintf(&b, "    %s\n", text)
	}
	for _, r := range plan.Rollouts {
		fmt.Fprintf(&b, "%s %s\n", r.Release, strings.TrimSpace(r.State+" "+r.Message))
		for _, g := range r.Groups {
			if g.Clusters+g.Exempt == 0 {
				continue
			}
			fmt.Fprintf(&b, "  %s: %s of %d:", g.Name, g.State, g.Clusters)
			for _, n := range []struct {
				of    rollout.State
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
					fmt.Fprintf(&b, " %d %s", n.count, n.of)
				}
			}
			b.WriteByte('\n')
		}
	}
	for i := range plan.Clusters {
		c := &plan.Clusters[i]
		fmt.Fprintf(&b, "%s at %s", c.Name, c.Admitted.Release)
		if c.Held {
			b.WriteString(", held")
		}
		if c.Decommissioned {
			b.WriteString(", given up")
		}
		b.WriteByte('\n')
		for _, r := range c.Reasons {
			reasons(string(r.Code) + ": " + r.Message)
		}
		for _, p := range c.Problems {
			reasons("problem " + string(p.Code) + ": " + p.Message)
		}
		for _, p := range c.Pairs {
			at := ""
			if p.Element != nil {
				at = " at " + p.Element.Release
			}
			fmt.Fprintf(&b, "  %s: %s%s\n", p.Addon, p.Action, at)
			for _, r := range p.Reasons {
				reasons(string(r.Code) + ": " + r.Message)
			}
		}
		for _, r := range c.Released {
			fmt.Fprintf(&b, "  released %s of %s since %s: %s\n", r.Addon, r.Release, r.Since.Format(time.RFC3339), r.Why.Code)
		}
	}
	if q := plan.Quarantine; q != nil {
		fmt.Fprintf(&b, "quarantine %s: %s\n", q.Hash, q.Message)
	}
	return []byte(b.String())
}
