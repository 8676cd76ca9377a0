package resolve

import (
	"slices"

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
			p.Action, p.Element, p.Revision = Hold, nil, ""
			p.Reasons = []fault.Reason{fault.Reasonf(CodeKubernetesRollback, "waits, because %s is kept since the cluster's version went back; switch that off first", d.wentBack)}
		}
	}
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
