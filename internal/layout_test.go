// Package internal holds no code of its own: this test keeps the imports of the packages below in the directions that the
// architecture promises.
package internal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/addon-manager/addon-manager"

// source is what the rules look at: one Go file.
type source struct {
	// file is relative to the module's root.
	file    string
	imports []string
	// clock are the functions of package time that the file uses to ask for the time or to wait.
	clock []string
}

func (s source) test() bool { return strings.HasSuffix(s.file, "_test.go") }

// directions say what each part may import of this module, beside itself. A part that is not listed has no place yet.
var directions = []struct {
	part string
	may  []string
}{
	{"internal/core", nil},
	{"internal/api", []string{"internal/core"}},
	{"internal/adapter", []string{"internal/core", "internal/api"}},
	{"internal/manager", []string{"internal/core", "internal/api", "internal/adapter"}},
	{"internal/bot", []string{"internal/core", "internal/api", "internal/adapter"}},
	{"internal/testkit", []string{"internal/core", "internal/api", "internal/adapter"}},
	// What both commands share stands where they stand: above everything but themselves.
	{"internal/cli", []string{"internal/core", "internal/api", "internal/adapter", "internal/manager", "internal/bot"}},
	{"cmd", []string{"internal/core", "internal/api", "internal/adapter", "internal/manager", "internal/bot", "internal/cli"}},
}

// corePackages are those outside this module that the core may use: nothing that reaches disk, network, clock, logger or
// cluster, and no source of randomness.
var corePackages = []string{
	"bytes", "cmp", "crypto/hmac", "crypto/sha256", "embed", "encoding", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json", "encoding/pem",
	"errors", "fmt", "hash", "hash/fnv", "html", "html/template", "io", "io/fs", "iter", "maps", "math", "math/bits", "net/netip", "net/url", "path", "reflect", "regexp",
	"slices", "sort", "strconv", "strings", "sync", "sync/atomic", "text/tabwriter", "time", "unicode", "unicode/utf8", "unicode/utf16", "unique",
	"github.com/Masterminds/semver/v3", "github.com/robfig/cron/v3", "go.yaml.in/yaml/v3", "sigs.k8s.io/yaml",
	"k8s.io/apimachinery/pkg/labels", "k8s.io/apimachinery/pkg/selection", "k8s.io/apimachinery/pkg/api/resource",
	"github.com/aymanbagabas/go-udiff",
	"github.com/distribution/reference",
	"github.com/yuin/goldmark", "github.com/yuin/goldmark/ast", "github.com/yuin/goldmark/extension", "github.com/yuin/goldmark/extension/ast",
	"github.com/yuin/goldmark/parser", "github.com/yuin/goldmark/text", "github.com/yuin/goldmark/util", "golang.org/x/net/html",
}

// clockFunctions are the parts of package time that the core takes as arguments instead.
var clockFunctions = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// owned are modules that one package wraps, so that their types go no further. Tests are free, and so is what is for tests only.
var owned = []struct{ prefix, by string }{
	{"github.com/argoproj/argo-cd/", "internal/adapter/argocd"},
	{"github.com/google/go-github/", "internal/adapter/github"},
}

// violations are the rules that a file breaks.
func violations(s source) (found []string) {
	refuse := func(format string, args ...any) { found = append(found, s.file+": "+fmt.Sprintf(format, args...)) }
	if within(s.file, "internal") && s.file != "internal/layout_test.go" && promise(s.file) == "" {
		refuse("is in no part of the architecture: move it, or give its folder a line in internal/layout_test.go")
	}
	core := within(s.file, "internal/core")
	for _, imported := range s.imports {
		own, ours := strings.CutPrefix(imported, module+"/")
		switch {
		case ours && within(own, "cmd"):
			refuse("imports %s: nothing imports cmd", own)
		case ours && within(own, "internal/testkit") && !s.test() && !within(s.file, "internal/testkit") && !within(s.file, "test"):
			refuse("imports %s: only tests import testkit", own)
		case s.test() || within(s.file, "test") || within(s.file, "tools"):
			// Tests may take any helper they need; those above hold for them too.
		case ours && !directed(s.file, own):
			refuse("imports %s: %s", own, promise(s.file))
		case core && !ours && !slices.Contains(corePackages, imported):
			refuse("imports %s: the core uses only what is listed in internal/layout_test.go", imported)
		}
		for _, o := range owned {
			if strings.HasPrefix(imported, o.prefix) && !s.test() && !within(s.file, o.by) && !within(s.file, "internal/testkit") && !within(s.file, "test") && !within(s.file, "tools") {
				refuse("imports %s: only %s does", imported, o.by)
			}
		}
	}
	if core && !s.test() {
		for _, f := range s.clock {
			refuse("calls time.%s: in the core, time is an argument", f)
		}
	}
	return found
}

// within reports whether name is the folder or lies in it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

func directed(file, own string) bool {
	for _, d := range directions {
		if !within(file, d.part) {
			continue
		}
		return unit(path.Dir(file)) == unit(own) || slices.ContainsFunc(d.may, func(part string) bool { return within(own, part) })
	}
	return true
}

// unit is the part that a package may import freely: the whole of core or manager, but of adapters and commands only itself.
func unit(pkg string) string {
	for folder, elements := range map[string]int{"internal/adapter": 3, "cmd": 2} {
		if within(pkg, folder) {
			parts := strings.Split(pkg, "/")
			return strings.Join(parts[:min(elements, len(parts))], "/")
		}
	}
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func promise(file string) string {
	for _, d := range directions {
		if within(file, d.part) {
			if len(d.may) == 0 {
				return d.part + " imports only itself"
			}
			return d.part + " imports only itself and " + strings.Join(d.may, ", ")
		}
	}
	return ""
}

// TestRules plants each violation once, and what is allowed beside it.
func TestRules(t *testing.T) {
	for name, tc := range map[string]struct {
		in   source
		want []string
	}{
		"core imports core":          {in: source{file: "internal/core/resolve/a.go", imports: []string{module + "/internal/core/catalog", "fmt", "github.com/Masterminds/semver/v3"}}},
		"core imports an adapter":    {source{file: "internal/core/resolve/a.go", imports: []string{module + "/internal/adapter/git"}}, []string{"internal/core/resolve/a.go: imports internal/adapter/git: internal/core imports only itself"}},
		"core imports the API types": {source{file: "internal/core/resolve/a.go", imports: []string{module + "/internal/api/v1alpha1"}}, []string{"internal/core/resolve/a.go: imports internal/api/v1alpha1: internal/core imports only itself"}},
		"core reads files":           {source{file: "internal/core/a/a.go", imports: []string{"os"}}, []string{"internal/core/a/a.go: imports os: the core uses only what is listed in internal/layout_test.go"}},
		"core logs": {source{file: "internal/core/a/a.go", imports: []string{"log/slog", "net"}}, []string{
			"internal/core/a/a.go: imports log/slog: the core uses only what is listed in internal/layout_test.go",
			"internal/core/a/a.go: imports net: the core uses only what is listed in internal/layout_test.go",
		}},
		"core draws lots":                       {source{file: "internal/core/a/a.go", imports: []string{"math/rand"}}, []string{"internal/core/a/a.go: imports math/rand: the core uses only what is listed in internal/layout_test.go"}},
		"core uses Kubernetes objects":          {source{file: "internal/core/a/a.go", imports: []string{"k8s.io/apimachinery/pkg/apis/meta/v1"}}, []string{"internal/core/a/a.go: imports k8s.io/apimachinery/pkg/apis/meta/v1: the core uses only what is listed in internal/layout_test.go"}},
		"core asks the clock":                   {source{file: "internal/core/a/a.go", imports: []string{"time"}, clock: []string{"Now"}}, []string{"internal/core/a/a.go: calls time.Now: in the core, time is an argument"}},
		"a test of the core reads files":        {in: source{file: "internal/core/a/a_test.go", imports: []string{"os", module + "/internal/testkit/gitrepo"}, clock: []string{"Now"}}},
		"a name that only starts alike":         {source{file: "internal/core/a/a.go", imports: []string{module + "/internal/corelike"}}, []string{"internal/core/a/a.go: imports internal/corelike: internal/core imports only itself"}},
		"adapter imports core":                  {in: source{file: "internal/adapter/git/a.go", imports: []string{module + "/internal/core/fault", "net/http", module + "/internal/adapter/git/pack"}}},
		"adapter imports another":               {source{file: "internal/adapter/git/a.go", imports: []string{module + "/internal/adapter/kube"}}, []string{"internal/adapter/git/a.go: imports internal/adapter/kube: internal/adapter imports only itself and internal/core, internal/api"}},
		"adapter imports the manager":           {source{file: "internal/adapter/git/a.go", imports: []string{module + "/internal/manager"}}, []string{"internal/adapter/git/a.go: imports internal/manager: internal/adapter imports only itself and internal/core, internal/api"}},
		"adapter imports the bot":               {source{file: "internal/adapter/git/a.go", imports: []string{module + "/internal/bot/pick"}}, []string{"internal/adapter/git/a.go: imports internal/bot/pick: internal/adapter imports only itself and internal/core, internal/api"}},
		"manager imports its adapters":          {in: source{file: "internal/manager/a.go", imports: []string{module + "/internal/adapter/git", module + "/internal/manager/source", module + "/internal/api/v1alpha1"}}},
		"manager imports the bot":               {source{file: "internal/manager/a.go", imports: []string{module + "/internal/bot"}}, []string{"internal/manager/a.go: imports internal/bot: internal/manager imports only itself and internal/core, internal/api, internal/adapter"}},
		"bot imports the manager":               {source{file: "internal/bot/a.go", imports: []string{module + "/internal/manager"}}, []string{"internal/bot/a.go: imports internal/manager: internal/bot imports only itself and internal/core, internal/api, internal/adapter"}},
		"a part without a place":                {source{file: "internal/utils/a.go"}, []string{"internal/utils/a.go: is in no part of the architecture: move it, or give its folder a line in internal/layout_test.go"}},
		"what commands share is imported below": {source{file: "internal/manager/a.go", imports: []string{module + "/internal/cli"}}, []string{"internal/manager/a.go: imports internal/cli: internal/manager imports only itself and internal/core, internal/api, internal/adapter"}},
		"API types import an adapter":           {source{file: "internal/api/v1alpha1/a.go", imports: []string{module + "/internal/adapter/kube"}}, []string{"internal/api/v1alpha1/a.go: imports internal/adapter/kube: internal/api imports only itself and internal/core"}},
		"manager imports testkit":               {source{file: "internal/manager/a.go", imports: []string{module + "/internal/testkit/plane"}}, []string{"internal/manager/a.go: imports internal/testkit/plane: only tests import testkit"}},
		"command imports testkit":               {source{file: "cmd/addon-manager/main.go", imports: []string{module + "/internal/testkit/plane"}}, []string{"cmd/addon-manager/main.go: imports internal/testkit/plane: only tests import testkit"}},
		"a test imports testkit":                {in: source{file: "internal/manager/a_test.go", imports: []string{module + "/internal/testkit/plane"}}},
		"the sandbox imports testkit":           {in: source{file: "test/sandbox/main.go", imports: []string{module + "/internal/testkit/plane", "github.com/argoproj/argo-cd/v2/server"}}},
		"a test imports cmd":                    {source{file: "test/script/a_test.go", imports: []string{module + "/cmd/addon-manager"}}, []string{"test/script/a_test.go: imports cmd/addon-manager: nothing imports cmd"}},
		"a command imports another":             {source{file: "cmd/branch-bot/main.go", imports: []string{module + "/cmd/addon-manager"}}, []string{"cmd/branch-bot/main.go: imports cmd/addon-manager: nothing imports cmd"}},
		"Argo CD in its adapter":                {in: source{file: "internal/adapter/argocd/a.go", imports: []string{"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"}}},
		"Argo CD in testkit":                    {in: source{file: "internal/testkit/fakeargo/a.go", imports: []string{"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"}}},
		"Argo CD in the manager":                {source{file: "internal/manager/a.go", imports: []string{"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"}}, []string{"internal/manager/a.go: imports github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1: only internal/adapter/argocd does"}},
		"the GitHub client in its adapter":      {in: source{file: "internal/adapter/github/a.go", imports: []string{"github.com/google/go-github/v72/github"}}},
		"the GitHub client in the bot":          {source{file: "internal/bot/a.go", imports: []string{"github.com/google/go-github/v72/github"}}, []string{"internal/bot/a.go: imports github.com/google/go-github/v72/github: only internal/adapter/github does"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := violations(tc.in); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// TestLayout applies the rules to every file of the module.
func TestLayout(t *testing.T) {
	sources := read(t, os.DirFS(".."))
	if !slices.ContainsFunc(sources, func(s source) bool { return s.file == "internal/core/version/version.go" }) {
		t.Fatalf("the files of the module were not found: %d files read", len(sources))
	}
	for _, s := range sources {
		for _, v := range violations(s) {
			t.Error(v)
		}
	}
}

// TestReading reads one file, to see that imports and calls of the clock are found under any name.
func TestReading(t *testing.T) {
	const text = `package a

import (
	"os"
	clock "time"
)

var now = clock.Now

func f() { clock.Sleep(clock.Second); os.Exit(1) }
`
	got, err := parse("internal/core/a/a.go", []byte(text))
	want := source{file: "internal/core/a/a.go", imports: []string{"os", "time"}, clock: []string{"Now", "Sleep"}}
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// TestCoreDependencies looks behind the packages that the core imports: none of them may bring a network client.
func TestCoreDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./core/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		// Label selectors bring a logger along, log/slog with it; that the core does not use one is checked above.
		if slices.Contains([]string{"net/http", "os/exec", "database/sql"}, dep) {
			t.Errorf("the core depends on %s: go list -deps ./internal/core/... shows it, go mod why does not", dep)
		}
	}
}

func read(t *testing.T, root fs.FS) (sources []source) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		s, err := parse(name, text)
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func parse(name string, text []byte) (source, error) {
	mode := parser.SkipObjectResolution
	if !within(name, "internal/core") {
		mode |= parser.ImportsOnly
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, mode)
	if err != nil {
		return source{}, err
	}
	s := source{file: name}
	clock := ""
	for _, i := range f.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, imported)
		if imported == "time" {
			clock = "time"
			if i.Name != nil {
				clock = i.Name.Name
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(clockFunctions, sel.Sel.Name) {
				s.clock = append(s.clock, sel.Sel.Name)
			}
		}
		return true
	})
	return s, nil
}
