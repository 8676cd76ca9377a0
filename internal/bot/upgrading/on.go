package upgrading

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// On are the newer versions of main's addons that say to run on a minor, whether it is offered yet or not, by addon.
func (f Found) On(ctx context.Context, o Options, k Known, m version.Minor) (map[string]string, error) {
	f.request.Branches, f.request.Main.Minors, f.problems = nil, []version.Minor{m}, nil
	there, err := f.Again(ctx, o, k)
	if err != nil {
		return nil, err
	}
	newer := map[string]string{}
	for _, u := range there.Plan.Upgrades {
		newer[u.Addon] = u.To
	}
	return newer, nil
}
