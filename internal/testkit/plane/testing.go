package plane

import (
	"context"
	"errors"
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
	// Options of the control plane; its Dir is always a temporary folder.
	Options Options

	once    sync.Once
	running bool // within Run, which cleans up
	cp      *ControlPlane
	err     error
}

// Run runs the tests, then stops the control plane; it returns the exit code.
func (s *Shared) Run(m *testing.M) int {
	s.running = true
	code := m.Run()
	if s.cp != nil {
		s.cp.Stop()
	}
	if s.Options.Dir != "" {
		_ = os.RemoveAll(s.Options.Dir) // what stays is in the system's folder for temporary files
	}
	return code
}

// Get returns the control plane. It skips the test with -short.
func (s *Shared) Get(t testing.TB) *ControlPlane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane; run without -short")
	}
	s.once.Do(func() { s.cp, s.err = s.start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cp
}

func (s *Shared) start() (*ControlPlane, error) {
	if !s.running {
		return nil, errors.New("plane.Shared: call Run from TestMain")
	}
	dir, err := os.MkdirTemp("", "plane-")
	if err != nil {
		return nil, err
	}
	s.Options.Dir = dir
	return startForTest(s.Options)
}
