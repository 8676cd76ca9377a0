package ledger_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// told is a world in which something of everything happened.
func everything() (w *world, rows func(ledger.Ledger, ...string) []ledger.Row, hashes []string) {
	w = began()
	w.Cut("1.32")
	x := w.Merge(12, "Raise `cert` | @all", edits{cert: "2"})
	y := w.Merge(13, "Raise dns", edits{dns: "2"}, "no-cherry-pick/1.31")
	z := w.Merge(14, "Raise cert again", edits{cert: "3"})
	v := w.Merge(14, "and its CRDs", edits{crds: "1"})
	w.Pick("1.31", x)
	w.Tag("1.31", 2)
	w.Propose("1.31", 40, z, v)
	w.Propose("1.32", 41, x).Draft = true
	return w, func(l ledger.Ledger, some ...string) (rows []ledger.Row) {
		for _, r := range l.Changes {
			for _, h := range some {
				if r.Commit == h {
					rows = append(rows, r)
				}
			}
		}
		return rows
	}, []string{x, y, z, v}
}

// tell writes hashes as people would: x, y, z, v and p for what was picked.
func tell(w *world, text string, hashes []string) string {
	named := map[string]string{}
	for i, h := range hashes {
		named[h] = "xyzv"[i : i+1]
	}
	for _, c := range w.release["1.31"].Commits {
		named[c.Hash] = "p"
	}
	named[w.facts.Changes[0].Hash] = "first"
	for h, name := range named {
		text = strings.ReplaceAll(text, h, name)
		text = strings.ReplaceAll(text, h[:12], name+strings.Repeat("-", 12-len(name)))
	}
	return text
}

func TestTable(t *testing.T) {
	w, _, hashes := everything()
	l := ledger.Build(w.Facts())
	const want = `CHANGE        PULL  TITLE                release-1.31        release-1.32
v-----------  #14   and its CRDs         open #40            waiting
z-----------  #14   Raise cert again     open #40            waiting
y-----------  #13   Raise dns            skipped             missing
x-----------  #12   Raise ` + "`cert` | @all" + `  landed v1.31-ake.2  draft #41

Why
  v----------- on release-1.32: waits for #12, which changes the same files
  z----------- on release-1.32: waits for #12, which changes the same files
  y----------- on release-1.31: label no-cherry-pick/1.31 on #13
  x----------- on release-1.32: pull request #41 has conflicts that a person must resolve

release-1.31 differs from main in
  cert: 2 changes of main are not on the branch (2 in a pull request)
  dns: 1 change of main is not on the branch (skipped: label no-cherry-pick/1.31 on #13)

release-1.32 differs from main in
  cert: 3 changes of main are not on the branch (1 in a pull request; 2 waiting)
  dns: 1 change of main is not on the branch (missing)

1 change that every branch was cut with: --all shows them
`
	if got := tell(w, ledger.Table(l, false), hashes); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got, line := tell(w, ledger.Table(l, true), hashes), "first-------  -     Begin                landed v1.31-ake.1  landed\n"; !strings.Contains(got, line) {
		t.Errorf("with all changes there is no line %q in\n%s", line, got)
	}
	if got, want := ledger.Table(ledger.Build(ledger.Facts{Main: "main"}), false), "there are no live release branches\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	const only = "release-1.32 differs from main in"
	if got := ledger.Table(l.Only("release-1.32"), false); strings.Contains(got, "release-1.31") || !strings.Contains(got, only) {
		t.Errorf("of one branch:\n%s", got)
	}
}

func TestComment(t *testing.T) {
	w, rows, hashes := everything()
	l := ledger.Build(w.Facts())
	for name, tc := range map[string]struct {
		rows []ledger.Row
		page string
		want string
	}{
		"one change": {
			rows(l, hashes[0]), "https://github.com/o/r",
			"### Where this is\n\n" +
				"| branch | state | where | why |\n| --- | --- | --- | --- |\n" +
				"| `release-1.31` | landed | `v1.31-ake.2` [`p-----------`](https://github.com/o/r/commit/p) |  |\n" +
				"| `release-1.32` | draft | [#41](https://github.com/o/r/pull/41) | " + markdown.Text("pull request #41 has conflicts that a person must resolve") + " |\n" +
				"\nThe label `no-cherry-pick` on this pull request keeps it from all branches, `no-cherry-pick/1.31` from `release-1.31` alone.\n",
		},
		"two changes": {
			rows(l, hashes[2], hashes[3]), "",
			"### Where this is\n\n" +
				"| branch | change | state | where | why |\n| --- | --- | --- | --- | --- |\n" +
				"| `release-1.31` | `z-----------` Raise cert again | open | #40 |  |\n" +
				"| `release-1.31` | `v-----------` and its CRDs | open | #40 |  |\n" +
				"| `release-1.32` | `z-----------` Raise cert again | waiting |  | waits for &#35;&#8203;12, which changes the same files |\n" +
				"| `release-1.32` | `v-----------` and its CRDs | waiting |  | waits for &#35;&#8203;12, which changes the same files |\n" +
				"\nThe label `no-cherry-pick` on this pull request keeps it from all branches, `no-cherry-pick/1.31` from `release-1.31` alone.\n",
		},
		"no branch": {[]ledger.Row{{Commit: hashes[0]}}, "", "### Where this is\n\nThere is no release branch that it could be on.\n"},
	} {
		if got := tell(w, ledger.Comment(tc.rows, tc.page), hashes); got != tc.want {
			t.Errorf("%s:\ngot:\n%s\nwant:\n%s", name, got, tc.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	w, _, hashes := everything()
	want := "| change | title | `release-1.31` | `release-1.32` |\n| --- | --- | --- | --- |\n" +
		"| `v-----------` | and its CRDs #14 | open #40 | waiting |\n" +
		"| `z-----------` | Raise cert again #14 | open #40 | waiting |\n" +
		"| `y-----------` | Raise dns #13 | skipped | missing |\n" +
		"| `x-----------` | Raise &#96;cert&#96; &#124; &#64;&#8203;all #12 | landed `v1.31-ake.2` `p-----------` | draft #41 |\n" +
		"\n### Why\n\n" +
		"- `v-----------` on `release-1.32`: waits for &#35;&#8203;12, which changes the same files\n" +
		"- `z-----------` on `release-1.32`: waits for &#35;&#8203;12, which changes the same files\n" +
		"- `y-----------` on `release-1.31`: label no-cherry-pick/1.31 on &#35;&#8203;13\n" +
		"- `x-----------` on `release-1.32`: pull request &#35;&#8203;41 has conflicts that a person must resolve\n" +
		"\n### Differences from main\n\n" +
		"- `release-1.31`\n" +
		"  - `cert`: 2 changes of main are not on the branch (2 in a pull request)\n" +
		"  - `dns`: 1 change of main is not on the branch (skipped: label no-cherry-pick/1.31 on &#35;&#8203;13)\n" +
		"- `release-1.32`\n" +
		"  - `cert`: 3 changes of main are not on the branch (1 in a pull request; 2 waiting)\n" +
		"  - `dns`: 1 change of main is not on the branch (missing)\n" +
		"\n1 change that every branch was cut with: not shown.\n"
	if got := tell(w, ledger.Markdown(ledger.Build(w.Facts()), false, ""), hashes); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
