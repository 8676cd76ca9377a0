package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
)

// Names in a mirror's folder.
const (
	repositoryName = "repository.git"
	buildingName   = "building.git"
	damagedName    = "damaged.git"
	lockName       = "lock"
	// openName is there while a process has the mirror: one that finds it follows one that was killed.
	openName = "open"
	// sourceName holds the URL, so that a folder is not used for another repository.
	sourceName = "source"
	// trustName is git's configuration for reading a folder that may be another user's, as in a container.
	trustName = "trust"
)

// config is the mirror's own configuration; all else comes with each call.
const config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"

// noHead is what HEAD names when the remote has no default branch: Git wants it to name something.
const noHead = "refs/heads/.none"

// lock takes the folder, waiting for a process that has it. An operating system lock ends with the process and those it started, so none is ever
// left behind.
func lock(ctx context.Context, dir string, log func(string, ...any)) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
		if !waited {
			log("waiting for another process that uses the mirror", "path", dir)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another process that uses %s: %w", dir, context.Cause(ctx)), f.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *Mirror) path(name string) string { return filepath.Join(m.dir, name) }

// prepare makes the folder ready: it is ours, without what a killed process left, and its repository is whole or not there.
func (m *Mirror) prepare(ctx context.Context) error {
	for _, name := range []string{buildingName, damagedName} {
		if err := os.RemoveAll(m.path(name)); err != nil {
			return m.onDisk(err)
		}
	}
	if err := os.WriteFile(m.path(trustName), []byte("[safe]\n\tdirectory = *\n"), 0o600); err != nil {
		return m.onDisk(err)
	}
	_, err := os.Stat(m.path(openName))
	killed := err == nil
	if err := os.WriteFile(m.path(openName), nil, 0o600); err != nil {
		return m.onDisk(err)
	}
	if _, err := os.Stat(m.program.repository); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := m.check(ctx, killed); err != nil {
		if ctx.Err() != nil {
			return m.fault(context.Cause(ctx))
		}
		m.log("discarding a damaged mirror", "repo", m.where.name, "reason", err.Error())
		return m.discard()
	}
	return nil
}

// check tells why the repository cannot be used.
func (m *Mirror) check(ctx context.Context, killed bool) error {
	dir := m.program.repository
	source, err := os.ReadFile(filepath.Join(dir, sourceName))
	if err != nil {
		return err
	}
	if string(source) != m.where.name+"\n" {
		return errors.New("it is a mirror of another repository")
	}
	if err := m.clear(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil {
		return err
	}
	for _, pack := range packs {
		if err := checkPack(pack); err != nil {
			return err
		}
	}
	refs, err := m.readRefs(ctx)
	if err != nil || !killed {
		m.refs = refs
		return err
	}
	m.log("checking the mirror, because the process that had it before was killed", "repo", m.where.name)
	if _, err := m.program.run(ctx, call{args: []string{"fsck", "--connectivity-only", "--no-dangling", "--no-progress"}}); err != nil {
		return err
	}
	m.refs = refs
	return nil
}

// clear removes what a killed git left, and what has no place in a mirror.
func (m *Mirror) clear() error {
	dir := m.program.repository
	for _, name := range []string{"info/grafts", "info/attributes", "shallow", "objects/info/alternates", "config.worktree"} {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			// The many folders of loose objects hold no locks.
			if len(name) == 2 && filepath.Base(filepath.Dir(path)) == "objects" {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") {
			m.log("removing a leftover", "path", path)
			return os.Remove(path)
		}
		return nil
	})
}

// layout makes an empty repository.
func (m *Mirror) layout(dir string) error {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(sub)), 0o700); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{"config": config, "HEAD": "ref: " + noHead + "\n", sourceName: m.where.name + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// discard removes the repository.
func (m *Mirror) discard() error {
	m.forget()
	if err := os.RemoveAll(m.path(damagedName)); err != nil {
		return m.onDisk(err)
	}
	if err := os.Rename(m.program.repository, m.path(damagedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m.onDisk(err)
	}
	_ = os.RemoveAll(m.path(damagedName))
	return nil
}

// forget closes what is open in the repository.
func (m *Mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects != nil {
		_ = m.objects.close()
	}
	m.refs, m.objects = nil, nil
}

// open opens the repository for reading by package git, and for writing.
func (m *Mirror) open(ctx context.Context) error {
	objects, err := openObjects(m.program.repository)
	if err != nil {
		return m.onDisk(err)
	}
	m.mu.Lock()
	old, repository := m.objects, m.repository
	m.objects = objects
	m.mu.Unlock()
	if old != nil {
		_ = old.close()
	}
	if repository != nil {
		_, err := repository.Fetch(ctx)
		return err
	}
	repository, err = git.Open(ctx, git.Options{URL: m.program.repository, AllowLocal: true, Log: m.log})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.repository = repository
	m.mu.Unlock()
	return nil
}
