package resolve

import (
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// decommission takes everything delivered to a cluster away: what others depend on last, pruned as far as the cluster can be reached until
// the deadline, and abandoned after it.
func (s *Snapshot) decommission(plan *ClusterPlan, c *Cluster, delivered []Delivered, now time.Time, into []Pair) {
	order := c.Orders.Decommission
	why := fault.Reasonf(CodeDecommissioned, "the cluster is given up, as ordered at %s; everything on it is pruned, or abandoned from %s on", formatTime(order.Requested), formatTime(order.Deadline))
	abandon := true
	switch {
	case order.Abandon:
		why = fault.Reasonf(CodeDecommissioned, "the cluster is given up, as ordered at %s; its objects stay", formatTime(order.Requested))
	case c.Gone:
		why = fault.Reasonf(CodeDecommissioned, "the cluster is given up, as ordered at %s; its Secret is gone, so that Argo CD cannot prune: its objects stay", formatTime(order.Requested))
	case !now.Before(order.Deadline):
		why = fault.Reasonf(CodeDecommissioned, "the cluster is given up, as ordered at %s; its deadline %s has passed: what is left stays", formatTime(order.Requested), formatTime(order.Deadline))
	default:
		abandon = false
		plan.Next = order.Deadline
	}
	plan.Decommissioned, plan.DeleteSet = true, len(delivered) == 0
	plan.Reasons = append(plan.Reasons, why)
	plan.Admitted, plan.Released = Admitted{}, nil
	for i := range delivered {
		have := &delivered[i]
		p := s.keepPair(c.Name, *have)
		p.Wanted, p.Reasons = "", []fault.Reason{why}
		user := ""
		if !abandon {
			user = s.userOf(have, delivered)
		}
		switch {
		case user != "":
			p.Action = Remove
			p.Reasons = append(p.Reasons, fault.Reasonf(CodeRequired, "%s needs it and goes first", user))
			if p.Element != nil {
				p.Element.Finalize = false
			}
		case abandon || p.Element == nil && !have.Finalizer && !have.Deleting:
			p.Action, p.Element, p.Revision = Release, nil, ""
			p.Delete, p.Orphan = have.Exists && (!have.Deleting || have.Finalizer), have.Finalizer
		case have.Exists && !have.Finalizer && !have.Deleting:
			p.Action, p.Element.Finalize = Remove, true
		default:
			p.Action, p.Element, p.Revision = Remove, nil, ""
			p.Delete, p.PruneCRDs = have.Exists && !have.Deleting, have.PruneCRDs
		}
		into = append(into, p)
	}
	plan.Pairs = into
}

// userOf is an addon of the cluster that depends on another, as far as the release it is delivered from is known; "" when there is none.
func (s *Snapshot) userOf(have *Delivered, delivered []Delivered) string {
	for i := range delivered {
		o := s.offers[delivered[i].Release]
		if o == nil {
			continue
		}
		if j, offered := o.find(delivered[i].Addon); offered && slices.Contains(o.addons[j].DependsOn, have.Addon) {
			return delivered[i].Addon
		}
	}
	return ""
}
