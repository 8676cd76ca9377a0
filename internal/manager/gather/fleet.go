// Package gather collects the facts about a fleet that a plan needs: from files, with no cluster at all, or from Argo CD's namespace.
package gather

import (
	"cmp"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
)

// Fleet is what is known of a fleet.
type Fleet struct {
	Clusters []resolve.Cluster
	// Delivered is what exists, by cluster name.
	Delivered map[string][]resolve.Delivered
	// FirstSeen are the commits that tags named when first seen.
	FirstSeen map[release.Tag]resolve.Seen
	// URL is the config repository of the CatalogSource that counts; empty when there is none.
	URL string
	// RevisionTag is set when Applications name tags.
	RevisionTag bool
	// Policy is what that CatalogSource asks for, Problems what of it cannot be read, Ledger what it remembers of deletions.
	Policy   resolve.Policy
	Problems []fault.Problem
	Ledger   budget.Ledger

	reports map[string]*v1alpha1.ClusterAddons
	source  *v1alpha1.CatalogSource
}

// Parts are what a fleet is put together from.
type Parts struct {
	// Clusters are those with a Secret.
	Clusters []resolve.Cluster
	// Delivered is what exists and Admitted what each cluster was let to, both by cluster name.
	Delivered map[string][]resolve.Delivered
	Admitted  map[string]resolve.Admitted
	Reports   []v1alpha1.ClusterAddons
	Sources   []v1alpha1.CatalogSource
}

// Assemble puts a fleet together.
func Assemble(p Parts) Fleet {
	f := Fleet{
		Clusters: p.Clusters, Policy: resolve.DefaultPolicy(), Delivered: p.Delivered, FirstSeen: map[release.Tag]resolve.Seen{},
		reports: map[string]*v1alpha1.ClusterAddons{},
	}
	if f.Delivered == nil {
		f.Delivered = map[string][]resolve.Delivered{}
	}
	for i := range p.Reports {
		f.reports[p.Reports[i].Name] = &p.Reports[i]
	}
	for i := range p.Sources {
		f.remember(&p.Sources[i])
	}
	for _, delivered := range f.Delivered {
		for _, d := range delivered {
			f.see(d.Release, d.Commit, true)
		}
	}
	f.recall(p.Admitted)
	return f
}

// remember adds what a CatalogSource recorded of tags. It wins over what is delivered.
func (f *Fleet) remember(cs *v1alpha1.CatalogSource) {
	for _, m := range cs.Status.Minors {
		for _, r := range m.Releases {
			f.see(r.Tag, r.Commit, false)
		}
	}
	// The oldest counts, as for the controller.
	if was := f.source; was == nil || cmp.Or(cs.CreationTimestamp.Compare(was.CreationTimestamp.Time), cmp.Compare(cs.Name, was.Name)) < 0 {
		f.source = cs
	}
}

// recall gives each cluster what people ordered and what was recorded of it, and the fleet its policy.
func (f *Fleet) recall(admitted map[string]resolve.Admitted) {
	if f.source != nil {
		f.URL, f.RevisionTag = f.source.Spec.URL, f.source.Spec.Revision == v1alpha1.RevisionTag
		f.Policy, f.Problems = settings.Policy(f.source.Spec)
		f.Ledger = settings.Ledger(f.source.Status.Deletions)
	}
	have := map[string]bool{}
	for i := range f.Clusters {
		have[f.Clusters[i].Name] = true
	}
	for name, delivered := range f.Delivered {
		if !have[name] && len(delivered) > 0 {
			f.Clusters = append(f.Clusters, resolve.GoneCluster(name))
		}
	}
	for i := range f.Clusters {
		c := &f.Clusters[i]
		c.Admitted = admitted[c.Name]
		settings.Recall(c, f.reports[c.Name])
	}
}

// Pinned are the releases that people pinned something to.
func (f *Fleet) Pinned() map[string]bool {
	names := map[string]bool{}
	for i := range f.Clusters {
		for _, pin := range f.Clusters[i].Orders.Pins {
			names[pin.Release] = true
		}
	}
	return names
}

func (f *Fleet) see(name, commit string, delivered bool) {
	tag, err := release.ParseTag(name)
	if err != nil || !release.IsCommit(commit) {
		return
	}
	known := f.FirstSeen[tag]
	if known.Commit == "" || !delivered {
		known.Commit = commit
	}
	known.Delivered = known.Delivered || delivered
	f.FirstSeen[tag] = known
}
