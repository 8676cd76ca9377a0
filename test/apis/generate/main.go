// Command generate writes the data of internal/core/apis: what each Kubernetes minor serves by default, and when API versions come and
// go. `make generate-apis` runs it; it downloads Go modules, and nothing else, so running it twice changes nothing.
//
// # To add a minor
//
// Add its newest patch release to kubernetes below, and k8s.io/api of that minor to lifecycles; then `make generate-apis`, review the
// difference, commit. Nothing else needs to know of the new minor. When the generator refuses, Kubernetes has done something new: it says
// what, and the rule belongs into served.go. When go.mod moves to a new Kubernetes, test/apis compares the minors that it emulates.
//
// # Where the data comes from
//
// Each Kubernetes release publishes what it can serve (api/discovery in its source, made by a server with everything switched on) and
// what of that is on by default (pkg/controlplane/instance.go). Both are in the module of that very release, so that every minor's data is
// made the same way, also of those that no server here can emulate. test/apis compares it with real servers: those of go.mod, which emulate
// 1.31 to 1.33, and any other that plane.BinaryEnv names. Of the rest, 1.34 to 1.36 equal what kube-apiserver v1.36.3, built from its module,
// says when it emulates them; 1.28 to 1.30 are older than emulation.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

// kubernetes are the releases of which each minor's data is made.
var kubernetes = []module{
	{"k8s.io/kubernetes", "v1.28.15"},
	{"k8s.io/kubernetes", "v1.29.14"},
	{"k8s.io/kubernetes", "v1.30.14"},
	{"k8s.io/kubernetes", "v1.31.14"},
	{"k8s.io/kubernetes", "v1.32.13"},
	{"k8s.io/kubernetes", "v1.33.13"},
	{"k8s.io/kubernetes", "v1.34.4"},
	{"k8s.io/kubernetes", "v1.35.4"},
	{"k8s.io/kubernetes", "v1.36.3"},
}

// lifecycles are the modules that say when API versions come and go. The newest comes first and wins; older ones, one for each minor without
// a gap, know types that newer ones no longer have. 0.19 was the first with this data.
var lifecycles = []module{
	{"k8s.io/api", "v0.37.2"},
	{"k8s.io/api", "v0.36.6"},
	{"k8s.io/api", "v0.35.10"},
	{"k8s.io/api", "v0.34.13"},
	{"k8s.io/api", "v0.33.13"},
	{"k8s.io/api", "v0.32.13"},
	{"k8s.io/api", "v0.31.14"},
	{"k8s.io/api", "v0.30.14"},
	{"k8s.io/api", "v0.29.15"},
	{"k8s.io/api", "v0.28.15"},
	{"k8s.io/api", "v0.27.16"},
	{"k8s.io/api", "v0.26.15"},
	{"k8s.io/api", "v0.25.16"},
	{"k8s.io/api", "v0.24.17"},
	{"k8s.io/api", "v0.23.17"},
	{"k8s.io/api", "v0.22.17"},
	{"k8s.io/api", "v0.21.14"},
	{"k8s.io/api", "v0.20.15"},
	{"k8s.io/api", "v0.19.16"},
}

// extensions are the modules with the API groups that are not in k8s.io/api.
var extensions = []module{
	{"k8s.io/apiextensions-apiserver", "v0.33.13"},
	{"k8s.io/kube-aggregator", "v0.33.13"},
}

func main() {
	out := flag.String("out", "internal/core/apis/data", "the folder to write to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, progress io.Writer) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dirs := map[module]string{}
	for _, list := range [][]module{lifecycles, extensions, kubernetes} {
		for _, m := range list {
			fmt.Fprintln(progress, "reading", m)
			dir, err := m.download(ctx)
			if err != nil {
				return err
			}
			dirs[m] = dir
		}
	}
	groups, err := groupNames(dirs)
	if err != nil {
		return err
	}
	text, err := lifecycleFile(dirs, groups)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(out, "lifecycle.txt"), text); err != nil {
		return err
	}
	for _, m := range kubernetes {
		kinds, err := served(os.DirFS(dirs[m]), groups)
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		if err := write(filepath.Join(out, m.minor()+".txt"), minorFile(m, kinds)); err != nil {
			return err
		}
	}
	return nil
}

// minorFile is the text of a minor's data: a heading, then one sorted line for each kind.
func minorFile(m module, kinds []kind) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What Kubernetes %s serves with default settings: group/version, kind, scope. From the module\n# %s. ", m.minor(), m)
	b.WriteString("An unlisted kind cannot be listed and watched, so Argo CD does not tell renderers of it.\n# Made by `make generate-apis`; do not edit.\n")
	for _, k := range kinds {
		fmt.Fprintln(&b, k)
	}
	return b.Bytes()
}

// write leaves a file alone that is as it should be, so that its time tells when the data changed.
func write(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return os.WriteFile(name, text, 0o644)
}

// minor is the Kubernetes minor of a release: 1.33 for v1.33.13 as for v0.33.13 of the libraries.
func (m module) minor() string {
	parts := strings.Split(m.version, ".")
	return "1." + parts[1]
}
