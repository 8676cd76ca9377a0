package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Collect reads and checks the source of an addon: its folder, and what that names elsewhere in the repository. The tree is a whole
// repository, of which nothing else is read; it shows symbolic links and does not follow them. An addon without Source has it detected.
//
// An error that the addon's owner can mend is a fault.Problem. It names the file, and the line where there is one.
func Collect(tree fs.FS, addon catalog.Addon, o engine.Options) (Source, error) {
	c := &collector{tree: tree, addon: addon, options: o, files: map[string][]byte{}, parsed: map[string][]*yaml.Node{}, entries: map[string]fs.FileMode{}}
	if err := c.collect(); err != nil {
		return Source{}, err
	}
	s := Source{Files: c.files, Digest: digest(c.files), found: c.found}
	for chart := range c.charts {
		s.Charts = append(s.Charts, chart)
	}
	slices.SortFunc(s.Charts, compareCharts)
	s.settle()
	return s, nil
}

func compareCharts(a, b engine.Chart) int {
	return cmp.Or(strings.Compare(a.Repository, b.Repository), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
}

// Add checks the archive of one of the charts that the source needs. Its templates then count for what the source says of itself; before
// that, it expects the worst of them.
func (s *Source) Add(chart engine.Chart, archive []byte) error {
	if !slices.Contains(s.Charts, chart) {
		return fmt.Errorf("the source does not need chart %s %s of %s", chart.Name, chart.Version, chart.Repository)
	}
	g := gate{found: &s.found}
	if err := g.archive(fmt.Sprintf("%s %s of %s", chart.Name, chart.Version, chart.Repository), archive, 0); err != nil {
		return err
	}
	if s.added == nil {
		s.added = map[engine.Chart]bool{}
	}
	s.added[chart] = true
	s.settle()
	return nil
}

// settle makes the answers of what was found and what is not known yet.
func (s *Source) settle() {
	unknown := len(s.added) < len(s.Charts)
	s.Capabilities = s.found.capabilities || unknown
	s.Unstable = s.found.unstable || unknown
	s.CRDs = s.found.crds || unknown
}

// digest is over names and contents, in order.
func digest(files map[string][]byte) (sum [32]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var head []byte
		head = binary.BigEndian.AppendUint64(head, uint64(len(name)))
		head = append(head, name...)
		head = binary.BigEndian.AppendUint64(head, uint64(len(files[name])))
		h.Write(head)
		h.Write(files[name])
	}
	return [32]byte(h.Sum(nil))
}

// collector collects one addon.
type collector struct {
	tree    fs.FS
	addon   catalog.Addon
	options engine.Options

	files  map[string][]byte
	bytes  int64
	parsed map[string][]*yaml.Node
	// entries are the folders and files that were looked at.
	entries map[string]fs.FileMode
	charts  map[engine.Chart]bool
	found   found
	// walking are the kustomizations above the one being read.
	walking []string
	walked  map[string]bool
}

// refuse makes the error for something wrong at a place: a file, or a file with its line.
func refuse(where, format string, args ...any) error {
	return fault.Problem{Code: catalog.AddonInvalid, Where: where, Message: fmt.Sprintf(format, args...)}
}

func (c *collector) collect() error {
	if err := c.folder(c.addon.Path, c.addon.Path); err != nil {
		return err
	}
	source := c.addon.Source
	if source == "" {
		entries, err := fs.ReadDir(c.tree, c.addon.Path)
		if err != nil {
			return c.unreadable(c.addon.Path, err)
		}
		source = catalog.Detect(entries)
	}
	switch source {
	case catalog.Helm:
		return c.helm(c.addon.Path)
	case catalog.Kustomize:
		if err := c.kustomization(c.addon.Path, c.addon.Path, false); err != nil {
			return err
		}
	case catalog.Directory:
		if err := c.directory(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s: unknown source type %q", c.addon.Path, source)
	}
	for name, data := range c.files {
		c.found.crds = c.found.crds || mentionsCRD(name, data)
	}
	return nil
}

// skipMarker is what Argo CD looks for in files of plain YAML that it leaves out.
const skipMarker = "+argocd:skip-file-rendering"

func (c *collector) directory() error {
	for name, data := range c.files {
		ext := path.Ext(name)
		switch {
		case path.Dir(name) != c.addon.Path:
			delete(c.files, name)
		case ext == ".jsonnet", bytes.Contains(data, []byte(skipMarker)):
			// The renderer says what comes of those.
		case ext == ".yaml", ext == ".yml", ext == ".json":
			if err := c.harmless(name, name); err != nil {
				return err
			}
		default:
			delete(c.files, name)
		}
	}
	return nil
}

// folder reads everything below a folder; by is the place that names it.
func (c *collector) folder(name, by string) error {
	mode, err := c.stat(name, by)
	if err != nil {
		return err
	}
	if !mode.IsDir() {
		return refuse(by, "%s is a file: want a folder", name)
	}
	return c.below(name)
}

func (c *collector) below(folder string) error {
	entries, err := fs.ReadDir(c.tree, folder)
	if err != nil {
		return c.unreadable(folder, err)
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if err := regular(name, e.Type()); err != nil {
			return err
		}
		if e.IsDir() {
			if strings.Count(name, "/") > maxFolders {
				return refuse(name, "lies more than %d folders deep: move it up", maxFolders)
			}
			err = c.below(name)
		} else {
			_, err = c.content(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// regular refuses what is neither a file nor a folder.
func regular(name string, mode fs.FileMode) error {
	switch {
	case mode&fs.ModeSymlink != 0:
		return refuse(name, "is a symbolic link, and none is followed here: put the content in its place")
	case mode&fs.ModeIrregular != 0:
		return refuse(name, "is a submodule, which Git does not carry in this repository: copy the folder in")
	case !mode.IsDir() && !mode.IsRegular():
		return refuse(name, "is neither a file nor a folder: remove it")
	}
	return nil
}

// stat looks at every step of a path. The place that names it is blamed when it is not there.
func (c *collector) stat(name, by string) (mode fs.FileMode, err error) {
	if !fs.ValidPath(name) || len(name) > catalog.MaxPath {
		return 0, refuse(by, "%.100q is no path inside the repository", name)
	}
	for end := 0; end < len(name); end++ {
		next := strings.IndexByte(name[end:], '/')
		if end += next; next < 0 {
			end = len(name)
		}
		step := name[:end]
		known := false
		if mode, known = c.entries[step]; known {
			continue
		}
		info, err := fs.Lstat(c.tree, step)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, refuse(by, "%s is not in the repository: add it or correct the path", name)
		}
		if err != nil {
			return 0, c.unreadable(step, err)
		}
		mode = info.Mode()
		if err := regular(step, mode); err != nil {
			return 0, err
		}
		c.entries[step] = mode
	}
	return mode, nil
}

// exists reports whether there is something at a path; what is wrong with it, stat says.
func (c *collector) exists(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	_, err := fs.Lstat(c.tree, name)
	return !errors.Is(err, fs.ErrNotExist)
}

// file reads a file that a place names.
func (c *collector) file(name, by string) ([]byte, error) {
	if data, ok := c.files[name]; ok {
		return data, nil
	}
	mode, err := c.stat(name, by)
	if err != nil {
		return nil, err
	}
	if mode.IsDir() {
		return nil, refuse(by, "%s is a folder: want a file", name)
	}
	return c.content(name)
}

func (c *collector) content(name string) ([]byte, error) {
	if data, ok := c.files[name]; ok {
		return data, nil
	}
	data, err := fs.ReadFile(c.tree, name)
	if err != nil {
		return nil, c.unreadable(name, err)
	}
	c.bytes += int64(len(data))
	switch {
	case len(data) > maxFile:
		return nil, refuse(name, "has %d bytes, at most %s are read: divide it", len(data), bytesText(maxFile))
	case c.bytes > catalog.MaxFolderBytes:
		return nil, refuse(c.addon.Path, "the files that this addon reads have more than %s together, the most that is allowed: divide it", bytesText(catalog.MaxFolderBytes))
	case len(c.files) >= catalog.MaxFolderFiles:
		return nil, refuse(c.addon.Path, "this addon reads more than %d files, the most that is allowed: divide it", catalog.MaxFolderFiles)
	}
	c.files[name] = data
	return data, nil
}

// harmless reads a file of YAML and refuses what would take its reader down.
func (c *collector) harmless(name, by string) error {
	data, err := c.file(name, by)
	if err != nil || catalog.Plain(data) {
		return err
	}
	_, err = c.yaml(name, by)
	return err
}

// yaml reads and parses a file that a place names, once.
func (c *collector) yaml(name, by string) ([]*yaml.Node, error) {
	if docs, ok := c.parsed[name]; ok {
		return docs, nil
	}
	data, err := c.file(name, by)
	if err != nil {
		return nil, err
	}
	docs, err := catalog.Documents(name, data)
	if err != nil {
		return nil, err
	}
	c.parsed[name] = docs
	return docs, nil
}

// unreadable is a failure to read, which says nothing about the content.
func (c *collector) unreadable(name string, err error) error {
	return fmt.Errorf("read %s: %w", name, err)
}
