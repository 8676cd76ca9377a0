package manager_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// faultTable names every fault that the manager is built to survive, and the tests that inject it. A test of this package stands with its
// name alone or, for one trouble of TestLastingFaults, with the trouble's; others with their folder.
var faultTable = []struct {
	fault string
	tests []string
}{
	// The Kubernetes API.
	{"a list answers an error", []string{"lists fail"}},
	{"a list is empty, with 200", []string{"lists of secrets are empty", "lists of applications are empty", "lists of sets are empty", "lists of reports are empty", "lists of sources are empty", "all lists are empty"}},
	{"a list is cut", []string{"lists of secrets end early", "lists of applications end early"}},
	{"a continue token has expired", []string{"the second page has expired"}},
	{"watches end each second", []string{"watches end each second"}},
	{"watches stall in silence", []string{"watches fall silent"}},
	{"watches bring bookmarks only", []string{"watches bring bookmarks only"}},
	{"a server that lags answers a list", []string{"a list of secrets is old"}},
	{"409 on every first write", []string{"TestFaultAtEveryWrite", "the first write of each object conflicts", "every third write fails"}},
	{"429 with Retry-After", []string{"TestFaultAtEveryWrite", "every third write fails"}},
	{"500 after the write landed", []string{"TestFaultAtEveryWrite"}},
	{"a timeout or a lost answer after the write landed", []string{"TestFaultAtEveryWrite"}},
	{"413, and etcd refuses the size", []string{"TestFaultAtEveryWrite", "reports are too large"}},
	{"admission denies", []string{"TestFaultAtEveryWrite", "admission denies sets"}},
	{"admission changes our objects", []string{"admission adds to our objects"}},
	{"a right is taken away", []string{"TestFaultAtEveryWrite", "the verb patch is taken away", "the verb delete is taken away"}},
	{"a CustomResourceDefinition is gone, and back", []string{"the kind of reports is gone"}},
	{"a CustomResourceDefinition is older", []string{"reports lose a field"}},
	{"the namespace is terminating", []string{"the namespace is terminating"}},
	{"the API server restarts", []string{"TestRestartsConverge", "test/e2e TestAPIServerRestartsAlone", "test/e2e TestRestarts"}},
	{"etcd is restored from an older snapshot", []string{"TestEtcdRestored"}},
	{"the clocks of manager and API server differ", []string{"TestClockJumps"}},

	// The manager.
	{"SIGKILL at each write", []string{"TestKilledAtEveryWrite", "test/e2e TestRestarts"}},
	{"SIGTERM in a pass", []string{"TestRestartsConverge"}},
	{"the lease is lost", []string{"TestLeaseLost", "TestLeaderElection"}},
	{"two managers at once", []string{"two managers at once"}},
	{"out of memory", []string{"TestKilledAtEveryWrite"}}, // Linux ends it as SIGKILL does.
	{"the disk is full", []string{"no cache folder"}},
	{"the cache is damaged", []string{"internal/adapter/git TestDamagedMirrorIsFetchedAnew", "internal/adapter/git TestDamageWhileRunning"}},
	{"the cache is deleted", []string{"TestRepositoryDown", "test/e2e TestRepositoryTrouble"}},
	{"a status of a later version", []string{"a status of a later version"}},

	// Argo CD.
	{"the ApplicationSet controller is down", []string{"the ApplicationSet controller is down"}},
	{"the application controller never reports", []string{"the application controller is down", "Argo CD never reports"}},
	{"Argo CD reports Healthy for the revision before", []string{"Argo CD reports the revision before"}},
	{"an Application is edited by hand", []string{"Applications are edited by hand"}},
	{"an Application is deleted by hand", []string{"test/e2e TestDeletingAnApplicationByHand"}},
	{"a finalizer is stuck", []string{"a finalizer is stuck"}},
	{"the AppProject is removed", []string{"the AppProject is gone"}},
	{"somebody else has the name", []string{"TestForeignObjectsStay"}},

	// Clusters.
	{"a cluster cannot be reached", []string{"TestVersionOfTheCluster", "internal/adapter/kube TestAskUnreachable"}},
	{"a cluster answers after a minute", []string{"internal/adapter/kube TestASlowClusterAnswers", "internal/adapter/kube TestDeadClustersDelayNoOther"}},
	{"a certificate has expired", []string{"internal/adapter/kube TestAskUnreachable"}},
	{"/version is no JSON", []string{"internal/adapter/kube TestAskAnswers"}},
	{"a version goes down", []string{"test/e2e TestRestarts"}},
	{"a version flaps between minors", []string{"versions flap between minors"}},
	{"a thousand clusters appear at once", []string{"test/bench BenchmarkController"}},
	{"a cluster is renamed", []string{"TestRenamedAndMovedCluster"}},
	{"a token is rotated each minute", []string{"TestSameInputWritesNothing", "internal/adapter/kube TestAChangedSecretIsAskedAtOnce"}},
}

// TestFaultTable holds the table to the tests that there are.
func TestFaultTable(t *testing.T) {
	if len(faultTable) != 48 {
		t.Errorf("%d faults, want 48", len(faultTable))
	}
	used := map[string]bool{}
	for _, row := range faultTable {
		for _, name := range row.tests {
			used[name] = true
			if _, ok := troubles[name]; ok {
				continue
			}
			folder, test, elsewhere := strings.Cut(name, " ")
			if !elsewhere {
				folder, test = "internal/manager", name
			}
			if !slices.Contains(testsIn(t, "../../"+folder), test) {
				t.Errorf("%s: there is no test %q", row.fault, name)
			}
		}
	}
	for name := range troubles {
		if !used[name] {
			t.Errorf("trouble %q is in no row of the table", name)
		}
	}
}

// testsIn lists the test functions of a folder.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}
