package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// LogRequest says which commits to list.
type LogRequest struct {
	// Of are listed with their ancestors, without Not and its ancestors. All are hashes.
	Of, Not []string
	// FirstParent follows only first parents. Alone leaves out all ancestors: Of are read in their order, and nothing else.
	FirstParent, Alone bool
	// Files and PatchIDs ask for these fields; a merge is compared to its first parent.
	Files, PatchIDs bool
}

// logFormat has a NUL after each field, which no part of a commit can hold. \x01 begins a commit.
const logFormat = "%x01%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B%x00"

const logFields = 10

// Log lists commits, oldest first: parents come before their children.
func (m *Mirror) Log(ctx context.Context, r LogRequest) ([]change.Commit, error) {
	if err := hashes(slices.Concat(r.Of, r.Not)...); err != nil {
		return nil, err
	}
	if len(r.Of) == 0 {
		return nil, nil
	}
	args := []string{"log", "--stdin", "--topo-order", "--reverse", "-z", "--date=raw", "--no-mailmap", "--no-notes", "--format=" + logFormat}
	if r.Alone {
		args = slices.DeleteFunc(append(args, "--no-walk=unsorted"), func(a string) bool { return a == "--topo-order" || a == "--reverse" })
	}
	if r.FirstParent {
		args = append(args, "--first-parent")
	}
	if r.Files {
		args = append(args, "--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent", "--no-ext-diff", "--no-textconv")
	} else {
		args = append(args, "--no-patch")
	}
	in := strings.Join(r.Of, "\n") + "\n"
	for _, h := range r.Not {
		in += "^" + h + "\n"
	}
	out, err := m.program.run(ctx, call{args: args, stdin: strings.NewReader(in)})
	if err != nil {
		return nil, m.broken(ctx, fmt.Errorf("list commits: %w", err))
	}
	commits, err := parseLog(out)
	if err != nil || !r.PatchIDs {
		return commits, err
	}
	list := make([]string, len(commits))
	for i, c := range commits {
		list[i] = c.Hash
	}
	ids, err := m.PatchIDs(ctx, list)
	for i := range commits {
		commits[i].PatchID = ids[commits[i].Hash]
	}
	return commits, err
}

// parseLog reads what git log prints: the fields of a commit, an empty one, and a pair for each file.
func parseLog(out []byte) ([]change.Commit, error) {
	var commits []change.Commit
	rest := out
	next := func() (field string, ok bool) {
		head, tail, found := bytes.Cut(rest, []byte{0})
		if !found {
			return "", false
		}
		rest = tail
		return string(head), true
	}
	for len(rest) > 0 {
		if rest[0] != 1 {
			return nil, fmt.Errorf("list commits: git prints %.60q where a commit begins", rest)
		}
		rest = rest[1:]
		fields := make([]string, 0, logFields)
		for range logFields {
			f, ok := next()
			if !ok {
				return nil, errors.New("list commits: git's list ends in the middle of a commit")
			}
			fields = append(fields, f)
		}
		c := change.Commit{
			Hash: fields[0], Tree: fields[1], Parents: strings.Fields(fields[2]), Message: fields[9],
			Author:    change.Person{Name: fields[3], Email: fields[4], When: parseDate(fields[5])},
			Committer: change.Person{Name: fields[6], Email: fields[7], When: parseDate(fields[8])},
		}
		for len(rest) > 0 && rest[0] != 1 {
			f, _ := next()
			if f = strings.TrimPrefix(f, "\n"); f == "" {
				continue
			}
			path, ok := next()
			meta := strings.Fields(strings.TrimPrefix(f, ":"))
			if !ok || len(meta) != 5 {
				return nil, fmt.Errorf("list commits: git prints %q for a file of %s", f, c.Hash)
			}
			c.Files = append(c.Files, change.File{Path: path, Old: entry(meta[0], meta[2]), New: entry(meta[1], meta[3])})
		}
		slices.SortFunc(c.Files, func(a, b change.File) int { return strings.Compare(a.Path, b.Path) })
		commits = append(commits, c)
	}
	return commits, nil
}

const zeroHash = "0000000000000000000000000000000000000000"

func entry(mode, blob string) change.Entry {
	if blob == zeroHash {
		return change.Entry{}
	}
	return change.Entry{Mode: mode, Blob: blob}
}

// parseDate reads seconds and zone. What a commit says instead of a date is 1970.
func parseDate(raw string) time.Time {
	seconds, zone, _ := strings.Cut(raw, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	at := time.Unix(unix, 0).UTC()
	n, err := strconv.Atoi(zone)
	offset := (n/100*60 + n%100) * 60
	if err != nil || offset == 0 || max(offset, -offset) >= 24*3600 {
		return at
	}
	return at.In(time.FixedZone("", offset))
}

// PatchIDs are patch-ids of commits against their first parents: digests of what a commit changes, wherever in the files. Unlike git's usual ones
// they keep white space, which has a meaning in YAML. Commits that change nothing are not in it.
func (m *Mirror) PatchIDs(ctx context.Context, commits []string) (map[string]string, error) {
	return m.patchIDs(ctx, commits)
}

// ReversePatchIDs are the patch-ids of undoing commits.
func (m *Mirror) ReversePatchIDs(ctx context.Context, commits []string) (map[string]string, error) {
	// Git turns round the prefixes as well, and they are part of a patch-id.
	return m.patchIDs(ctx, commits, "-R", "--src-prefix=b/", "--dst-prefix=a/")
}

func (m *Mirror) patchIDs(ctx context.Context, commits []string, more ...string) (map[string]string, error) {
	if err := hashes(commits...); err != nil {
		return nil, err
	}
	ids := map[string]string{}
	if len(commits) == 0 {
		return ids, nil
	}
	// Binary files are compared by their hashes, submodules and modes as well. No message is in the text, which could look like a patch.
	args := append([]string{
		"diff-tree", "--stdin", "--root", "-r", "-p", "--full-index", "--binary", "--diff-merges=first-parent", "--no-renames",
		"--no-ext-diff", "--no-textconv", "--no-color", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/",
	}, more...)
	how := "--verbatim"
	if m.program.minor < 39 {
		how = "--stable" // white space does not count there
	}
	patches := m.program.command(ctx, call{args: args, stdin: strings.NewReader(strings.Join(commits, "\n") + "\n")})
	said := &head{limit: maxStderr}
	patches.Stderr = said
	pipe, err := patches.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("compute patch-ids: %w", err)
	}
	if err := patches.Start(); err != nil {
		return nil, fmt.Errorf("compute patch-ids: %w", err)
	}
	out, err := m.program.run(ctx, call{args: []string{"patch-id", how}, stdin: pipe})
	_ = pipe.Close()
	if ended := patches.Wait(); err == nil && ended != nil {
		err = &exitError{command: "diff-tree", code: patches.ProcessState.ExitCode(), stderr: said.String()}
	}
	if err != nil {
		return nil, m.broken(ctx, fmt.Errorf("compute patch-ids: %w", err))
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 2 {
			ids[f[1]] = f[0]
		}
	}
	return ids, nil
}

// MergeBase is the best common ancestor, empty when there is none.
func (m *Mirror) MergeBase(ctx context.Context, a, b string) (string, error) {
	if err := hashes(a, b); err != nil {
		return "", err
	}
	out, err := m.program.run(ctx, call{args: []string{"merge-base", a, b}})
	if code, ok := exited(err); ok && code == 1 {
		return "", nil
	}
	if err != nil {
		return "", m.broken(ctx, fmt.Errorf("find the merge base of %s and %s: %w", a, b, err))
	}
	return firstLine(string(out)), nil
}

// Contains tells whether commit is branch or one of its ancestors. Both are hashes.
func (m *Mirror) Contains(ctx context.Context, branch, commit string) (bool, error) {
	if err := hashes(branch, commit); err != nil {
		return false, err
	}
	_, err := m.program.run(ctx, call{args: []string{"merge-base", "--is-ancestor", commit, branch}})
	if code, ok := exited(err); ok && code == 1 {
		return false, nil
	}
	if err != nil {
		return false, m.broken(ctx, fmt.Errorf("ask whether %s has %s: %w", branch, commit, err))
	}
	return true, nil
}
