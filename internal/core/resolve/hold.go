package resolve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// holds are the reasons why nothing at all may change on a cluster.
func (s *Snapshot) holds(c Cluster, v version.Kubernetes, o *offer) (reasons []fault.Reason) {
	add := func(r *fault.Reason) {
		if r != nil {
			reasons = append(reasons, *r)
		}
	}
	if c.Gone {
		add(reason(CodeClusterGone, "the cluster Secret %q is gone; everything delivered to it stays. Bring the Secret back, or give the cluster up by name: `addon-manager decommission %s --mode=abandon`", c.Name, c.Name))
		return reasons
	}
	add(c.Hold)
	add(c.Duplicate)
	if c.Paused {
		add(reason(cluster.CodePaused, "annotation %s is set; nothing changes until it is removed", cluster.PausedAnnotation))
	}
	if s.policy.Paused {
		add(reason(CodeSourcePaused, "spec.paused of the CatalogSource is set; nothing changes on any cluster until it is not (`addon-manager unpause`)"))
	}
	add(s.source.Unavailable)
	switch {
	case c.Hold != nil || s.source.Unavailable != nil: // Already said.
	case v.Minor.IsZero():
		why := c.Undetected
		if why == "" {
			why = "it is not known yet"
		}
		add(reason(CodeVersionUnknown, "no Kubernetes version: %s. Make the cluster reachable, or set annotation %s to a version such as v1.31.4", why, cluster.VersionAnnotation))
	case o == nil:
		add(reason(CodeNoRelease, "there is no usable release for Kubernetes %s; minors that have one: %s", v.Minor, s.released))
		reasons = append(reasons, s.refusedOf(v.Minor)...)
	}
	return reasons
}

// refusedOf are the refusals of a minor that has no usable release.
func (s *Snapshot) refusedOf(m version.Minor) (reasons []fault.Reason) {
	const most = 3
	for _, r := range s.source.Releases {
		if r.Tag.Minor == m && r.Refused != nil && len(reasons) < most {
			reasons = append(reasons, fault.Reason{Code: CodeReleaseRefused, Message: r.Tag.String() + " is refused: " + r.Refused.Message})
		}
	}
	return reasons
}

// heldPairs keeps all that is delivered, and shows what is asked for and must wait.
func (s *Snapshot) heldPairs(c Cluster, o *offer, delivered []Delivered, hold []fault.Reason, pairs []Pair) []Pair {
	have := map[string]bool{}
	wanted := ""
	if o != nil {
		wanted = o.tag
	}
	for _, d := range delivered {
		have[d.Addon] = true
		p := s.keepPair(c.Name, d)
		p.Action, p.Reasons, p.Wanted = Hold, hold, wanted
		pairs = append(pairs, p)
	}
	for key, value := range c.Labels {
		addon, ours := strings.CutPrefix(key, catalog.LabelPrefix)
		if !ours || value != string(cluster.Enabled) || have[addon] || o == nil && !s.mayBe(addon) {
			continue
		}
		p := Pair{Cluster: c.Name, Addon: addon, Action: Hold, Reasons: hold, Wanted: wanted, Placement: catalog.Workload}
		if o != nil {
			i, offered := o.find(addon)
			if !offered {
				continue
			}
			p.Placement, p.Minor = o.addons[i].Placement, o.minor
		}
		p.Application = s.applicationName(c.Name, addon)
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Addon, b.Addon) })
	return pairs
}

// known are the addons of all releases and of what is delivered; nil while no catalog was read, and any label may be right.
func (s *Snapshot) known() map[string]bool {
	if len(s.minors) == 0 {
		return nil
	}
	return s.addons
}

// mayBe tells whether a label can mean an addon of the cluster's minor, while nothing says what that minor offers.
func (s *Snapshot) mayBe(addon string) bool {
	if known := s.known(); known != nil {
		return known[addon]
	}
	return dnsLabel.MatchString(addon) && !slices.Contains(catalog.Reserved, addon)
}

// keepPair is a pair left exactly as it is.
func (s *Snapshot) keepPair(name string, d Delivered) Pair {
	p := Pair{
		Cluster: name, Addon: d.Addon, Placement: d.Placement, Application: d.Application, Delivered: deliveredRelease(&d),
		Revision: d.Revision, Status: d.Status, Reasons: []fault.Reason{}, Minor: minorOf(d.Release),
	}
	if !d.Deleting && (d.Listed || d.Exists && listable(&d)) {
		e := d.Element
		if s.unfaithful(&d) {
			e.Revision = d.Commit
		}
		p.Element, p.Revision = &e, e.Revision
	}
	return p
}

// listable tells that an Application which is not listed says enough to be listed again as it is. Somebody may have changed its labels.
func listable(d *Delivered) bool { return d.Revision != "" && minorOf(d.Release) != "" }

// unfaithful tells that an Application names a tag which no longer stands for the commit that was delivered under it. Argo CD would follow
// the tag, so that leaving such an Application as it is would change what it runs: it has to name the commit in place of the tag.
func (s *Snapshot) unfaithful(d *Delivered) bool {
	if d.Revision != d.Release || d.Commit == "" {
		return false
	}
	known := s.byTag[d.Release]
	if known == nil {
		return false
	}
	return known.Commit != d.Commit || known.Refused != nil && (known.Refused.Code == CodeTagMoved || known.Refused.Code == CodeTagGone)
}

// follows tells that a pair of a held cluster must be written, because it would follow a tag.
func (s *Snapshot) follows(d Delivered) bool { return d.Listed && !d.Deleting && s.unfaithful(&d) }

// deliveredRelease is what the Application names, or what is written for one that is still to appear.
func deliveredRelease(d *Delivered) string {
	if d.Exists {
		return d.Status.Release
	}
	return d.Release
}

func minorOf(tag string) string {
	t, err := release.ParseTag(tag)
	if err != nil {
		return ""
	}
	return t.Minor.String()
}
