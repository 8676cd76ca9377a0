// Package git reads config repositories: which branches and tags there are, what descends from what, and the files of
// a commit. It never writes to the repository it reads and never checks anything out.
//
// A remote repository is mirrored, bare and with its whole history, into a folder of its own. Whatever happens to the
// remote or on the way, the last state that was fetched whole stays readable. A repository on disk is read in place.
// No git program is needed.
//
// What comes from a repository is not trusted: ref names are data and never become file paths, symbolic links are
// never followed, objects are checked against their hashes and bounded in size. Errors and printed values hold no
// credentials. A Repository may be used from several goroutines.
package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Defaults of Options.
const (
	DefaultTimeout   = 2 * time.Minute
	DefaultMaxBlob   = 4 << 20
	DefaultMaxObject = 128 << 20
	DefaultMaxPack   = 2 << 30
)

// Options say which repository to read, and how.
type Options struct {
	// URL is http://, https:// or ssh://, user@host:path, and with AllowLocal also file:// or a folder. Credentials in it are used and never
	// shown; those in Auth win.
	URL  string
	Auth Auth
	// AllowLocal accepts repositories on this machine's disk: for a person's command line, not for a URL that comes
	// from a cluster.
	AllowLocal bool
	// Dir is the folder for the mirror of a remote repository. It belongs to one process at a time and is made when
	// it is not there. Empty means a temporary folder that Close removes.
	Dir string
	// Timeout bounds one Fetch; 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxBlob bounds the size of a file that is read. MaxObject bounds any file in the history: each is in memory once,
	// while a transfer is taken in. MaxPack bounds the bytes of a transfer. 0 means the defaults.
	MaxBlob, MaxObject, MaxPack int64
	// Log, when set, hears what the repository does by itself, such as discarding a damaged mirror.
	Log func(message string, pairs ...any)
}

// Repository is one config repository.
type Repository struct {
	name     string // the URL without credentials
	secrets  []string
	options  Options
	remote   *remote // nil for a repository on disk
	mirror   *mirror // nil for a repository on disk
	localDir string

	// fetching lets one Fetch run at a time; readers do not wait for it.
	fetching sync.Mutex

	mu      sync.RWMutex
	objects *objects
	state   *state
	history *history
}

// Refs are the names a repository has for commits.
type Refs struct {
	// Head is the name of the default branch, empty when there is none.
	Head string
	// Branches and Tags map each name, without refs/heads/ or refs/tags/, to the hash of its commit.
	Branches, Tags map[string]string
	// Problems lists refs that name no commit, sorted by name. They are in neither map.
	Problems []fault.Problem
}

// Open opens a repository. It does not use the network: a remote repository shows what was fetched last, which after a
// restart is what the mirror on disk holds, and ErrNotFetched before the first Fetch.
func Open(ctx context.Context, o Options) (*Repository, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBlob <= 0 {
		o.MaxBlob = DefaultMaxBlob
	}
	if o.MaxObject <= 0 {
		o.MaxObject = DefaultMaxObject
	}
	if o.MaxPack <= 0 {
		o.MaxPack = DefaultMaxPack
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	loc, err := parseLocation(o.URL)
	if err != nil {
		return nil, err
	}
	r := &Repository{name: loc.name, options: o}
	if loc.scheme == schemeLocal {
		if !o.AllowLocal {
			return nil, &Error{Kind: ErrRefused, URL: loc.name, Detail: "a folder on disk is not allowed here"}
		}
		r.localDir = loc.path
		if _, err := r.readLocal(); err != nil {
			return nil, err
		}
		return r, nil
	}
	auth := o.Auth.with(loc)
	r.secrets = auth.secrets()
	r.options.Auth = Auth{} // held by the remote only
	if r.remote, err = newRemote(loc, auth); err != nil {
		return nil, r.fault(err)
	}
	if r.mirror, err = openMirror(o.Dir, loc.name, o.Log); err != nil {
		return nil, r.fault(err)
	}
	if err := r.readMirror(ctx); err != nil {
		return nil, errors.Join(r.fault(err), r.mirror.close())
	}
	return r, nil
}

// URL is where the repository is, without credentials.
func (r *Repository) URL() string { return r.name }

// Close gives the mirror's folder free, and removes it when it was temporary.
func (r *Repository) Close() error {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	if r.objects != nil {
		errs = append(errs, r.objects.close())
	}
	r.objects, r.state = nil, nil
	if r.mirror != nil {
		errs = append(errs, r.mirror.close())
	}
	return errors.Join(errs...)
}

// Fetch brings the state up to date and tells whether any branch, tag or the default branch changed. Asking costs
// one request when nothing did. Refs that are gone remotely go, tags that moved move. When it fails, what was there
// before stays.
func (r *Repository) Fetch(ctx context.Context) (changed bool, err error) {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	if r.remote == nil {
		return r.readLocal()
	}
	limited, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, timeoutError(r.options.Timeout))
	defer cancel()
	changed, err = r.fetch(limited)
	if err != nil && limited.Err() != nil {
		// However the end of the context shows itself, as a closed connection or a short pack, it is the reason.
		err = context.Cause(limited)
	}
	return changed, r.fault(err)
}

// Refs gives the branches and tags of the current state. The caller owns the result.
func (r *Repository) Refs() (Refs, error) {
	s, _, err := r.current()
	if err != nil {
		return Refs{}, err
	}
	return s.refs.clone(), nil
}

// current is the state readers see.
func (r *Repository) current() (*state, *objects, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.state == nil {
		return nil, nil, &Error{Kind: ErrNotFetched, URL: r.name}
	}
	return r.state, r.objects, nil
}

// publish makes a state the current one.
func (r *Repository) publish(s *state, o *objects, h *history) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.objects
	r.state, r.objects, r.history = s, o, h
	if old != nil && old != o {
		_ = old.close()
	}
}

// read gives an object that another object names, checked against its hash. It remembers damage, so that the next
// Fetch builds the mirror anew.
func (r *Repository) read(h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	_, objects, err := r.current()
	if err != nil {
		return 0, nil, err
	}
	typ, content, err := objects.read(h, limit)
	if errors.Is(err, ErrCorrupt) {
		objects.markDamaged()
		err = r.fault(err)
	}
	return typ, content, err
}

// missing tells what it means that the commit h, which a caller asked for, is not there: damage when it was once.
func (r *Repository) missing(h plumbing.Hash, asked string) error {
	r.mu.RLock()
	history, objects := r.history, r.objects
	r.mu.RUnlock()
	if history != nil && objects != nil && history.knows(h) {
		objects.markDamaged()
		return r.fault(fmt.Errorf("%w: %w %s", ErrCorrupt, errMissing, h))
	}
	return &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf("%q", asked)}
}

// fault makes an error one that people can read: classified, with the repository's name, without credentials.
func (r *Repository) fault(err error) error {
	if err == nil {
		return nil
	}
	return classify(r.name, err, r.secrets)
}

// readLocal reads the refs of a repository on disk.
func (r *Repository) readLocal() (changed bool, err error) {
	objects, raw, err := openLocal(r.localDir)
	if err != nil {
		return false, r.fault(err)
	}
	old, oldObjects, err := r.current()
	if err == nil {
		if old.raw.equal(raw) && maps.Equal(oldObjects.shallow, objects.shallow) {
			oldObjects.reindex()
			return false, objects.close()
		}
	}
	s, err := newState(raw, objects, old)
	if err != nil {
		return false, errors.Join(r.fault(err), objects.close())
	}
	r.publish(s, objects, newHistory())
	return true, nil
}

// readMirror shows what the mirror on disk holds, when it holds a whole state.
func (r *Repository) readMirror(ctx context.Context) error {
	objects, raw, err := r.mirror.load(ctx)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var s *state
	if err == nil {
		s, err = newState(raw, objects, nil)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// A mirror is a cache: what cannot be read is fetched again, and until then there is no state.
		r.options.Log("discarding a damaged mirror", "repo", r.name, "reason", r.fault(err).Error())
		if objects != nil {
			_ = objects.close()
		}
		return r.mirror.discard()
	}
	r.publish(s, objects, newHistory())
	return nil
}
