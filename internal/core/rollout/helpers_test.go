package rollout_test

import (
	"cmp"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func isAhead(r fault.Reason) bool { return r.Code == rollout.CodeAhead }
