package git

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxReach bounds the branch tips whose reachable commits are remembered; each costs a bit per commit.
const maxReach = 64

// history is the graph of commits that was walked so far. Commits never change, so neither does it: it only grows.
type history struct {
	mu      sync.Mutex
	index   map[plumbing.Hash]int32
	commits []plumbing.Hash
	parents [][]int32 // nil while the commit was not read
	whole   []bool    // whether everything below was read
	// cut marks the commits whose parents are missing on purpose, in a shallow clone.
	cut   map[int32]bool
	reach map[int32]reach
}

// reach is what one commit descends from, itself included: a bit for each commit by index.
type reach struct {
	bits []uint64
	// cut means that history ends early somewhere below.
	cut bool
}

func newHistory() *history {
	return &history{index: map[plumbing.Hash]int32{}, cut: map[int32]bool{}, reach: map[int32]reach{}}
}

// Contains tells whether commit is branchCommit or one of its ancestors. Both are full hashes. A branch is walked once
// per tip, so asking for many tags is cheap.
func (r *Repository) Contains(branchCommit, commit string) (bool, error) {
	tip, err := r.hash(branchCommit)
	if err != nil {
		return false, err
	}
	below, err := r.hash(commit)
	if err != nil {
		return false, err
	}
	_, objects, err := r.current()
	if err != nil {
		return false, err
	}
	r.mu.RLock()
	h := r.history
	r.mu.RUnlock()
	if err := h.load(context.Background(), objects, tip); err != nil {
		if errors.Is(err, errMissing) && !objects.has(tip) {
			return false, r.missing(tip, branchCommit)
		}
		if errors.Is(err, ErrCorrupt) {
			objects.markDamaged()
		}
		return false, r.fault(err)
	}
	found, cut := h.contains(tip, below)
	if found {
		return true, nil
	}
	if !objects.has(below) {
		return false, r.missing(below, commit)
	}
	if cut {
		return false, &Error{
			Kind: ErrShallow, URL: r.name,
			Detail: fmt.Sprintf("its history ends before it shows whether %s is part of %s", commit, branchCommit),
		}
	}
	return false, nil
}

func (r *Repository) hash(s string) (plumbing.Hash, error) {
	if !plumbing.IsHash(s) {
		return plumbing.ZeroHash, &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf("%q is not a full commit hash", s)}
	}
	return plumbing.NewHash(s), nil
}

// load reads the commits that tip descends from, as far as they were not read before.
func (h *history) load(ctx context.Context, objects *objects, tip plumbing.Hash) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var walked []int32
	seen := map[int32]bool{}
	for todo := []int32{h.number(tip)}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if h.whole[i] || seen[i] {
			continue
		}
		seen[i] = true
		walked = append(walked, i)
		if h.parents[i] == nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := h.readParents(objects, i); err != nil {
				return err
			}
		}
		todo = append(todo, h.parents[i]...)
	}
	// Only now: a walk that failed halfway must be walked again.
	for _, i := range walked {
		h.whole[i] = true
	}
	return nil
}

func (h *history) readParents(objects *objects, i int32) error {
	c, err := objects.commit(h.commits[i])
	if err != nil {
		return err
	}
	parents := make([]int32, 0, len(c.ParentHashes))
	if objects.shallow[h.commits[i]] {
		h.cut[i] = true
	} else {
		for _, p := range c.ParentHashes {
			parents = append(parents, h.number(p))
		}
	}
	h.parents[i] = parents
	return nil
}

func (h *history) number(commit plumbing.Hash) int32 {
	i, known := h.index[commit]
	if !known {
		i = int32(len(h.parents))
		h.index[commit] = i
		h.commits = append(h.commits, commit)
		h.whole = append(h.whole, false)
		h.parents = append(h.parents, nil)
	}
	return i
}

// knows tells whether a commit was part of the history at some time.
func (h *history) knows(commit plumbing.Hash) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, known := h.index[commit]
	return known && h.whole[i]
}

// contains tells whether tip reaches commit, and whether history below tip ends early. tip was loaded.
func (h *history) contains(tip, commit plumbing.Hash) (found, cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.index[tip]
	r, known := h.reach[t]
	if !known {
		r = h.walk(t)
		if len(h.reach) >= maxReach {
			clear(h.reach)
		}
		h.reach[t] = r
	}
	i, known := h.index[commit]
	return known && int(i/64) < len(r.bits) && r.bits[i/64]&(1<<(i%64)) != 0, r.cut
}

func (h *history) walk(tip int32) reach {
	r := reach{bits: make([]uint64, len(h.parents)/64+1)}
	for todo := []int32{tip}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if r.bits[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		r.bits[i/64] |= 1 << (i % 64)
		r.cut = r.cut || h.cut[i]
		todo = append(todo, h.parents[i]...)
	}
	return r
}
