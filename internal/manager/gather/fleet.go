// Package gather collects the facts about a fleet that a plan needs: from files, with no cluster at all, or from Argo CD's namespace.
package gather

import (
	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// Fleet is what is known of a fleet.
type Fleet struct {
	Clusters []resolve.Cluster
	// Delivered is what exists, by cluster name.
	Delivered map[string][]resolve.Delivered
	// FirstSeen are the commits that tags named when first seen.
	FirstSeen map[release.Tag]resolve.Seen
}

func newFleet() Fleet {
	return Fleet{Delivered: map[string][]resolve.Delivered{}, FirstSeen: map[release.Tag]resolve.Seen{}}
}

// deliver adds what exists. A cluster may have Applications and no ApplicationSet.
func (f *Fleet) deliver(sets map[string]*argocd.ApplicationSet, apps map[string][]argocd.Application) error {
	for name := range apps {
		if _, ok := sets[name]; !ok {
			sets[name] = nil
		}
	}
	for name, set := range sets {
		delivered, err := argocd.Delivered(set, apps[name])
		if err != nil {
			return err
		}
		f.Delivered[name] = delivered
		for _, d := range delivered {
			f.see(d.Release, d.Commit, true)
		}
	}
	return nil
}

// remember adds what a CatalogSource recorded of tags. It wins over what is delivered.
func (f *Fleet) remember(cs *v1alpha1.CatalogSource) {
	for _, m := range cs.Status.Minors {
		for _, r := range m.Releases {
			f.see(r.Tag, r.Commit, false)
		}
	}
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
