package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// maxHaves bounds the commits we tell the server that we have. More would save a little transfer in odd cases.
const maxHaves = 1000

// session is one connection to a server's git-upload-pack.
type session interface {
	AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error)
	UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	Close() error
}

// fetch asks for the refs, transfers what is missing, checks it, and only then shows the new state.
func (r *Repository) fetch(ctx context.Context) (changed bool, err error) {
	s, err := r.remote.connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = s.Close() }()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		if kindOf(err) == ErrCorrupt {
			return false, fmt.Errorf("%w: list refs: %w", ErrNotGit, err)
		}
		return false, fmt.Errorf("list refs: %w", err)
	}
	if len(adv.Shallows) > 0 {
		return false, &Error{Kind: ErrShallow, Detail: "the server's repository lacks a part of its history"}
	}
	raw := advertised(adv)
	if len(raw.objects) == 0 {
		return false, ErrEmpty
	}
	// keep is the mirror whose objects a new one takes over, when there is one and it is sound.
	var keep *objects
	old, objects, err := r.current()
	first := err != nil
	if !first && objects.isDamaged() {
		r.options.Log("fetching the mirror anew, because it is damaged", "repo", r.name)
		first = true
	}
	if !first && old.raw.equal(raw) {
		return false, nil
	}
	if !first && r.mirror.crowded() {
		first, keep = true, objects
	}
	dir, haves := r.mirror.repository(), []plumbing.Hash(nil)
	if first {
		if dir, err = r.mirror.build(); err != nil {
			return false, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	} else {
		haves = offer(old, objects)
	}
	next, h, err := r.transfer(ctx, s, adv, dir, raw, haves, first)
	if err == nil && keep != nil {
		err = r.carryOver(ctx, keep, dir)
	}
	if err != nil {
		return false, err
	}
	if err := writeRefs(dir, raw); err != nil {
		return false, err
	}
	if first {
		install := func() error { return r.mirror.install(dir) }
		if objects != nil {
			err = objects.replaced(install)
		} else if err = install(); err == nil {
			objects, err = openObjects(r.mirror.repository())
		}
		if err != nil {
			return false, err
		}
	}
	changed = old == nil || !old.raw.equal(raw)
	r.publish(next, objects, h)
	return changed, nil
}

// carryOver completes a new mirror with what only the old one has.
func (r *Repository) carryOver(ctx context.Context, from *objects, dir string) (err error) {
	to, err := openObjects(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	if err = carryOver(ctx, from, to, dir, limits{r.options.MaxPack, r.options.MaxObject}); err != nil {
		from.markDamaged()
		return fmt.Errorf("build the mirror anew: %w", err)
	}
	return nil
}

// transfer brings the missing objects into dir and gives the state that they make. first means that dir is empty.
func (r *Repository) transfer(ctx context.Context, s session, adv *packp.AdvRefs, dir string, raw rawRefs,
	haves []plumbing.Hash, first bool,
) (next *state, h *history, err error) {
	var (
		old  *state
		into *objects
	)
	if !first {
		if old, into, err = r.current(); err != nil {
			return nil, nil, err
		}
	}
	var wants []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, ref := range slices.Sorted(maps.Keys(raw.objects)) {
		if h := raw.objects[ref]; !seen[h] && (first || !into.has(h)) {
			seen[h] = true
			wants = append(wants, h)
		}
	}
	if len(wants) > 0 {
		if err := receive(ctx, s, adv, wants, haves, dir, limits{r.options.MaxPack, r.options.MaxObject}); err != nil {
			return nil, nil, err
		}
	}
	if first {
		h = newHistory()
		if into, err = openObjects(dir); err != nil {
			return nil, nil, err
		}
		defer func() { _ = into.close() }()
	} else {
		h = r.history
		into.reindex()
	}
	// Before anything is shown: every ref's commits are all there, down to the first.
	if next, err = checked(ctx, raw, into, old, h); err != nil {
		if errors.Is(err, ErrCorrupt) {
			into.markDamaged()
		}
		return nil, nil, fmt.Errorf("check what was received: %w", err)
	}
	return next, h, nil
}

// checked gives the state that refs make, when all their commits are there.
func checked(ctx context.Context, raw rawRefs, objects *objects, old *state, h *history) (*state, error) {
	s, err := newState(raw, objects, old)
	if err != nil {
		return nil, err
	}
	for _, p := range s.peeled {
		if p.err != nil {
			continue
		}
		if err := h.load(ctx, objects, p.commit); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// receive asks for a pack and stores it.
func receive(ctx context.Context, s session, adv *packp.AdvRefs, wants, haves []plumbing.Hash, dir string, limits limits) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	if adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	req.Wants, req.Haves = wants, haves
	response, err := s.UploadPack(ctx, req)
	if err != nil {
		return fmt.Errorf("ask for objects: %w", err)
	}
	defer func() { _ = response.Close() }()
	var pack io.Reader = response
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, response)
	case req.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, response)
	}
	if err := storePack(ctx, dir, pack, limits); err != nil {
		if errors.Is(err, ErrDisk) || errors.Is(err, ErrRefused) || ctx.Err() != nil {
			return err
		}
		// Whatever else cuts a transfer short, the pack is what is incomplete.
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// advertised takes branches, tags and the default branch out of what the server lists.
func advertised(adv *packp.AdvRefs) rawRefs {
	raw := rawRefs{objects: map[string]plumbing.Hash{}}
	for ref, h := range adv.References {
		switch {
		case !strings.HasPrefix(ref, headsPrefix) && !strings.HasPrefix(ref, tagsPrefix):
		case !validRefName(ref):
			raw.bad = append(raw.bad, ref)
		default:
			raw.objects[ref] = h
		}
	}
	slices.Sort(raw.bad)
	for _, pair := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(pair, "HEAD:"); ok && strings.HasPrefix(target, headsPrefix) && validRefName(target) {
			raw.head = target
			return raw
		}
	}
	if adv.Head == nil {
		return raw
	}
	// A server that does not say which branch HEAD is: the one at that commit, main and master first.
	candidates := slices.DeleteFunc(slices.Sorted(maps.Keys(raw.objects)), func(ref string) bool {
		return !strings.HasPrefix(ref, headsPrefix) || raw.objects[ref] != *adv.Head
	})
	rank := func(ref string) int { return 1 + slices.Index([]string{"refs/heads/master", "refs/heads/main"}, ref) }
	slices.SortStableFunc(candidates, func(a, b string) int { return cmp.Compare(rank(b), rank(a)) })
	if len(candidates) > 0 {
		raw.head = candidates[0]
	}
	return raw
}

// offer lists commits that we have whole, branches first.
func offer(old *state, objects *objects) []plumbing.Hash {
	var haves []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, prefix := range []string{headsPrefix, tagsPrefix} {
		for _, ref := range slices.Sorted(maps.Keys(old.raw.objects)) {
			h := old.raw.objects[ref]
			if len(haves) < maxHaves && strings.HasPrefix(ref, prefix) && !seen[h] && objects.has(h) {
				seen[h] = true
				haves = append(haves, h)
			}
		}
	}
	return haves
}
