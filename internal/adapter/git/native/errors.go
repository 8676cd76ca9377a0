package native

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// signs tell from git's words what an error means. The first that matches counts. Only here are they looked at.
var signs = []struct {
	words *regexp.Regexp
	kind  error
}{
	{regexp.MustCompile(`No space left on device|Disk quota exceeded|File too large|Read-only file system|` +
		`unable to (create|write|open) (temporary )?(file|object|loose)|unable to create '|cannot mkdir|unable to write (sha1|loose)|cannot store pack|error finalizing pack`), git.ErrDisk},
	{regexp.MustCompile(`REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|SSL certificate problem|server certificate verification failed|` +
		`certificate (has expired|subject name)|SSL routines|gnutls_handshake|TLS (connect|handshake)`), git.ErrTLS},
	{regexp.MustCompile(`Authentication failed|could not read (Username|Password)|Permission denied \(|returned error: 40[13]|HTTP 40[13]|invalid credentials|terminal prompts disabled`), git.ErrAuth},
	{regexp.MustCompile(`returned error: 30[0-9]|HTTP 30[0-9]|unable to update url base from redirection|redirect`), git.ErrRefused},
	{regexp.MustCompile(`returned error: 404|HTTP 404|repository '[^']*' not found|Repository not found|does not appear to be a git repository|not a git repository`), git.ErrNotFound},
	{regexp.MustCompile(`transport '[^']*' not allowed|detected dubious ownership|blocked: `), git.ErrRefused},
	{regexp.MustCompile(`not valid: is this a git repository|invalid server response|unexpected content-type|smart HTTP service|protocol error: bad line length`), git.ErrNotGit},
	{regexp.MustCompile(`from a shallow repository|shallow roots are not allowed|is shallow`), git.ErrShallow},
	{regexp.MustCompile(`early EOF|the remote end hung up unexpectedly|RPC failed|Could not resolve host|Couldn't connect|Failed to connect|Connection (refused|reset|timed out)|` +
		`Operation (timed out|too slow)|returned error: (429|5\d\d)|Could not read from remote repository|Empty reply|transfer closed|unexpected disconnect|expected flush|` +
		`unable to access`), git.ErrUnreachable},
	{regexp.MustCompile(`corrupt|missing (blob|tree|commit|object)|unable to read (tree|sha1|object)|bad object|bad tree object|bad pack|inflate|invalid index-pack output|loose object|did not send all necessary objects|` +
		`broken links?|not our ref|pack has|unable to parse|could not parse|is not a valid object|unable to find|remote did not send|index-pack|does not match index|cannot read`), git.ErrCorrupt},
}

// ended is a failure that a context caused.
type ended struct {
	told  *git.Error
	cause error
}

func (e ended) Error() string   { return e.told.Error() }
func (e ended) Unwrap() []error { return []error{e.told, e.cause} }

// timeoutError is what ends a transfer that takes too long.
type timeoutError time.Duration

func (t timeoutError) Error() string { return "no complete answer within " + time.Duration(t).String() }
func (t timeoutError) Unwrap() error { return context.DeadlineExceeded }

// fault makes an error of git one that people can read, of the kinds of package git.
func (m *Mirror) fault(err error) error {
	var known *git.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, ErrStale) || errors.Is(err, ErrProtected) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ended{&git.Error{Kind: git.ErrUnreachable, URL: m.where.name, Detail: err.Error()}, err}
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("git repository %s: %w", m.where.name, err)
	}
	return &git.Error{Kind: kindOf(exit.stderr), URL: m.where.name, Detail: detail(exit)}
}

// unknown are git's words for a hash that is not there: the caller's mistake, or damage.
var unknown = regexp.MustCompile(`bad object|[Nn]ot a (tree|commit) object|Not a valid (object|commit) name|not something we can merge|bad revision`)

// broken is fault for what needs no remote. What it finds damaged the next Fetch repairs.
func (m *Mirror) broken(ctx context.Context, err error) error {
	var exit *exitError
	var known *git.Error
	switch {
	case errors.As(err, &known) || !errors.As(err, &exit):
		err = m.fault(err)
	case unknown.MatchString(exit.stderr):
		known = &git.Error{Kind: git.ErrUnknownRevision, URL: m.where.name, Detail: detail(exit)}
		if _, damage := m.readRefs(ctx); damage != nil {
			known.Kind = git.ErrCorrupt
		}
		err = known
	default:
		known = &git.Error{Kind: kindOf(exit.stderr), URL: m.where.name, Detail: detail(exit)}
		if known.Kind != git.ErrDisk {
			known.Kind = git.ErrCorrupt
		}
		err = known
	}
	if errors.Is(err, git.ErrCorrupt) {
		m.damaged.Store(true)
	}
	return err
}

func kindOf(said string) error {
	for _, s := range signs {
		if s.words.MatchString(said) {
			return s.kind
		}
	}
	return git.ErrUnreachable
}

// onDisk makes an error of the mirror's folder.
func (m *Mirror) onDisk(err error) error {
	return &git.Error{Kind: git.ErrDisk, URL: m.where.name, Detail: err.Error()}
}

const maxDetail = 300

// noise are lines that git adds to every failure of a kind, and progress.
var noise = regexp.MustCompile(`^(Please make sure you have the correct access rights|and the repository exists|hint: |warning: |remote: (Enumerating|Counting|Compressing|Total)|\s*$)`)

var (
	answered = regexp.MustCompile(`The requested URL returned error: (\d{3})`)
	absent   = regexp.MustCompile(`fatal: repository '[^']*' not found`)
	asked    = regexp.MustCompile(`could not read (Username|Password)|Authentication failed`)
)

// detail is what git said in one line: the cause, which it says last, and before it what the server said.
func detail(e *exitError) string {
	if m := answered.FindStringSubmatch(e.stderr); m != nil {
		code, _ := strconv.Atoi(m[1])
		switch {
		case code == http.StatusForbidden:
			return "the server forbids it (403)"
		case code == http.StatusNotFound:
			return "the server knows no such repository"
		case code >= 300 && code < 400:
			return fmt.Sprintf("the server sends us elsewhere (%d), and credentials do not go there; give the new address as the URL", code)
		}
		return fmt.Sprintf("the server answers %d %s", code, http.StatusText(code))
	}
	if absent.MatchString(e.stderr) {
		return "the server knows no such repository"
	}
	if asked.MatchString(e.stderr) {
		return "the server asks for authentication (401)"
	}
	var lines []string
	for line := range strings.Lines(e.stderr) {
		line = strings.TrimSpace(line)
		if !noise.MatchString(line) {
			lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: "))
		}
	}
	if len(lines) == 0 {
		return e.Error()
	}
	return markdown.Clip(markdown.Clean(strings.Join(lines, "; ")), maxDetail)
}
