package tagging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/release"
)

// forgotten are the releases of a minor that were there once and are not there now. Those that are there are remembered.
func (o Options) forgotten(now tags) (gone []release.Tag, err error) {
	if o.Memory == "" {
		return nil, nil
	}
	data, err := os.ReadFile(o.Memory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("which releases there were: %w", err)
	}
	known := strings.Fields(string(data))
	for _, name := range known {
		t, err := release.ParseTag(name)
		if err != nil {
			return nil, fmt.Errorf("which releases there were: %s: %w: delete the file to forget them", o.Memory, err)
		}
		if _, there := now.of[t]; !there && t.Minor == now.minor && t.Distribution == now.distribution {
			gone = append(gone, t)
		}
	}
	slices.SortFunc(gone, release.Tag.Compare)
	all := slices.Clone(known)
	for _, t := range now.order {
		all = append(all, t.String())
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == len(known) {
		return gone, nil
	}
	if err := replace(o.Memory, strings.Join(all, "\n")+"\n"); err != nil {
		return nil, fmt.Errorf("remember which releases there are: %w", err)
	}
	return gone, nil
}

// replace writes all of a file or nothing of it.
func replace(name, text string) error {
	part, err := os.CreateTemp(filepath.Dir(name), ".releases-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.WriteString(text)
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}
