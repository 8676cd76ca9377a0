package history_test

import (
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// TestRandom makes changes, and picks some of them to each branch with and without a word, among own commits and tags: just those landed, in the first
// release after the pick.
func TestRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("makes many repositories")
	}
	cases := 0
	rapid.Check(t, func(rt *rapid.T) {
		if cases++; cases > 6 {
			return
		}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		w := newWork(rt, dir)
		// Lines far from each other, so that each pick applies whatever was picked before.
		var changes []string
		for i := range 9 {
			file := []string{cert, crds}[i%2]
			line := fmt.Sprintf("line%d: ", 1+i/2*6)
			changes = append(changes, w.edit("main", file, line+"1", line+"2", "Change"))
		}
		want := map[string]string{}
		for _, branch := range []string{"release-1.31", "release-1.32"} {
			minor, n := branch[len("release-"):], 0
			var untagged []string
			for i, hash := range changes {
				switch rapid.SampledFrom([]string{"leave", "pick", "pick quietly", "own and pick quietly", "tag and leave"}).Draw(rt, "what") {
				case "pick":
					w.pick(branch, "-x", hash)
				case "pick quietly":
					w.pick(branch, hash)
				case "own and pick quietly":
					w.edit(branch, note, "1\n", fmt.Sprintf("1\nown %d\n", i), "Own")
					w.pick(branch, hash)
				case "tag and leave":
					n++
					w.git("tag", fmt.Sprintf("v%s-ake.%d", minor, n), branch)
					for _, key := range untagged {
						want[key] = fmt.Sprintf("landed v%s-ake.%d", minor, n)
					}
					untagged = nil
					continue
				default:
					continue
				}
				want[branch+hash] = "landed "
				untagged = append(untagged, branch+hash)
			}
		}
		h, err := w.read(t, history.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, branch := range []string{"release-1.31", "release-1.32"} {
			for i, e := range entries(h, branch, changes...) {
				got := ""
				if e.State == ledger.Landed {
					got = "landed " + e.Tag
				}
				if got != want[branch+changes[i]] {
					rt.Fatalf("change %d on %s is %+v, want %q", i, branch, e, want[branch+changes[i]])
				}
			}
		}
	})
}
