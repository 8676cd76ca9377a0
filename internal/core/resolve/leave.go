package resolve

import (
	"cmp"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// waitForDowngrade holds what would be new on a cluster that keeps an addon only because its version went back: the new one may be what the
// kept one had replaced, and the two would fight.
func (d *decision) waitForDowngrade(pairs []Pair) {
	for i := range pairs {
		if p := &pairs[i]; p.Action == Install && p.Delivered == "" {
			p.Action, p.Element, p.Revision, p.part = Hold, nil, "", false
			p.Reasons = []fault.Reason{fault.Reasonf(CodeKubernetesRollback, "waits, because %s is kept since the cluster's version went back; switch that off first", d.wentBack)}
		}
	}
}

// dropped decides an addon that the cluster has and the release does not know.
func (d *decision) dropped(have *Delivered) Pair {
	if pin := d.pinOf(have.Addon); pin != nil {
		return d.kept(have, d.pinReason(pin))
	}
	if have.Release == d.offer.tag {
		return d.kept(have, fault.Reasonf(CodeNotInRelease, "release %s does not offer %s, and yet it is delivered from it; only a newer release takes it away", d.offer.tag, have.Addon))
	}
	if r := d.backwards(have); r != nil {
		return d.kept(have, *r)
	}
	if r := d.downgraded(have); r != nil {
		return d.kept(have, *r)
	}
	if d.waits {
		return d.kept(have, fault.Reasonf(CodeNotInRelease, "release %s no longer offers %s; it leaves once the cluster moves there", d.offer.tag, have.Addon))
	}
	from, err := release.ParseTag(have.Release)
	if err != nil {
		return d.kept(have, fault.Reasonf(CodeReleaseUnknown, "release %s does not offer %s, and the release it was delivered from is not known (%q); switch it off by label %s%s=disabled once a release offers it, or delete Application %q by hand, with the break-glass annotation",
			d.offer.tag, have.Addon, have.Release, catalog.LabelPrefix, have.Addon, have.Application))
	}
	onDisable := have.OnDisable
	if onDisable == "" {
		onDisable = catalog.Retain // Nobody remembers what was promised: the choice that loses nothing.
	}
	if to := d.offer.release.Tag; from.Minor == to.Minor && from.Distribution == to.Distribution && from.N > to.N {
		return d.notYet(have, onDisable)
	}
	return d.leave(have, onDisable, fault.Reasonf(CodeNotInRelease, "release %s no longer offers %s", d.offer.tag, have.Addon))
}

// notYet decides an addon that the release does not know because the cluster was taken back to it. That is no wish to lose the addon.
func (d *decision) notYet(have *Delivered, how catalog.OnDisable) Pair {
	label := catalog.LabelPrefix + have.Addon
	if d.c.Labels[label] == string(cluster.Disabled) {
		return d.leave(have, how, fault.Reasonf(CodeSwitchedOff, "label %s is %q", label, cluster.Disabled))
	}
	return d.kept(have, fault.Reasonf(CodeNotInRelease, "release %s, which the cluster is taken back to, does not offer %s; only a newer release takes it away. Set label %s=%s if it should go",
		d.offer.tag, have.Addon, label, cluster.Disabled))
}

// wasOff reports whether an addon is off as well by the release that it is delivered from. What another release says, to which the cluster is
// not let, takes nothing away.
func (d *decision) wasOff(have *Delivered) bool {
	if before := d.s.offers[have.Release]; before != nil {
		if i, offered := before.find(have.Addon); offered {
			w, _ := d.wish(&before.addons[i])
			return w == wishOff
		}
	}
	return d.c.Labels[catalog.LabelPrefix+have.Addon] == string(cluster.Disabled)
}

// kept holds what is there although nothing offers it.
func (d *decision) kept(have *Delivered, why fault.Reason) Pair {
	p := d.s.keepPair(d.c.Name, *have)
	p.stays()
	p.Action, p.Wanted, p.Reasons = Hold, d.newest.tag, []fault.Reason{why}
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

// leave takes a pair away: it waits for the grace to end and for the deletion to be granted, and then goes in steps, each decided from what is
// seen: the ApplicationSet puts the finalizer on the Application (prune only), then stops listing it, then the Application is deleted.
func (d *decision) leave(have *Delivered, how catalog.OnDisable, why fault.Reason) Pair {
	p := d.s.keepPair(d.c.Name, *have)
	p.Wanted, p.Reasons = "", []fault.Reason{why}
	d.leaves = true
	if have.Deleting {
		p.Action, p.Element, p.Revision = removal(how), nil, ""
		return p
	}
	if p.Element == nil && have.Exists && !have.Finalizer {
		p.Action = Hold
		p.Reasons = append(p.Reasons, fault.Reasonf(CodeReleaseUnknown, "Application %q names no release (%q) and is not listed, so that it cannot be taken away as promised; delete it by hand, with the break-glass annotation",
			have.Application, have.Release))
		return p
	}
	if d.c.OnDisableInvalid {
		held := d.kept(have, fault.Reasonf(cluster.CodeInvalidOnDisable, "annotation %s cannot be read; nothing is removed until it can be", cluster.OnDisableAnnotation))
		if held.Element != nil {
			held.Element.Disabled = have.Disabled // It is off all the same.
		}
		return held
	}
	if own, ok := d.c.OnDisable(have.Addon); ok {
		how = own
	}
	if p.Element != nil {
		since := d.disabledSince(have)
		p.Element.Disabled, p.Element.OnDisable, p.Element.Finalize = formatTime(since), how, false
		p.RemovalAt = since.Add(d.grace(have))
		if d.now.Before(p.RemovalAt) {
			p.Action = Disable
			p.Reasons = append(p.Reasons, fault.Reasonf(CodeGracePeriod, "it goes at %s (%s), unless what led to it is undone before", formatTime(p.RemovalAt), how))
			d.wakeAt(p.RemovalAt)
			if r := d.coming(have, removal(how), why, p.RemovalAt); r != nil {
				p.Reasons = append(p.Reasons, *r)
			}
			return p
		}
	}
	verdict, granted := d.due(have, removal(how), why)
	if !granted {
		p.Action = Hold
		p.Reasons = append(p.Reasons, verdict)
		return p
	}
	return d.depart(p, have, how)
}

// stays calls off a removal that has begun: whoever wants the addon gone later gets the whole grace again.
func (p *Pair) stays() {
	if p.Element != nil {
		p.Element.Disabled, p.Element.Finalize = "", false
	}
}

// removal is the action that takes a pair away.
func removal(how catalog.OnDisable) Action {
	if how == catalog.Retain {
		return Release
	}
	return Remove
}

// disabledSince is when a pair was found switched off. What was found so earlier says it itself.
func (d *decision) disabledSince(have *Delivered) time.Time {
	if since := parseTime(have.Disabled); !since.IsZero() && !since.After(d.now) {
		return since
	}
	return d.now.Truncate(time.Second)
}

// grace is how long a pair that is switched off stays.
func (d *decision) grace(have *Delivered) time.Duration {
	grace := have.Grace
	if i, offered := d.find(have.Addon); offered {
		grace = d.offer.addons[i].grace
	}
	if own, err := time.ParseDuration(grace); err == nil && own >= 0 {
		return own
	}
	return d.s.policy.Deletion.Grace
}

// soon is how long before the end of its grace a deletion is held against the budget, which is an hour's: what is switched off together
// goes, or waits, together.
const soon = time.Hour

// coming announces a deletion, and answers why it will have to wait, as far as that is known.
func (d *decision) coming(have *Delivered, action Action, why fault.Reason, at time.Time) *fault.Reason {
	if d.hypothetical {
		return nil
	}
	if from := at.Add(-soon); d.now.Before(from) {
		d.wakeAt(from)
		return nil
	}
	d.plan.coming = append(d.plan.coming, budget.Deletion{Cluster: d.c.Name, Addon: have.Addon, Action: string(action), Due: at, Why: why.Message})
	if verdict := d.permit.Deletions[have.Addon]; verdict.Granted != action {
		return verdict.Reason
	}
	return nil
}

// due asks for a deletion, and tells whether the fleet as a whole can bear it.
func (d *decision) due(have *Delivered, action Action, why fault.Reason) (fault.Reason, bool) {
	if d.hypothetical {
		return fault.Reason{}, true
	}
	d.plan.due = append(d.plan.due, budget.Deletion{
		Cluster: d.c.Name, Addon: have.Addon, Action: string(action), Due: d.disabledSince(have).Add(d.grace(have)), Why: why.Message,
	})
	verdict, known := d.permit.Deletions[have.Addon]
	switch {
	case known && verdict.Granted == action:
		return fault.Reason{}, true
	case known && verdict.Reason != nil:
		return *verdict.Reason, false
	}
	return fault.Reasonf(CodeDeletionDue, "its grace is over; it goes once the deletion is held against the budget"), false
}

// depart is the next step of a deletion that is granted. An Application is not unlisted before it says itself that it is on its way out, and
// since when: once unlisted, it is all that remembers.
func (d *decision) depart(p Pair, have *Delivered, how catalog.OnDisable) Pair {
	p.Action = removal(how)
	switch {
	case have.Exists && p.Element != nil && (!have.Marked || how != catalog.Retain && !have.Finalizer):
		p.Element.Finalize = how != catalog.Retain
		return p
	case how == catalog.Retain:
		// Recorded first, deleted then: no crash may make the objects forgotten.
		p.Delete, p.Orphan = d.record(have, p.Reasons[0]) && have.Exists, have.Finalizer
	default:
		p.Delete, p.PruneCRDs = have.Exists, have.PruneCRDs
	}
	p.Element, p.Revision = nil, ""
	return p
}

// record lists an addon whose objects stay, and reports whether that had been recorded before.
func (d *decision) record(have *Delivered, why fault.Reason) bool {
	if slices.ContainsFunc(d.plan.Released, func(r Released) bool { return r.Addon == have.Addon }) {
		return true
	}
	d.plan.Released = append(d.plan.Released, Released{
		Addon: have.Addon, Since: d.now.Truncate(time.Second), Release: deliveredRelease(have), Namespace: have.Namespace, Why: why,
	})
	d.wakeAt(d.now)
	return false
}

// stillReleased are the recorded addons whose objects are on the cluster without an Application: neither delivered again nor forgotten.
func stillReleased(c *Cluster, delivered []Delivered) (still []Released) {
	for _, r := range c.Released {
		if since, ok := c.Orders.Forget[r.Addon]; ok && since.Equal(r.Since) {
			continue
		}
		i, has := slices.BinarySearchFunc(delivered, r.Addon, func(d Delivered, name string) int { return cmp.Compare(d.Addon, name) })
		if has && delivered[i].Listed && delivered[i].Disabled == "" {
			continue
		}
		still = append(still, r)
	}
	return still
}

// wakeAt asks for another decision at a time.
func (d *decision) wakeAt(t time.Time) { d.plan.wakeAt(t) }

func (p *ClusterPlan) wakeAt(t time.Time) {
	if p.Next.IsZero() || t.Before(p.Next) {
		p.Next = t
	}
}

// find is where the offer has an addon.
func (d *decision) find(addon string) (int, bool) { return d.offer.find(addon) }

func (o *offer) find(addon string) (int, bool) {
	return slices.BinarySearchFunc(o.addons, addon, func(o offered, n string) int { return cmp.Compare(o.Name, n) })
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
		for u := range pairs {
			user := &pairs[u]
			if going(user) || user.Delivered == "" {
				continue
			}
			for _, need := range d.needs(user) {
				// What both are switched off may wait for the end of their grace together.
				if i, has := at[need]; has && (going(&pairs[i]) || leaving(&pairs[i]) && !leaving(user)) {
					have := d.has(need)
					if have == nil {
						continue // Too late to hold.
					}
					pairs[i] = d.required(pairs[i], *have, user)
					again = true
				}
			}
		}
	}
}

// needs are the addons that one depends on: by the release that is decided by, and until it has moved there, by the one that it is at.
func (d *decision) needs(user *Pair) (needs []string) {
	if i, offered := d.find(user.Addon); offered {
		needs = d.offer.addons[i].DependsOn
	}
	if before := d.s.offers[user.Delivered]; before != nil && before != d.offer && !d.hypothetical {
		if i, offered := before.find(user.Addon); offered {
			needs = slices.Concat(needs, before.addons[i].DependsOn)
		}
	}
	return needs
}

// going tells that a pair is being taken away, leaving that it is on the way there.
func going(p *Pair) bool { return p.Action == Remove || p.Action == Release }

func leaving(p *Pair) bool { return going(p) || p.Element != nil && p.Element.Disabled != "" }

// required holds what another addon needs. Where that is on its way out too, the clock runs on.
func (d *decision) required(p Pair, have Delivered, by *Pair) Pair {
	held := d.s.keepPair(d.c.Name, have)
	held.Action = Hold
	held.stays()
	if !leaving(by) {
		// It asks for its deletion once nobody needs it. Where the other is on its way out too, it asks all along: to stop asking would take
		// back the grant that brought it here.
		same := func(other budget.Deletion) bool { return other.Addon == have.Addon }
		d.plan.due, d.plan.coming = slices.DeleteFunc(d.plan.due, same), slices.DeleteFunc(d.plan.coming, same)
	}
	if held.Element != nil && leaving(by) {
		held.Element.Disabled = have.Disabled
	}
	why := fault.Reasonf(CodeRequired, "%s needs it and is on; switch %s off first", by.Addon, by.Addon)
	if i, offered := d.find(by.Addon); !offered || !slices.Contains(d.offer.addons[i].DependsOn, have.Addon) {
		why = fault.Reasonf(CodeRequired, "%s needs it as long as it is at %s", by.Addon, by.Delivered)
	}
	held.Reasons = append(slices.Clone(p.Reasons[:1]), why)
	return held
}
