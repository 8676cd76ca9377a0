package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
)

// archive checks a chart's archive, and the chart in it.
func (g *gate) archive(where string, data []byte, depth int) error {
	if len(data) > maxArchive {
		return refuse(where, "has %d bytes, at most %s are unpacked", len(data), bytesText(maxArchive))
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return refuse(where, "is no chart archive: %v", err)
	}
	files := map[string][]byte{}
	// Headers count, too: the reader unpacks them as well.
	limited := &io.LimitedReader{R: unzipped, N: maxUnpacked - g.bytes + 1}
	defer func() { g.bytes = maxUnpacked + 1 - limited.N }()
	for entries := tar.NewReader(limited); ; {
		header, err := entries.Next()
		switch {
		case limited.N <= 0:
			return refuse(where, "unpacks to more than %s", bytesText(maxUnpacked))
		case errors.Is(err, io.EOF):
			return g.chart(where+": ", files, depth)
		case err != nil:
			return refuse(where, "cannot be unpacked: %v", err)
		}
		if g.entries++; g.entries > maxEntries {
			return refuse(where, "holds more than %d files", maxEntries)
		}
		if problem := badEntry(header); problem != "" {
			return refuse(where, "holds the entry %.200q: %s", header.Name, problem)
		}
		if header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if header.Size > maxFile {
			return refuse(where, "holds the entry %.200q: it has %d bytes, at most %s are read", header.Name, header.Size, bytesText(maxFile))
		}
		// Helm leaves out the first folder, whatever its name.
		_, name, inside := strings.Cut(header.Name, "/")
		name = path.Clean(name)
		if !inside || name == "." {
			return refuse(where, "holds the entry %.200q: everything in a chart archive lies in one folder", header.Name)
		}
		if _, twice := files[name]; twice {
			return refuse(where, "holds %.200q twice: make the archive again with `helm package`", name)
		}
		content, err := io.ReadAll(entries)
		if limited.N <= 0 {
			return refuse(where, "unpacks to more than %s", bytesText(maxUnpacked))
		}
		if err != nil {
			return refuse(where, "cannot be unpacked: %v", err)
		}
		files[name] = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	}
}

var drive = regexp.MustCompile(`^[A-Za-z]:`)

// badEntry says what is wrong with an entry's name or kind, empty when nothing is.
func badEntry(header *tar.Header) string {
	name := header.Name
	switch {
	case strings.HasPrefix(name, "/"):
		return "its name is absolute"
	case drive.MatchString(name), strings.Contains(name, `\`):
		return "its name is one of Windows: make the archive again with `helm package`"
	case strings.ContainsRune(name, 0):
		return "its name is no text"
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == ".." {
			return "its name leads out of the archive"
		}
		if drive.MatchString(element) {
			return "its name is one of Windows: make the archive again with `helm package`"
		}
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeXGlobalHeader:
		return ""
	case tar.TypeSymlink, tar.TypeLink:
		return "it is a link, and none is followed"
	}
	return "it is neither a file nor a folder"
}
