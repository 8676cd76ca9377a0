package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// Bounds of what policies are read from.
const (
	maxFiles = 2000
	maxBytes = 16 << 20
)

var extensions = []string{".yaml", ".yml", ".json"}

func isPolicyFile(name string) bool {
	return slices.Contains(extensions, strings.ToLower(path.Ext(name)))
}

// gathered are files as they come, within bounds.
type gathered struct {
	files []policy.File
	bytes int64
}

func (g *gathered) add(name string, data []byte) error {
	g.bytes += int64(len(data))
	switch {
	case len(g.files) >= maxFiles:
		return fmt.Errorf("there are more than %d files with policies", maxFiles)
	case g.bytes > maxBytes:
		return fmt.Errorf("the policies have more than %d MiB", maxBytes>>20)
	}
	g.files = append(g.files, policy.File{Name: name, Data: data})
	return nil
}

// done sorts the files, for their order must not matter.
func (g *gathered) done(where string) ([]policy.File, error) {
	if len(g.files) == 0 {
		return nil, fmt.Errorf("there is no YAML file in %s", where)
	}
	slices.SortFunc(g.files, func(a, b policy.File) int { return strings.Compare(a.Name, b.Name) })
	return g.files, nil
}

// Folder reads the YAML files of a folder and all below it. A link is an error: what it leads to would be missed.
func Folder(tree fs.FS, dir string) ([]policy.File, error) {
	var g gathered
	err := fs.WalkDir(tree, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("there is no folder %s", dir)
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link, and links are not followed: policies are plain files", name)
		case !entry.Type().IsRegular() || !isPolicyFile(name):
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Size() > maxBytes {
			return fmt.Errorf("%s has more than %d MiB", name, maxBytes>>20)
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return g.add(name, data)
	})
	if err != nil {
		return nil, err
	}
	return g.done(dir)
}

// unpack reads the YAML files of an image's layers: archives, packed or not, or files by themselves.
func unpack(image string, layers []policy.File) ([]policy.File, error) {
	var g gathered
	for i, l := range layers {
		if err := g.layer(l); err != nil {
			return nil, fmt.Errorf("layer %d of %s: %w", i+1, image, err)
		}
	}
	return g.done(image)
}

func (g *gathered) layer(l policy.File) error {
	data := l.Data
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxBytes+1)); err != nil {
			return err
		}
		if len(data) > maxBytes {
			return fmt.Errorf("unpacks to more than %d MiB", maxBytes>>20)
		}
	}
	if len(data) > 262 && string(data[257:262]) == "ustar" {
		return g.archive(data)
	}
	if !isPolicyFile(l.Name) {
		return fmt.Errorf("%q is neither an archive nor a YAML file", l.Name)
	}
	return g.add(path.Base(l.Name), data)
}

func (g *gathered) archive(data []byte) error {
	t := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case !fs.ValidPath(name) || strings.Contains(h.Name, `\`):
			return fmt.Errorf("%q leads out of the archive", h.Name)
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%q is a link or a device: policies are plain files", h.Name)
		case !isPolicyFile(name):
			continue
		}
		content, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		if err := g.add(name, content); err != nil {
			return err
		}
	}
}
