package branches

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// ErrNotOffered means that main's catalog does not offer a minor.
var ErrNotOffered = errors.New("main's catalog does not offer it")

// Cut plans the branches that are missing, and those of Options.Follow that main is ahead of. Minors limits it; one that main's catalog does
// not offer is an error, one whose branch is there already is nothing to do.
func Cut(ctx context.Context, o Options, minors []version.Minor) ([]*steps.Step, error) {
	o.Hub = nil
	w, err := gather(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(minors) > 0 {
		if err := w.offered(minors); err != nil {
			return nil, err
		}
		w.Uncut = slices.DeleteFunc(w.Uncut, func(m version.Minor) bool { return !slices.Contains(minors, m) })
		w.Follow = slices.DeleteFunc(slices.Clone(w.Follow), func(m version.Minor) bool { return !slices.Contains(minors, m) })
	}
	cut, err := w.cut(ctx)
	if err != nil {
		return nil, err
	}
	follow, err := w.follow(ctx)
	return append(cut, follow...), err
}

// offered refuses minors that main's catalog does not have.
func (w *world) offered(minors []version.Minor) error {
	all := slices.Clone(w.Uncut)
	for _, b := range w.live() {
		all = append(all, b.Minor)
	}
	slices.SortFunc(all, version.Minor.Compare)
	var refused error
	for _, m := range minors {
		if !slices.Contains(all, m) {
			refused = errors.Join(refused, fmt.Errorf("%s: %w: add it to kubernetes.minors in %s of %s, which has %s",
				m, ErrNotOffered, catalog.File, w.Main, list(all)))
		}
	}
	return refused
}

func list(minors []version.Minor) string {
	names := make([]string, len(minors))
	for i, m := range minors {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

// cut makes the branches of minors that have none.
func (w *world) cut(ctx context.Context) (plan []*steps.Step, failed error) {
	for _, m := range w.Uncut {
		branch := release.Branch(m)
		if problem, err := w.unfit(ctx, m); err != nil {
			failed = errors.Join(failed, fmt.Errorf("cut %s: %w", branch, err))
			continue
		} else if problem != "" {
			plan = append(plan, tell(Refused, branch, 0, "do not cut "+branch+" from "+short(w.MainTip), problem))
			continue
		}
		plan = append(plan, &steps.Step{
			Action: "cut", Branch: branch, What: fmt.Sprintf("make %s from %s of %s", branch, short(w.MainTip), w.Main),
			Why: fmt.Sprintf("%s offers %s", catalog.File, m),
			Do:  w.moves(branch, "", w.MainTip),
		})
	}
	return plan, failed
}

// follow moves branches that nobody has released or changed along with main.
func (w *world) follow(ctx context.Context) (plan []*steps.Step, failed error) {
	for _, b := range w.live() {
		if !slices.Contains(w.Follow, b.Minor) || b.Tip == w.MainTip {
			continue
		}
		if why := unfollowed(b, w.refs.Tags); why != "" {
			plan = append(plan, tell("leave", b.Name, 0, b.Name+" does not follow "+w.Main, why))
			continue
		}
		if problem, err := w.unfit(ctx, b.Minor); err != nil {
			failed = errors.Join(failed, fmt.Errorf("follow %s: %w", b.Name, err))
			continue
		} else if problem != "" {
			plan = append(plan, tell(Refused, b.Name, 0, "do not move "+b.Name+" to "+short(w.MainTip), problem))
			continue
		}
		w.following[b.Name] = true
		plan = append(plan, &steps.Step{
			Action: "follow", Branch: b.Name, What: fmt.Sprintf("move %s from %s to %s of %s", b.Name, short(b.Tip), short(w.MainTip), w.Main),
			Why: "it follows " + w.Main + " until its first release",
			Do:  w.moves(b.Name, b.Tip, w.MainTip),
		})
	}
	return plan, failed
}

// unfollowed says why a branch cannot follow main.
func unfollowed(b ledger.Branch, tags map[string]native.Tag) string {
	if len(b.Commits) > 0 {
		return "it has commits of its own"
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		if t, err := release.ParseTag(name); err == nil && t.Minor == b.Minor {
			return "it has releases, such as " + name
		}
	}
	return ""
}

// unfit says why main cannot become the branch of a minor; empty when it can. The error means that nobody can tell.
func (w *world) unfit(ctx context.Context, m version.Minor) (problem string, err error) {
	tree, err := w.Mirror.Repository().Tree(w.MainTip)
	if err != nil {
		return "", err
	}
	data, err := w.blobAt(ctx, w.MainTip, catalog.File)
	if err != nil {
		return "", err
	}
	_, invalid := catalog.Validate(catalog.File, data, tree, catalog.Options{Main: true})
	var found []string
	for _, p := range invalid {
		found = append(found, p.Error())
	}
	if len(found) == 0 && w.Renders != nil {
		broken, err := w.Renders(ctx, tree, m, nil)
		if err != nil {
			return "", err
		}
		for _, addon := range slices.Sorted(maps.Keys(broken)) {
			found = append(found, addon+" does not render: "+broken[addon])
		}
	}
	return strings.Join(found, "; "), nil
}

// blobAt is a file of a commit; no content when it is not there.
func (w *world) blobAt(ctx context.Context, commit, path string) ([]byte, error) {
	files, err := w.listing(ctx, commit)
	if err != nil || files[path] == (change.Entry{}) {
		return nil, err
	}
	return w.Mirror.Blob(ctx, files[path].Blob)
}

// moves pushes one branch.
func (w *world) moves(branch, from, to string) func(context.Context) error {
	return func(ctx context.Context) error {
		return Push(ctx, w.Mirror, native.Update{Ref: "refs/heads/" + branch, Old: from, New: to})
	}
}

// Push moves a branch. That it is there already is fine, also when the answer to an earlier push was lost.
func Push(ctx context.Context, m *native.Mirror, u native.Update) error {
	err := m.Push(ctx, u)
	if err == nil || errors.Is(err, native.ErrProtected) || ctx.Err() != nil {
		return err
	}
	branch := strings.TrimPrefix(u.Ref, "refs/heads/")
	if now, asked := m.Remote(ctx); asked == nil && now.Branches[branch] == u.New {
		return nil
	}
	if errors.Is(err, native.ErrStale) {
		return fmt.Errorf("%s: somebody else pushed to it meanwhile, so it is left as it is: %w", branch, err)
	}
	return err
}
