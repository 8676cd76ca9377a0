package resolve

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Reasons about clusters and pairs.
const (
	CodeClusterGone        fault.Code = "ClusterGone"
	CodeVersionUnknown     fault.Code = "VersionUnknown"
	CodeNoRelease          fault.Code = "NoRelease"
	CodeSourceUnavailable  fault.Code = "SourceUnavailable"
	CodeReleaseRefused     fault.Code = "ReleaseRefused"
	CodeNewRelease         fault.Code = "NewRelease"
	CodeKubernetesUpgrade  fault.Code = "KubernetesUpgrade"
	CodeKubernetesRollback fault.Code = "KubernetesDowngrade"
	CodeSwitchedOn         fault.Code = "SwitchedOn"
	CodeEnabledByDefault   fault.Code = "EnabledByDefault"
	CodeAlwaysOn           fault.Code = "AlwaysOn"
	CodeSwitchedOff        fault.Code = "SwitchedOff"
	CodeLabelRemoved       fault.Code = "LabelRemoved"
	CodeNotInRelease       fault.Code = "NotInRelease"
	CodeReleaseUnknown     fault.Code = "ReleaseUnknown"
	CodeOutOfRange         fault.Code = "OutOfRange"
	CodeDependencyOff      fault.Code = "DependencyOff"
	CodeRequired           fault.Code = "Required"
	CodeParameterMissing   fault.Code = "ParameterMissing"
	CodeSettingsChanged    fault.Code = "SettingsChanged"
	CodeRelisted           fault.Code = "Relisted"
	CodeNameTaken          fault.Code = "NameTaken"
	CodeLeaving            fault.Code = "Leaving"
)

// Cluster decides about one cluster, within what the fleet as a whole permits it. delivered may be in any order; it is not changed.
func (s *Snapshot) Cluster(c Cluster, delivered []Delivered, permit Permit, now time.Time) ClusterPlan {
	return s.cluster(c, delivered, permit, now, make([]Pair, 0, max(len(delivered), 8)))
}

// cluster appends the pairs to into.
func (s *Snapshot) cluster(c Cluster, delivered []Delivered, permit Permit, now time.Time, into []Pair) ClusterPlan {
	v := c.Version()
	plan := ClusterPlan{Name: c.Name, KubernetesVersion: v.Raw, Minor: v.Minor.String(), Reasons: []fault.Reason{}, Problems: c.Problems}
	if !c.Gone {
		plan.Problems = append(slices.Clip(plan.Problems), cluster.Switches(c.Facts, s.known())...)
	}
	if !slices.IsSortedFunc(delivered, byAddon) {
		delivered = slices.SortedFunc(slices.Values(delivered), byAddon)
	}
	plan.Problems = append(plan.Problems, pinProblems(&c, now)...)
	newest := s.minors[v.Minor]
	if newest != nil {
		plan.Release = newest.tag
		plan.Reasons = append(plan.Reasons, newest.refused...)
	}
	at := admitted(&c, delivered)
	plan.Released = stillReleased(&c, delivered)
	plan.Admitted, plan.Succeeded = c.Admitted, c.Succeeded
	if c.Orders.Decommission != nil && !c.Paused && !s.policy.Paused {
		s.decommission(&plan, &c, delivered, now, into)
		plan.Standing = Standing{Cluster: rollout.Cluster{Name: c.Name}, Excluded: true}
		return plan
	}
	plan.wakeForOrders(&c.Orders, now)
	if hold := s.holds(c, v, newest); len(hold) > 0 {
		plan.Reasons = append(plan.Reasons, hold...)
		plan.Pairs = s.heldPairs(c, newest, delivered, hold, into)
		plan.Held = !slices.ContainsFunc(delivered, s.follows)
		plan.Standing = s.standing(&c, at, &plan, delivered, now)
		return plan
	}
	d := decision{s: s, c: &c, plan: &plan, version: v, newest: newest, offer: newest, delivered: delivered, permit: permit, now: now}
	if target := s.offers[permit.Release.String()]; target != nil && target.release.Tag.Minor == v.Minor {
		d.offer = target
		if target.tag != at.Release && !permit.Ahead() {
			at = Admitted{Release: target.tag, Since: now.Truncate(time.Second)}
			plan.Admitted = at
		}
	} else {
		d.waits = true
	}
	d.permit.Reasons = s.spelled(&c, permit.Reasons, now)
	plan.Reasons = append(plan.Reasons, d.permit.Reasons...)
	d.inRange = d.offer.inRange(v)
	plan.Pairs = d.pairs(into)
	if plan.Succeeded != at.Release {
		plan.Succeeded = ""
	}
	if permit.State == rollout.Succeeded {
		plan.Succeeded = at.Release
	}
	plan.Standing = s.standing(&c, at, &plan, delivered, now)
	plan.Standing.Empty = plan.Standing.Empty && !d.newestBrings()
	return plan
}

func byAddon(a, b Delivered) int { return cmp.Compare(a.Addon, b.Addon) }

// decision is the work on one cluster that is not held.
type decision struct {
	s       *Snapshot
	c       *Cluster
	plan    *ClusterPlan
	version version.Kubernetes
	// offer is the release that is decided by: the one that the cluster is let to, or where it is let to none, the newest. That is what it
	// should have in the end.
	offer, newest *offer
	// hypothetical is set when everything may move at once, because the answer is only told.
	hypothetical bool
	// waits is set while the cluster is let to no release of its minor.
	waits  bool
	permit Permit
	now    time.Time
	// inRange tells, for each addon of the offer, whether it supports the cluster's version.
	inRange []bool
	// delivered is what the cluster has, sorted by addon.
	delivered []Delivered
	// leaves is set once any pair is on its way out.
	leaves bool
	// wentBack is an addon that is kept only because the cluster's version went back; "" when there is none.
	wentBack string
	// scratch holds the values of the addon at hand.
	scratch []string
}

// wish is what the labels and the catalog ask for.
type wish int

const (
	wishOff wish = iota
	wishOn
	// wishUnclear changes nothing.
	wishUnclear
)

func (d *decision) wish(of *offered) (wish, fault.Code) {
	switch of.Enabled {
	case catalog.Always:
		return wishOn, CodeAlwaysOn
	case catalog.Default:
		switch d.c.Labels[of.label] {
		case string(cluster.Enabled):
			return wishOn, CodeSwitchedOn
		case string(cluster.Disabled):
			return wishOff, CodeSwitchedOff
		}
		if _, set := d.c.Labels[of.label]; set {
			return wishUnclear, cluster.CodeInvalidSwitch
		}
		return wishOn, CodeEnabledByDefault
	default:
		value, set := d.c.Labels[of.label]
		switch {
		case !set && d.c.Orders.adopts(of.Name):
			return wishOn, CodeAdopted
		case !set:
			return wishOff, CodeLabelRemoved
		case value == string(cluster.Enabled):
			return wishOn, CodeSwitchedOn
		case value == string(cluster.Disabled):
			return wishOff, CodeSwitchedOff
		}
		return wishUnclear, cluster.CodeInvalidSwitch
	}
}

// pairs decides every addon that the release offers or the cluster has; both lists are sorted by name.
func (d *decision) pairs(pairs []Pair) []Pair {
	delivered := d.delivered
	addons := d.offer.addons
	for i, j := 0, 0; i < len(addons) || j < len(delivered); {
		switch {
		case j == len(delivered) || i < len(addons) && addons[i].Name < delivered[j].Addon:
			if p, ok := d.absent(i); ok {
				pairs = append(pairs, p)
			}
			i++
		case i == len(addons) || addons[i].Name > delivered[j].Addon:
			pairs = append(pairs, d.dropped(&delivered[j]))
			j++
		default:
			pairs = append(pairs, d.present(i, &delivered[j]))
			i, j = i+1, j+1
		}
	}
	if d.leaves {
		d.keepRequired(pairs)
	}
	if d.wentBack != "" {
		d.waitForDowngrade(pairs)
	}
	d.waitForDependencies(pairs)
	d.waitForPermit(pairs)
	return pairs
}

// absent decides an addon that the cluster does not have; ok is false when it should not have it either.
func (d *decision) absent(i int) (Pair, bool) {
	of := &d.offer.addons[i]
	w, why := d.wish(of)
	if w != wishOn {
		return Pair{}, false // An unreadable label is among the cluster's problems.
	}
	from, pin, r := d.from(of)
	p := Pair{Cluster: d.c.Name, Addon: of.Name, Minor: d.offer.minor, Placement: of.Placement, Wanted: d.offer.tag, On: why}
	p.Application = d.s.applicationName(d.c.Name, of.Name)
	hold := func(r fault.Reason) (Pair, bool) {
		p.Action, p.Reasons = Hold, []fault.Reason{r}
		return p, true
	}
	if !d.inRange[i] {
		if why != CodeSwitchedOn {
			return Pair{}, false // Nobody asked for it by name.
		}
		return hold(d.outOfRange(of))
	}
	if r != nil {
		return hold(*r)
	}
	if r := d.blocked(of); r != nil {
		return hold(*r)
	}
	if owner, taken := d.s.names.Owner(p.Application); taken && owner != (PairKey{d.c.Name, of.Name}) {
		return hold(fault.Reasonf(CodeNameTaken, "Application %q belongs to addon %q of cluster %q; rename one of the clusters or addons", p.Application, owner.Addon, owner.Cluster))
	}
	e, r := d.element(from, &Delivered{Element: Element{Application: p.Application}})
	if r != nil {
		return hold(*r)
	}
	p.Action, p.Element, p.Revision, p.Wanted, p.part = Install, &e, e.Revision, e.Release, pin == nil
	p.Reasons = []fault.Reason{onReason(why, of)}
	if pin != nil {
		p.Reasons = append(p.Reasons, fault.Reasonf(CodePinned, "it is %s", pin.said()))
	}
	return p, true
}

func onReason(why fault.Code, of *offered) fault.Reason {
	switch why {
	case CodeSwitchedOn:
		return fault.Reasonf(why, "label %s is %q", of.label, cluster.Enabled)
	case CodeAdopted:
		return fault.Reasonf(why, "its objects are on the cluster and were adopted; label %s=%s says so for good", of.label, cluster.Enabled)
	case CodeAlwaysOn:
		return fault.Reasonf(why, "the catalog enables %s on every cluster", of.Name)
	default:
		return fault.Reasonf(why, "the catalog enables %s by default", of.Name)
	}
}

func (d *decision) outOfRange(of *offered) fault.Reason {
	if d.hypothetical {
		return fault.Reasonf(CodeOutOfRange, "%s supports Kubernetes %s, not %s", of.Name, of.Kubernetes, d.version.Raw)
	}
	return fault.Reasonf(CodeOutOfRange, "%s supports Kubernetes %s; this cluster runs %s", of.Name, of.Kubernetes, d.version.Raw)
}

// blocked names what an addon needs and the cluster will not have. What it needs may itself be blocked: the catalog guarantees that this
// ends.
func (d *decision) blocked(of *offered) *fault.Reason {
	for _, name := range of.DependsOn {
		i, found := d.find(name)
		if !found {
			return reason(CodeDependencyOff, "%s needs %s, which release %s does not offer", of.Name, name, d.offer.tag)
		}
		need := &d.offer.addons[i]
		if !d.inRange[i] {
			r := d.outOfRange(need)
			return reason(CodeDependencyOff, "%s needs %s: %s", of.Name, name, r.Message)
		}
		w, _ := d.wish(need)
		if w == wishOff {
			return reason(CodeDependencyOff, "%s needs %s, which is off on this cluster; set label %s=%s", of.Name, name, need.label, cluster.Enabled)
		}
		if d.has(name) != nil {
			continue // It is there, and stays.
		}
		if w == wishUnclear {
			return reason(CodeDependencyOff, "%s needs %s, which is not there: label %s is neither %q nor %q", of.Name, name, need.label, cluster.Enabled, cluster.Disabled)
		}
		if r := d.missing(need); r != nil {
			return reason(CodeDependencyOff, "%s needs %s: %s", of.Name, name, r.Message)
		}
	}
	return nil
}

// missing says why an addon that is wished for and not there will not come.
func (d *decision) missing(of *offered) *fault.Reason {
	if r := d.blocked(of); r != nil {
		return r
	}
	_, r := d.values(of)
	return r
}

// has is what the cluster has of an addon and is not losing, nil for nothing.
func (d *decision) has(addon string) *Delivered {
	i, found := slices.BinarySearchFunc(d.delivered, addon, func(have Delivered, name string) int { return cmp.Compare(have.Addon, name) })
	if !found || d.delivered[i].Deleting {
		return nil
	}
	return &d.delivered[i]
}

// present decides an addon that the release offers and the cluster has.
func (d *decision) present(i int, have *Delivered) Pair {
	of := &d.offer.addons[i]
	w, why := d.wish(of)
	if w == wishOff {
		if d.waits && !d.wasOff(have) {
			return d.kept(have, fault.Reasonf(CodeNotAdmitted, "label %s is not set; %s goes without it once the cluster is let to %s", of.label, of.Name, d.offer.tag))
		}
		return d.leave(have, of.OnDisable, offReason(why, of))
	}
	if w == wishOn && !d.inRange[i] {
		if r := d.downgraded(have); r != nil {
			return d.kept(have, *r)
		}
		if d.waits {
			return d.kept(have, d.outOfRange(of))
		}
		return d.leave(have, of.OnDisable, d.outOfRange(of))
	}
	if w == wishUnclear {
		why = ""
	}
	if p, ok := d.unchanged(of, w, have); ok {
		p.On = why
		return p
	}
	p := d.s.keepPair(d.c.Name, *have)
	p.On = why
	hold := func(r fault.Reason) Pair {
		p.stays()
		p.Action, p.Reasons, p.Wanted = Hold, []fault.Reason{r}, d.newest.tag
		return p
	}
	p.Minor = d.offer.minor
	if w == wishUnclear {
		return hold(fault.Reasonf(cluster.CodeInvalidSwitch, "label %s is neither %q nor %q; what is there stays", of.label, cluster.Enabled, cluster.Disabled))
	}
	if have.Deleting {
		p.Action = Install
		p.Reasons = []fault.Reason{fault.Reasonf(CodeLeaving, "the Application is still being deleted; a new one follows")}
	}
	from, pin, r := d.from(of)
	if r != nil {
		return hold(*r)
	}
	if r := d.blocked(of); r != nil {
		return hold(*r)
	}
	if pin == nil {
		if r := d.backwards(have); r != nil {
			return hold(*r)
		}
	}
	e, r := d.element(from, have)
	if r != nil {
		return hold(*r)
	}
	p.Element, p.Revision, p.Wanted, p.part = &e, e.Revision, e.Release, pin == nil
	switch {
	case have.Deleting:
	case have.Release != e.Release && pin != nil:
		p.Action, p.Reasons = Move, []fault.Reason{fault.Reasonf(CodePinned, "it is %s", pin.said())}
	case have.Release != e.Release:
		p.Action, p.Reasons = Move, []fault.Reason{d.moveReason(have)}
	case pin != nil && e.Release != d.newest.tag:
		p.Action, p.Wanted, p.Reasons = Hold, d.newest.tag, []fault.Reason{d.pinReason(pin)}
	case len(d.offer.refused) > 0:
		p.Action, p.Reasons = Hold, d.offer.refused
	default:
		p.Action = Keep
		if have.Listed && have.Element != e {
			p.Reasons = []fault.Reason{fault.Reasonf(CodeSettingsChanged, "settings of the Application change: %s", strings.Join(changes(have.Element, e), ", "))}
		} else if !have.Listed {
			p.Reasons = []fault.Reason{fault.Reasonf(CodeRelisted, "the ApplicationSet does not list the Application; it is listed again")}
		}
	}
	return p
}

// unchanged answers for what is exactly as it should be, which is nearly everything at nearly any time: without an allocation.
func (d *decision) unchanged(of *offered, w wish, have *Delivered) (Pair, bool) {
	if w != wishOn || len(d.c.Orders.Pins) > 0 || !have.Listed || have.Deleting || have.Release != d.offer.tag || len(d.offer.refused) > 0 || len(of.DependsOn) > 0 && d.blocked(of) != nil {
		return Pair{}, false
	}
	e, r := d.element(offering{d.offer, of}, have)
	if r != nil || e != have.Element {
		return Pair{}, false
	}
	return Pair{
		Cluster: d.c.Name, Addon: have.Addon, Minor: d.offer.minor, Placement: have.Placement, Application: have.Application,
		Delivered: deliveredRelease(have), Wanted: d.offer.tag, Revision: have.Revision, Action: Keep, Reasons: []fault.Reason{},
		Element: &have.Element, Status: have.Status, part: true,
	}, true
}

func offReason(why fault.Code, of *offered) fault.Reason {
	if why == CodeLabelRemoved {
		return fault.Reasonf(why, "label %s is not set, and the addon is optional", of.label)
	}
	return fault.Reasonf(why, "label %s is %q", of.label, cluster.Disabled)
}

// offering is an addon as one release offers it.
type offering struct {
	*offer
	of *offered
}

// element compiles the Application of a pair at a release, under the name that it has.
func (d *decision) element(at offering, have *Delivered) (Element, *fault.Reason) {
	of := at.of
	e := Element{
		Application: have.Application, Addon: of.Name, Placement: of.Placement, OnDisable: of.OnDisable,
		Release: at.tag, Commit: at.release.Commit, Revision: at.revision,
		Path: of.Path, Namespace: of.Namespace, Server: d.c.Server, Patch: of.patch, Grace: of.grace, PruneCRDs: of.PruneCRDs && of.Placement == catalog.Workload,
	}
	if e.Release == have.Release && e.Revision == have.Revision {
		e.Moved = have.Moved
	} else {
		e.Moved = formatTime(d.now)
	}
	if of.Placement == catalog.Management {
		e.Server, e.Namespace = cluster.LocalServer, ManagementNamespace(d.c.Name)
	}
	if len(of.Parameters) > 0 {
		values, r := d.values(of)
		if r != nil {
			return Element{}, r
		}
		e.Patch = of.filled(values, have.Patch)
	}
	if of.Source == catalog.Helm && len(e.Application) > maxHelmRelease {
		e.Patch = named(e.Patch, cut(e.Application, maxHelmRelease, e.Application))
	}
	return e, nil
}
