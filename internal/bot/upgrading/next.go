package upgrading

import (
	"context"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// On are newer versions of main's addons that say themselves, or of which the catalog says, that they run on a minor, by addon: what would help when an addon is
// not ready for it. What the catalog says of the addon's own range does not count, since that is what a newer version would change.
func (f Found) On(ctx context.Context, o Options, k Known, m version.Minor) (map[string]string, error) {
	minors := []version.Minor{m}
	f.request.Main.Minors, f.request.Branches = minors, nil
	f.request.Main.Addons = slices.Clone(f.request.Main.Addons)
	for i := range f.request.Main.Addons {
		f.request.Main.Addons[i].Kubernetes = version.Range{}
	}
	there, err := f.Again(ctx, o, k)
	if err != nil {
		return nil, err
	}
	fixes := map[string]string{}
	for _, u := range there.Plan.Upgrades {
		i := slices.IndexFunc(u.Changes, func(c upgrade.Change) bool { return c.To == u.To })
		if i < 0 {
			continue
		}
		if supported := u.Changes[i].Version.Kubernetes != "" || f.supports(u.Addon, m); supported {
			fixes[u.Addon] = u.To
		}
	}
	return fixes, nil
}

// supports tells whether main's catalog says which versions of an addon run on a minor.
func (f Found) supports(addon string, m version.Minor) bool {
	return slices.ContainsFunc(f.request.Main.Addons, func(a upgrade.Addon) bool { return a.Name == addon && a.Upstream.Support[m] != "" })
}
