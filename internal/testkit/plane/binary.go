package plane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// BinaryEnv names a ready plane binary; then nothing is built.
const BinaryEnv = "ADDON_SANDBOX_PLANE"

// A Program is one of the binaries that a sandbox runs.
type Program string

// The programs, and the packages they are built from.
const (
	Plane     Program = "plane"
	Helm      Program = "helm"
	Kustomize Program = "kustomize"
	// Manager is not named addon-manager: that file is for people, and is stamped with a version.
	Manager Program = "sandbox-addon-manager"
	Bot     Program = "sandbox-branch-bot"
	Demo    Program = "demo"
)

var packages = map[Program]string{
	Plane:     "./test/sandbox/plane",
	Helm:      "helm.sh/helm/v3/cmd/helm",
	Kustomize: "sigs.k8s.io/kustomize/kustomize/v5",
	Manager:   "./cmd/addon-manager",
	Bot:       "./cmd/branch-bot",
	Demo:      "./test/sandbox/demo",
}

var (
	buildOnce sync.Mutex
	built     = map[Program]string{}
)

// Build makes sure that the program is in the repository's bin folder and current, and returns its path. Building plane the
// first time takes minutes, later a second. Processes that ask at the same time wait for one another.
func Build(ctx context.Context, program Program) (string, error) {
	if path := os.Getenv(BinaryEnv); path != "" && program == Plane {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s=%q: %w; unset it to build the binary", BinaryEnv, path, err)
		}
		return path, nil
	}
	buildOnce.Lock()
	defer buildOnce.Unlock()
	if path, ok := built[program]; ok {
		return path, nil
	}
	root, err := ModuleRoot(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", string(program))
	if err := build(ctx, root, path, packages[program]); err != nil {
		return "", fmt.Errorf("build %s: %w", program, err)
	}
	built[program] = path
	return path, nil
}

// ModuleRoot is the folder of this module's go.mod. It is found from the working folder, as the go command does.
func ModuleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: go env GOMOD: %w", err)
	}
	file := string(bytes.TrimSpace(out))
	if file == "" || file == os.DevNull {
		return "", errors.New("find the module: the working folder is in no Go module; run this within the repository")
	}
	return filepath.Dir(file), nil
}

// ModuleDir is the folder of a module this one depends on, such as github.com/argoproj/argo-cd/v2.
func ModuleDir(ctx context.Context, module string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	dir := string(bytes.TrimSpace(out))
	if dir == "" {
		return "", fmt.Errorf("find module %s: it is not downloaded; run `go mod download %s`", module, module)
	}
	return dir, nil
}

func build(ctx context.Context, root, path, pkg string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	// Without symbols the link takes half the time. go build itself leaves a current file alone.
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build -o %s %s: %w\n%s", path, pkg, err, out)
	}
	return nil
}
