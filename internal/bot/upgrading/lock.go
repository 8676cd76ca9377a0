package upgrading

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// locks renews the lock files of the charts whose dependencies changed, as helm dependency update writes them.
func (b *builder) locks(ctx context.Context, changes []upgrade.Change) error {
	of := map[string][]upgrade.Change{}
	for _, c := range changes {
		for _, lock := range b.locksOf(c.Pin) {
			of[lock] = append(of[lock], c)
		}
	}
	for _, lock := range slices.Sorted(maps.Keys(of)) {
		if err := b.lock(ctx, lock, of[lock]); err != nil {
			return fmt.Errorf("%s: %s: %w", of[lock][0].Addon, lock, err)
		}
	}
	return nil
}

// locksOf are the lock files that hold a pin, or a digest of where it is written.
func (b *builder) locksOf(p upstream.Pin) (all []string) {
	if p.Lock != "" {
		all = append(all, p.Lock)
	}
	for _, place := range p.Places {
		lock, is := map[string]string{"Chart.yaml": "Chart.lock", "requirements.yaml": "requirements.lock"}[path.Base(place.File)]
		lock = path.Join(path.Dir(place.File), lock)
		if is && b.files[lock].Mode != "" && !slices.Contains(all, lock) {
			all = append(all, lock)
		}
	}
	return all
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
		return errors.New("it was made for other dependencies than those in Chart.yaml: run `helm dependency update` and commit both")
	}
	for _, c := range changes {
		if !relock(l.Dependencies, c) {
			return fmt.Errorf("it has no version %s of %s from %s: run `helm dependency update` and commit it", c.From, c.Pin.Source.Name, c.Pin.Source.Repository)
		}
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

// relock gives a chart its new version in a lock, wherever it is: under another alias it is there twice.
func relock(dependencies []*chart.Dependency, c upgrade.Change) (any bool) {
	for _, d := range dependencies {
		// Without a repository it is the copy in charts/, of which the catalog says where it comes from.
		from := strings.TrimRight(d.Repository, "/")
		if d.Name == c.Pin.Source.Name && (from == c.Pin.Source.Repository || from == "") && bare(d.Version) == bare(c.From) {
			d.Version, any = c.To, true
		}
	}
	return any
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
