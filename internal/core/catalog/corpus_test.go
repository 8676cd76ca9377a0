package catalog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// head starts a good catalog; addons follow from line 5 on.
const head = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
`

// one is a good catalog of one addon, with more lines for it.
func one(lines ...string) string {
	return head + "addons:\n- name: a\n" + indent(lines)
}

// two is a good catalog of the addons a and b, with more lines for b.
func two(lines ...string) string {
	return head + "addons:\n- name: a\n- name: b\n" + indent(lines)
}

func indent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}

// repository is a tree in which the folders of the addons a and b are in order.
func repository(more fstest.MapFS) fs.FS {
	manifest := &fstest.MapFile{Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")}
	tree := fstest.MapFS{"catalog.yaml": {}, "addons/a/x.yaml": manifest, "addons/b/x.yaml": manifest}
	for name, f := range more {
		tree[name] = f
	}
	return tree
}

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}

func utf16le(s string) string {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, append([]uint16{0xfeff}, utf16.Encode([]rune(s))...))
	return b.String()
}

func circle(n int) string {
	var b strings.Builder
	b.WriteString(head + "addons:\n")
	for i := range n {
		fmt.Fprintf(&b, "- {name: a%02d, dependsOn: [a%02d]}\n", i, (i+1)%n)
	}
	return b.String()
}

func show(problems []fault.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.Error() + "\n")
	}
	return b.String()
}

// TestCorpus has one row for each way a catalog is known to be wrong, with what a person is told. An id names the entry
// of the project's list of bad inputs. No want means that the input is fine.
func TestCorpus(t *testing.T) {
	for _, tc := range []struct {
		id, in string
		tree   fstest.MapFS
		want   []string
	}{
		{id: "c1 empty", in: "", want: []string{
			"catalog.yaml:1:1: the file is empty: want a map with apiVersion: addons.kaas.dev/v1alpha1 and kind: Catalog",
		}},
		{id: "c1 blank lines", in: "\n\n", want: []string{
			"catalog.yaml:1:1: the file is empty: want a map with apiVersion: addons.kaas.dev/v1alpha1 and kind: Catalog",
		}},
		{id: "c2 comments", in: "# nothing\n# here\n", want: []string{
			"catalog.yaml:1:1: the file is empty: want a map with apiVersion: addons.kaas.dev/v1alpha1 and kind: Catalog",
		}},
		{id: "c2 null", in: "---\n# nothing\n", want: []string{
			"catalog.yaml:1:1: the file is empty: want a map with apiVersion: addons.kaas.dev/v1alpha1 and kind: Catalog",
		}},
		{id: "c3 two documents", in: one() + "---\nmore: true\n", want: []string{
			"catalog.yaml:7:1: the file has more than 1 YAML document: remove the line --- and what follows it",
		}},
		{id: "c3 empty second document", in: one() + "---\n", want: []string{
			"catalog.yaml:7:1: the file has more than 1 YAML document: remove the line --- and what follows it",
		}},
		{id: "c3 end marker", in: "---\n" + one() + "...\n"},
		{id: "c4 unknown field", in: one("nmaespace: x", "colour: red"), want: []string{
			`catalog.yaml:7:3: addons[0]: "nmaespace" is not a known field: did you mean namespace?`,
			`catalog.yaml:8:3: addons[0]: "colour" is not a known field: known here: name, path, namespace, placement, enabled, kubernetes, dependsOn, onDisable, grace, pruneCRDs, parameters, argocd, upstream`,
		}},
		{id: "c4 unknown field of the root", in: one() + "Addons: []\n", want: []string{
			`catalog.yaml:7:1: "Addons" is not a known field: did you mean addons?`,
		}},
		{id: "c4 unknown field below", in: one("upstream: {helm: {repository: https://charts.example.com, chart: a, version: 1.2.3}}"), want: []string{
			`catalog.yaml:7:71: addons[0].upstream.helm: "version" is not a known field: known here: repository, chart`,
		}},
		{id: "c4 key that is no text", in: one("1: x", "[x]: y", "? {a: b}", ": y"), want: []string{
			`catalog.yaml:7:3: addons[0]: "1" is not a known field: known here: name, path, namespace, placement, enabled, kubernetes, dependsOn, onDisable, grace, pruneCRDs, parameters, argocd, upstream`,
			"catalog.yaml:8:3: addons[0]: a field's name must be a plain word, found a list",
			"catalog.yaml:9:5: addons[0]: a field's name must be a plain word, found a map",
		}},
		{id: "c5 duplicate key", in: one("namespace: x", "namespace: y"), want: []string{
			`catalog.yaml:8:3: addons[0]: "namespace" is given twice, first in line 7: remove one`,
		}},
		{id: "c5 duplicate key of the root", in: one() + "distribution: other\n", want: []string{
			`catalog.yaml:7:1: "distribution" is given twice, first in line 3: remove one`,
		}},
		{id: "c6 duplicate addon name", in: head + "addons:\n- name: a\n- {name: a, path: addons/b}\n", want: []string{
			`catalog.yaml:7:10: addons[1].name: "a" is the name of two addons, the other in line 6: rename one`,
		}},
		{id: "c6 duplicate addon", in: head + "addons:\n- name: a\n- name: a\n- name: a\n", want: []string{
			`catalog.yaml:7:9: addons[1].name: "a" is the name of two addons, the other in line 6: rename one`,
			`catalog.yaml:8:9: addons[2].name: "a" is the name of two addons, the other in line 7: rename one`,
		}},
		{id: "c7 upper case and underscore", in: head + "addons: [{name: Foo_Bar}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "Foo_Bar" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c8 63 characters", in: head + "addons: [{name: " + strings.Repeat("x", 63) + ", path: addons/a}]\n"},
		{id: "c8 64 characters", in: head + "addons: [{name: " + strings.Repeat("x", 64) + "}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… (64 bytes) is too long: at most 63 bytes are allowed`,
		}},
		{id: "c8 300 characters", in: head + "addons: [{name: " + strings.Repeat("x", 300) + "}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… (300 bytes) is too long: at most 63 bytes are allowed`,
		}},
		{id: "c9 dots", in: head + "addons: [{name: ..}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: ".." is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c9 slash", in: head + "addons: [{name: a/b}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a/b" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c9 dash at the end", in: head + "addons: [{name: a-}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a-" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c9 reserved", in: head + "addons: [{name: cluster}, {name: paused}, {name: on-disable}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "cluster" is reserved, addons.kaas.dev/cluster means something else: choose another name`,
			`catalog.yaml:5:34: addons[1].name: "paused" is reserved, addons.kaas.dev/paused means something else: choose another name`,
			`catalog.yaml:5:50: addons[2].name: "on-disable" is reserved, addons.kaas.dev/on-disable means something else: choose another name`,
		}},
		{id: "c9 empty and absent", in: head + "addons: [{name: \"\"}, {name: }, {path: addons/a}]\n", want: []string{
			"catalog.yaml:5:17: addons[0].name is empty: write a value or remove the field",
			"catalog.yaml:5:29: addons[1].name has no value: write one or remove the field",
			"catalog.yaml:5:32: addons[2].name is missing: add it",
		}},
		{id: "c10 template", in: head + "addons: [{name: \"{{ .Values }}\"}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "{{ .Values }}" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c10 template unquoted", in: head + "addons: [{name: {{ .Values }}}]\n", want: []string{
			"catalog.yaml:5:17: addons[0].name: want a text, found a map",
		}},
		{id: "c11 NUL escaped", in: head + "addons: [{name: \"a\\0b\"}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a\x00b" holds a control character: remove it`,
		}},
		{id: "c11 NUL byte", in: head + "addons: [{name: \"a\x00b\"}]\n", want: []string{
			"catalog.yaml:5:19: the file holds the control character U+0000: remove it",
		}},
		{id: "c11 newline", in: head + "addons: [{name: \"a\\nb\"}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a\nb" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c11 newline at the end", in: head + "addons: [{name: \"a\\n\"}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a\n" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c11 right-to-left override", in: head + "addons: [{name: \"a\u202eb\"}]\n", want: []string{
			`catalog.yaml:5:17: addons[0].name: "a\u202eb" is not an addon's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "c12 absolute path", in: one("path: /etc"), want: []string{
			`catalog.yaml:7:9: addons[0].path: "/etc" is absolute: want a folder inside the repository, such as addons/cert-manager`,
		}},
		{id: "c13 path out of the repository", in: one("path: ../x"), want: []string{
			`catalog.yaml:7:9: addons[0].path: "../x" leaves its folder with ..: write the folder's own path`,
		}},
		{id: "c13 path out and in", in: one("path: addons/../addons/a"), want: []string{
			`catalog.yaml:7:9: addons[0].path: "addons/../addons/a" leaves its folder with ..: write the folder's own path`,
		}},
		{id: "c13 not clean", in: one("path: ./addons//a/"), want: []string{
			`catalog.yaml:7:9: addons[0].path: "./addons//a/" is not the shortest form: write "addons/a"`,
		}},
		{id: "c13 root", in: one("path: ."), want: []string{
			`catalog.yaml:7:9: addons[0].path: "." is the whole repository: want a folder inside it, such as addons/cert-manager`,
		}},
		{id: "c13 backslash", in: one(`path: 'addons\..\..\x'`), want: []string{
			`catalog.yaml:7:9: addons[0].path: "addons\\..\\..\\x" has a backslash: divide folders by /`,
		}},
		{id: "c13 template", in: one(`path: "addons/{{.name}}"`), want: []string{
			`catalog.yaml:7:9: addons[0].path: "addons/{{.name}}" is not a folder's path: want letters, digits, dots, dashes and underscores, divided by /`,
		}},
		{id: "c13 .git", in: one(`path: .Git/hooks`), want: []string{
			`catalog.yaml:7:9: addons[0].path: ".Git/hooks" goes through .git, which is never delivered: choose another folder`,
		}},
		{id: "c14 path is a symlink", in: one("path: addons/l"), tree: fstest.MapFS{"addons/l": link("a")}, want: []string{
			"catalog.yaml:7:9: addon a: addons/l is a symbolic link: name the folder itself",
		}},
		{id: "c14 path through a symlink", in: one("path: other/a"), tree: fstest.MapFS{"other": link("addons")}, want: []string{
			"catalog.yaml:7:9: addon a: other is a symbolic link: name the folder itself",
		}},
		{id: "c14 symlink out of the repository", in: one("path: addons/l"), tree: fstest.MapFS{"addons/l": link("../../etc")}, want: []string{
			`addons/l: the symbolic link to "../../etc" leaves the repository, and Argo CD then renders nothing of it: remove the link`,
			"catalog.yaml:7:9: addon a: addons/l is a symbolic link: name the folder itself",
		}},
		{id: "c14 path through a submodule", in: one("path: addons/m"), tree: fstest.MapFS{"addons/m": {Mode: fs.ModeIrregular}}, want: []string{
			"catalog.yaml:7:9: addon a: addons/m is a submodule, which Git does not carry in this repository: copy the folder in",
		}},
		{id: "c15 path to a file", in: one("path: addons/a/x.yaml"), want: []string{
			"catalog.yaml:7:9: addon a: addons/a/x.yaml is a file: want a folder",
		}},
		{id: "c15 path to nothing", in: one("path: addons/c"), want: []string{
			"catalog.yaml:7:9: addon a: the repository has no folder addons/c: add it or correct the path",
		}},
		{id: "c16 two addons on one path", in: two("path: addons/a"), want: []string{
			`catalog.yaml:8:9: addons[1].path: "addons/a" is also the path of addon "a": one folder is one addon`,
		}},
		{id: "c16 one inside another", in: two("path: addons/a/b"), want: []string{
			`catalog.yaml:8:9: addons[1].path: "addons/a/b" is inside "addons/a" of addon "a": move it out`,
		}},
		{id: "c17 path differing only by case", in: two("path: Addons/A"), want: []string{
			`catalog.yaml:8:9: addons[1].path: "Addons/A" differs only by case from "addons/a" of addon "a": rename one folder`,
		}},
		{id: "c18 unquoted minor", in: strings.Replace(one(), `["1.31", "1.32"]`, "[1.30, 1.31]", 1), want: []string{
			`catalog.yaml:4:23: kubernetes.minors[0]: 1.30 is not quoted, so YAML reads it as the number 1.3: write "1.30"`,
			`catalog.yaml:4:29: kubernetes.minors[1]: 1.31 is not quoted, so YAML reads it as the number 1.31: write "1.31"`,
		}},
		{id: "c19 forms of minors", in: strings.Replace(one(), `["1.31", "1.32"]`, `["1.31.4", "v1.31", "01.31", "1.031", "1", "", "1.31 ", "1.1000"]`, 1), want: []string{
			`catalog.yaml:4:23: kubernetes.minors[0]: "1.31.4" is not a Kubernetes minor: "31.4" is not a number; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:4:33: kubernetes.minors[1]: "v1.31" is not a Kubernetes minor: "v1" is not a number; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:4:42: kubernetes.minors[2]: "01.31" is not a Kubernetes minor: "01" has a leading zero; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:4:51: kubernetes.minors[3]: "1.031" is not a Kubernetes minor: "031" has a leading zero; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:4:60: kubernetes.minors[4]: "1" is not a Kubernetes minor: want <major>.<minor>, such as 1.31`,
			"catalog.yaml:4:65: kubernetes.minors[5] is empty: write a value or remove the field",
			`catalog.yaml:4:69: kubernetes.minors[6]: "1.31 " is not a Kubernetes minor: "31 " is not a number; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:4:78: kubernetes.minors[7]: "1.1000" is not a Kubernetes minor: "1000" is larger than 999; want <major>.<minor>, such as 1.31`,
		}},
		{id: "c20 duplicate minor", in: strings.Replace(one(), `"1.32"]`, `"1.32", "1.31"]`, 1), want: []string{
			"catalog.yaml:4:39: kubernetes.minors[2]: 1.31 is listed twice: remove one",
		}},
		{id: "c20 minors in any order", in: strings.Replace(one(), `["1.31", "1.32"]`, `["1.32", "1.31"]`, 1)},
		{id: "c20 no minors", in: strings.Replace(one(), `["1.31", "1.32"]`, `[]`, 1), want: []string{
			`catalog.yaml:4:22: kubernetes.minors names no minor: on main, list those that are offered, such as ["1.31", "1.32"]`,
		}},
		{id: "c20 no kubernetes", in: strings.Replace(one(), `kubernetes: {minors: ["1.31", "1.32"]}`, ``, 1), want: []string{
			`catalog.yaml:1:1: kubernetes.minors names no minor: on main, list those that are offered, such as ["1.31", "1.32"]`,
		}},
		{id: "c22 range cut off", in: one(`kubernetes: ">=1.29 <"`), want: []string{
			`catalog.yaml:7:15: addons[0].kubernetes: ">=1.29 <" is not a version range; want a form like ">=1.29 <1.33"`,
		}},
		{id: "c22 range of words", in: one(`kubernetes: newest`), want: []string{
			`catalog.yaml:7:15: addons[0].kubernetes: "newest" is not a version range; want a form like ">=1.29 <1.33"`,
		}},
		{id: "c22 empty range", in: one(`kubernetes: ""`), want: []string{
			"catalog.yaml:7:15: addons[0].kubernetes is empty: write a value or remove the field",
		}},
		{id: "c22 long range", in: one(`kubernetes: "` + strings.Repeat(">=1.29 ", 50) + `"`), want: []string{
			"catalog.yaml:7:15: addons[0].kubernetes: the range has 350 bytes, at most 256 are read",
		}},
		{id: "c22 range that is a number", in: one(`kubernetes: 1.30`), want: []string{
			`catalog.yaml:7:15: addons[0].kubernetes: 1.30 is not quoted, so YAML reads it as the number 1.3: write "1.30"`,
		}},
		{id: "c23 range that fits no minor", in: one(`kubernetes: ">=1.33 <1.31"`), want: []string{
			`catalog.yaml:7:15: addons[0].kubernetes: ">=1.33 <1.31" holds no Kubernetes minor from 1.0 to 1.99: correct the range`,
		}},
		{id: "c23 range that fits no offered minor", in: one(`kubernetes: ">=1.33"`), want: []string{
			`catalog.yaml:7:15: addons[0].kubernetes: ">=1.33" holds none of the minors offered (1.31, 1.32): correct the range or remove the addon`,
		}},
		{id: "c23 range of patches", in: one(`kubernetes: ">=1.31.2 <1.31.4"`)},
		{id: "c24 dependency missing", in: two("dependsOn: [prometheus]"), want: []string{
			`catalog.yaml:8:15: addons[1].dependsOn[0]: the catalog has no addon "prometheus": add it or remove this entry`,
		}},
		{id: "c24 dependency misspelt", in: head + "addons:\n- {name: cert-manager, path: addons/a}\n- {name: b, dependsOn: [cert-manger]}\n", want: []string{
			`catalog.yaml:7:25: addons[1].dependsOn[0]: the catalog has no addon "cert-manger": did you mean cert-manager?`,
		}},
		{id: "c24 dependency twice", in: two("dependsOn: [a, a]"), want: []string{
			`catalog.yaml:8:18: addons[1].dependsOn[1]: "a" is listed twice: remove one`,
		}},
		{id: "c25 circle of 2", in: circle(2), want: []string{
			"catalog.yaml:7:27: addons[1].dependsOn[0]: the addons depend on each other in a circle: a00 → a01 → a00: remove one of these dependencies",
		}},
		{id: "c25 circle of 3 behind an entrance", in: circle(3) + "- {name: a, dependsOn: [a01]}\n", want: []string{
			"catalog.yaml:6:27: addons[0].dependsOn[0]: the addons depend on each other in a circle: a01 → a02 → a00 → a01: remove one of these dependencies",
		}},
		{id: "c25 circle of 50", in: circle(50), want: []string{
			"catalog.yaml:55:27: addons[49].dependsOn[0]: the addons depend on each other in a circle: a00 → a01 → a02 → a03 → a04 → a05 → a06 → a07 → a08 → a09 → (40 more) → a00: remove one of these dependencies",
		}},
		{id: "c26 depends on itself", in: two("dependsOn: [b]"), want: []string{
			`catalog.yaml:8:15: addons[1].dependsOn[0]: "b" depends on itself: remove it`,
		}},
		{id: "c27 disjoint ranges", in: head + "addons:\n- {name: a, kubernetes: \"<1.32\"}\n- {name: b, kubernetes: \">=1.32\", dependsOn: [a]}\n", want: []string{
			`catalog.yaml:7:47: addons[1].dependsOn[0]: b is for Kubernetes ">=1.32" and a for "<1.32", no minor runs both: correct one range or remove this entry`,
		}},
		{id: "c27 meeting ranges", in: head + "addons:\n- {name: a, kubernetes: \"<1.33\"}\n- {name: b, kubernetes: \">=1.32\", dependsOn: [a]}\n"},
		{id: "c28 enabled is a boolean", in: one("enabled: yes", "onDisable: off", "placement: true"), want: []string{
			"catalog.yaml:7:12: addons[0].enabled: yes is a boolean to YAML readers: write one of optional, default, always",
			"catalog.yaml:8:14: addons[0].onDisable: off is a boolean to YAML readers: write one of prune, retain",
			"catalog.yaml:9:14: addons[0].placement: true is a boolean to YAML readers: write one of workload, management",
		}},
		{id: "c28 enabled is another word", in: one("enabled: sometimes"), want: []string{
			`catalog.yaml:7:12: addons[0].enabled: want one of optional, default, always, found "sometimes"`,
		}},
		{id: "c28 enabled is a number, a list, nothing", in: head + "addons: [{name: a, enabled: 1}, {name: b, enabled: [always]}, {name: c, enabled: }]\n", want: []string{
			`catalog.yaml:5:29: addons[0].enabled: want one of optional, default, always, found "1"`,
			"catalog.yaml:5:52: addons[1].enabled: want one of optional, default, always, found a list",
			"catalog.yaml:5:82: addons[2].enabled: want one of optional, default, always, found nothing",
		}},
		{id: "c28 text that is a boolean", in: one("namespace: on", "parameters: [{name: a, default: No}]"), want: []string{
			`catalog.yaml:7:14: addons[0].namespace: on is not quoted, so YAML readers take it for a boolean: write "on"`,
			`catalog.yaml:8:35: addons[0].parameters[0].default: No is not quoted, so YAML readers take it for a boolean: write "No"`,
		}},
		{id: "c29 placement both", in: one("placement: both"), want: []string{
			`catalog.yaml:7:14: addons[0].placement: want one of workload, management, found "both"`,
		}},
		{id: "c30 parameter twice", in: one("parameters: [{name: x, default: \"1\"}, {name: x, default: \"2\"}]"), want: []string{
			`catalog.yaml:7:48: addons[0].parameters[1].name: "x" is the name of two parameters: remove one`,
		}},
		{id: "c30 parameter inside another", in: one("parameters: [{name: x.y, default: \"1\"}, {name: x, default: \"2\"}]"), want: []string{
			`catalog.yaml:7:50: addons[0].parameters[1].name: "x.y" and "x" write over each other, one is inside the other: remove one`,
		}},
		{id: "c30 parameter names", in: one("parameters: [{name: \"a[0]\", default: x}, {name: \"a,b=c\", default: x}, {name: .a, default: x}, {name: a..b, default: x}, {name: \"{{x}}\", default: x}]"), want: []string{
			`catalog.yaml:7:23: addons[0].parameters[0].name: "a[0]" is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name`,
			`catalog.yaml:7:51: addons[0].parameters[1].name: "a,b=c" is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name`,
			`catalog.yaml:7:80: addons[0].parameters[2].name: ".a" is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name`,
			`catalog.yaml:7:104: addons[0].parameters[3].name: "a..b" is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name`,
			`catalog.yaml:7:130: addons[0].parameters[4].name: "{{x}}" is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name`,
		}},
		{id: "c31 parameter without source", in: one("parameters: [{name: a}, {name: b, from: {}}, {name: c, from: {field: name, value: v}}]"), want: []string{
			"catalog.yaml:7:16: addons[0].parameters[0] has neither from nor default: give one",
			"catalog.yaml:7:43: addons[0].parameters[1].from names 0 sources: want exactly one of field, label, annotation, value",
			"catalog.yaml:7:64: addons[0].parameters[2].from names 2 sources: want exactly one of field, label, annotation, value",
		}},
		{id: "c31 sources", in: one("parameters: [{name: a, from: {field: region}}, {name: b, from: {label: a/b/c}}, {name: c, from: {annotation: -x}}, {name: d, from: {value: 1}}, {name: e, from: {env: HOME}}]"), want: []string{
			`catalog.yaml:7:40: addons[0].parameters[0].from.field: want one of name, server, kubernetesVersion, kubernetesMinor, found "region"`,
			`catalog.yaml:7:74: addons[0].parameters[1].from.label: "a/b/c" is not a key: its name must be 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit at both ends`,
			`catalog.yaml:7:112: addons[0].parameters[2].from.annotation: "-x" is not a key: its name must be 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit at both ends`,
			`catalog.yaml:7:142: addons[0].parameters[3].from.value: 1 is not quoted, so YAML reads it as the number 1: write "1"`,
			"catalog.yaml:7:163: addons[0].parameters[4].from names 0 sources: want exactly one of field, label, annotation, value",
			`catalog.yaml:7:164: addons[0].parameters[4].from: "env" is not a known field: known here: field, label, annotation, value`,
		}},
		{id: "c31 default never used", in: one("parameters: [{name: a, from: {value: x}, default: z}]"), want: []string{
			"catalog.yaml:7:53: addons[0].parameters[0].default is never used beside from.value: remove one",
		}},
		{id: "c32 literal values", in: one("parameters:", "- {name: a, from: {value: \"{{ .name }}\"}}", "- {name: b, default: \"$(id) `id` ${HOME}\"}", "- {name: c, default: \"one\\ntwo\\t\"}", "- {name: d, default: \"\"}"), tree: fstest.MapFS{"addons/a/kustomization.yaml": {Data: []byte("resources: [x.yaml]\n")}}},
		{id: "c32 control characters", in: one("parameters:", "- {name: a, from: {value: \"a\\u0000\"}}", "- {name: b, default: \"\\e[31m\"}", "- {name: c, from: {value: \"\"}}"), want: []string{
			`catalog.yaml:8:29: addons[0].parameters[0].from.value: "a\x00" holds a control character: remove it`,
			`catalog.yaml:9:24: addons[0].parameters[1].default: "\x1b[31m" holds a control character: remove it`,
			"catalog.yaml:10:29: addons[0].parameters[2].from.value is empty: write a value or remove the field",
		}},
		{id: "c33 alias bomb", in: one("parameters: &a [x]", "dependsOn: [*a, *a]"), want: []string{
			"catalog.yaml:7:15: the anchor &a is not read in a catalog: remove it, and write the value out where it is used",
		}},
		{id: "c34 circular alias", in: one("parameters: &a [*a]"), want: []string{
			"catalog.yaml:7:15: the anchor &a is not read in a catalog: remove it, and write the value out where it is used",
		}},
		{id: "c34 merge key", in: one("<<: {namespace: x}"), want: []string{
			"catalog.yaml:7:3: addons[0]: merge keys (<<) are not read in a catalog: write the fields out",
		}},
		{id: "c38 UTF-8 mark", in: "\xef\xbb\xbf" + one()},
		{id: "c38 CRLF", in: strings.ReplaceAll(one("namespace: x"), "\n", "\r\n")},
		{id: "c38 CRLF with a mistake", in: strings.ReplaceAll(one("colour: x"), "\n", "\r\n"), want: []string{
			`catalog.yaml:7:3: addons[0]: "colour" is not a known field: known here: name, path, namespace, placement, enabled, kubernetes, dependsOn, onDisable, grace, pruneCRDs, parameters, argocd, upstream`,
		}},
		{id: "c38 UTF-16", in: utf16le(one()), want: []string{
			"catalog.yaml:1:1: the file is UTF-16: save it as UTF-8",
		}},
		{id: "c38 UTF-16 without mark", in: utf16le(one())[2:], want: []string{
			"catalog.yaml:1:1: the file is UTF-16 or UTF-32, or not text at all: save it as UTF-8",
		}},
		{id: "c38 Latin-1", in: one("namespace: caf\xe9"), want: []string{
			"catalog.yaml:7:17: the file is not UTF-8: byte 0xe9: save it as UTF-8",
		}},
		{id: "c39 tab", in: head + "addons:\n- name: a\n\tnamespace: x\n", want: []string{
			"catalog.yaml:7:1: the file is not YAML: this line is indented with a tab: use spaces",
		}},
		{id: "c39 tab after spaces", in: head + "addons:\n- name: a\n  parameters:\n  \t- x\n", want: []string{
			"catalog.yaml:8:3: the file is not YAML: this line is indented with a tab: use spaces",
		}},
		{id: "c39 broken elsewhere", in: head + "addons: [\n", want: []string{
			"catalog.yaml:5: the file is not YAML: did not find expected node content",
		}},
		{id: "c39 broken in the first line", in: "apiVersion: [}\n", want: []string{
			"catalog.yaml:1: the file is not YAML: did not find expected node content",
		}},
		{id: "c40 distribution with a slash", in: strings.Replace(one(), "ake", "a/b", 1), want: []string{
			`catalog.yaml:3:15: distribution: "a/b" is not a distribution: want lower-case letters, digits and inner dashes, such as ake`,
		}},
		{id: "c40 distribution empty", in: strings.Replace(one(), "ake", `""`, 1), want: []string{
			"catalog.yaml:3:15: distribution is empty: write a value or remove the field",
		}},
		{id: "c40 distribution absent", in: strings.Replace(one(), "distribution: ake", "", 1), want: []string{
			"catalog.yaml:1:1: distribution is missing: add it",
		}},
		{id: "c40 distribution too long", in: strings.Replace(one(), "ake", strings.Repeat("x", 33), 1), want: []string{
			"catalog.yaml:3:15: distribution: the distribution has 33 bytes, at most 32 allowed",
		}},
		{id: "c41 binary", in: one("namespace: !!binary aGVsbG8="), want: []string{
			"catalog.yaml:7:14: the tag !!binary is not read in a catalog: remove it",
		}},
		{id: "c41 python", in: one("namespace: !!python/object/apply:os.system [id]", "path: !local x"), want: []string{
			"catalog.yaml:7:14: the tag !!python/object/apply:os.system is not read in a catalog: remove it",
			"catalog.yaml:8:9: the tag !local is not read in a catalog: remove it",
		}},
		{id: "c41 core tag", in: one("namespace: !!str x"), want: []string{
			"catalog.yaml:7:14: the tag !!str is not read in a catalog: remove it",
		}},
		{id: "c42 number of 30 digits", in: strings.Replace(one("namespace: 123456789012345678901234567890"), `"1.32"`, "123456789012345678901234567890", 1), want: []string{
			`catalog.yaml:4:31: kubernetes.minors[1]: 123456789012345678901234567890 is not quoted, so YAML reads it as the number 1.2345678901234568e+29: write "123456789012345678901234567890"`,
			`catalog.yaml:7:14: addons[0].namespace: 123456789012345678901234567890 is not quoted, so YAML reads it as the number 1.2345678901234568e+29: write "123456789012345678901234567890"`,
		}},
		{id: "c43 file", in: one("upstream: {helm: {repository: \"file:///etc\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: "file:///etc" has the scheme "file": want one of https, http, oci`,
		}},
		{id: "c43 metadata service", in: one("upstream: {helm: {repository: \"http://169.254.169.254/latest\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "169.254.169.254" is link-local or no single machine: name another`,
		}},
		{id: "c43 metadata service as one number", in: one("upstream: {helm: {repository: \"http://2852039166/\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "2852039166" is neither a name nor an address: write it in full`,
		}},
		{id: "c43 metadata service in hexadecimal", in: one("upstream: {helm: {repository: \"http://0xa9fea9fe/\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "0xa9fea9fe" is neither a name nor an address: write it in full`,
		}},
		{id: "c43 metadata service in IPv6", in: one("upstream: {helm: {repository: \"http://[::ffff:169.254.169.254]/\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "::ffff:169.254.169.254" is link-local or no single machine: name another`,
		}},
		{id: "c43 any address in IPv6", in: one("upstream: {helm: {repository: \"http://[::ffff:0.0.0.0]/\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "::ffff:0.0.0.0" is link-local or no single machine: name another`,
		}},
		{id: "c43 metadata service by name", in: one("upstream: {helm: {repository: \"http://metadata.google.internal./\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "metadata.google.internal" is a cloud's metadata service: name another`,
		}},
		{id: "c43 link-local IPv6", in: one("upstream: {helm: {repository: \"http://[fe80::1%25eth0]/\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: the host "fe80::1%eth0" is link-local or no single machine: name another`,
		}},
		{id: "c43 ext", in: one("upstream: {helm: {repository: \"ext::sh -c id\", chart: x}}"), want: []string{
			`catalog.yaml:7:33: addons[0].upstream.helm.repository: "ext::sh -c id" has the scheme "ext": want one of https, http, oci`,
		}},
		{id: "c43 user and password", in: one("upstream: {helm: {repository: \"https://user:hunter2@charts.example.com\", chart: x}}"), want: []string{
			"catalog.yaml:7:33: addons[0].upstream.helm.repository: the URL holds a user or password: remove it, credentials belong in a Secret",
		}},
		{id: "c43 password in a broken URL", in: one("upstream: {helm: {repository: \"https://user:hunter2@charts.example.com:x%\", chart: x}}"), want: []string{
			"catalog.yaml:7:33: addons[0].upstream.helm.repository: not a URL: want the form https://charts.example.com",
		}},
		{id: "c43 loopback", in: one("upstream: {helm: {repository: \"http://127.0.0.1:8080/charts\", chart: x}}")},
		{id: "c43 OCI", in: one("upstream: {helm: {repository: \"oci://registry.example.com/charts\", chart: x}}")},
		{id: "c43 GitHub", in: one("upstream: {github: {repository: \"https://github.com/a/b\", asset: \"../x\"}}"), want: []string{
			`catalog.yaml:7:35: addons[0].upstream.github.repository: "https://github.com/a/b" is not a GitHub repository: want the form owner/name`,
			`catalog.yaml:7:68: addons[0].upstream.github.asset: "../x" is not the name of a release's file: want letters, digits, dots, dashes, + and _`,
		}},
		{id: "c43 image", in: one("upstream: {image: \"169.254.169.254/x\"}"), want: []string{
			`catalog.yaml:7:21: addons[0].upstream.image: the host "169.254.169.254" is link-local or no single machine: name another`,
		}},
		{id: "c43 image with tag", in: one("upstream: {image: \"registry.k8s.io/pause:3.10\"}"), want: []string{
			`catalog.yaml:7:21: addons[0].upstream.image: "registry.k8s.io/pause:3.10" is not an image: want its name without tag or digest, such as registry.k8s.io/pause`,
		}},
		{id: "c43 several sources", in: one("upstream: {image: registry.k8s.io/pause, github: {repository: a/b}}"), want: []string{
			"catalog.yaml:7:13: addons[0].upstream names 2 sources: want one of helm, github, image, git",
		}},
		{id: "c43 no source", in: one("upstream: {}"), want: []string{
			"catalog.yaml:7:13: addons[0].upstream is empty: name one of helm, github, image, git, or remove the field",
		}},
		{id: "upstream: git over ssh", in: one("upstream: {git: \"ssh://git@example.com/a.git\"}"), want: []string{
			"catalog.yaml:7:19: addons[0].upstream.git: the URL holds a user or password: remove it, credentials belong in a Secret",
		}},
		{id: "upstream: git in a registry", in: one("upstream: {git: \"oci://example.com/a\"}"), want: []string{
			`catalog.yaml:7:19: addons[0].upstream.git: "oci://example.com/a" has the scheme "oci": want one of https, http`,
		}},
		{id: "upstream: git", in: one("upstream: {git: \"https://example.com/a.git\"}")},
		{id: "upstream: ranges alone", in: one("upstream: {ignore: \">=2.0.0 <2.1.0\", only: \"<3\", minimumAge: 24h, support: {\"1.30\": \"<4\"}}")},
		{id: "upstream: bad ranges", in: one("upstream: {ignore: newer, only: \">=1 <\", support: {\"1.31\": \"4.x.y.z\", \"1.32\": \"\"}}"), want: []string{
			`catalog.yaml:7:22: addons[0].upstream.ignore: "newer" is not a version range; want a form like ">=1.29 <1.33"`,
			`catalog.yaml:7:35: addons[0].upstream.only: ">=1 <" is not a version range; want a form like ">=1.29 <1.33"`,
			`catalog.yaml:7:62: addons[0].upstream.support.1.31: "4.x.y.z" is not a version range; want a form like ">=1.29 <1.33"`,
			"catalog.yaml:7:81: addons[0].upstream.support.1.32 is empty: write a value or remove the field",
		}},
		{id: "upstream: bad minors", in: one("upstream:", "  image: a/b", "  support:", "    1.30: \"<4\"", "    v1.31: \"<4\"", "    \"1.32\": \"<4\"", "    \"1.32\": \"<5\"", "    [1]: \"<5\""), want: []string{
			`catalog.yaml:10:7: addons[0].upstream.support.1.30: 1.30 is not quoted, so YAML reads it as the number 1.3: write "1.30"`,
			`catalog.yaml:11:7: addons[0].upstream.support.v1.31: "v1.31" is not a Kubernetes minor: "v1" is not a number; want <major>.<minor>, such as 1.31`,
			`catalog.yaml:13:7: addons[0].upstream.support: "1.32" is given twice, first in line 12: remove one`,
			"catalog.yaml:14:7: addons[0].upstream.support: a key must be a plain word, found a list",
		}},
		{id: "upstream: support is a list", in: one("upstream: {image: a/b, support: [\"<4\"]}"), want: []string{
			"catalog.yaml:7:35: addons[0].upstream.support: want a map, found a list",
		}},
		{id: "upstream: age", in: one("upstream: {image: a/b, minimumAge: 3}"), want: []string{
			"catalog.yaml:7:38: addons[0].upstream.minimumAge: 3 has no unit: write a duration such as 10m or 1h30m",
		}},
		{id: "upstream: copy of an asset", in: one("upstream: {github: {repository: a/b, asset: x.yaml, version: v1.2.3, sha256: " + strings.Repeat("0a", 32) + "}}")},
		{id: "upstream: no SHA-256", in: one("upstream: {github: {repository: a/b, asset: x.yaml, version: v1 2, sha256: \"sha256:00\"}}"), want: []string{
			`catalog.yaml:7:64: addons[0].upstream.github.version: "v1 2" is not a version: want letters, digits and . _ + ~ -, such as v1.2.3`,
			`catalog.yaml:7:78: addons[0].upstream.github.sha256: "sha256:00" is not a SHA-256: want 64 digits 0-9 and a-f, as sha256sum prints`,
		}},
		{id: "upstream: SHA-256 of no version", in: one("upstream: {github: {repository: a/b, asset: x.yaml, sha256: " + strings.Repeat("0a", 32) + "}}"), want: []string{
			"catalog.yaml:7:63: addons[0].upstream.github.sha256 is that of the asset in one version: add version",
		}},
		{id: "upstream: version of no asset", in: one("upstream: {github: {repository: a/b, version: v1.2.3}}"), want: []string{
			"catalog.yaml:7:49: addons[0].upstream.github.version is that of the copy of an asset, and no asset is named: add asset or remove version",
		}},
		{id: "upgrades: all", in: two() + "upgrades: {schedule: \"CRON_TZ=Europe/Paris * 8-17 * * 1-5\", maxOpen: 10, maxOpenPerBranch: 0, maxNew: 5, minimumAge: 72h, groups: {ab: [b, a]}}\n"},
		{id: "upgrades: none", in: one() + "upgrades: {}\n"},
		{id: "upgrades: nothing", in: one() + "upgrades:\n", want: []string{"catalog.yaml:7:10: upgrades: want a map, found nothing"}},
		{id: "upgrades: unknown field", in: one() + "upgrades: {max: 3}\n", want: []string{
			`catalog.yaml:7:12: upgrades: "max" is not a known field: known here: schedule, maxOpen, maxOpenPerBranch, maxNew, minimumAge, groups`,
		}},
		{id: "upgrades: schedule of words", in: one() + "upgrades: {schedule: \"@daily\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "@daily" is no schedule: want minute, hour, day of month, month and day of week, such as "CRON_TZ=Europe/Paris * 8-17 * * 1-5"`,
		}},
		{id: "upgrades: schedule of four fields", in: one() + "upgrades: {schedule: \"8-17 * * 1-5\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "8-17 * * 1-5" is no schedule: want minute, hour, day of month, month and day of week, such as "CRON_TZ=Europe/Paris * 8-17 * * 1-5"`,
		}},
		{id: "upgrades: zone without a schedule", in: one() + "upgrades: {schedule: \"CRON_TZ=UTC\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "CRON_TZ=UTC" is no schedule: want minute, hour, day of month, month and day of week, such as "CRON_TZ=Europe/Paris * 8-17 * * 1-5"`,
		}},
		{id: "upgrades: zone in another way", in: one() + "upgrades: {schedule: \"TZ=UTC\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "TZ=UTC" is no schedule: want minute, hour, day of month, month and day of week, such as "CRON_TZ=Europe/Paris * 8-17 * * 1-5"`,
		}},
		{id: "upgrades: zone unknown", in: one() + "upgrades: {schedule: \"CRON_TZ=Europe/Pari * * * * *\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: the time zone "Europe/Pari" is not known: want the name of an IANA time zone, such as Europe/Paris`,
		}},
		{id: "upgrades: zone of the machine", in: one() + "upgrades: {schedule: \"CRON_TZ=Local * * * * *\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: the time zone "Local" is not known: want the name of an IANA time zone, such as Europe/Paris`,
		}},
		{id: "upgrades: day that never comes", in: one() + "upgrades: {schedule: \"* * 30 2 *\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "* * 30 2 *" names a day that never comes: want minute, hour, day of month, month and day of week, such as "CRON_TZ=Europe/Paris * 8-17 * * 1-5"`,
		}},
		{id: "upgrades: long schedule", in: one() + "upgrades: {schedule: \"" + strings.Repeat("*", 200) + "\"}\n", want: []string{
			`catalog.yaml:7:22: upgrades.schedule: "****************************************"… (200 bytes) is too long: at most 128 bytes are read`,
		}},
		{id: "upgrades: numbers", in: one() + "upgrades: {maxOpen: -1, maxOpenPerBranch: \"3\", maxNew: 1e3}\n", want: []string{
			`catalog.yaml:7:21: upgrades.maxOpen: want a whole number from 0 to 1000 without quotes, found "-1"`,
			`catalog.yaml:7:43: upgrades.maxOpenPerBranch: want a whole number from 0 to 1000 without quotes, found "3"`,
			`catalog.yaml:7:56: upgrades.maxNew: want a whole number from 0 to 1000 without quotes, found "1e3"`,
		}},
		{id: "upgrades: more numbers", in: one() + "upgrades: {maxOpen: 1001, maxOpenPerBranch: 010, maxNew: }\n", want: []string{
			`catalog.yaml:7:21: upgrades.maxOpen: want a whole number from 0 to 1000 without quotes, found "1001"`,
			`catalog.yaml:7:45: upgrades.maxOpenPerBranch: want a whole number from 0 to 1000 without quotes, found "010"`,
			`catalog.yaml:7:58: upgrades.maxNew: want a whole number from 0 to 1000 without quotes, found nothing`,
		}},
		{id: "upgrades: age", in: one() + "upgrades: {minimumAge: 3 days}\n", want: []string{
			`catalog.yaml:7:24: upgrades.minimumAge: "3 days" is not a duration: want a form like 10m or 1h30m`,
		}},
		{id: "upgrades: negative age", in: one() + "upgrades: {minimumAge: -1h}\n", want: []string{
			`catalog.yaml:7:24: upgrades.minimumAge: "-1h" is out of range: want 0s to 8760h`,
		}},
		{id: "upgrades: groups", in: two() + "upgrades:\n  groups:\n    x: [a, a, bb]\n    y: [a]\n    z: []\n    Z_: [b]\n    b: [b]\n    x: [b]\n    v: a\n", want: []string{
			`catalog.yaml:10:12: upgrades.groups.x[1]: "a" is listed twice: remove one`,
			`catalog.yaml:11:9: upgrades.groups.y[0]: "a" is also in group "x": an addon is in one group, remove it from the other`,
			"catalog.yaml:12:8: upgrades.groups.z is empty: list the addons that are upgraded together, or remove the group",
			`catalog.yaml:13:5: upgrades.groups.Z_: "Z_" is not a group's name: want lower-case letters, digits and inner dashes, such as cert-manager`,
			`catalog.yaml:14:9: upgrades.groups.b[0]: "b" is also in group "Z_": an addon is in one group, remove it from the other`,
			`catalog.yaml:15:5: upgrades.groups: "x" is given twice, first in line 10: remove one`,
			`catalog.yaml:16:8: upgrades.groups.v: want a list, found "a"`,
		}},
		{id: "upgrades: groups of no addons", in: two() + "upgrades:\n  groups:\n    x: [monitoring, bb]\n    b: [b]\n", want: []string{
			`catalog.yaml:10:9: upgrades.groups.x[0]: the catalog has no addon "monitoring": add it or remove this entry`,
			`catalog.yaml:10:21: upgrades.groups.x[1]: the catalog has no addon "bb": add it or remove this entry`,
			`catalog.yaml:11:5: upgrades.groups.b: "b" is the name of an addon, and pull requests are named after both: rename the group`,
		}},
		{id: "upgrades: mistyped addon in a group", in: head + "addons: [{name: kube-state, path: addons/a}]\nupgrades: {groups: {x: [kube-stat]}}\n", want: []string{
			`catalog.yaml:6:25: upgrades.groups.x[0]: the catalog has no addon "kube-stat": did you mean kube-state?`,
		}},
		{id: "policies: folder", in: one() + "policies: {path: policies, namespaces: [cert-manager, kube-*, \"*\"]}\n"},
		{id: "policies: image", in: one() + "policies: {image: \"registry.example.com/policies:v1@sha256:00000000000000000000000000000000000000000000000000000000000000ab\"}\n"},
		{id: "policies: image without a digest", in: one() + "policies: {image: \"registry.example.com/policies:v1\"}\n", want: []string{
			`catalog.yaml:7:19: policies.image: "registry.example.com/policies:v1" is not pinned by a digest, and a tag can be moved: want the form registry.example.com/policies@sha256:<64 hexadecimal digits>`,
		}},
		{id: "policies: path outside", in: one() + "policies: {path: ../policies}\n", want: []string{
			`catalog.yaml:7:18: policies.path: "../policies" leaves its folder with ..: write the folder's own path`,
		}},
		{id: "policies: both", in: one() + "policies: {path: policies, image: \"registry.example.com/policies@sha256:00000000000000000000000000000000000000000000000000000000000000ab\"}\n", want: []string{
			"catalog.yaml:7:11: policies names a path and an image: want exactly one, remove the other",
		}},
		{id: "policies: neither", in: one() + "policies: {namespaces: [Kube_, kube-]}\n", want: []string{
			"catalog.yaml:7:11: policies names no policies: give path, a folder of the repository, or image, pinned by a digest",
			`catalog.yaml:7:25: policies.namespaces[0]: "Kube_" is not a namespace: want lower-case letters, digits and inner dashes, with * for any characters, such as kube-*`,
			`catalog.yaml:7:32: policies.namespaces[1]: "kube-" is not a namespace: want lower-case letters, digits and inner dashes, with * for any characters, such as kube-*`,
		}},
		{id: "c44 newer schema", in: strings.Replace(one("colour: red"), "v1alpha1", "v1beta1", 1), want: []string{
			`catalog.yaml:1:13: apiVersion: this addon-manager reads addons.kaas.dev/v1alpha1, not "addons.kaas.dev/v1beta1": upgrade addon-manager, or write the catalog in that version`,
		}},
		{id: "c44 other group", in: strings.Replace(one("colour: red"), "addons.kaas.dev/v1alpha1", "v1", 1), want: []string{
			`catalog.yaml:1:13: apiVersion: want addons.kaas.dev/v1alpha1, found "v1"`,
		}},
		{id: "c44 other kind", in: strings.Replace(one("colour: red"), "Catalog", "List", 1), want: []string{
			`catalog.yaml:2:7: kind: want Catalog, found "List"`,
		}},
		{id: "c44 absent", in: "distribution: ake\naddons: []\n", want: []string{
			"catalog.yaml:1:1: apiVersion is missing: add it",
			"catalog.yaml:1:1: kind is missing: add it",
		}},
		{id: "c44 not a map", in: "- a\n", want: []string{
			"catalog.yaml:1:1: want a map, found a list",
		}},
		{id: "sync options", in: one("argocd: {syncOptions: [ServerSideApply, \"Prune=false\", \"Prune=true\", \"Prune=false\", \"A=b c\"]}"), want: []string{
			`catalog.yaml:7:26: addons[0].argocd.syncOptions[0]: "ServerSideApply" is not a sync option: want the form ServerSideApply=true`,
			`catalog.yaml:7:58: addons[0].argocd.syncOptions[2]: "Prune=true" contradicts "Prune=false": remove one`,
			`catalog.yaml:7:72: addons[0].argocd.syncOptions[3]: "Prune=false" is listed twice: remove one`,
			`catalog.yaml:7:87: addons[0].argocd.syncOptions[4]: "A=b c" is not a sync option: want the form ServerSideApply=true`,
		}},
		{id: "ignored differences", in: one("argocd: {ignoreDifferences: [{kind: Deployment}, {jsonPointers: [spec]}, {kind: Secret, jsonPointers: [/data], path: x}]}"), want: []string{
			"catalog.yaml:7:32: addons[0].argocd.ignoreDifferences[0] names no difference: give jsonPointers, jqPathExpressions or managedFieldsManagers",
			"catalog.yaml:7:52: addons[0].argocd.ignoreDifferences[1].kind is missing: add it",
			`catalog.yaml:7:68: addons[0].argocd.ignoreDifferences[1].jsonPointers[0]: "spec" is not a JSON pointer: it starts with /, such as /spec/replicas`,
			`catalog.yaml:7:114: addons[0].argocd.ignoreDifferences[2]: "path" is not a known field: known here: group, kind, name, namespace, jsonPointers, jqPathExpressions, managedFieldsManagers`,
		}},
		{id: "grace", in: one("grace: 1h30m")},
		{id: "grace of nothing", in: one("grace: 0s")},
		{id: "grace of 720 hours", in: one("grace: 720h")},
		{id: "grace quoted", in: one(`grace: "10m"`)},
		{id: "grace too long", in: one("grace: 720h1ns"), want: []string{
			`catalog.yaml:7:10: addons[0].grace: "720h1ns" is out of range: want 0s to 720h`,
		}},
		{id: "grace beyond 64 bits", in: one("grace: 9999999h"), want: []string{
			`catalog.yaml:7:10: addons[0].grace: "9999999h" is not a duration: want a form like 10m or 1h30m`,
		}},
		{id: "grace in the past", in: one("grace: -1s"), want: []string{
			`catalog.yaml:7:10: addons[0].grace: "-1s" is out of range: want 0s to 720h`,
		}},
		{id: "grace without unit", in: two("grace: 60"), want: []string{
			"catalog.yaml:8:10: addons[1].grace: 60 has no unit: write a duration such as 10m or 1h30m",
		}},
		{id: "grace as a fraction", in: one("grace: 1.5"), want: []string{
			"catalog.yaml:7:10: addons[0].grace: 1.5 has no unit: write a duration such as 10m or 1h30m",
		}},
		{id: "grace in days", in: one("grace: 1d"), want: []string{
			`catalog.yaml:7:10: addons[0].grace: "1d" is not a duration: want a form like 10m or 1h30m`,
		}},
		{id: "grace by the clock", in: one("grace: 1:30"), want: []string{
			`catalog.yaml:7:10: addons[0].grace: "1:30" is not a duration: want a form like 10m or 1h30m`,
		}},
		{id: "grace empty", in: one("grace:"), want: []string{
			"catalog.yaml:7:9: addons[0].grace has no value: write one or remove the field",
		}},
		{id: "grace as a list", in: one("grace: [1h]"), want: []string{
			"catalog.yaml:7:10: addons[0].grace: want a text, found a list",
		}},
		{id: "pruneCRDs", in: one("pruneCRDs: true")},
		{id: "pruneCRDs off", in: one("pruneCRDs: false")},
		{id: "pruneCRDs in the management cluster", in: one("placement: management\n  pruneCRDs: true"), want: []string{
			"catalog.yaml:8:14: addons[0].pruneCRDs: an addon with placement management shares its CustomResourceDefinitions with those of all other clusters, which would lose theirs: remove pruneCRDs",
		}},
		{id: "pruneCRDs quoted", in: one(`pruneCRDs: "true"`), want: []string{
			`catalog.yaml:7:14: addons[0].pruneCRDs: want true or false without quotes, found "true"`,
		}},
		{id: "pruneCRDs in other words", in: two("pruneCRDs: yes"), want: []string{
			`catalog.yaml:8:14: addons[1].pruneCRDs: want true or false without quotes, found "yes"`,
		}},
		{id: "pruneCRDs in capitals", in: one("pruneCRDs: TRUE"), want: []string{
			`catalog.yaml:7:14: addons[0].pruneCRDs: want true or false without quotes, found "TRUE"`,
		}},
		{id: "pruneCRDs empty", in: one("pruneCRDs:"), want: []string{
			"catalog.yaml:7:13: addons[0].pruneCRDs: want true or false without quotes, found nothing",
		}},
		{id: "pruneCRDs misspelt", in: one("pruneCrds: true"), want: []string{
			`catalog.yaml:7:3: addons[0]: "pruneCrds" is not a known field: did you mean pruneCRDs?`,
		}},
		{id: "absent addons", in: head, want: []string{
			"catalog.yaml:1:1: addons is missing: add it",
		}},
		{id: "addons null", in: head + "addons:\n", want: []string{
			"catalog.yaml:5:8: addons: want a list, found nothing",
		}},
		{id: "no addons on purpose", in: head + "addons: []\n"},
		{id: "namespace", in: one("namespace: Kube_System"), want: []string{
			`catalog.yaml:7:14: addons[0].namespace: "Kube_System" is not a namespace: want lower-case letters, digits and inner dashes, such as cert-manager`,
		}},
		{id: "long text", in: one("namespace: " + strings.Repeat("x", MaxText+1)), want: []string{
			"catalog.yaml:7:14: addons[0].namespace has 4097 bytes, at most 4096 are allowed",
		}},
	} {
		t.Run(tc.id, func(t *testing.T) {
			_, got := Validate(File, []byte(tc.in), repository(tc.tree), Options{Main: true})
			if got, want := show(got), strings.Join(append(slices.Clone(tc.want), ""), "\n"); got != want {
				t.Errorf("problems:\n%swant:\n%s", got, want)
			}
		})
	}
}

// repeat is a catalog of a good head, perhaps a start of its own, and one text many times.
func repeat(s string, n int, start ...string) func() []byte {
	if start == nil {
		start = []string{"addons:\n"}
	}
	return func() []byte { return []byte(head + start[0] + strings.Repeat(s, n)) }
}

func nested(n int) func() []byte {
	return func() []byte {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return []byte(b.String())
	}
}

// bomb is a list of lists of lists: each level ten times the one before.
func bomb(levels int) func() []byte {
	return func() []byte {
		b := head + "addons:\n- &l0 [x]\n"
		for i := range levels {
			b += fmt.Sprintf("- &l%d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i), 10), ", "))
		}
		return []byte(b)
	}
}

// ends is the first and the last line of an error.
func ends(err error) string {
	if err == nil {
		return ""
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		return lines[0]
	}
	return lines[0] + "\n" + lines[len(lines)-1]
}

// TestCorpusLarge has the inputs that are too large to write down. What they may cost is bounded in bytes allocated, which
// unlike time does not depend on the machine.
func TestCorpusLarge(t *testing.T) {
	for _, tc := range []struct {
		id   string
		in   func() []byte
		max  uint64
		want string
	}{
		{"c35 10 MB", repeat("# padding\n", 1_000_000), 10 << 10, "catalog.yaml: the file has 10000116 bytes, at most 1048576 are read"},
		{"c35 50 MB", repeat("# padding\n", 5_000_000), 10 << 10, "catalog.yaml: the file has 50000116 bytes, at most 1048576 are read"},
		{"c36 100,000 addons", repeat("- {}\n", 100_000), 10 << 20, "catalog.yaml: the file holds too much: 300014 lines and separators, at most 200000 are read"},
		{"c36 1,001 addons", repeat("- {}\n", 1_001), 4 << 20, "catalog.yaml:6:1: addons has 1001 entries, at most 1000 are allowed"},
		{"c37 20,000 lists", repeat("[", 20_000), 1 << 20, "catalog.yaml:6: the file is not YAML: could not find expected ':'"},
		{"c37 5,000 lists, closed", func() []byte {
			return []byte(head + "addons: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000))
		}, 4 << 20, "catalog.yaml:5:29: nests deeper than 20 levels"},
		{"c37 20,000 maps", repeat("{a: ", 20_000), 1 << 20, "catalog.yaml:6: the file is not YAML: could not find expected ':'"},
		{"c37 20,000 lists by dashes", repeat("- ", 20_000), 4 << 20, "catalog.yaml:5: the file is not YAML: exceeded max depth of 10000"},
		{"c37 maps nested by indentation", nested(1_400), 2 << 20, "catalog.yaml:21:21: nests deeper than 20 levels\ncatalog.yaml:22:22: nests deeper than 20 levels"},
		{"c33 alias bomb", bomb(9), 1 << 20, "catalog.yaml:6:3: the anchor &l0 is not read in a catalog: remove it, and write the value out where it is used\ncatalog.yaml:15:3: the anchor &l9 is not read in a catalog: remove it, and write the value out where it is used"},
		{"1 MiB of the smallest values", func() []byte {
			return []byte(head + "addons: [" + strings.Repeat("a,", 400_000) + "]")
		}, 1 << 20, "catalog.yaml: the file holds too much: 400014 lines and separators, at most 200000 are read"},
		{"the smallest values", func() []byte {
			return []byte(head + "addons: [" + strings.Repeat("a,", 190_000) + "]")
		}, 64 << 20, "catalog.yaml:5:9: addons has 190000 entries, at most 1000 are allowed"},
		{"the smallest keys", repeat("a:\n", 90_000, ""), 64 << 20, "catalog.yaml:5:1: \"a\" is not a known field: known here: apiVersion, kind, distribution, kubernetes, addons, upgrades, policies\ncatalog.yaml: 89901 more problems are not listed, at most 100 are"},
		{"comments", repeat("#\n", 190_000, ""), 8 << 20, "catalog.yaml:1:1: addons is missing: add it"},
		{"documents", repeat("---\n", 40_000, ""), 1 << 20, "catalog.yaml:5:1: the file has more than 1 YAML document: remove the line --- and what follows it"},
		{"dependencies that are not there", repeat("- {name: x, dependsOn: ["+strings.Repeat("abcdefgh, ", 900)+"]}\n", 100), 64 << 20, "catalog.yaml:6:35: addons[0].dependsOn[1]: \"abcdefgh\" is listed twice: remove one\ncatalog.yaml: 89999 more problems are not listed, at most 100 are"},
		{"different ranges", func() []byte {
			b := head + "addons:\n"
			for i := range 1_000 {
				b += fmt.Sprintf("- {name: a%03d, kubernetes: \"%s>=1.99.%d\"}\n", i, strings.Repeat("<2,", 70+i%10), i/10%60)
			}
			return []byte(b)
		}, 256 << 20, "catalog.yaml:23:28: addons[17].kubernetes: the different ranges of the catalog have more than 4096 bytes together: let addons share ranges"},
		{"1 MiB of the smallest keys", repeat("a:\n", 300_000, ""), 1 << 20, "catalog.yaml: the file holds too much: 600012 lines and separators, at most 200000 are read"},
		{"1 MiB of anchors", repeat("&a ,", 200_000, "addons: ["), 1 << 20, "catalog.yaml: the file holds too much: 200014 lines and separators, at most 200000 are read"},
		{"1 MiB of quotes", repeat("\"", 1_000_000, "addons: ["), 1 << 20, "catalog.yaml:4: the file is not YAML: did not find expected ',' or ']'"},
		{"1 MiB of question marks", repeat("? ", 400_000, ""), 1 << 20, "catalog.yaml: the file holds too much: 400012 lines and separators, at most 200000 are read"},
		{"1 MiB of comments", repeat("#\n", 400_000, ""), 1 << 20, "catalog.yaml: the file holds too much: 400012 lines and separators, at most 200000 are read"},
		{"1 MiB of documents", repeat("---\n", 200_000, ""), 1 << 20, "catalog.yaml: the file holds too much: 800012 lines and separators, at most 200000 are read"},
	} {
		t.Run(tc.id, func(t *testing.T) {
			in := tc.in()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(File, in)
			runtime.ReadMemStats(&after)
			if got := ends(err); got != tc.want {
				t.Errorf("Decode: %s\nwant:   %s", got, tc.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > tc.max {
				t.Errorf("Decode allocated %d bytes, at most %d are fine", used, tc.max)
			}
		})
	}
}
