// Package plane starts real Kubernetes control planes as child processes on loopback: for a Go test in one line, for the
// sandbox with a controller manager, a scheduler and simulated nodes. There is no container and no network; what runs is the
// upstream code, built from its Go modules into one binary (test/sandbox/plane).
//
// In a test:
//
//	func TestSomething(t *testing.T) {
//		cp := plane.Start(t)                                   // etcd + kube-apiserver, gone when the test ends
//		c, err := client.New(cp.Config, client.Options{})      // full rights
//		…
//		cp.Restart(ctx)                                        // same port, same data
//	}
//
// One control plane for all tests of a package is cheaper (each costs some seconds and 400 MB):
//
//	var shared plane.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }
//
//	func TestSomething(t *testing.T) { cp := shared.Get(t); … }
//
// plane.Start skips the test with -short. The binary is built the first time, which takes minutes on a cold build cache;
// ADDON_SANDBOX_PLANE names a ready one.
//
// Guarantees: nothing listens outside loopback, every port is free and stays ours until Stop (also while the API server is
// down), every file is under Options.Dir, and on Linux the processes end with their parent, whatever ends it.
package plane
