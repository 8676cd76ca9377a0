// Package native works on a config repository with the git program, in a bare mirror without a work tree: it fetches, merges, writes commits and
// tags, and pushes. What it writes stays in the mirror until Push.
//
// The program runs isolated: no configuration, hook, credential helper, prompt, attribute driver, replaced object or transport of the user's or of the
// repository's own takes part, and what comes from outside is never an option or a path of the mirror. Credentials are in no argument, file or error.
//
// Refs, trees and files are read through package git, which Repository opens on the mirror.
package native

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
)

// What a push can be refused for; errors.Is tells which.
var (
	// ErrStale means that a ref is not what the caller thought: somebody else was faster. Nothing was pushed.
	ErrStale = errors.New("the ref has moved")
	// ErrProtected means that the server's rules refuse it. Nothing was pushed.
	ErrProtected = errors.New("the server refuses it")
)

// Options say which repository to work on, and where.
type Options struct {
	// URL is http(s)://, ssh://, user@host:path, file:// or a folder. A folder is never written to, but by Push.
	URL string
	// Dir is the folder of the mirror. It is kept between runs, and made, checked and made anew as needed. One process at a time has it: another waits. Empty means a
	// temporary folder that Close removes.
	Dir string
	// Auth gives user and password for HTTP, asked for anew for each request since tokens end. Nil or empty answers mean none.
	Auth func(ctx context.Context) (user, password string, err error)
	// Timeout bounds one Fetch or Push; 0 means git.DefaultTimeout.
	Timeout time.Duration
	// Git is the program; empty means git in the PATH. At least 2.38.
	Git string
	// Log, when set, hears what happens by itself, such as discarding a damaged mirror.
	Log func(message string, pairs ...any)
}

// Mirror is one repository. Its methods may be called from several goroutines.
type Mirror struct {
	options Options
	where   location
	program *program
	dir     string
	log     func(message string, pairs ...any)
	lock    *os.File

	// fetching lets one Fetch run at a time.
	fetching sync.Mutex
	closed   bool
	// damaged is set when git met damage, so that the next Fetch builds the mirror anew.
	damaged atomic.Bool

	// What follows is nil before the first Fetch.
	mu         sync.RWMutex
	refs       *state
	objects    *objects
	repository *git.Repository
}

// Open opens the mirror. It does not use the network.
func Open(ctx context.Context, o Options) (*Mirror, error) {
	if o.Timeout <= 0 {
		o.Timeout = git.DefaultTimeout
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	where, err := parseLocation(o.URL)
	if err != nil {
		return nil, err
	}
	m := &Mirror{options: o, where: where, dir: o.Dir, log: o.Log}
	if m.program, err = newProgram(ctx, o.Git); err != nil {
		return nil, err
	}
	if m.dir == "" {
		m.dir, err = os.MkdirTemp("", "branch-bot-mirror-")
	} else if m.dir, err = filepath.Abs(m.dir); err == nil {
		err = os.MkdirAll(m.dir, 0o700)
	}
	if err != nil {
		return nil, m.onDisk(err)
	}
	if m.lock, err = lock(ctx, m.dir, o.Log); err != nil {
		return nil, m.onDisk(err)
	}
	m.program.repository, m.program.held, m.program.secrets = m.path(repositoryName), m.lock, []string{where.password}
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if m.refs != nil {
		if err := m.open(ctx); err != nil {
			m.log("discarding a damaged mirror", "repo", m.where.name, "reason", err.Error())
			if err := m.discard(); err != nil {
				return nil, errors.Join(err, m.Close())
			}
		}
	}
	return m, nil
}

// Close gives the folder free.
func (m *Mirror) Close() error {
	m.fetching.Lock()
	defer m.fetching.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.forget()
	var err error
	if m.repository != nil {
		err = m.repository.Close()
	}
	if !m.damaged.Load() {
		err = errors.Join(err, os.Remove(m.path(openName)))
	}
	err = errors.Join(err, syscall.Flock(int(m.lock.Fd()), syscall.LOCK_UN), m.lock.Close())
	if m.options.Dir == "" {
		err = errors.Join(err, os.RemoveAll(m.dir))
	}
	return err
}

// Repository reads the mirror's refs, trees and files, as of the last Fetch. Commits and trees that were written since are readable by hash. Before
// the first Fetch there is nothing to read; afterwards it is always the same.
func (m *Mirror) Repository() *git.Repository {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.repository == nil {
		return &git.Repository{}
	}
	return m.repository
}

// Refs are names of the mirror, or of the remote.
type Refs struct {
	// Head is the default branch.
	Head string
	// Branches map names to commits, Tags to what they name, PullHeads numbers of pull requests to commits.
	Branches  map[string]string
	Tags      map[string]Tag
	PullHeads map[int]string
}

// Tag is what a tag names.
type Tag struct {
	// Object is the tag object, equal to Commit for a lightweight tag.
	Object, Commit string
}
