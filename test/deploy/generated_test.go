package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedFilesAreCurrent runs the generator that `make generate` runs, and compares.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds controller-gen; run without -short")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/go.mod", "controller-gen", "paths=./internal/api/...",
		"object", "output:object:dir="+filepath.Join(dir, "object"), "crd:crdVersions=v1", "output:crd:dir="+filepath.Join(dir, "crds"))
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	same(t, filepath.Join(dir, "crds"), filepath.Join(root, "deploy/crds"), "*_*.yaml")
	same(t, filepath.Join(dir, "object"), filepath.Join(root, "internal/api/v1alpha1"), "zz_generated*.go")
}

// same compares the files of two folders that match a pattern.
func same(t *testing.T, want, got, pattern string) {
	t.Helper()
	if diff := cmp.Diff(contents(t, want, pattern), contents(t, got, pattern)); diff != "" {
		t.Errorf("%s is not what `make generate` writes (-generated +there):\n%s", got, diff)
	}
}

func contents(t *testing.T, folder, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s in %s: %v", pattern, folder, err)
	}
	all := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = string(data)
	}
	return all
}
