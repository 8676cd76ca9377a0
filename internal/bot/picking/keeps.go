package picking

import (
	"context"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// Keeps says why nothing would be left of a change on a branch, when that is because the branch keeps its own versions. It is empty for all
// other changes. Alone is what came of applying the change.
func Keeps(ctx context.Context, m *native.Mirror, t Target, c ledger.Change, alone native.Picked) (why string, err error) {
	undecidable := func(c pick.Conflict) bool { return c.Kind != pick.Content || !pick.IsYAML(c.Path) }
	if len(alone.Conflicts) == 0 || slices.ContainsFunc(alone.Conflicts, undecidable) {
		return "", nil
	}
	// Nobody sees these commits, so it does not matter whose they are.
	o := Options{Mirror: m, Committer: change.Person{Name: "branch-bot", Email: "branch-bot"}}
	out, err := pickAll(ctx, o, t, pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}}, &alone)
	if err != nil || out.Tip != out.Onto || len(out.Resolved) == 0 {
		return "", err
	}
	r := out.Resolved[0]
	why = fmt.Sprintf("nothing is left of it here: the branch keeps %s instead of %s in %s, as %s", r.Taken, r.Theirs, r.Path, r.Reason)
	if more := len(out.Resolved) - 1; more > 0 {
		why += ", and so with " + markdown.Count(more, "more version")
	}
	return why, nil
}
