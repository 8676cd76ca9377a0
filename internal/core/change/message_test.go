package change_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

var (
	a = strings.Repeat("a", 40)
	b = strings.Repeat("b", 40)
	c = strings.Repeat("c", 40)
)

func TestClaims(t *testing.T) {
	for name, tc := range map[string]struct {
		message string
		want    []string
	}{
		"nothing":                       {"Raise it\n\nBecause.\n", nil},
		"git cherry-pick -x":            {"Raise it\n\n(cherry picked from commit " + a + ")\n", []string{a}},
		"our trailer":                   {"Raise it\n\nPicked-From: " + a + "\n", []string{a}},
		"both":                          {"Raise it\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\n", []string{a}},
		"a pick of a pick":              {"Raise it\n\n(cherry picked from commit " + a + ")\n(cherry picked from commit " + b + ")\n", []string{b}},
		"a signed pick of a pick":       {"Raise it\n\n(cherry picked from commit " + a + ")\nSigned-off-by: A <a@b>\n(cherry picked from commit " + b + ")\nSigned-off-by: B <b@b>\n", []string{b}},
		"picked by us, then by hand":    {"Raise it\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\nPicked-Pull: 12\n(cherry picked from commit " + b + ")\n", []string{b}},
		"a squash of two picks":         {"Backport (#7)\n\n* One\n\n(cherry picked from commit " + a + ")\n\n* Two\n\n(cherry picked from commit " + b + ")\n", []string{a, b}},
		"a squash that repeats one":     {"Backport (#7)\n\n* One\n\nPicked-From: " + a + "\n\n* Fix\n\nPicked-From: " + a + "\n", []string{a}},
		"without a blank line between":  {"Backport (#7)\n\n* One\nPicked-From: " + a + "\n* Two\nPicked-From: " + b + "\n", []string{a, b}},
		"from a browser":                {"Raise it\r\n\r\nPicked-From: " + a + "  \r\n", []string{a}},
		"quoted":                        {"Raise it\n\n> Picked-From: " + a + "\n", nil},
		"in a sentence":                 {"Raise it\n\nThis was (cherry picked from commit " + a + ")\n", nil},
		"an abbreviation proves little": {"Raise it\n\nPicked-From: " + a[:12] + "\n", nil},
		"two hashes in one":             {"Raise it\n\nPicked-From: " + a + b + "\n", nil},
		"behind a NUL":                  {"Raise it\x00\n\nPicked-From: " + a + "\n", nil},
	} {
		if got := change.Claims(tc.message); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Claims = %q, want %q", name, got, tc.want)
		}
	}
}

func TestPullOf(t *testing.T) {
	for message, want := range map[string]struct {
		pull  int
		title string
	}{
		"Raise it (#12)\n\nBecause of #3.\n":                {12, "Raise it (#12)"},
		"Merge pull request #13 from o/topic\n\nRaise it\n": {13, "Raise it"},
		"Merge pull request #13 from o/topic":               {13, "Merge pull request #13 from o/topic"},
		"Revert \"Raise it (#12)\" (#14)":                   {14, "Revert \"Raise it (#12)\" (#14)"},
		"Revert \"Raise it (#12)\"":                         {0, "Revert \"Raise it (#12)\""},
		"Raise it (#12) again":                              {0, "Raise it (#12) again"},
		"Raise it\n\nsee (#12)":                             {0, "Raise it"},
		"\n\n  Raise it (#12)  \n":                          {12, "Raise it (#12)"},
		"Raise it (#12345678901)":                           {0, "Raise it (#12345678901)"},
		"":                                                  {0, ""},
		"Merge branch 'topic' into main\n\nMerge pull request #1 from x": {0, "Merge branch 'topic' into main"},
	} {
		if got := change.PullOf(message); got != want.pull {
			t.Errorf("PullOf(%q) = %d, want %d", message, got, want.pull)
		}
		if got := change.Title(message); got != want.title {
			t.Errorf("Title(%q) = %q, want %q", message, got, want.title)
		}
	}
}

func TestReverts(t *testing.T) {
	message := "Revert \"Raise it\"\n\nThis reverts commit " + a + ".\nThis reverts commit " + b + ", reversing\nchanges made to " + c + ".\nThis reverts commit " + a + ".\n"
	if got, want := change.Reverts(message), []string{a, b}; !slices.Equal(got, want) {
		t.Errorf("Reverts = %q, want %q", got, want)
	}
	if got := change.Reverts("I said \"This reverts commit " + a + "\""); got != nil {
		t.Errorf("a sentence reverts %q", got)
	}
}

func TestPicked(t *testing.T) {
	for name, tc := range map[string]struct {
		in   change.Pick
		want string
	}{
		"a subject": {
			change.Pick{Message: "Raise it (#12)\n", Commit: a, Pull: 12},
			"Raise it (#12)\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\nPicked-Pull: 12\n",
		},
		"trailers stay together": {
			change.Pick{Message: "Raise it\n\nBecause:\nof that.\n\nSigned-off-by: A <a@b>\n\n", Commit: a},
			"Raise it\n\nBecause:\nof that.\n\nSigned-off-by: A <a@b>\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\n",
		},
		"a subject like a trailer": {
			change.Pick{Message: "fix: it", Commit: a},
			"fix: it\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\n",
		},
		"what resembles ours is quoted": {
			change.Pick{Message: "Raise it\n\nPicked-From: " + b + "\n\n  unresolved: content x\n(cherry picked from commit " + c + ")\n", Commit: a},
			"Raise it\n\n> Picked-From: " + b + "\n\n> unresolved: content x\n> (cherry picked from commit " + c + ")\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\n",
		},
		"a conflict, and two authors": {
			change.Pick{
				Message: "Raise it", Commit: a, CoAuthors: []change.Person{{Name: "A\nB <x>", Email: "a@b>\nPicked-From: " + b}},
				Unresolved: []change.Unresolved{{"content", "a b.yaml"}, {"modify/delete", "x\nPicked-From: " + b}},
			},
			"Raise it\n\nCo-authored-by: A B x <a@b Picked-From: " + b + ">\n(cherry picked from commit " + a + ")\nPicked-From: " + a +
				"\nUnresolved: content a b.yaml\nUnresolved: modify/delete \"x\\nPicked-From: " + b + "\"\n",
		},
		"no message": {change.Pick{Message: "\n", Commit: a}, "Pick " + a + "\n\n(cherry picked from commit " + a + ")\nPicked-From: " + a + "\n"},
	} {
		if got := change.Picked(tc.in); got != tc.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, tc.want)
		}
		if got := change.UnresolvedIn(change.Picked(tc.in)); !slices.Equal(got, tc.in.Unresolved) {
			t.Errorf("%s: UnresolvedIn = %q, want %q", name, got, tc.in.Unresolved)
		}
	}
}

// FuzzPicked: whatever a message says, its pick is a pick of that one commit, leaves those paths, and reads the same when it is picked again.
func FuzzPicked(f *testing.F) {
	for _, s := range []string{"", "Raise it", "x\n\nPicked-From: " + b, "x\r\n\r\nPicked-From: " + b + "\r\n", "x\n\n\t(cherry picked from commit " + b + ")", "a: b\n\nUnresolved: content x", "x\x00y", "x\u0085Picked-From: " + b, "\u2028"} {
		f.Add(s, "a\xffb", "N\n<", "@")
	}
	f.Fuzz(func(t *testing.T, message, path, name, email string) {
		p := change.Pick{Message: message, Commit: a, Pull: 1, CoAuthors: []change.Person{{Name: name, Email: email}}}
		if path != "" {
			p.Unresolved = []change.Unresolved{{Kind: "content", Path: path}}
		}
		picked := change.Picked(p)
		if got := change.Claims(picked); !slices.Equal(got, []string{a}) {
			t.Errorf("Claims(%q) = %q", picked, got)
		}
		if got := change.UnresolvedIn(picked); !reflect.DeepEqual(got, p.Unresolved) {
			t.Errorf("UnresolvedIn(%q) = %q, want %q", picked, got, p.Unresolved)
		}
		if got := change.Claims(change.Picked(change.Pick{Message: picked, Commit: c})); !slices.Equal(got, []string{c}) {
			t.Errorf("picked again, it claims %q", got)
		}
		if strings.ContainsAny(picked, "\x00\r") && !strings.ContainsAny(message, "\r") {
			t.Errorf("%q has what Git cannot hold", picked)
		}
	})
}
