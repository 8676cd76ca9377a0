package settings

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Ledger reads what a CatalogSource remembers of deletions.
func Ledger(status *v1alpha1.DeletionStatus) (l budget.Ledger) {
	if status == nil {
		return l
	}
	for _, g := range status.Granted {
		for _, name := range g.Clusters {
			l.Grants = append(l.Grants, budget.Grant{Cluster: name, Addon: g.Addon, Action: g.Action, At: g.At.UTC(), Approval: g.Approval})
		}
	}
	for _, s := range status.Spent {
		l.Spent = append(l.Spent, budget.Spent{Addon: s.Addon, At: s.At.UTC(), Count: int(s.Count)})
	}
	l.Used = status.Used
	return l
}

// maxPairs is how many pairs of a quarantine the status names.
const maxPairs = 50

// DeletionStatus is what a CatalogSource is to remember; nil for nothing. Times are kept to the second.
func DeletionStatus(l budget.Ledger, q *budget.Quarantine) *v1alpha1.DeletionStatus {
	if len(l.Grants)+len(l.Spent)+len(l.Used) == 0 && q == nil {
		return nil
	}
	status := &v1alpha1.DeletionStatus{Used: l.Used}
	grants := slices.SortedFunc(slices.Values(l.Grants), func(a, b budget.Grant) int {
		return cmp.Or(cmp.Compare(a.Addon, b.Addon), cmp.Compare(a.Action, b.Action), a.At.Compare(b.At), cmp.Compare(a.Approval, b.Approval), cmp.Compare(a.Cluster, b.Cluster))
	})
	for _, g := range grants {
		one := v1alpha1.GrantedDeletions{Addon: g.Addon, Action: g.Action, At: metav1.NewTime(g.At).Rfc3339Copy(), Approval: g.Approval}
		last := len(status.Granted) - 1
		if last < 0 || !sameGrant(status.Granted[last], one) {
			status.Granted = append(status.Granted, one)
			last++
		}
		status.Granted[last].Clusters = append(status.Granted[last].Clusters, g.Cluster)
	}
	for _, s := range l.Spent {
		status.Spent = append(status.Spent, v1alpha1.SpentDeletions{Addon: s.Addon, At: metav1.NewTime(s.At).Rfc3339Copy(), Count: int32(s.Count)})
	}
	if q != nil {
		status.Quarantine = &v1alpha1.Quarantine{Hash: q.Hash, Count: int32(len(q.Deletions)), Message: bounded(q.Message)}
		for _, d := range q.Deletions[:min(len(q.Deletions), maxPairs)] {
			status.Quarantine.Pairs = append(status.Quarantine.Pairs, d.Cluster+"/"+d.Addon)
		}
	}
	return status
}

func sameGrant(a, b v1alpha1.GrantedDeletions) bool {
	return a.Addon == b.Addon && a.Action == b.Action && a.Approval == b.Approval && a.At.Equal(&b.At)
}

// bounded fits a message into its field.
func bounded(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// RolloutStatus is how far each release has come, as a CatalogSource shows it.
func RolloutStatus(rollouts []rollout.Status) (out []v1alpha1.RolloutStatus) {
	for _, r := range rollouts {
		status := v1alpha1.RolloutStatus{Minor: r.Minor, Release: r.Release, State: r.State, Message: bounded(r.Message)}
		for _, g := range r.Groups {
			status.Groups = append(status.Groups, v1alpha1.RolloutGroupStatus{
				Name: g.Name, State: g.State, Message: bounded(g.Message), Clusters: int32(g.Clusters), ToApply: int32(g.ToApply), Progressing: int32(g.Progressing),
				Succeeded: int32(g.Succeeded), Failed: int32(g.Failed), TimeOut: int32(g.TimeOut), Skip: int32(g.Skip), Exempt: int32(g.Exempt), Late: g.Late,
			})
		}
		out = append(out, status)
	}
	return out
}
