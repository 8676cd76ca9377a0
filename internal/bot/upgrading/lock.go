package upgrading

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// locks renews the lock files of the charts whose dependencies changed, as helm dependency update writes them.
func (b *builder) locks(ctx context.Context, changes []upgrade.Change) error {
	var done []string
	for _, c := range changes {
		lock := c.Pin.Lock
		if lock == "" || slices.Contains(done, lock) {
			continue
		}
		done = append(done, lock)
		if err := b.lock(ctx, lock, changes); err != nil {
			return fmt.Errorf("%s: %s: %w", c.Addon, lock, err)
		}
	}
	return nil
}

func (b *builder) lock(ctx context.Context, file string, changes []upgrade.Change) error {
	var l chart.Lock
	if err := b.decode(b.tree, file, &l); err != nil {
		return err
	}
	before, err := b.Mirror.Repository().Tree(b.base)
	if err != nil {
		return err
	}
	was, err := b.dependencies(before, file)
	if err != nil {
		return err
	}
	if slices.Contains(l.Dependencies, nil) || !render.LockFits(&l, was.Dependencies, was.APIVersion) {
		return fmt.Errorf("it was made for other dependencies than those in Chart.yaml: run `helm dependency update` and commit both")
	}
	for _, c := range changes {
		if c.Pin.Lock != file {
			continue
		}
		n := slices.IndexFunc(l.Dependencies, func(d *chart.Dependency) bool {
			return d.Name == c.Pin.Source.Name && strings.TrimRight(d.Repository, "/") == c.Pin.Source.Repository && bare(d.Version) == bare(c.From)
		})
		if n < 0 {
			return fmt.Errorf("it has no version %s of %s from %s: run `helm dependency update` and commit it", c.From, c.Pin.Source.Name, c.Pin.Source.Repository)
		}
		l.Dependencies[n].Version = c.To
	}
	now, err := b.dependencies(b.tree, file)
	if err != nil {
		return err
	}
	l.Digest, l.Generated = render.LockDigest(now.Dependencies, l.Dependencies), b.from.Committer.When.UTC().Truncate(time.Second)
	data, err := yaml.Marshal(l)
	if err != nil {
		return err
	}
	return b.write(ctx, file, data)
}

// dependencies are those that a lock is for.
func (b *builder) dependencies(tree fs.FS, lock string) (m chart.Metadata, err error) {
	folder := path.Dir(lock)
	if err := b.decode(tree, path.Join(folder, "Chart.yaml"), &m); err != nil {
		return m, err
	}
	if path.Base(lock) == "requirements.lock" {
		var r chart.Metadata
		if err := b.decode(tree, path.Join(folder, "requirements.yaml"), &r); err != nil {
			return m, err
		}
		m.Dependencies = r.Dependencies
	}
	if slices.Contains(m.Dependencies, nil) {
		return m, fmt.Errorf("%s: dependencies: one is empty: remove it", folder)
	}
	return m, nil
}

// decode reads a file as Helm does, once it is known to be harmless.
func (b *builder) decode(tree fs.FS, file string, into any) error {
	data, err := fs.ReadFile(tree, file)
	if err != nil {
		return err
	}
	if _, err := catalog.Documents(file, data); err != nil {
		return err
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// bare is a version without the v that some write before it.
func bare(version string) string { return strings.TrimPrefix(version, "v") }
