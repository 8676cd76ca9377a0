package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Archived is a chart's archive, unpacked.
type Archived struct {
	Name, Version string
	// Files are by path, relative to the chart's folder.
	Files map[string]ArchivedFile
}

// ArchivedFile is one file of a chart.
type ArchivedFile struct {
	Data       []byte
	Executable bool
}

// Unpack unpacks a chart's archive, if it is one that would be rendered: of bounded size, without links, and with sound charts inside.
func Unpack(archive []byte) (Archived, error) {
	g := gate{found: &found{}}
	if err := g.archive("archive", archive, 0); err != nil {
		if p := (fault.Problem{}); errors.As(err, &p) && p.Where == "archive" {
			err = errors.New("the archive " + p.Message)
		}
		return Archived{}, err
	}
	a := Archived{Name: g.self.Name, Version: g.self.Version, Files: map[string]ArchivedFile{}}
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return Archived{}, err
	}
	for entries := tar.NewReader(unzipped); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return Archived{}, fmt.Errorf("the archive cannot be unpacked: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		_, name, _ := strings.Cut(header.Name, "/")
		data, err := io.ReadAll(entries)
		if err != nil {
			return Archived{}, fmt.Errorf("the archive cannot be unpacked: %w", err)
		}
		a.Files[path.Clean(name)] = ArchivedFile{Data: data, Executable: header.Mode&0o100 != 0}
	}
}

// LockDigest is what a Chart.lock says of the dependencies in Chart.yaml and of those that it locks.
func LockDigest(wanted, locked []*chart.Dependency) string {
	return hash([2][]*chart.Dependency{wanted, locked})
}

// LockFits tells whether a lock was made from these dependencies of a chart of this API version.
func LockFits(l *chart.Lock, wanted []*chart.Dependency, api string) bool {
	return fits(l, wanted, api)
}
