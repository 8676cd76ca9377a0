package resolve

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
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

// managementServer is Argo CD's own cluster.
const managementServer = "https://kubernetes.default.svc"

// Cluster decides about one cluster. delivered may be in any order; it is not changed.
func (s *Snapshot) Cluster(c Cluster, delivered []Delivered, now time.Time) ClusterPlan {
	return s.cluster(c, delivered, now, make([]Pair, 0, max(len(delivered), 8)))
}

// cluster appends the pairs to into.
func (s *Snapshot) cluster(c Cluster, delivered []Delivered, _ time.Time, into []Pair) ClusterPlan {
	v := c.Version()
	plan := ClusterPlan{Name: c.Name, KubernetesVersion: v.Raw, Minor: v.Minor.String(), Reasons: []fault.Reason{}, Problems: c.Problems}
	if !c.Gone {
		plan.Problems = append(slices.Clip(plan.Problems), cluster.Switches(c.Facts, s.known())...)
	}
	if !slices.IsSortedFunc(delivered, byAddon) {
		delivered = slices.SortedFunc(slices.Values(delivered), byAddon)
	}
	o := s.minors[v.Minor]
	if o != nil {
		plan.Release = o.tag
		plan.Reasons = append(plan.Reasons, o.refused...)
	}
	if hold := s.holds(c, v, o); len(hold) > 0 {
		plan.Reasons = append(plan.Reasons, hold...)
		plan.Pairs = s.heldPairs(c, o, delivered, hold, into)
		plan.Held = !slices.ContainsFunc(delivered, s.follows)
		return plan
	}
	d := decision{s: s, c: &c, version: v, offer: o, inRange: o.inRange(v), delivered: delivered}
	plan.Pairs = d.pairs(into)
	return plan
}

func byAddon(a, b Delivered) int { return cmp.Compare(a.Addon, b.Addon) }

// holds are the reasons why nothing at all may change on a cluster.
func (s *Snapshot) holds(c Cluster, v version.Kubernetes, o *offer) (reasons []fault.Reason) {
	add := func(r *fault.Reason) {
		if r != nil {
			reasons = append(reasons, *r)
		}
	}
	if c.Gone {
		add(reason(CodeClusterGone, "the cluster Secret %q is gone; everything delivered to it stays. Bring the Secret back, or decommission the cluster by name", c.Name))
		return reasons
	}
	add(c.Hold)
	add(c.Duplicate)
	if c.Paused {
		add(reason(cluster.CodePaused, "annotation %s is set; nothing changes until it is removed", cluster.PausedAnnotation))
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
			i, offered := slices.BinarySearchFunc(o.addons, addon, func(of offered, name string) int { return cmp.Compare(of.Name, name) })
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

// decision is the work on one cluster that is not held.
type decision struct {
	s       *Snapshot
	c       *Cluster
	version version.Kubernetes
	offer   *offer
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
	return pairs
}

// waitForDowngrade holds what would be new on a cluster that keeps an addon only because its version went back: the new one may be what the
// kept one had replaced, and the two would fight.
func (d *decision) waitForDowngrade(pairs []Pair) {
	for i := range pairs {
		if p := &pairs[i]; p.Action == Install && p.Delivered == "" {
			p.Action, p.Element, p.Revision = Hold, nil, ""
			p.Reasons = []fault.Reason{fault.Reasonf(CodeKubernetesRollback, "waits, because %s is kept since the cluster's version went back; switch that off first", d.wentBack)}
		}
	}
}

// absent decides an addon that the cluster does not have; ok is false when it should not have it either.
func (d *decision) absent(i int) (Pair, bool) {
	of := &d.offer.addons[i]
	w, why := d.wish(of)
	if w != wishOn {
		return Pair{}, false // An unreadable label is among the cluster's problems.
	}
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
	if r := d.blocked(of); r != nil {
		return hold(*r)
	}
	if owner, taken := d.s.names.Owner(p.Application); taken && owner != (PairKey{d.c.Name, of.Name}) {
		return hold(fault.Reasonf(CodeNameTaken, "Application %q belongs to addon %q of cluster %q; rename one of the clusters or addons", p.Application, owner.Addon, owner.Cluster))
	}
	e, r := d.element(of, &Delivered{Element: Element{Application: p.Application}})
	if r != nil {
		return hold(*r)
	}
	p.Action, p.Element, p.Revision = Install, &e, e.Revision
	p.Reasons = []fault.Reason{onReason(why, of)}
	return p, true
}

func onReason(why fault.Code, of *offered) fault.Reason {
	switch why {
	case CodeSwitchedOn:
		return fault.Reasonf(why, "label %s is %q", of.label, cluster.Enabled)
	case CodeAlwaysOn:
		return fault.Reasonf(why, "the catalog enables %s on every cluster", of.Name)
	default:
		return fault.Reasonf(why, "the catalog enables %s by default", of.Name)
	}
}

func (d *decision) outOfRange(of *offered) fault.Reason {
	return fault.Reasonf(CodeOutOfRange, "%s supports Kubernetes %s; this cluster runs %s", of.Name, of.Kubernetes, d.version.Raw)
}

// blocked names what an addon needs and the cluster will not have. What it needs may itself be blocked: the catalog guarantees that this
// ends.
func (d *decision) blocked(of *offered) *fault.Reason {
	for _, name := range of.DependsOn {
		i, found := slices.BinarySearchFunc(d.offer.addons, name, func(o offered, n string) int { return cmp.Compare(o.Name, n) })
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
		return d.leave(have, of.OnDisable, offReason(why, of))
	}
	if w == wishOn && !d.inRange[i] {
		if r := d.downgraded(have); r != nil {
			return d.kept(have, *r)
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
		p.Action, p.Reasons, p.Wanted = Hold, []fault.Reason{r}, d.offer.tag
		return p
	}
	p.Wanted, p.Minor = d.offer.tag, d.offer.minor
	if w == wishUnclear {
		return hold(fault.Reasonf(cluster.CodeInvalidSwitch, "label %s is neither %q nor %q; what is there stays", of.label, cluster.Enabled, cluster.Disabled))
	}
	if have.Deleting {
		p.Action = Install
		p.Reasons = []fault.Reason{fault.Reasonf(CodeLeaving, "the Application is still being deleted; a new one follows")}
	}
	if r := d.blocked(of); r != nil {
		return hold(*r)
	}
	if r := d.backwards(have); r != nil {
		return hold(*r)
	}
	e, r := d.element(of, have)
	if r != nil {
		return hold(*r)
	}
	p.Element, p.Revision = &e, e.Revision
	switch {
	case have.Deleting:
	case have.Release != e.Release:
		p.Action, p.Reasons = Move, []fault.Reason{d.moveReason(have)}
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
	if w != wishOn || !have.Listed || have.Deleting || have.Release != d.offer.tag || len(d.offer.refused) > 0 || len(of.DependsOn) > 0 && d.blocked(of) != nil {
		return Pair{}, false
	}
	e, r := d.element(of, have)
	if r != nil || e != have.Element {
		return Pair{}, false
	}
	return Pair{
		Cluster: d.c.Name, Addon: have.Addon, Minor: d.offer.minor, Placement: have.Placement, Application: have.Application,
		Delivered: deliveredRelease(have), Wanted: d.offer.tag, Revision: have.Revision, Action: Keep, Reasons: []fault.Reason{},
		Element: &have.Element, Status: have.Status,
	}, true
}

// changes names what differs between two elements of one release, for people.
func changes(a, b Element) (fields []string) {
	for _, f := range []struct {
		name    string
		differs bool
	}{
		{"server", a.Server != b.Server},
		{"path", a.Path != b.Path},
		{"namespace", a.Namespace != b.Namespace},
		{"revision", a.Revision != b.Revision || a.Commit != b.Commit},
		{"placement", a.Placement != b.Placement},
		{"onDisable", a.OnDisable != b.OnDisable},
		{"options or parameters", a.Patch != b.Patch},
		{"finalizer", a.Finalize != b.Finalize},
	} {
		if f.differs {
			fields = append(fields, f.name)
		}
	}
	return fields
}

func offReason(why fault.Code, of *offered) fault.Reason {
	if why == CodeLabelRemoved {
		return fault.Reasonf(why, "label %s is not set, and the addon is optional", of.label)
	}
	return fault.Reasonf(why, "label %s is %q", of.label, cluster.Disabled)
}

// backwards tells whether moving to the offer would go back within one minor: then a newer release is refused, or its tag is gone.
func (d *decision) backwards(have *Delivered) *fault.Reason {
	if have.Release == d.offer.tag {
		return d.movedUnderneath(have)
	}
	t, err := release.ParseTag(have.Release)
	to := d.offer.release.Tag
	// Numbers of two distributions say nothing about each other: which one counts is a person's choice.
	if err != nil || t.Minor != to.Minor || t.Distribution != to.Distribution || t.N < to.N {
		return nil
	}
	if known := d.s.byTag[have.Release]; known != nil && known.Refused != nil {
		r := fault.Reason{Code: known.Refused.Code, Message: known.Refused.Message}
		return &r
	}
	return reason(CodeTagGone, "%s is delivered and newer than %s, the newest usable release; a release is never taken back by itself", have.Release, d.offer.tag)
}

// movedUnderneath catches a tag that names another commit than the one delivered under its name, where nothing else remembers the first.
func (d *decision) movedUnderneath(have *Delivered) *fault.Reason {
	if have.Commit == "" || have.Commit == d.offer.release.Commit {
		return nil
	}
	return reason(CodeTagMoved, "tag %s moved from %s to %s; releases never change: the commit first seen stays delivered. Move the tag back, or tag a new release",
		have.Release, short(have.Commit), short(d.offer.release.Commit))
}

func (d *decision) moveReason(have *Delivered) fault.Reason {
	to := d.offer.release.Tag
	from, err := release.ParseTag(have.Release)
	switch {
	case err != nil:
		return fault.Reasonf(CodeNewRelease, "%s is the release for Kubernetes %s; what is delivered names none", to, to.Minor)
	case from.Minor.Compare(to.Minor) < 0:
		return fault.Reasonf(CodeKubernetesUpgrade, "the cluster runs Kubernetes %s now: from %s to %s", d.version.Raw, from, to)
	case from.Minor.Compare(to.Minor) > 0:
		return fault.Reasonf(CodeKubernetesRollback, "the cluster runs Kubernetes %s now, an older minor than before: from %s to %s", d.version.Raw, from, to)
	}
	if from.Distribution != to.Distribution {
		return fault.Reasonf(CodeNewRelease, "%s takes the place of %s: the catalog names another distribution", to, from)
	}
	return fault.Reasonf(CodeNewRelease, "%s is newer than %s", to, from)
}

// dropped decides an addon that the cluster has and the release does not know.
func (d *decision) dropped(have *Delivered) Pair {
	if have.Release == d.offer.tag {
		return d.kept(have, fault.Reasonf(CodeNotInRelease, "release %s does not offer %s, and yet it is delivered from it; only a newer release takes it away", d.offer.tag, have.Addon))
	}
	if r := d.backwards(have); r != nil {
		return d.kept(have, *r)
	}
	if r := d.downgraded(have); r != nil {
		return d.kept(have, *r)
	}
	if _, err := release.ParseTag(have.Release); err != nil {
		return d.kept(have, fault.Reasonf(CodeReleaseUnknown, "release %s does not offer %s, and the release it was delivered from is not known (%q); switch it off by label %s%s=disabled once a release offers it, or delete Application %q by hand",
			d.offer.tag, have.Addon, have.Release, catalog.LabelPrefix, have.Addon, have.Application))
	}
	onDisable := have.OnDisable
	if onDisable == "" {
		onDisable = catalog.Retain // Nobody remembers what was promised: the choice that loses nothing.
	}
	return d.leave(have, onDisable, fault.Reasonf(CodeNotInRelease, "release %s no longer offers %s", d.offer.tag, have.Addon))
}

// kept holds what is there although nothing offers it.
func (d *decision) kept(have *Delivered, why fault.Reason) Pair {
	p := d.s.keepPair(d.c.Name, *have)
	p.Action, p.Wanted, p.Reasons = Hold, d.offer.tag, []fault.Reason{why}
	return p
}

// downgraded tells that the cluster had a release for a newer minor than it reports now. Kubernetes has no way back, so the version may well be
// read wrong: an addon moves with it, but does not leave because of it.
func (d *decision) downgraded(have *Delivered) *fault.Reason {
	from, err := release.ParseTag(have.Release)
	if err != nil || from.Minor.Compare(d.offer.release.Tag.Minor) <= 0 {
		return nil
	}
	d.wentBack = have.Addon
	return reason(CodeKubernetesRollback, "the cluster runs Kubernetes %s now, an older minor than %s, which %s was delivered from; %s does not offer it there. Switch it off by label %s%s=%s if it should go",
		d.version.Raw, from.Minor, have.Addon, d.offer.tag, catalog.LabelPrefix, have.Addon, cluster.Disabled)
}

// leave takes a pair away in steps, each decided from what is seen: the ApplicationSet puts the finalizer on the Application (prune only),
// then stops listing it, then the Application is deleted.
func (d *decision) leave(have *Delivered, how catalog.OnDisable, why fault.Reason) Pair {
	p := d.s.keepPair(d.c.Name, *have)
	p.Wanted, p.Reasons = "", []fault.Reason{why}
	d.leaves = true
	switch {
	case how == catalog.Retain:
		p.Action, p.Element, p.Revision = Release, nil, ""
		p.Delete, p.Orphan = have.Exists && !have.Deleting, have.Finalizer
	case have.Exists && !have.Finalizer && !have.Deleting && p.Element == nil:
		p.Action = Hold
		p.Reasons = append(p.Reasons, fault.Reasonf(CodeReleaseUnknown, "Application %q names no release (%q) and is not listed, so that it cannot be made to take its objects along; delete it by hand",
			have.Application, have.Release))
	case have.Exists && !have.Finalizer && !have.Deleting:
		p.Action, p.Element.Finalize, p.Element.OnDisable = Remove, true, how
	default:
		p.Action, p.Element, p.Revision = Remove, nil, ""
		p.Delete = have.Exists && !have.Deleting
	}
	return p
}

// keepRequired holds the removal of what another addon of the cluster, which stays, depends on. Each round holds at least one
// more pair or is the last.
func (d *decision) keepRequired(pairs []Pair) {
	at := make(map[string]int, len(pairs))
	for i, p := range pairs {
		at[p.Addon] = i
	}
	for again := true; again; {
		again = false
		for _, of := range d.offer.addons {
			user, has := at[of.Name]
			if !has || leaving(pairs[user].Action) || pairs[user].Delivered == "" {
				continue
			}
			for _, need := range of.DependsOn {
				if i, has := at[need]; has && leaving(pairs[i].Action) {
					have := d.has(need)
					if have == nil {
						continue // Too late to hold.
					}
					pairs[i] = d.required(pairs[i], *have, of.Name)
					again = true
				}
			}
		}
	}
}

func leaving(a Action) bool { return a == Remove || a == Release }

func (d *decision) required(p Pair, have Delivered, by string) Pair {
	held := d.s.keepPair(d.c.Name, have)
	held.Action = Hold
	held.Reasons = append(slices.Clone(p.Reasons), fault.Reasonf(CodeRequired, "%s needs it and is on; switch %s off first", by, by))
	return held
}

// element compiles the Application of a pair at the offered release, under the name that it has.
func (d *decision) element(of *offered, have *Delivered) (Element, *fault.Reason) {
	e := Element{
		Application: have.Application, Addon: of.Name, Placement: of.Placement, OnDisable: of.OnDisable,
		Release: d.offer.tag, Commit: d.offer.release.Commit, Revision: d.offer.revision,
		Path: of.Path, Namespace: of.Namespace, Server: d.c.Server, Patch: of.patch,
	}
	if of.Placement == catalog.Management {
		e.Server, e.Namespace = managementServer, ManagementNamespace(d.c.Name)
	}
	if len(of.Parameters) > 0 {
		values, r := d.values(of)
		if r != nil {
			return Element{}, r
		}
		e.Patch = of.filled(values, have.Patch)
	}
	return e, nil
}

// values finds the cluster's value of every parameter.
func (d *decision) values(of *offered) ([]string, *fault.Reason) {
	values := slices.Grow(d.scratch[:0], len(of.Parameters))[:len(of.Parameters)]
	d.scratch = values
	for i, p := range of.Parameters {
		value, ok := d.value(p.From)
		if !ok && p.Default != nil {
			value, ok = *p.Default, true
		}
		if !ok {
			return nil, reason(CodeParameterMissing, "parameter %s of %s comes from %s, which this cluster's Secret does not have, and there is no default", p.Name, of.Name, sourceName(p.From))
		}
		values[i] = value
	}
	return values, nil
}

func sourceName(from catalog.Source) string {
	switch {
	case from.Label != "":
		return "label " + from.Label
	case from.Annotation != "":
		return "annotation " + from.Annotation
	case from.Field != "":
		return "field " + from.Field
	}
	return "nowhere"
}

func (d *decision) value(from catalog.Source) (value string, ok bool) {
	switch {
	case from.Label != "":
		value, ok = d.c.Labels[from.Label]
	case from.Annotation != "":
		value, ok = d.c.Annotations[from.Annotation]
	case from.Field == "name":
		return d.c.Name, true
	case from.Field == "server":
		return d.c.Server, true
	case from.Field == "kubernetesVersion":
		return d.version.Raw, true
	case from.Field == "kubernetesMinor":
		return d.version.Minor.String(), true
	case from.Value != "":
		return from.Value, true
	}
	return value, ok
}
