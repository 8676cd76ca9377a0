package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// What a render may make: many times what the largest known addons do.
const (
	maxObjects = 10_000
	maxBytes   = 64 << 20
)

// Render renders a job. Nothing is read but the job: no disk, no network, no environment, no other program. An error is for the addon's
// owner: it names the file where it can. Some input ends the process, and a render cannot be stopped once it runs.
func Render(ctx context.Context, job Job) (out Output, err error) {
	if err := ctx.Err(); err != nil {
		return Output{}, err
	}
	defer func() {
		if r := recover(); r != nil {
			out.Objects, err = nil, fmt.Errorf("the renderer gave up: %v", r)
		}
	}()
	job.Path = clean(job.Path)
	if err := exists(job); err != nil {
		return Output{}, err
	}
	if err := refuseOverrides(job); err != nil {
		return Output{}, err
	}
	var documents []document
	switch job.Type {
	case catalog.Helm:
		documents, err = helm(job)
	case catalog.Kustomize:
		documents, out.Tainted, err = kustomize(job)
	case catalog.Directory:
		documents, err = directory(job)
	default:
		err = fmt.Errorf("source type %q is not known", job.Type)
	}
	if err != nil {
		return out, err
	}
	out.Objects, err = objects(documents)
	return out, err
}

// clean is a slash-separated path from the repository's root, which is empty.
func clean(p string) string {
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

// under is a folder's path as a prefix of those of its files.
func under(dir string) string {
	if dir == "" {
		return ""
	}
	return dir + "/"
}

func exists(job Job) error {
	for name := range job.Files {
		if strings.HasPrefix(name, under(job.Path)) {
			return nil
		}
	}
	return fmt.Errorf("%s: app path does not exist", job.Path)
}

// refuseOverrides refuses files with which Argo CD would change the Application's source: what the catalog says would no longer hold.
func refuseOverrides(job Job) error {
	for _, name := range []string{".argocd-source.yaml", ".argocd-source-" + job.Release + ".yaml"} {
		if file := under(job.Path) + name; job.Files[file] != nil {
			return fmt.Errorf("%s: such a file would change the Application behind the catalog's back; remove it", file)
		}
	}
	return nil
}

// document is one document of the output, before lists are taken apart.
type document struct {
	// from is the file, number counts its documents from 1; 0 when there is just one.
	from    string
	number  int
	content map[string]any
}

func (d document) wrap(err error) error {
	switch {
	case d.from == "":
		return err
	case d.number == 0:
		return fmt.Errorf("%s: %w", d.from, err)
	}
	return fmt.Errorf("%s, document %d: %w", d.from, d.number, err)
}

var (
	errTooManyObjects = fmt.Errorf("more than %d objects", maxObjects)
	errTooManyBytes   = fmt.Errorf("more than %d MiB of output", maxBytes>>20)
)

// objects takes lists apart as Argo CD does, and sorts.
func objects(documents []document) ([]manifest.Object, error) {
	made := make([]manifest.Object, 0, len(documents))
	add := func(d document) error {
		o, err := object(d.content)
		if err != nil {
			return d.wrap(err)
		}
		if len(made) == maxObjects {
			return errTooManyObjects
		}
		made = append(made, o)
		return nil
	}
	for _, d := range documents {
		items, listed := d.content["items"]
		list, ok := items.([]any)
		switch {
		case listed && items == nil && !has(d.content, "spec", "status"):
			// A list of nothing.
		case !ok:
			if err := add(d); err != nil {
				return nil, err
			}
		default:
			for i, item := range list {
				content, ok := item.(map[string]any)
				if !ok {
					return nil, d.wrap(fmt.Errorf("item %d of the list is not an object", i+1))
				}
				if err := add(document{d.from, d.number, content}); err != nil {
					return nil, err
				}
			}
		}
	}
	manifest.Sort(made)
	return made, nil
}

func has(m map[string]any, keys ...string) bool {
	for _, k := range keys {
		if _, ok := m[k]; ok {
			return true
		}
	}
	return false
}

func object(content map[string]any) (manifest.Object, error) {
	o := manifest.Object{Content: content}
	var errs [5]error
	var apiVersion, generated string
	apiVersion, errs[0] = text(content, "apiVersion")
	o.Kind, errs[1] = text(content, "kind")
	o.Name, errs[2] = text(content, "metadata", "name")
	o.Namespace, errs[3] = text(content, "metadata", "namespace")
	generated, errs[4] = text(content, "metadata", "generateName")
	if err := errors.Join(errs[:]...); err != nil {
		return o, err
	}
	if o.Name == "" {
		o.Name = generated // a hook that gets its name when it is created
	}
	group, version, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group, version = "", apiVersion
	}
	o.Group, o.Version = group, version
	switch {
	case o.Kind == "" && apiVersion == "":
		return o, errors.New("not a Kubernetes object: no apiVersion and no kind")
	case o.Kind == "":
		return o, fmt.Errorf("object of %s has no kind", apiVersion)
	case apiVersion == "":
		return o, fmt.Errorf("%s %s has no apiVersion", o.Kind, o.Name)
	case version == "" || grouped && group == "" || strings.Contains(version, "/"):
		return o, fmt.Errorf("%s %s: apiVersion %q is not group/version", o.Kind, o.Name, apiVersion)
	case o.Name == "":
		return o, fmt.Errorf("%s has no metadata.name", o.Kind)
	}
	// Argo CD, which puts its own label in, refuses what is not text.
	if labels := manifest.At(content, "metadata", "labels"); labels != nil && manifest.Map(content, "metadata", "labels") == nil {
		return o, fmt.Errorf("%s %s: metadata.labels is %s, not an object", o.Kind, o.Name, typeOf(labels))
	}
	for key, v := range manifest.Map(content, "metadata", "labels") {
		if _, ok := v.(string); !ok {
			return o, fmt.Errorf("%s %s: label %s is not text: quote it", o.Kind, o.Name, key)
		}
	}
	o.Hook = hook(content)
	return o, nil
}

// text is a string, empty where there is none; anything else is an error.
func text(content map[string]any, keys ...string) (string, error) {
	switch v := manifest.At(content, keys...).(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", fmt.Errorf("%s: %v is not text: quote it", strings.Join(keys, "."), v)
	}
}
