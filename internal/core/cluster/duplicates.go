package cluster

import (
	"slices"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// maxOthers is how many of the clusters that share something a message names.
const maxOthers = 3

// Duplicates finds clusters that share their API server or their display name with another, by object name. All sides are held: which of
// them is the slip cannot be known, and two that deliver to one API server undo each other's work.
func Duplicates(all []Facts) map[string]fault.Reason {
	secrets, servers, names := groups{}, groups{}, groups{}
	for _, f := range all {
		secrets.add(f.Name, f.Name)
		names.add(f.DisplayName, f.Name)
		if f.Server != "" {
			servers.add(serverKey(f.Server), f.Name)
		}
	}
	found := map[string]fault.Reason{}
	for name, same := range secrets {
		if len(same) > 1 {
			found[name] = fault.Reasonf(CodeDuplicateSecret, "%d cluster Secrets are named %s; nothing changes until one is left", len(same), plain(name))
		}
	}
	report := func(by groups, code fault.Code, what, remedy string) {
		for _, same := range by {
			same = slices.Compact(slices.Sorted(slices.Values(same)))
			if len(same) < 2 {
				continue
			}
			for i, name := range same {
				if _, known := found[name]; known {
					continue
				}
				found[name] = fault.Reasonf(code, "%s is also that of %s; nothing changes on any of them until %s", what, others(same, i), remedy)
			}
		}
	}
	report(servers, CodeDuplicateServer, "the address in data.server", "each address is in one Secret")
	report(names, CodeDuplicateName, "the name in data.name", "each name is in one Secret")
	return found
}

// groups are the object names of the clusters that have a value in common.
type groups map[string][]string

func (g groups) add(value, name string) {
	if value != "" {
		g[value] = append(g[value], name)
	}
}

// others lists same without its i-th, cut after a few.
func others(same []string, i int) string {
	var b strings.Builder
	listed := 0
	for j, name := range same {
		if j == i {
			continue
		}
		if listed == maxOthers {
			b.WriteString(" and " + count(len(same)-1-maxOthers, "other"))
			break
		}
		if listed > 0 {
			b.WriteString(", ")
		}
		b.WriteString(plain(name))
		listed++
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
