package repo_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// section is the part of a document under a heading of the second level.
func section(t *testing.T, document, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(document, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("there is no section %q", heading)
	}
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// firstColumn are the code words that rows of tables begin with, sorted.
var firstColumn = regexp.MustCompile("(?m)^\\| `([^`]+)`")

func rows(document string) (names []string) {
	for _, m := range firstColumn.FindAllStringSubmatch(document, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// TestEveryCodeIsDocumented holds two documents to the code: each value of type fault.Code is a reason or a risk, and they tell of nothing
// else.
func TestEveryCodeIsDocumented(t *testing.T) {
	if testing.Short() {
		t.Skip("loads the whole program; run without -short")
	}
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root, Context: t.Context()}, "./internal/...", "./cmd/...")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Errorf("load %s: %v", p.PkgPath, e)
		}
		for _, v := range p.TypesInfo.Types {
			if v.Value != nil && v.Type.String() == "github.com/addon-manager/addon-manager/internal/core/fault.Code" {
				codes[constant.StringVal(v.Value)] = true
			}
		}
	}
	delete(codes, "")
	if len(codes) < 20 {
		t.Fatalf("found %d codes only: the search is broken", len(codes))
	}
	documented := slices.Concat(rows(section(t, read(t, "docs/reasons.md"), "Codes")), rows(section(t, read(t, "docs/diff.md"), "Risks")))
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(codes)), documented); diff != "" {
		t.Errorf("codes in docs/reasons.md and docs/diff.md (-source +documents):\n%s", diff)
	}
}

var metricName = regexp.MustCompile(`^(addon_manager|branch_bot)_[a-z_]+$`)

// TestEveryMetricIsDocumented holds docs/metrics.md to the names in the code.
func TestEveryMetricIsDocumented(t *testing.T) {
	names := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && metricName.MatchString(text) {
					names[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	documented := slices.Concat(rows(section(t, read(t, "docs/metrics.md"), "Metrics")), rows(section(t, read(t, "docs/metrics.md"), "branch-bot")))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(names)), documented); diff != "" {
		t.Errorf("metrics in docs/metrics.md (-source +document):\n%s", diff)
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	target = regexp.MustCompile(`(?m)^([a-z-]+):`)
	makes  = regexp.MustCompile("`(?:[A-Z]+=\\S+ )*make ([a-z-]+)")
)

// TestDocumentsLeadSomewhere checks that links to files, and the make targets that documents name, are there.
func TestDocumentsLeadSomewhere(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, ".md") {
			continue
		}
		text := read(t, file)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(strings.Trim(m[1], "<>"))
			if err != nil {
				t.Errorf("%s: link %s: %v", file, m[1], err)
			} else if u.Scheme == "" && u.Path != "" {
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), u.Path)); err != nil {
					t.Errorf("%s: link %s leads nowhere: %v", file, m[1], err)
				}
			}
		}
		for _, m := range makes.FindAllStringSubmatch(text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s: the Makefile has no target %s", file, m[1])
			}
		}
	}
}
