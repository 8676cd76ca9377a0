package native

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Update is a ref to push.
type Update struct {
	// Ref is a full name such as refs/heads/release-1.31.
	Ref string
	// Old is what the remote must have, empty when it must not have the ref. New is what it gets, empty to delete it.
	Old, New string
}

// Push changes refs of the remote, all or none. A ref that the remote has at New already counts as pushed. An error other than ErrStale and ErrProtected
// leaves open whether it happened: ask Remote.
func (m *Mirror) Push(ctx context.Context, updates ...Update) error {
	if len(updates) == 0 {
		return nil
	}
	args := []string{"push", "--quiet", "--atomic", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--no-thin"}
	var what []string
	for _, u := range updates {
		if !validRef(u.Ref) {
			return fmt.Errorf("push: %q is no full name of a ref", u.Ref)
		}
		if err := hashes(slices.DeleteFunc([]string{u.Old, u.New}, func(h string) bool { return h == "" })...); err != nil {
			return fmt.Errorf("push %s: %w", u.Ref, err)
		}
		if u.Old == "" && u.New == "" {
			return fmt.Errorf("push %s: neither an old nor a new hash is given", u.Ref)
		}
		// Never with a plus: it would override the lease.
		args = append(args, "--force-with-lease="+u.Ref+":"+u.Old)
		what = append(what, u.New+":"+u.Ref)
	}
	ctx, cancel := m.limited(ctx)
	defer cancel()
	a, err := m.access(ctx)
	if err != nil {
		return m.fault(err)
	}
	a.env = nil // a folder to which we push must be ours: its hooks run
	_, err = m.program.run(ctx, a.call(append(append(args, "--", m.where.address), what...)...))
	var exit *exitError
	if !errors.As(err, &exit) {
		return m.fault(err)
	}
	return m.refused(exit)
}

// What git says of a ref that it did not push.
var (
	staleWords = regexp.MustCompile(`stale info|non-fast-forward|fetch first|already exists|remote ref updated since checkout|needs force|` +
		`failed to (update|lock)|cannot lock ref|incorrect old value|reference (already exists|conflict)|but expected|transaction`)
	collateral = regexp.MustCompile(`^atomic push fail`)
	refusals   = regexp.MustCompile(`returned error: 403|HTTP 403|pre-receive hook declined`)
)

// refused makes an error of a push that failed.
func (m *Mirror) refused(e *exitError) error {
	var stale, protected []string
	for line := range strings.Lines(e.stdout) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) != 3 || strings.TrimSpace(f[0]) != "!" {
			continue
		}
		_, ref, _ := strings.Cut(f[1], ":")
		why := f[2]
		reason := strings.TrimSuffix(why[strings.IndexByte(why, '(')+1:], ")")
		told := markdown.Clean(ref) + ": " + markdown.Clip(markdown.Clean(reason), maxDetail)
		switch {
		case collateral.MatchString(reason):
		case staleWords.MatchString(reason):
			stale = append(stale, told)
		case strings.HasPrefix(why, "[remote rejected]"):
			protected = append(protected, told)
		default:
			return m.fault(e)
		}
	}
	switch {
	case len(protected) > 0:
		return fmt.Errorf("push to %s: %w: %s%s", m.where.name, ErrProtected, strings.Join(protected, "; "), said(e))
	case len(stale) > 0:
		return fmt.Errorf("push to %s: %w: %s", m.where.name, ErrStale, strings.Join(stale, "; "))
	case refusals.MatchString(e.stderr):
		return fmt.Errorf("push to %s: %w: %s", m.where.name, ErrProtected, detail(e))
	}
	return m.fault(e)
}

// said is what the server wrote for people.
func said(e *exitError) string {
	var lines []string
	for line := range strings.Lines(e.stderr) {
		if text, is := strings.CutPrefix(strings.TrimSpace(line), "remote:"); is && strings.TrimSpace(text) != "" {
			lines = append(lines, strings.TrimSpace(text))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return " (the server says " + fmt.Sprintf("%q", markdown.Clip(strings.Join(lines, " "), maxDetail)) + ")"
}
