package policy

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// TestLists are policies as kubectl prints several: each item of a List counts, as if it had a document of its own.
func TestLists(t *testing.T) {
	item := func(text string) string {
		return "- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
	}
	host := constraintOf("K8sNoPrivileged", "host", "{}")
	s, err := set(t, Options{}, "apiVersion: v1\nkind: List\nmetadata: {note: &again [{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}]}\nitems:\n"+item(privileged)+
		item("apiVersion: v1\nkind: List\nitems:\n"+item(host))+"- {apiVersion: v1, kind: List, items: *again}\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"K8sNoPrivileged/host"}, s.Constraints()); diff != "" {
		t.Error(diff)
	}
	if got := s.Remarks(); len(got) != 1 || !strings.HasSuffix(got[0], ": v1 ConfigMap is no policy, and left out") {
		t.Error(got)
	}
}

// TestHalfPolicies are policies that would check nothing if they were only left out.
func TestHalfPolicies(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no kind":          {"apiVersion: constraints.gatekeeper.sh/v1beta1\nmetadata: {name: x}\n", "a.yaml:1: a policy of constraints.gatekeeper.sh has no kind"},
		"a name of a list": {"---\napiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {name: [x]}\n", "a.yaml:2: apiVersion, kind and metadata.name of a policy are texts, and one of them is something else"},
		"other files":      {"replicas: 1\n---\n- a\n---\nkind: {a: b}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if _, wrong := documents([]policy.File{{Name: "a.yaml", Data: []byte(tc.text)}}); wrong != nil {
				got = wrong.err().Error()
			}
			if got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestFolderWithALink(t *testing.T) {
	tree := fstest.MapFS{"policies/a.yaml": {Data: []byte("a: 1\n")}, "policies/shared": {Mode: fs.ModeSymlink}}
	if _, err := Folder(tree, "policies"); err == nil || err.Error() != "policies/shared is a symbolic link, and links are not followed: policies are plain files" {
		t.Error(err)
	}
}
