package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// Picked is what comes of applying a commit's change, against its first parent, to another commit.
type Picked struct {
	// Tree is the result. With conflicts, files with Content conflicts have markers in it, and other paths are as on the branch.
	Tree string
	// Empty tells that the branch has all of it already: Tree is the branch's.
	Empty bool
	// Conflicts are sorted by path; none means that it applies.
	Conflicts []pick.Conflict
	// Stages are the three versions of each conflicting path: base, ours (the branch), theirs (the commit).
	Stages map[string]Stages
}

// Stages are the versions of a path in a conflict; zero entries are not there.
type Stages struct{ Base, Ours, Theirs change.Entry }

// Pick applies the change of a commit to another, as `git cherry-pick -m 1` would in a work tree. Onto is a commit; label names it in conflict
// markers. Both are hashes.
func (m *Mirror) Pick(ctx context.Context, onto, label, commit string) (Picked, error) {
	t, err := m.task(onto, label, commit)
	if err != nil {
		return Picked{}, fmt.Errorf("pick %s onto %s: %w", commit, onto, err)
	}
	out, err := m.program.run(ctx, call{args: []string{"merge-tree", "--write-tree", "-z", t.ours, t.theirs}})
	code, ran := exited(err)
	if err != nil && (!ran || code != 1) {
		return Picked{}, m.broken(ctx, fmt.Errorf("pick %s onto %s: %w", commit, onto, err))
	}
	p := &reader{rest: string(out)}
	merged, err := p.merge(code == 1, false)
	if err != nil {
		return Picked{}, fmt.Errorf("pick %s onto %s: %w", commit, onto, err)
	}
	return m.picked(t, merged)
}

// PickEach applies each commit to the same other one, without the others. It is much faster than one Pick after another.
func (m *Mirror) PickEach(ctx context.Context, onto string, commits []string) ([]Picked, error) {
	results := make([]Picked, 0, len(commits))
	if len(commits) == 0 {
		return results, nil
	}
	if m.program.minor < 39 {
		for _, c := range commits {
			p, err := m.Pick(ctx, onto, short(onto), c)
			if err != nil {
				return nil, err
			}
			results = append(results, p)
		}
		return results, nil
	}
	tasks := make([]task, len(commits))
	var in strings.Builder
	for i, c := range commits {
		var err error
		if tasks[i], err = m.task(onto, short(onto), c); err != nil {
			return nil, fmt.Errorf("pick %s onto %s: %w", c, onto, err)
		}
		fmt.Fprintf(&in, "%s %s\n", tasks[i].ours, tasks[i].theirs)
	}
	out, err := m.program.run(ctx, call{args: []string{"merge-tree", "--write-tree", "-z", "--stdin"}, stdin: strings.NewReader(in.String())})
	if err != nil {
		return nil, m.broken(ctx, fmt.Errorf("pick %d commits onto %s: %w", len(commits), onto, err))
	}
	r := &reader{rest: string(out)}
	for i, c := range commits {
		clean, err := r.field()
		var merged merge
		if err == nil {
			merged, err = r.merge(clean == "0", true)
		}
		if err != nil {
			return nil, fmt.Errorf("pick %s onto %s: %w", c, onto, err)
		}
		p, err := m.picked(tasks[i], merged)
		if err != nil {
			return nil, fmt.Errorf("pick %s onto %s: %w", c, onto, err)
		}
		results = append(results, p)
	}
	return results, nil
}

// task is a merge to make: the change of a commit and the branch, as two commits that have the commit's parent in common and nothing else.
//
// So git finds the base that a pick wants in every version that can merge without a work tree, also for merges and for the first commit of a
// history, and does not walk through the history to find it.
type task struct {
	ours, theirs string
	// onto is the branch's tree.
	onto   string
	labels labels
}

// labels stand in conflict markers.
type labels struct{ ours, base, theirs string }

func (m *Mirror) task(onto, label, commit string) (t task, err error) {
	branch, err := m.commit(onto)
	if err != nil {
		return t, err
	}
	source, err := m.commit(commit)
	if err != nil {
		return t, err
	}
	before := commitObject{tree: emptyTree}
	if source.parent != "" {
		if before, err = m.commit(source.parent); err != nil {
			return t, err
		}
	}
	synthetic := func(tree, parent string) string {
		if err != nil {
			return ""
		}
		var hash string
		hash, err = m.write(plumbing.CommitObject, []byte("tree "+tree+"\n"+parent+
			"author branch-bot <> 0 +0000\ncommitter branch-bot <> 0 +0000\n\nfor a merge\n"))
		return hash
	}
	base := "parent " + synthetic(before.tree, "") + "\n"
	t = task{ours: synthetic(branch.tree, base), theirs: synthetic(source.tree, base), onto: branch.tree}
	name := short(commit)
	if subject := markdown.OneLine(source.subject); subject != "" {
		name += " (" + markdown.Clip(subject, 80) + ")"
	}
	t.labels = labels{ours: markdown.OneLine(label), base: "parent of " + name, theirs: name}
	if source.parent == "" {
		t.labels.base = "(empty tree)"
	}
	return t, err
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// merge is what merge-tree says.
type merge struct {
	clean    bool
	tree     string
	stages   []stage
	messages []message
}

type stage struct {
	path  string
	entry change.Entry
	// side is 1 for the base, 2 for ours, 3 for theirs.
	side string
}

// message is what happened to paths. Of its parts, only kind has the same words in each version.
type message struct {
	paths      []string
	kind, text string
}

// reader reads fields that each end with NUL.
type reader struct{ rest string }

var errShort = errors.New("the output of git merge-tree ends too early")

func (r *reader) field() (string, error) {
	f, rest, ok := strings.Cut(r.rest, "\x00")
	if !ok {
		return "", errShort
	}
	r.rest = rest
	return f, nil
}

func (r *reader) merge(conflicts, oneOfMany bool) (g merge, err error) {
	g.clean = !conflicts
	if g.tree, err = r.field(); err != nil {
		return g, err
	}
	if err := hashes(g.tree); err != nil {
		return g, err
	}
	if conflicts {
		if err := r.stages(&g); err != nil {
			return g, err
		}
		if err := r.messages(&g); err != nil {
			return g, err
		}
	}
	if oneOfMany {
		end, err := r.field()
		if err != nil || end != "" {
			return g, fmt.Errorf("git merge-tree ends a result with %q: %w", end, err)
		}
	}
	return g, nil
}

func (r *reader) stages(g *merge) error {
	for {
		line, err := r.field()
		if err != nil || line == "" {
			return err
		}
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 3 {
			return fmt.Errorf("git merge-tree prints %q", line)
		}
		g.stages = append(g.stages, stage{path, change.Entry{Mode: f[0], Blob: f[1]}, f[2]})
	}
}

func (r *reader) messages(g *merge) error {
	for r.rest != "" && r.rest[0] != 0 {
		if r.rest[0] < '0' || r.rest[0] > '9' {
			// Advice about submodules, which is for people and ends with the result.
			end := strings.IndexByte(r.rest, 0)
			if end < 0 {
				end = len(r.rest)
			}
			r.rest = r.rest[end:]
			return nil
		}
		count, err := r.field()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 0 || n > strings.Count(r.rest, "\x00") {
			return fmt.Errorf("git merge-tree prints %q for a number of paths", count)
		}
		fields := make([]string, n+2)
		for i := range fields {
			if fields[i], err = r.field(); err != nil {
				return err
			}
		}
		g.messages = append(g.messages, message{paths: fields[:n], kind: fields[n], text: fields[n+1]})
	}
	return nil
}

// MergeFile merges a file's versions, with markers in diff3 style where they conflict.
func (m *Mirror) MergeFile(ctx context.Context, base, ours, theirs []byte, label, commit string) (merged []byte, clean bool, err error) {
	dir, err := os.MkdirTemp(m.dir, "merge-")
	if err != nil {
		return nil, false, m.onDisk(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args := []string{"merge-file", "--stdout", "--diff3", "--quiet"}
	for _, l := range []string{label, "parent of " + commit, commit} {
		args = append(args, "-L", markdown.OneLine(l))
	}
	args = append(args, "--")
	for _, f := range []struct {
		name    string
		content []byte
	}{{"ours", ours}, {"base", base}, {"theirs", theirs}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, f.content, 0o600); err != nil {
			return nil, false, m.onDisk(err)
		}
		args = append(args, path)
	}
	merged, err = m.program.run(ctx, call{args: args})
	if code, ran := exited(err); ran && code < 128 {
		return merged, false, nil // the code is the number of conflicts
	}
	if err != nil {
		return nil, false, m.broken(ctx, fmt.Errorf("merge a file: %w", err))
	}
	return merged, true, nil
}
