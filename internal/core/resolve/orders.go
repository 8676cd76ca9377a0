package resolve

import (
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// Reasons about orders.
const (
	CodePinned         fault.Code = "Pinned"
	CodePinExpired     fault.Code = "PinExpired"
	CodePinUnusable    fault.Code = "PinUnusable"
	CodeFrozen         fault.Code = "Frozen"
	CodeAdopted        fault.Code = "Adopted"
	CodeDecommissioned fault.Code = "Decommissioned"
	CodeSourcePaused   fault.Code = "SourcePaused"
)

// Orders are what people ask for one cluster beside its labels.
type Orders struct {
	Pins         []Pin
	Freeze       *Freeze
	Decommission *Decommission
	// Adopt are addons that are on although no label says so, because objects of theirs were left on the cluster and are wanted back.
	Adopt []string
	// Forget tells, by addon, which entry of Released is to go.
	Forget map[string]time.Time
}

// Pin keeps the cluster, or one addon, at a release.
type Pin struct {
	// Addon is empty for the whole cluster.
	Addon   string
	Release string
	// Reason and Owner are for people.
	Reason, Owner string
	Expires       time.Time
}

// Freeze lets no move start until a time.
type Freeze struct {
	Reason, Owner string
	Until         time.Time
}

// Decommission gives a cluster up.
type Decommission struct {
	// Abandon leaves the objects on the cluster.
	Abandon             bool
	Requested, Deadline time.Time
}

// Admitted is the release that a cluster was let to, and when.
type Admitted struct {
	Release string
	Since   time.Time
}

// Released is an addon whose objects were left on a cluster.
type Released struct {
	Addon string
	Since time.Time
	// Release is the one its objects are of.
	Release, Namespace string
	Why                fault.Reason
}

// clusterPin is the pin of the whole cluster; nil when there is none.
func (o Orders) clusterPin() *Pin { return o.pin("") }

// pin is the one of an addon.
func (o Orders) pin(addon string) *Pin {
	for i := range o.Pins {
		if o.Pins[i].Addon == addon {
			return &o.Pins[i]
		}
	}
	return nil
}

// frozen is the freeze that stands now.
func (o Orders) frozen(now time.Time) *Freeze {
	if o.Freeze == nil || !now.Before(o.Freeze.Until) {
		return nil
	}
	return o.Freeze
}

// said is a pin as people read it.
func (p *Pin) said() string {
	return "pinned to " + p.Release + " by " + p.Owner + " until " + formatTime(p.Expires) + ": " + p.Reason
}

// says is a pin as a sentence about what it pins.
func (p *Pin) says() string {
	if p.Addon == "" {
		return "the cluster is " + p.said()
	}
	return "it is " + p.said()
}

// admitted is the release that a cluster was let to: what is written with its ApplicationSet, or where nothing is, the newest that is listed.
func admitted(c *Cluster, delivered []Delivered) Admitted {
	if c.Admitted.Release != "" {
		return c.Admitted
	}
	var newest release.Tag
	name := ""
	for i := range delivered {
		// Most pairs of a cluster are of one release.
		if d := &delivered[i]; d.Release != name {
			if tag, err := release.ParseTag(d.Release); err == nil && tag.Compare(newest) > 0 {
				newest, name = tag, d.Release
			}
		}
	}
	return Admitted{Release: name}
}

// wakeForOrders asks for another decision when an order ends.
func (p *ClusterPlan) wakeForOrders(o *Orders, now time.Time) {
	for i := range o.Pins {
		if end := o.Pins[i].Expires; now.Before(end) {
			p.wakeAt(end)
		}
	}
	if f := o.frozen(now); f != nil {
		p.wakeAt(f.Until)
	}
}

// spelled are the reasons of a permit as the cluster tells them: which order it is that exempts it, and that an order cannot be followed.
func (s *Snapshot) spelled(c *Cluster, reasons []fault.Reason, now time.Time) []fault.Reason {
	pin := c.Orders.clusterPin()
	if pin != nil && now.Before(pin.Expires) {
		if _, r := s.usable(pin, c.Version().Minor); r != nil {
			return []fault.Reason{*r}
		}
		return reasons
	}
	if c.Orders.frozen(now) == nil {
		return reasons
	}
	reasons = slices.Clone(reasons)
	for i := range reasons {
		if reasons[i].Code == rollout.CodeExempt {
			reasons[i].Code = CodeFrozen
		}
	}
	return reasons
}

// expired are the pins that ended and still stand in the orders.
func (o Orders) expired(now time.Time) (pins []*Pin) {
	for i := range o.Pins {
		if p := &o.Pins[i]; !now.Before(p.Expires) {
			pins = append(pins, p)
		}
	}
	return pins
}

// adopts reports whether an addon is on by order.
func (o Orders) adopts(addon string) bool { return slices.Contains(o.Adopt, addon) }
