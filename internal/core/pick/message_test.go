package pick

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// TestMessage calls merges what their pull requests are called, and leaves other messages alone.
func TestMessage(t *testing.T) {
	for name, tc := range map[string]struct{ message, pull, want string }{
		"a squash":                         {"Bump a (#12)\n\n* one\n* two\n", "Bump a", "Bump a (#12)\n\n* one\n* two\n"},
		"a merge":                          {"Merge pull request #12 from ada/bump\n\nBump a\n", "", "Bump a\n"},
		"a merge with more":                {"Merge pull request #12 from ada/bump\n\nBump a\n\nIt is newer.\n\nSigned-off-by: A <a@b.c>\n", "", "Bump a\n\nIt is newer.\n\nSigned-off-by: A <a@b.c>\n"},
		"a merge whose body is the text":   {"Merge pull request #12 from ada/bump\n\nIt is newer.\n", "Bump a", "Bump a\n\nIt is newer.\n"},
		"a merge without a body":           {"Merge pull request #12 from ada/bump\n", "", "Merge pull request #12 from ada/bump\n"},
		"a merge with lines from Windows":  {"Merge pull request #12 from ada/bump\r\n\r\nBump a\r\n\r\nMore.\r\n", "", "Bump a\n\nMore.\n"},
		"a merge of a branch":              {"Merge branch 'x'\n\nBump a\n", "", "Merge branch 'x'\n\nBump a\n"},
		"a merge with a title of the past": {"Merge pull request #12 from ada/bump\n\nBump a\n", "Bump a and b", "Bump a and b\n\nBump a\n"},
	} {
		c := ledger.Change{Commit: change.Commit{Message: tc.message}}
		if tc.pull != "" {
			c.Pull = &forge.Pull{Number: 12, Title: tc.pull}
		}
		if got := Message(c); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
