package plane

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// startLimit covers a start on a machine that compiles something else at the same time; building the binary is not in it.
const startLimit = 2 * time.Minute

// Start starts a control plane that ends with the test, etcd and kube-apiserver only unless options say more. It skips the
// test with -short.
func Start(t testing.TB, options ...Options) *ControlPlane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane; run without -short")
	}
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	cp, err := startForTest(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cp.Stop)
	return cp
}

func startForTest(o Options) (*ControlPlane, error) {
	if o.Binary == "" {
		path, err := Build(context.Background(), Plane)
		if err != nil {
			return nil, err
		}
		o.Binary = path
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return StartControlPlane(ctx, o)
}

// Shared is one control plane for all tests of a package, started by the first that asks:
//
//	var shared plane.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }
//
//	func TestSomething(t *testing.T) { cp := shared.Get(t); … }
//
// Tests that share it keep apart by namespace.
type Shared struct {
	Options Options

	once sync.Once
	cp   *ControlPlane
	err  error
}

// Run runs the tests, then stops the control plane; it returns the exit code.
func (s *Shared) Run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plane-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	s.Options.Dir = dir
	code := m.Run()
	if s.cp != nil {
		s.cp.Stop()
	}
	return code
}

// Get returns the control plane. It skips the test with -short.
func (s *Shared) Get(t testing.TB) *ControlPlane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane; run without -short")
	}
	s.once.Do(func() {
		if s.Options.Dir == "" {
			s.err = fmt.Errorf("plane.Shared: call Run from TestMain")
			return
		}
		s.cp, s.err = startForTest(s.Options)
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cp
}
