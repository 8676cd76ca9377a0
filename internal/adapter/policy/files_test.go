package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// packed is an archive of entries, in their order.
func packed(t *testing.T, zipped bool, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range entries {
		text := "a: 1\n"
		if h.Typeflag != tar.TypeReg {
			text = ""
		}
		h.Mode, h.Size = 0o644, int64(len(text))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !zipped {
		return out.Bytes()
	}
	return zip(t, out.Bytes())
}

func zip(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpack(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	for name, tc := range map[string]struct {
		layer policy.File
		want  string
	}{
		"a folder":             {policy.File{Name: "policies", Data: packed(t, true, tar.Header{Name: "policies/", Typeflag: tar.TypeDir}, file("policies/b.yaml"), file("policies/a.yml"), file("policies/README.md"), file("./c.json"))}, "c.json policies/a.yml policies/b.yaml"},
		"not packed":           {policy.File{Data: packed(t, false, file("a.yaml"))}, "a.yaml"},
		"a file":               {policy.File{Name: "dir/a.yaml", Data: []byte("a: 1\n")}, "a.yaml"},
		"out of the archive":   {policy.File{Data: packed(t, true, file("../../etc/cron.d/a.yaml"))}, `layer 1 of i: "../../etc/cron.d/a.yaml" leads out of the archive`},
		"an absolute name":     {policy.File{Data: packed(t, true, file("/a.yaml"))}, `layer 1 of i: "/a.yaml" leads out of the archive`},
		"a link":               {policy.File{Data: packed(t, true, tar.Header{Name: "a.yaml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})}, `layer 1 of i: "a.yaml" is a link or a device: policies are plain files`},
		"a hard link":          {policy.File{Data: packed(t, true, tar.Header{Name: "a.yaml", Typeflag: tar.TypeLink, Linkname: "b.yaml"})}, `layer 1 of i: "a.yaml" is a link or a device: policies are plain files`},
		"something else":       {policy.File{Name: "app", Data: []byte("ELF")}, `layer 1 of i: "app" is neither an archive nor a YAML file`},
		"nothing":              {policy.File{Data: packed(t, true, file("README.md"))}, "there is no YAML file in i"},
		"more than is read":    {policy.File{Name: "a.yaml", Data: zip(t, make([]byte, maxBytes+1))}, "layer 1 of i: unpacks to more than 16 MiB"},
		"an archive cut short": {policy.File{Data: zip(t, packed(t, false, file("a.yaml"))[:514])}, "layer 1 of i: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := unpack("i", []policy.File{tc.layer})
			var names []string
			for _, f := range files {
				names = append(names, f.Name)
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestFolder(t *testing.T) {
	tree := fstest.MapFS{"policies/a.yaml": {}, "policies/deep/b.YML": {}, "policies/notes.txt": {}, "other/c.yaml": {}, "empty/x.txt": {}}
	for dir, want := range map[string]string{"policies": "[{policies/a.yaml []} {policies/deep/b.YML []}] <nil>", "none": "[] there is no folder none", "empty": "[] there is no YAML file in empty"} {
		files, err := Folder(tree, dir)
		if got := fmt.Sprint(files, err); strings.Replace(got, " <nil>", "", 1) != strings.Replace(want, " <nil>", "", 1) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	many := fstest.MapFS{}
	for i := range maxFiles + 1 {
		many[fmt.Sprintf("p/%d.yaml", i)] = &fstest.MapFile{}
	}
	if _, err := Folder(many, "p"); err == nil || err.Error() != "there are more than 2000 files with policies" {
		t.Error(err)
	}
	if _, err := Folder(fstest.MapFS{"p/a.yaml": {Data: make([]byte, maxBytes+1)}}, "p"); err == nil || err.Error() != "p/a.yaml has more than 16 MiB" {
		t.Error(err)
	}
}
