package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Tools are the paths of the binaries that a sandbox runs.
type Tools struct{ Plane, Helm, Kustomize string }

// BuildTools builds the binaries that are not current. step is told when something has to be built from nothing.
func BuildTools(ctx context.Context, step func(text string)) (Tools, error) {
	first := sync.OnceFunc(func() { step("building the sandbox's programs (the first time: several minutes)") })
	var t Tools
	for _, b := range []struct {
		program plane.Program
		path    *string
	}{{plane.Plane, &t.Plane}, {plane.Helm, &t.Helm}, {plane.Kustomize, &t.Kustomize}} {
		if !built(ctx, b.program) {
			first()
		}
		var err error
		if *b.path, err = plane.Build(ctx, b.program); err != nil {
			return Tools{}, err
		}
	}
	return t, nil
}

func built(ctx context.Context, program plane.Program) bool {
	root, err := plane.ModuleRoot(ctx)
	if err != nil {
		return true // Build says it better
	}
	_, err = os.Stat(filepath.Join(root, "bin", string(program)))
	return err == nil
}
