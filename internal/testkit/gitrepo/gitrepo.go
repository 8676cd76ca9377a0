// Package gitrepo builds small bare Git repositories for tests and for the sandbox, with native git.
//
// The same calls on a new repository give the same hashes on every machine: author, committer and dates are fixed, and
// no configuration of the machine or the user is read. Calls on one Repo may come from several goroutines. Callers
// guarantee that git is installed.
package gitrepo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Author of every commit and tag.
const (
	AuthorName  = "Addon Tester"
	AuthorEmail = "tester@example.com"
)

// epoch is the date of the first commit, 2025-01-01T00:00:00Z; each further commit or tag is a minute later.
const epoch = 1735689600

// DefaultBranch is what HEAD of a new repository names.
const DefaultBranch = "main"

// Repo is a bare repository on disk.
type Repo struct {
	// Dir is the bare repository's folder.
	Dir string

	mu sync.Mutex
	// ticks counts the commits and annotated tags, so that each has its own date.
	ticks int64
}

// Create makes an empty bare repository in dir, which may exist but must be empty. Its HEAD names DefaultBranch.
func Create(dir string) (*Repo, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("create repository: %s is not empty", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	r := &Repo{Dir: abs}
	if _, err := r.git(nil, "init", "-q", "--bare", "--initial-branch="+DefaultBranch, "."); err != nil {
		return nil, err
	}
	// Hosted Git serves any commit by its hash, also one that no branch has any more; Argo CD asks for revisions so.
	for _, set := range [][2]string{{"uploadpack.allowAnySHA1InWant", "true"}, {"uploadpack.allowFilter", "true"}, {"gc.auto", "0"}} {
		if _, err := r.git(nil, "config", set[0], set[1]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Open opens a repository that Create made before. New commits are dated after those that are there.
func Open(dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	r := &Repo{Dir: abs}
	if _, err := r.git(nil, "rev-parse", "--git-dir"); err != nil {
		return nil, err
	}
	dates, err := r.git(nil, "for-each-ref", "--format=%(creatordate:unix)")
	if err != nil {
		return nil, err
	}
	for date := range strings.FieldsSeq(dates) {
		unix, err := strconv.ParseInt(date, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("open repository %s: date %q: %w", dir, date, err)
		}
		r.ticks = max(r.ticks, (unix-epoch)/60+1)
	}
	return r, nil
}

// Git runs one git command in the repository and returns what it printed, without the line end. It is for the odd
// case that has no method, such as packing or damaging a repository on purpose.
func (r *Repo) Git(args ...string) (string, error) {
	return r.git(nil, args...)
}

// Resolve gives the commit of a branch, tag or hash.
func (r *Repo) Resolve(rev string) (string, error) {
	return r.git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
}

// tick is the next date. The caller holds no lock.
func (r *Repo) tick() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	date := epoch + r.ticks*60
	r.ticks++
	return date
}

func (r *Repo) git(stdin []byte, args ...string) (string, error) {
	return r.gitDated(epoch, stdin, args...)
}

func (r *Repo) gitDated(date int64, stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	cmd.Env = Env()
	stamp := strconv.FormatInt(date, 10) + " +0000"
	cmd.Env = append(cmd.Env, "GIT_AUTHOR_DATE="+stamp, "GIT_COMMITTER_DATE="+stamp)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if said == "" {
			return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
		}
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// Env is an environment for native git that holds nothing of the machine's or the user's configuration, and never
// asks a question.
func Env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.DevNull,
		"LC_ALL=C",
		"TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=" + AuthorName,
		"GIT_AUTHOR_EMAIL=" + AuthorEmail,
		"GIT_COMMITTER_NAME=" + AuthorName,
		"GIT_COMMITTER_EMAIL=" + AuthorEmail,
	}
}
