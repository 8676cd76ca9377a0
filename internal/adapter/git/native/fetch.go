package native

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
)

// access is how one call reaches the remote.
type access struct {
	config  [][2]string
	env     []string
	secrets []string
}

func (a access) call(args ...string) call {
	return call{args: args, config: a.config, env: a.env, secrets: a.secrets}
}

// access asks for credentials, which may be new ones each time.
func (m *Mirror) access(ctx context.Context) (access, error) {
	var a access
	if m.where.folder {
		a.env = []string{"GIT_CONFIG_GLOBAL=" + m.path(trustName)}
		return a, nil
	}
	if !m.where.http {
		return a, nil
	}
	user, password := m.where.user, m.where.password
	if m.options.Auth != nil {
		u, p, err := m.options.Auth(ctx)
		if err != nil {
			return a, &git.Error{Kind: git.ErrAuth, URL: m.where.name, Detail: "no credentials: " + err.Error()}
		}
		if u != "" || p != "" {
			user, password = u, p
		}
	}
	if user == "" && password == "" {
		return a, nil
	}
	if user == "" {
		user = "git" // servers that take a token as the password want some user
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	a.config = [][2]string{{"http.extraHeader", "Authorization: Basic " + encoded}}
	a.secrets = []string{encoded, password}
	if password == "" {
		a.secrets = []string{encoded, user}
	}
	return a, nil
}

// limited bounds one transfer.
func (m *Mirror) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, m.options.Timeout, timeoutError(m.options.Timeout))
}

// Fetch brings branches, tags and pull request heads (refs/pull/*/head, where the server has them) up to date and tells whether anything changed.
// When it fails, what was there before stays. Of a folder whose release branches are only another remote's, refs/remotes/origin/X is branch X.
func (m *Mirror) Fetch(ctx context.Context) (changed bool, err error) {
	m.fetching.Lock()
	defer m.fetching.Unlock()
	limited, cancel := m.limited(ctx)
	defer cancel()
	changed, err = m.fetch(limited)
	return changed, m.fault(err)
}

func (m *Mirror) fetch(ctx context.Context) (changed bool, err error) {
	a, err := m.access(ctx)
	if err != nil {
		return false, err
	}
	l, err := m.list(ctx, a)
	if err != nil {
		return false, err
	}
	m.mu.RLock()
	before := m.refs
	m.mu.RUnlock()
	if before.equal(l.head, l.raw) && !m.damaged.Load() {
		return false, nil
	}
	if before != nil && !m.damaged.Load() {
		err = m.update(ctx, a, l)
		if err == nil || !errors.Is(m.fault(err), git.ErrCorrupt) || ctx.Err() != nil {
			return err == nil && !before.equal(m.refs.head, m.refs.raw), err
		}
		m.log("fetching the mirror anew, because it is damaged", "repo", m.where.name, "reason", err.Error())
	}
	if err := m.rebuild(ctx, a, l); err != nil {
		return false, err
	}
	return !before.equal(m.refs.head, m.refs.raw), nil
}

// update brings the repository up to date in its place.
func (m *Mirror) update(ctx context.Context, a access, l listing) error {
	if err := m.transfer(ctx, a, l, m.program.repository); err != nil {
		return err
	}
	if err := writeHead(m.program.repository, l.head); err != nil {
		return m.onDisk(err)
	}
	if err := m.tidy(ctx); err != nil {
		m.log("the mirror could not be tidied up", "repo", m.where.name, "reason", err.Error())
	}
	return m.show(ctx)
}

// rebuild fetches everything into a new repository, which then takes the place of the old one.
func (m *Mirror) rebuild(ctx context.Context, a access, l listing) error {
	building := m.path(buildingName)
	if err := os.RemoveAll(building); err != nil {
		return m.onDisk(err)
	}
	defer func() { _ = os.RemoveAll(building) }()
	if err := m.layout(building); err != nil {
		return m.onDisk(err)
	}
	if m.where.folder {
		m.seed(ctx, a, building)
	}
	if err := m.transfer(ctx, a, l, building); err != nil {
		return err
	}
	if len(l.raw) > manyRefs {
		in := *m.program
		in.repository = building
		if _, err := in.run(ctx, call{args: []string{"pack-refs", "--all"}}); err != nil {
			return err
		}
	}
	if err := writeHead(building, l.head); err != nil {
		return m.onDisk(err)
	}
	if err := m.discard(); err != nil {
		return err
	}
	if err := os.Rename(building, m.program.repository); err != nil {
		return m.onDisk(err)
	}
	m.damaged.Store(false)
	return m.show(ctx)
}

// transfer fetches into a repository. Git shows new refs only when all that they need is there.
func (m *Mirror) transfer(ctx context.Context, a access, l listing, dir string) error {
	in := *m.program
	in.repository = dir
	args := []string{"fetch", "--quiet", "--prune", "--no-tags", "--force", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"}
	what := []string{"--", m.where.address, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+refs/pull/*/head:refs/pull/*/head"}
	if m.where.folder {
		what = append(what, "+refs/remotes/origin/*:refs/remotes/origin/*", "^refs/remotes/origin/HEAD")
	}
	_, err := in.run(ctx, a.call(append(append(args, "--atomic"), what...)...))
	if e := (*exitError)(nil); errors.As(err, &e) && lockedName.MatchString(e.stderr) {
		// A branch a and a branch a/b, one gone and the other new, do not go into one transaction.
		_, err = in.run(ctx, a.call(append(args, what...)...))
	}
	if err != nil {
		return err
	}
	return m.complete(ctx, a, l, &in)
}

// complete tells whether a transfer brought every branch. Git leaves out, without a word, those whose history the remote has only in part.
func (m *Mirror) complete(ctx context.Context, a access, l listing, in *program) error {
	out, err := in.run(ctx, call{args: []string{"for-each-ref", "--format=%(refname)"}})
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for ref := range strings.Lines(string(out)) {
		have[strings.TrimSuffix(ref, "\n")] = true
	}
	lacking := func(l listing) bool {
		for ref := range l.raw {
			if !have[ref] {
				return true
			}
		}
		return false
	}
	if !lacking(l) {
		return nil
	}
	// It may also be gone since it was listed.
	if l, err = m.list(ctx, a); err != nil || !lacking(l) {
		return err
	}
	return &git.Error{Kind: git.ErrShallow, URL: m.where.name}
}

// show makes what was fetched the state that readers see.
func (m *Mirror) show(ctx context.Context) error {
	refs, err := m.readRefs(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.refs = refs
	m.mu.Unlock()
	return m.open(ctx)
}

func writeHead(dir, head string) error {
	if head == "" {
		head = noHead
	}
	path := filepath.Join(dir, "HEAD")
	if err := os.WriteFile(path+".lock", []byte("ref: "+head+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".lock", path)
}

// lockedName is what git says of a name that is in the way of another.
var lockedName = regexp.MustCompile(`cannot lock ref|exists; cannot create`)

// How much piles up before the repository is packed anew.
const (
	maxPacks = 50
	maxLoose = 20000
	// manyRefs are better in one file than in one each.
	manyRefs = 500
)

// tidy packs the repository when many transfers have piled up. What no ref names stays for two weeks.
func (m *Mirror) tidy(ctx context.Context) error {
	objects := filepath.Join(m.program.repository, "objects")
	packs, _ := filepath.Glob(filepath.Join(objects, "pack", "*.pack"))
	// Hashes are spread evenly, so one folder of 256 tells.
	loose, _ := filepath.Glob(filepath.Join(objects, "17", "*"))
	if len(packs) < maxPacks && len(loose) < maxLoose/256 {
		return nil
	}
	started := time.Now()
	_, err := m.program.run(ctx, call{args: []string{"gc", "--quiet", "--prune=2.weeks.ago"}})
	m.log("packed the mirror", "repo", m.where.name, "packs", len(packs), "took", time.Since(started).String())
	return err
}
