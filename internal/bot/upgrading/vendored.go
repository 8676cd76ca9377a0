package upgrading

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// vendored renews the copy of a chart: an archive, or a folder.
func (b *builder) vendored(ctx context.Context, c upgrade.Change) error {
	from := c.Pin.Vendored
	if from == "" || c.Pin.Source.Kind != upstream.Helm {
		return nil
	}
	data, chart, err := b.chart(ctx, c.Pin.Source, c.To)
	if err != nil {
		return err
	}
	if path.Ext(from) == ".tgz" {
		if b.files[from].Mode == "" {
			return fmt.Errorf("%s is not there: run `helm dependency update` and commit what it fetches", from)
		}
		b.remove(from)
		return b.put(ctx, path.Join(path.Dir(from), chart.Name+"-"+chart.Version+".tgz"), "100644", data)
	}
	return b.folder(ctx, c, chart)
}

// chart fetches a chart, which must be what was asked for.
func (b *builder) chart(ctx context.Context, s upstream.Source, version string) ([]byte, render.Archived, error) {
	data, _, err := b.Files.Chart(ctx, s.Repository, s.Name, version)
	if err != nil {
		return nil, render.Archived{}, err
	}
	a, err := render.Unpack(data)
	if err != nil {
		return nil, a, fmt.Errorf("chart %s %s: %w", s.Name, version, err)
	}
	if a.Name != s.Name || bare(a.Version) != bare(version) {
		return nil, a, fmt.Errorf("chart %s %s: the archive holds %.100q %.100q instead: ask its owner", s.Name, version, a.Name, a.Version)
	}
	return data, a, nil
}

// folder replaces an unpacked chart. What people changed in it by hand is kept where the chart itself did not change, and merged where that is clean.
func (b *builder) folder(ctx context.Context, c upgrade.Change, chart render.Archived) error {
	from := c.Pin.Vendored
	// kustomize keeps each version in a folder of its own: charts/name-1.2.3/name.
	to := strings.Replace(from, "/"+c.Pin.Source.Name+"-"+c.From+"/", "/"+c.Pin.Source.Name+"-"+c.To+"/", 1)
	ours := map[string]change.Entry{}
	for name, e := range b.files {
		if rel, is := strings.CutPrefix(name, from+"/"); is {
			ours[rel] = e
		}
	}
	if len(ours) == 0 {
		return fmt.Errorf("%s is not there", from)
	}
	theirs, err := b.entries(ctx, chart)
	if err != nil {
		return err
	}
	base := ours
	_, old, err := b.chart(ctx, c.Pin.Source, c.From)
	if err == nil {
		base, err = b.entries(ctx, old)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		b.remark("What was changed by hand in %s, if anything, is gone: version %s cannot be had any more to compare with (%s).", from, c.From, sentence(err))
		base = ours
	}
	merged, kept, conflicts, err := b.merge(ctx, base, ours, theirs, c)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 {
		return fmt.Errorf("%s was changed by hand where the chart changes too: %s; upgrade it by hand, or put it back to what version %s is", from, listed(conflicts), c.From)
	}
	if len(kept) > 0 {
		b.remark("%s differs from the chart as it was published, and still does: %s.", to, listed(kept))
	}
	for rel := range ours {
		b.remove(path.Join(from, rel))
	}
	for rel, e := range merged {
		b.changed[path.Join(to, rel)] = e
	}
	return nil
}

// entries are a chart's files as Git has them.
func (b *builder) entries(ctx context.Context, a render.Archived) (map[string]change.Entry, error) {
	all := map[string]change.Entry{}
	for name, f := range a.Files {
		blob, err := b.Mirror.WriteBlob(ctx, f.Data)
		if err != nil {
			return nil, err
		}
		e := change.Entry{Mode: "100644", Blob: blob}
		if f.Executable {
			e.Mode = "100755"
		}
		all[name] = e
	}
	return all, nil
}

// merge merges two sets of files that come from a third. Kept are those of ours that are other than theirs, and conflicts those of which nobody can tell what they should be.
func (b *builder) merge(ctx context.Context, base, ours, theirs map[string]change.Entry, c upgrade.Change) (merged map[string]change.Entry, kept, conflicts []string, err error) {
	merged = map[string]change.Entry{}
	names := map[string]bool{}
	for _, set := range []map[string]change.Entry{base, ours, theirs} {
		for name := range set {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, our, their := base[name], ours[name], theirs[name]
		switch {
		case was.Blob == our.Blob: // Executable or not is no change by hand: not every way of unpacking keeps it.
			if our.Mode != "" && their.Mode != "" {
				their.Mode = our.Mode
			}
			our = their
		case was.Blob == their.Blob || our.Blob == their.Blob || our.Blob == "": // What was left out by hand stays out.
		case was.Blob == "" || their.Blob == "":
			conflicts = append(conflicts, name)
			continue
		default:
			both, clean, err := b.mergeFile(ctx, was, our, their, c)
			if err != nil {
				return nil, nil, nil, err
			}
			if !clean {
				conflicts = append(conflicts, name)
				continue
			}
			if our.Blob, err = b.Mirror.WriteBlob(ctx, both); err != nil {
				return nil, nil, nil, err
			}
		}
		if our.Blob != their.Blob {
			kept = append(kept, name)
		}
		if our.Blob != "" {
			merged[name] = our
		}
	}
	return merged, kept, conflicts, nil
}

func (b *builder) mergeFile(ctx context.Context, was, our, their change.Entry, c upgrade.Change) ([]byte, bool, error) {
	var contents [3][]byte
	for i, e := range []change.Entry{was, our, their} {
		if !strings.HasPrefix(e.Mode, "100") {
			return nil, false, nil
		}
		var err error
		if contents[i], err = b.Mirror.Blob(ctx, e.Blob); err != nil {
			return nil, false, err
		}
		if bytes.IndexByte(contents[i], 0) >= 0 {
			return nil, false, nil
		}
	}
	return b.Mirror.MergeFile(ctx, contents[0], contents[1], contents[2], "ours", b.base)
}

// asset fetches the file of a GitHub release that the addon's folder has a copy of, and gives its digest.
func (b *builder) asset(ctx context.Context, c upgrade.Change) (digest string, err error) {
	file := c.Pin.Vendored
	if b.entry(file).Mode == "" {
		return "", fmt.Errorf("%s is not there: add it, or take upstream.github.version out of catalog.yaml", file)
	}
	v, err := b.Sources.Describe(ctx, c.Pin.Source, c.To)
	if err != nil {
		return "", err
	}
	n := slices.IndexFunc(v.Assets, func(a upstream.Asset) bool { return a.Name == c.Pin.Source.Name })
	if n < 0 {
		return "", fmt.Errorf("release %s of %s has no file %s", c.To, c.Pin.Source.Repository, c.Pin.Source.Name)
	}
	data, digest, err := b.Files.Asset(ctx, v.Assets[n])
	if err != nil {
		return "", fmt.Errorf("%s of release %s of %s: %w", c.Pin.Source.Name, c.To, c.Pin.Source.Repository, err)
	}
	if len(data) == 0 {
		return "", errors.New(c.Pin.Source.Name + " is empty")
	}
	if c.Digest != "" && c.Digest != digest {
		return "", fmt.Errorf("%s of release %s of %s is %s now, and was %s a moment ago: it is being replaced", c.Pin.Source.Name, c.To, c.Pin.Source.Repository, digest, c.Digest)
	}
	if v.Assets[n].Digest == "" {
		b.remark("Nobody publishes a checksum of %s: its SHA-256 in the catalog is that of the file as it was downloaded.", c.Pin.Source.Name)
	}
	return digest, b.write(ctx, file, data)
}

// listed names at most five files.
func listed(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}
