package settings

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultDeadline is how long pruning a cluster that is given up may take.
const DefaultDeadline = time.Hour

// Recall tells a cluster what people ordered for it, and what was recorded about it.
func Recall(c *resolve.Cluster, ca *v1alpha1.ClusterAddons) {
	if ca == nil {
		return
	}
	c.Orders = orders(ca.Spec)
	c.Succeeded = ca.Status.Succeeded
	for _, r := range ca.Status.Released {
		c.Released = append(c.Released, resolve.Released{
			Addon: r.Name, Since: r.Since.UTC(), Release: r.Release, Namespace: r.Namespace,
			Why: fault.Reason{Code: fault.Code(r.Reason.Code), Message: r.Reason.Message},
		})
	}
}

func orders(spec v1alpha1.ClusterAddonsSpec) (o resolve.Orders) {
	for _, p := range spec.Pins {
		o.Pins = append(o.Pins, resolve.Pin{Addon: p.Addon, Release: string(p.Release), Reason: p.Reason, Owner: p.Owner, Expires: p.Expires.UTC()})
	}
	if f := spec.Freeze; f != nil {
		o.Freeze = &resolve.Freeze{Reason: f.Reason, Owner: f.Owner, Until: f.Until.UTC()}
	}
	if d := spec.Decommission; d != nil {
		deadline := DefaultDeadline
		if d.Deadline != nil {
			deadline = d.Deadline.Duration
		}
		o.Decommission = &resolve.Decommission{
			Abandon: d.Mode == v1alpha1.DecommissionAbandon, Requested: d.Requested.UTC(), Deadline: d.Requested.Add(deadline).UTC(),
		}
	}
	o.Adopt = spec.Adopt
	for _, f := range spec.Forget {
		if o.Forget == nil {
			o.Forget = map[string]time.Time{}
		}
		o.Forget[f.Addon] = f.Since.UTC()
	}
	return o
}

// Released is what the status lists of addons whose objects were left.
func Released(released []resolve.Released) (out []v1alpha1.ReleasedAddon) {
	for _, r := range released {
		out = append(out, v1alpha1.ReleasedAddon{
			Name: r.Addon, Since: metav1.NewTime(r.Since), Release: r.Release, Namespace: r.Namespace,
			Reason: v1alpha1.Reason{Code: string(r.Why.Code), Message: r.Why.Message},
		})
	}
	return out
}
