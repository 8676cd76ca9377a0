package branches_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// TestKept raises a version further on a branch than on main: the change is not for the branch then, which its pull request says, and what comes after
// it is picked.
func TestKept(t *testing.T) {
	town := newTown(t, github.Options{})
	const file = "addons/cert/values.yaml"
	values := func(tag, replicas string) map[string]string {
		return map[string]string{file: "image:\n  repository: quay.io/acme/cert\n  tag: " + tag + "\na: 1\nb: 2\nc: 3\nreplicas: " + replicas + "\n"}
	}
	town.commit("main", "Have values", values("1.6.0", "1"))
	town.branch("release-1.31", "main")
	town.branch("release-1.32", "main")
	town.commit("release-1.31", "Try it here first", values("1.9.0", "1"))
	raised := town.change("Raise cert", "squash", values("1.8.0", "1"))
	later := town.change("More of it", "squash", values("1.8.0", "2"))
	town.settle()
	town.expect(town.where(raised),
		"| `release-1.31` | skipped |  | nothing is left of it here: the branch keeps 1.9.0 instead of 1.8.0 in addons/cert/values.yaml, "+
			"as main&#39;s is older than the branch&#39;s |",
		"| `release-1.32` | open | [#3](/pull/3) |  |")
	town.expect(town.where(later),
		"| `release-1.31` | open | [#4](/pull/4) |  |", "| `release-1.32` | waiting |  | waits for &#35;&#8203;1, which changes the same files |")
	town.commit("release-1.31", "Go back", values("1.5.0", "1"))
	town.settle()
	town.expect(town.where(raised), "| `release-1.31` | open | [#5](/pull/5) |  |", "| `release-1.32` | open | [#3](/pull/3) |  |")
}
