package branches

import (
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
)

const conflicting = "a: 1\n<<<<<<< release-1.31\nb: 2\n||||||| base\nb: 1\n=======\nb: 3\n>>>>>>> c12 (Change b)\n"

// TestInspect looks at files as people and merges leave them.
func TestInspect(t *testing.T) {
	for name, tc := range map[string]struct {
		files     []file
		undecided []change.Unresolved
		want      []string
	}{
		"nothing changes":      {},
		"a normal change":      {files: []file{{"a.yaml", []byte("a: 1\n"), []byte("a: 2\n")}}},
		"a conflict":           {files: []file{{"a.yaml", []byte("a: 1\n"), []byte(conflicting)}}, want: []string{"a.yaml has 1 conflict marker"}},
		"two, in Windows text": {files: []file{{"b.txt", nil, []byte(strings.ReplaceAll(conflicting+conflicting, "\n", "\r\n"))}}, want: []string{"b.txt has 2 conflict markers"}},
		"a conflict in a file that Git has no diff for": {
			files: []file{{"run.sh", nil, []byte("<<<<<<<\n=======\n>>>>>>>\n")}}, want: []string{"run.sh has 1 conflict marker"},
		},
		"a heading":                             {files: []file{{"README.md", nil, []byte("Title\n=======\n\n>>>>>>> quoted\n")}}},
		"arrows in a text":                      {files: []file{{"a.txt", nil, []byte("<<<<<<<<< nine\n=======\n>>>>>>>>> nine\n")}}},
		"a document about conflicts, as before": {files: []file{{"how.md", []byte(conflicting), []byte(conflicting + "more\n")}}},
		"YAML that no longer parses": {
			files: []file{{"a.yml", []byte("a: 1\n"), []byte("a: 1\n b: 2\n")}}, want: []string{"a.yml is no YAML: line 2: mapping values are not allowed in this context"},
		},
		"YAML that never parsed": {files: []file{{"a.yaml", []byte("a: [\n"), []byte("a: [[\n")}}},
		"a template":             {files: []file{{"addons/x/templates/a.yaml", nil, []byte("{{ if }}: [")}}},
		"a second document that does not parse": {
			files: []file{{"a.yaml", nil, []byte("a: 1\n---\nb: [\n")}}, want: []string{"a.yaml is no YAML: line 3: did not find expected node content"},
		},
		"two keys of one name": {
			files: []file{{"a.yaml", []byte("a: 1\n"), []byte("a: 1\nb: 2\na: 3\n")}}, want: []string{`a.yaml is no YAML: line 3: mapping key "a" already defined at line 1`},
		},
		"a path that nobody decided about": {
			undecided: []change.Unresolved{{Kind: "modify/delete", Path: "gone.yaml"}},
			want:      []string{"gone.yaml is as the conflict left it (modify/delete): nobody has decided about it"},
		},
		"a path with markers is told once": {
			files: []file{{"a.yaml", nil, []byte(conflicting)}}, undecided: []change.Unresolved{{Kind: "content", Path: "a.yaml"}}, want: []string{"a.yaml has 1 conflict marker"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range inspect(tc.files, tc.undecided) {
				got = append(got, f.path+" "+f.why)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// TestUndecided follows a conflict through what people commit on top.
func TestUndecided(t *testing.T) {
	conflict := change.Commit{Hash: hash("x"), Message: "Change a\n\nUnresolved: modify/delete gone.yaml\nUnresolved: rename \"odd\\nname\"\n"}
	all := []change.Unresolved{{Kind: "modify/delete", Path: "gone.yaml"}, {Kind: "rename", Path: "odd\nname"}}
	for name, tc := range map[string]struct {
		commits []change.Commit
		changed string
		want    []change.Unresolved
	}{
		"nobody did anything": {commits: []change.Commit{conflict}, want: all},
		"one path was edited": {commits: []change.Commit{conflict, {Hash: hash("y"), Message: "Finish"}}, changed: "gone.yaml", want: all[1:]},
		"one path is right as it is": {
			commits: []change.Commit{conflict, {Hash: hash("y"), Message: "Keep it\n\nResolved: gone.yaml\r\n"}}, want: all[1:],
		},
		"a decision before the conflict is none": {commits: []change.Commit{{Hash: hash("w"), Message: "Resolved: gone.yaml"}, conflict}, want: all},
		"the commit was made anew":               {commits: []change.Commit{{Hash: hash("z"), Message: "Change a\n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := undecided(tc.commits, func(_, path string) bool { return path != tc.changed })
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// TestVerdict is what the check says, also about many paths with hostile names.
func TestVerdict(t *testing.T) {
	good := verdict(hash("a"), nil)
	if good.Conclusion != forge.Success || good.Name != "addons/no-conflicts" || good.Title != "No conflicts" {
		t.Errorf("got %+v", good)
	}
	bad := verdict(hash("a"), []finding{{"a|`b`@all", "has 1 conflict marker"}})
	want := forge.Check{
		Name: "addons/no-conflicts", Commit: hash("a"), Conclusion: forge.Failure, Title: "1 path to decide",
		Summary: "These paths are not ready to be merged:\n\n- <code>a&#124;&#96;b&#96;&#64;all</code> has 1 conflict marker\n\n" +
			"Where a path is right as it is, say so in the message of a commit, on a line of its own: `Resolved: PATH`.\n",
	}
	if bad != want {
		t.Errorf("got  %+v\nwant %+v", bad, want)
	}
	many := verdict(hash("a"), slices.Repeat([]finding{{strings.Repeat("x", 5000), strings.Repeat("é", 5000)}}, 1000))
	if n := len(many.Summary); n > 60_000 || !strings.Contains(many.Summary, "and 950 paths more\n") {
		t.Errorf("a summary of %d bytes: %.200s", n, many.Summary)
	}
}
