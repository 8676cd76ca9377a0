package deploy_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// buildLine is the command of the Dockerfile that compiles, with the folder it writes to.
var buildLine = regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .* -o )(/out/)( .*)$`)

// TestImageRecipeBuildsStaticPrograms runs the compile command of the Dockerfile as it is written, into another folder: no container
// runtime is at hand everywhere, and what the image needs of it is that the programs ask for no interpreter.
func TestImageRecipeBuildsStaticPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles both programs; run without -short")
	}
	if runtime.GOOS != "linux" {
		t.Skip("images are for Linux")
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	line := buildLine.FindSubmatch(dockerfile)
	if line == nil {
		t.Fatalf("the Dockerfile has no line %s", buildLine)
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", string(line[1])+out+"/"+string(line[3]))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "VERSION=v1.2.3-test")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
	for _, program := range []string{"addon-manager", "branch-bot"} {
		path := filepath.Join(out, program)
		binary, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range binary.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s has a program header %v: it is not static", program, p.Type)
			}
		}
		binary.Close()
		version, err := exec.CommandContext(t.Context(), path, "--version").Output()
		if err != nil || !bytes.Contains(version, []byte("v1.2.3-test")) {
			t.Errorf("%s --version prints %q (%v), want v1.2.3-test in it", program, version, err)
		}
		if !strings.Contains(string(dockerfile), `ENTRYPOINT ["/usr/local/bin/`) {
			t.Error("the image has no entry point under /usr/local/bin, where the programs are")
		}
	}
}
