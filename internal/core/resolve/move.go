package resolve

import (
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

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
		{"removal, which was called off", a.Disabled != b.Disabled},
		{"grace", a.Grace != b.Grace},
		{"pruneCRDs", a.PruneCRDs != b.PruneCRDs},
	} {
		if f.differs {
			fields = append(fields, f.name)
		}
	}
	return fields
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
	if d.s.policy.Rollout.RolledBack[have.Release] || d.clusterPin() != nil {
		return nil // A person asked for it.
	}
	if known := d.s.byTag[have.Release]; known != nil && known.Refused != nil {
		r := fault.Reason{Code: known.Refused.Code, Message: known.Refused.Message}
		return &r
	}
	if d.offer != d.newest {
		return reason(CodeNotAdmitted, "%s is delivered and newer than %s, which the cluster is let to; a release is never taken back by itself", have.Release, d.offer.tag)
	}
	return reason(CodeTagGone, "%s is delivered and newer than %s, the newest usable release; a release is never taken back by itself", have.Release, d.offer.tag)
}

// movedUnderneath catches a tag that names another commit than the one delivered under its name, where nothing else remembers the first.
func (d *decision) movedUnderneath(have *Delivered) *fault.Reason {
	if have.Commit == "" || have.Commit == d.offer.release.Commit {
		return nil
	}
	return tagMoved(have.Release, have.Commit, d.offer.release.Commit)
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
	if d.s.policy.Rollout.RolledBack[have.Release] {
		return fault.Reasonf(rollout.CodeRolledBack, "%s was rolled back: from %s to %s", from, from, to)
	}
	if pin := d.clusterPin(); pin != nil {
		return fault.Reasonf(CodePinned, "the cluster is %s", pin.said())
	}
	if from.Distribution != to.Distribution {
		return fault.Reasonf(CodeNewRelease, "%s takes the place of %s: the catalog names another distribution", to, from)
	}
	return fault.Reasonf(CodeNewRelease, "%s is newer than %s", to, from)
}
