package rollout

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Decide says what every cluster may have. The order of clusters and releases has no influence.
func Decide(in Input) Output {
	out := Output{Permits: make(map[string]Permit, len(in.Clusters))}
	known := sortReleases(&in)
	for _, members := range byMinor(&in) {
		minor := members[0].Minor
		target := known.newest(minor)
		if target.IsZero() {
			for i := range members {
				out.Permits[members[i].Name] = unserved(&members[i], known, minor)
			}
			continue
		}
		w := newWave(&in, known, target, members)
		w.admit()
		for i := range members {
			out.Permits[members[i].Name] = w.permit(&members[i])
		}
		out.Rollouts = append(out.Rollouts, w.status())
		out.Next = earliest(out.Next, w.changes)
	}
	return out
}

// member is a cluster in its group.
type member struct {
	*Cluster
	group int
	part  part
	state State
	// admitted is set when this decision gives the cluster the release that rolls out.
	admitted bool
	// waits says why it does not.
	waits []fault.Reason
}

// part is what a cluster has to do with the rollout on its minor.
type part int

const (
	// counted takes part.
	counted part = iota
	// empty follows, and counts for nothing.
	empty
	// ahead has a newer release that is not usable any more.
	ahead
	// exempt is left alone.
	exempt
)

// byMinor are the clusters of each minor, sorted by name.
func byMinor(in *Input) (minors [][]member) {
	all := make([]*Cluster, len(in.Clusters))
	for i := range in.Clusters {
		all[i] = &in.Clusters[i]
	}
	// Most callers keep them sorted; to look is cheaper than to sort.
	byName := func(a, b *Cluster) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(all, byName) {
		slices.SortFunc(all, byName)
	}
	sizes := map[version.Minor]int{}
	for _, c := range all {
		sizes[c.Minor]++
	}
	order := slices.SortedFunc(maps.Keys(sizes), version.Minor.Compare)
	at := make(map[version.Minor]int, len(order))
	for i, m := range order {
		at[m] = i
		minors = append(minors, make([]member, 0, sizes[m]))
	}
	for _, c := range all {
		i := at[c.Minor]
		minors[i] = append(minors[i], member{Cluster: c, group: groupOf(c, in.Policy.Groups)})
	}
	return minors
}

// groupOf is the index of the first group that selects the cluster; that of the rest comes after all of them.
func groupOf(c *Cluster, groups []Group) int {
	for i := range groups {
		if s := groups[i].Selector; s != nil && s.Matches(labels.Set(c.Labels)) {
			return i
		}
	}
	return len(groups)
}

// GroupOf is the group that a cluster with these labels belongs to.
func (p Policy) GroupOf(labels map[string]string) Group {
	if i := groupOf(&Cluster{Labels: labels}, p.Groups); i < len(p.Groups) {
		return p.Groups[i]
	}
	return p.Rest
}

// partOf tells how a cluster takes part in the rollout of r.
func partOf(c *Cluster, r release.Tag, known *releases) part {
	switch {
	case c.Exempt != "" || !c.Pinned.IsZero():
		return exempt
	case c.Empty:
		return empty
	case c.At.Minor == r.Minor && c.At.Distribution == r.Distribution && c.At.N > r.N && !known.rolledBack[c.At]:
		return ahead
	}
	return counted
}

// unserved is the permit of a cluster for whose minor no release is usable.
func unserved(m *member, known *releases, minor version.Minor) Permit {
	switch {
	case partOf(m.Cluster, release.Tag{}, known) == exempt:
		return exempted(m.Cluster, known, release.Tag{})
	case minor.IsZero():
		return Permit{Release: m.At} // Whoever found no version says why.
	case m.At.Minor != minor:
		return Permit{Reasons: because(CodeNoRelease, "there is no usable release for Kubernetes %s", minor)}
	case known.rolledBack[m.At]:
		return Permit{Release: m.At, Reasons: because(CodeRolledBack, "%s is rolled back, and there is no usable release before it: the cluster keeps it. Tag a new release", m.At)}
	}
	return Permit{Release: m.At, Reasons: because(CodeNoRelease, "there is no usable release for Kubernetes %s; the cluster keeps %s", minor, m.At)}
}

// exempted is the permit of a cluster that takes no part in the rollout of r.
func exempted(c *Cluster, known *releases, r release.Tag) Permit {
	p := Permit{Release: c.At, State: Exempt}
	switch pin := c.Pinned; {
	case pin.IsZero():
		if c.At != r || r.IsZero() {
			p.Reasons = because(CodeExempt, "%s", c.Exempt)
		}
	case pin.Minor != c.Minor || !known.usable[pin] && pin != c.At:
		p.Reasons = because(CodePinUnusable, "the cluster is pinned to %s, which is no usable release for its Kubernetes version; it keeps what it has. Correct or remove the pin", pin)
	default:
		p.Release = pin
		if pin != r {
			p.Reasons = because(CodePinned, "%s", cmp.Or(c.Exempt, "the cluster is pinned to "+pin.String()))
		}
	}
	return p
}

func because(code fault.Code, format string, args ...any) []fault.Reason {
	return []fault.Reason{fault.Reasonf(code, format, args...)}
}
