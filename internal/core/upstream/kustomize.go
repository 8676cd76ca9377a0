package upstream

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/inplace"
)

// kustomization looks at one, and at all files and folders of the repository that it takes in.
func (f *finder) kustomization(folder string) {
	entries, err := fs.ReadDir(f.tree, folder)
	if err != nil {
		f.refuse(Source{}, "the folder %s cannot be read: %v", folder, err)
		return
	}
	at := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return catalog.IsKustomization(e.Name()) })
	if at < 0 {
		return // Rendering tells that it is missing.
	}
	name := path.Join(folder, entries[at].Name())
	if _, seen := f.read[name]; seen {
		return
	}
	k, ok := f.root(name)
	if !ok {
		return
	}
	f.kustomizeImages(k)
	f.helmCharts(folder, k)
	for _, key := range []string{"resources", "bases", "components", "generators", "transformers"} {
		for _, r := range k.child(key).items() {
			f.resource(folder, r)
		}
	}
	for _, key := range []string{"patches", "patchesStrategicMerge"} {
		for _, p := range k.child(key).items() {
			patch := p.child("patch")
			if strings.Contains(p.text(), "\n") {
				patch = p
			}
			if patch.node != nil {
				f.inline(patch)
			} else if file := p.child("path").text() + p.text(); file != "" {
				f.manifest(path.Join(folder, file))
			}
		}
	}
}

// inline tells of images in a patch that is a text in the kustomization: a version inside of a text cannot be written there without guessing.
func (f *finder) inline(patch value) {
	file, err := inplace.Parse(patch.in.name, []byte(patch.text()))
	if err != nil {
		return
	}
	d := &document{File: file, name: patch.in.name}
	for _, root := range d.roots() {
		root.each(func(_ value, key string, c value) {
			name, tag, _ := divide(c.text())
			if source, ok := imageSource(name); ok && key == "image" && tag != "" && !strings.ContainsAny(name, pattern) && !f.overridden[source.Repository] {
				f.refuse(source, "%s: %s is in a patch inside of the kustomization, where versions are not followed: put the patch in a file of its own", patch.place(), quote(c.text()))
			}
		})
	}
}

// resource looks at what a kustomization takes in: a file, a folder, or something from elsewhere.
func (f *finder) resource(folder string, r value) {
	text := r.text()
	inside := path.Join(folder, text)
	switch info, err := fs.Lstat(f.tree, valid(inside)); {
	case text == "" || strings.Contains(text, "\n"):
	case err == nil && info.IsDir():
		f.kustomization(inside)
	case err == nil:
		f.manifest(inside)
	case remote(text):
		f.remote(r)
	}
}

// valid is a path that a file system can be asked for.
func valid(name string) string {
	if !fs.ValidPath(name) {
		return "-"
	}
	return name
}

func (f *finder) manifest(name string) {
	if fs.ValidPath(name) && !slices.Contains(f.manifests, name) {
		f.manifests = append(f.manifests, name)
	}
}
