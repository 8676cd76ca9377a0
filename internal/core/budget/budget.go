// Package budget decides which deletions may happen now: a few by themselves, more only after a person approved exactly that
// list (DESIGN: Rules that always hold).
//
// It promises that in any 60 minutes no more is deleted without approval than the limits allow, for each addon and for the
// fleet, whatever restarts in between. For this the caller calls Decide with everything that is due and never with a part of it,
// writes the new Ledger before it deletes anything, and deletes only what has a Grant in that Ledger.
package budget

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// What can be said about the budget.
const (
	// CodeDeletionQuarantined is a deletion that waits until a person approves it.
	CodeDeletionQuarantined fault.Code = "DeletionQuarantined"
	// CodeDeletionApproved is a deletion that a person approved.
	CodeDeletionApproved fault.Code = "DeletionApproved"
)

// Policy says how much may be deleted within an hour without asking. Its zero value allows nothing.
type Policy struct {
	// PerAddon limits the deletions of one addon, of all its pairs.
	PerAddon Limit
	// Fleet limits the deletions of all addons, of all pairs.
	Fleet Limit
	// Approved are the hashes that people approved. One that is taken back takes its open grants along.
	Approved map[string]bool
}

// Default is 10 % of an addon's pairs and 10 % of the fleet.
func Default() Policy {
	ten := Limit{Value: 10, Percent: true}
	return Policy{PerAddon: ten, Fleet: ten}
}

// Deletion is one pair whose grace is over.
type Deletion struct {
	Cluster string `json:"cluster"`
	Addon   string `json:"addon"`
	// Action is what becomes of the pair's objects: they are deleted (remove) or left (release).
	Action string `json:"action"`
	// Due is when the grace was over, and Why what led to it. Both are only told, nothing depends on them.
	Due time.Time `json:"due"`
	Why string    `json:"why,omitempty"`
}

// Grant allows one deletion.
type Grant struct {
	Cluster string    `json:"cluster"`
	Addon   string    `json:"addon"`
	Action  string    `json:"action"`
	At      time.Time `json:"at"`
	// Approval is the hash that a person approved; empty when the deletion is within the budget.
	Approval string `json:"approval,omitempty"`
}

// Spent is how many grants of an addon, made within the budget, ended in one minute, carried out or undone.
type Spent struct {
	Addon string `json:"addon"`
	// At is when that was seen, truncated to the minute: not before the deletion itself.
	At    time.Time `json:"at"`
	Count int       `json:"count"`
}

// Ledger is all that Decide remembers. Its zero value is that of a fleet where nothing was ever deleted.
type Ledger struct {
	// Grants are decided and not yet carried out. Those without approval count as long as they are open, and for an hour longer.
	Grants []Grant `json:"grants,omitempty"`
	// Spent is what was granted within the budget and ended in the last hour.
	Spent []Spent `json:"spent,omitempty"`
	// Used are approvals that let their list through. They are kept while people still list them as approved, so that the same
	// list needs a new approval, under another hash, when it comes back one day.
	Used []string `json:"used,omitempty"`
}

// Quarantine is what waits for a person.
type Quarantine struct {
	// Hash stands for exactly these deletions: approving it lets them through and nothing else.
	Hash      string     `json:"hash"`
	Deletions []Deletion `json:"deletions"`
	// Message says which limits they exceed and what to do.
	Message string `json:"message"`
}

// Reason is the one that each quarantined pair carries.
func (q Quarantine) Reason() fault.Reason {
	return fault.Reason{Code: CodeDeletionQuarantined, Message: q.Message}
}

// Reason says that a person approved the deletion; nil when it is within the budget.
func (g Grant) Reason() *fault.Reason {
	if g.Approval == "" {
		return nil
	}
	r := fault.Reasonf(CodeDeletionApproved, "approved as part of the list %s", g.Approval)
	return &r
}

// Input is everything a decision depends on.
type Input struct {
	Policy Policy
	// Due are all deletions whose grace is over, granted or not, each pair once. One that is carried out, at least begun, or undone is
	// not in it.
	Due []Deletion
	// Coming are those whose grace ends within the hour. They count as if they were due, so that what is switched off together waits together,
	// however little of it is due first; none of them is granted before it is due, unless a person approved it with the others.
	Coming []Deletion
	// Pairs is how many pairs of each addon exist: those that are due included, those not whose deletion has begun. What is granted and
	// no longer due is counted beside them.
	Pairs  map[string]int
	Ledger Ledger
	Now    time.Time
}

// Result is the decision.
type Result struct {
	// Ledger replaces the one before. It must be written before anything is deleted.
	Ledger Ledger
	// Quarantine is nil when nothing waits.
	Quarantine *Quarantine
	// Next is when some of what waits will fit by itself, because spent budget is free again; zero when it will not.
	Next time.Time
}
