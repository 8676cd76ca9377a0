package native

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// seed gives a new repository the objects of a folder on the same disk by linking their files, which git never changes. The fetch that follows checks
// that they are complete and brings what is not, so nothing depends on it but time: seconds for a long history.
func (m *Mirror) seed(ctx context.Context, a access, dir string) {
	in := *m.program
	in.repository = ""
	c := a.call("-C", m.where.address, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	out, err := in.run(ctx, c)
	from := strings.TrimSuffix(string(out), "\n")
	if err != nil || !filepath.IsAbs(from) {
		return
	}
	linked := func(path string) bool {
		if info, err := os.Lstat(filepath.Join(from, path)); err != nil || !info.Mode().IsRegular() {
			return false
		}
		to := filepath.Join(dir, "objects", path)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return false
		}
		return os.Link(filepath.Join(from, path), to) == nil
	}
	_ = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return fs.SkipAll
		}
		path, err = filepath.Rel(from, path)
		if err != nil || d.IsDir() {
			return err
		}
		folder, name := filepath.Split(path)
		pack, index := strings.CutSuffix(path, ".idx")
		switch {
		case len(folder) == 3 && len(name) == 38, folder == "pack/" && index && linked(pack+".pack"):
			if !linked(path) {
				return fs.SkipAll // on another disk, or another user's: the next would fail as well
			}
		}
		return nil
	})
}
