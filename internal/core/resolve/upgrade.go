package resolve

import (
	"cmp"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Reasons against an upgrade.
const (
	CodeUpgradeBlocked fault.Code = "UpgradeBlocked"
	CodeSkipsMinor     fault.Code = "SkipsMinor"
)

// Upgrade answers what another Kubernetes minor would do to the addons of a cluster.
type Upgrade struct {
	Cluster string `json:"cluster"`
	// From is the version that the cluster runs, "" when unknown; To is the minor asked about.
	From string `json:"from"`
	To   string `json:"to"`
	// Release is the one that the cluster would have there.
	Release string `json:"release"`
	// Possible is set when nothing blocks it.
	Possible bool `json:"possible"`
	// Blockers say what is in the way and what to do; Warnings what to know beside.
	Blockers []UpgradeReason `json:"blockers"`
	Warnings []UpgradeReason `json:"warnings"`
	// Added, Moved and Dropped are addons, by what becomes of them.
	Added   []string       `json:"added"`
	Moved   []UpgradedPair `json:"moved"`
	Dropped []string       `json:"dropped"`
	// Order is in which order addons come and move: what others depend on first.
	Order []string `json:"order"`
}

// UpgradeReason is a reason, with the addon it is about where it is about one.
type UpgradeReason struct {
	Addon string `json:"addon,omitempty"`
	fault.Reason
}

// UpgradedPair is an addon and the releases it would move between.
type UpgradedPair struct {
	Addon string `json:"addon"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Reasons are the blockers as plain reasons.
func (u Upgrade) Reasons() (reasons []fault.Reason) {
	for _, b := range u.Blockers {
		r := b.Reason
		if b.Addon != "" {
			r.Message = b.Addon + ": " + r.Message
		}
		reasons = append(reasons, r)
	}
	return reasons
}

// Outlook answers for the next minor of a cluster; ok is false when its version is not known, or main does not offer that minor and nothing
// is released for it.
func (s *Snapshot) Outlook(c Cluster, delivered []Delivered, now time.Time) (u Upgrade, ok bool) {
	v := c.Version()
	if v.Minor.IsZero() || c.Gone || s.source.Unavailable != nil {
		return u, false
	}
	next := v.Minor.Next()
	if s.minors[next] == nil && !slices.Contains(s.source.Offered, next) {
		return u, false
	}
	return s.CanUpgrade(c, delivered, next, now), true
}

// CanUpgrade decides about the cluster as if it ran another minor already, and tells the difference.
func (s *Snapshot) CanUpgrade(c Cluster, delivered []Delivered, to version.Minor, now time.Time) Upgrade {
	u := Upgrade{
		Cluster: c.Name, From: c.Version().Raw, To: to.String(), Blockers: []UpgradeReason{}, Warnings: []UpgradeReason{},
		Added: []string{}, Moved: []UpgradedPair{}, Dropped: []string{}, Order: []string{},
	}
	block := func(addon string, r fault.Reason) { u.Blockers = append(u.Blockers, UpgradeReason{addon, r}) }
	from := c.Version().Minor
	switch {
	case c.Hold != nil:
		block("", *c.Hold)
	case !from.IsZero() && to.Compare(from) < 0:
		block("", fault.Reasonf(CodeUpgradeBlocked, "the cluster runs %s already; Kubernetes has no way back to %s", c.Version().Raw, to))
	case !from.IsZero() && to.Compare(from.Next()) > 0:
		u.Warnings = append(u.Warnings, UpgradeReason{"", fault.Reasonf(CodeSkipsMinor, "a control plane goes up one minor at a time: ask for %s first", from.Next())})
	}
	offer := s.minors[to]
	if offer == nil {
		block("", fault.Reasonf(CodeNoRelease, "there is no usable release for Kubernetes %s; minors that have one: %s. Tag one on branch %s first", to, s.released, release.Branch(to)))
		for _, r := range s.refusedOf(to) {
			block("", r)
		}
		return u
	}
	if pin := c.Orders.clusterPin(); pin != nil && now.Before(pin.Expires) {
		tag, r := s.usable(pin, to)
		if r != nil {
			block("", *r)
		} else {
			offer = s.offers[tag.String()]
		}
	}
	u.Release = offer.tag
	if len(u.Blockers) == 0 {
		s.compare(&u, c, offer, delivered, now)
	}
	u.Possible = len(u.Blockers) == 0
	return u
}

// compare decides at the offer, let to everything, and sorts the outcome.
func (s *Snapshot) compare(u *Upgrade, c Cluster, o *offer, delivered []Delivered, now time.Time) {
	v := version.Kubernetes{Minor: o.release.Tag.Minor, Raw: "v" + o.release.Tag.Minor.String() + ".0"}
	c.ReportedVersion, c.Paused, c.Duplicate = v, false, nil
	c.Orders.Decommission, c.Orders.Pins = nil, slices.DeleteFunc(slices.Clone(c.Orders.Pins), func(p Pin) bool { return !now.Before(p.Expires) })
	if !slices.IsSortedFunc(delivered, byAddon) {
		delivered = slices.SortedFunc(slices.Values(delivered), byAddon)
	}
	plan := ClusterPlan{Admitted: Admitted{Release: o.tag, Since: now}}
	d := decision{s: s, c: &c, plan: &plan, version: v, newest: o, offer: o, inRange: o.inRange(v), delivered: delivered, now: now, hypothetical: true}
	d.permit.Release = o.release.Tag
	pairs := d.pairs(nil)
	for i := range pairs {
		s.sort(u, &d, &pairs[i])
	}
	for _, addon := range d.order() {
		if slices.Contains(u.Added, addon) || slices.ContainsFunc(u.Moved, func(p UpgradedPair) bool { return p.Addon == addon }) {
			u.Order = append(u.Order, addon)
		}
	}
}

// sort puts one pair where it belongs.
func (s *Snapshot) sort(u *Upgrade, d *decision, p *Pair) {
	switch {
	case p.Action == Install:
		u.Added = append(u.Added, p.Addon)
	case p.Action == Move:
		u.Moved = append(u.Moved, UpgradedPair{p.Addon, p.Delivered, p.Wanted})
	case p.Action == Hold:
		for _, r := range p.Reasons {
			u.Blockers = append(u.Blockers, UpgradeReason{p.Addon, r})
		}
	case going(p) || p.Action == Disable:
		why := p.Reasons[0]
		asked := d.c.Labels[catalog.LabelPrefix+p.Addon] == string(cluster.Enabled)
		if asked && (why.Code == CodeNotInRelease || why.Code == CodeOutOfRange) {
			u.Blockers = append(u.Blockers, UpgradeReason{p.Addon, fault.Reasonf(why.Code, "%s, and label %s asks for it. Switch it off first, or release a version for Kubernetes %s",
				why.Message, catalog.LabelPrefix+p.Addon, u.To)})
			return
		}
		u.Dropped = append(u.Dropped, p.Addon)
	}
}

// order lists the addons of the offer, what others depend on first, by name where that leaves a choice.
func (d *decision) order() (names []string) {
	done := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		i, offered := d.find(name)
		if !offered || done[name] {
			return
		}
		done[name] = true
		for _, need := range slices.SortedFunc(slices.Values(d.offer.addons[i].DependsOn), cmp.Compare[string]) {
			visit(need)
		}
		names = append(names, name)
	}
	for i := range d.offer.addons {
		visit(d.offer.addons[i].Name)
	}
	return names
}
