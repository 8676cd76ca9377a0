package native

import (
	"context"
	"maps"
	"slices"
)

func auth(user, password string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) { return user, password, nil }
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
