package github

import (
	"os"
	"path/filepath"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// Share makes a repository of a bare repository on disk, which others go on using: what is pushed here is seen there.
func (s *Server) Share(owner, name, dir string, o RepositoryOptions) (*Repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := filepath.Join(s.root, owner, name+".git")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink(dir, at); err != nil {
		return nil, err
	}
	git, err := gitrepo.Open(at)
	if err != nil {
		return nil, err
	}
	r, err := s.add(git, owner, name, o)
	if err == nil {
		r.refs, err = r.facts.refs()
	}
	return r, err
}
