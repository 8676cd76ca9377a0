package registry

import (
	"context"
	"slices"
	"sync"
	"time"
)

// memory gives the same answer to everybody who asks for a while, and asks once where many want it at once.
type memory[K comparable, V any] struct {
	// size is how many bytes an answer has, most how many those have together that are kept beside the one just asked for.
	size func(V) int
	most int

	mu    sync.Mutex
	slots map[K]*slot[V]
}

func newMemory[K comparable, V any](most int, size func(V) int) memory[K, V] {
	return memory[K, V]{most: most, size: size, slots: map[K]*slot[V]{}}
}

type slot[V any] struct {
	// turn is held by the one who asks.
	turn  chan struct{}
	value V
	err   error
	until time.Time
}

// failureFresh is how long a failure is remembered: a dead repository costs one wait, not one for each addon.
const failureFresh = time.Minute

func (m *memory[K, V]) get(ctx context.Context, c *Client, key K, ask func() (V, error)) (V, error) {
	now := c.now()
	m.mu.Lock()
	s, ok := m.slots[key]
	if !ok {
		s = &slot[V]{turn: make(chan struct{}, 1)}
		m.slots[key] = s
	}
	m.mu.Unlock()
	var none V
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if now.Before(s.until) {
		return s.value, s.err
	}
	value, err := ask()
	switch now = c.now(); {
	case err == nil:
		s.value, s.err, s.until = value, nil, now.Add(c.o.Fresh)
	case ctx.Err() == nil:
		s.value, s.err, s.until = none, err, now.Add(min(failureFresh, c.o.Fresh))
	}
	m.sweep(now)
	return value, err
}

// sweep forgets what is not fresh any more, and the oldest of what is too much. Whoever holds a turn keeps his slot.
func (m *memory[K, V]) sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type kept struct {
		key   K
		until time.Time
		size  int
	}
	var all []kept
	total := 0
	for key, s := range m.slots {
		select {
		case s.turn <- struct{}{}:
			all = append(all, kept{key, s.until, m.size(s.value)})
			total += m.size(s.value)
			<-s.turn
		default:
		}
	}
	slices.SortFunc(all, func(a, b kept) int { return a.until.Compare(b.until) })
	for _, k := range all {
		if now.Before(k.until) && total <= m.most {
			break
		}
		delete(m.slots, k.key)
		total -= k.size
	}
}
