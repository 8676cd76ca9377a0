package bench

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// diffMinors are those that both sides are rendered for.
var diffMinors = []string{"1.31", "1.32", "1.33"}

// BenchmarkDiff compares two commits in which each of 20 addons changed, on three minors: branch-bot as a process, with nothing remembered
// and with everything, against a loop over the helm and kustomize programs of the same versions, and diff.
func BenchmarkDiff(b *testing.B) {
	once(b)
	tools, err := sandbox.BuildTools(b.Context(), func(text string) { b.Log(text) })
	if err != nil {
		b.Fatal(err)
	}
	program := filepath.Join(b.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/branch-bot").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	base, head := twenty(b)
	repo := gitrepo.New(b)
	repo.Commit("main", base, "base")
	repo.Commit("change", head, "head")
	dirs := map[string]string{}
	for name, files := range map[string]map[string]string{"base": base, "head": head} {
		dirs[name] = b.TempDir()
		for file, text := range files {
			write(b, filepath.Join(dirs[name], file), text)
		}
	}
	script := loop(b, tools, dirs)
	cache := b.TempDir()
	var cold, warm, theirs []time.Duration
	var largest int64
	for i := range rounds + 1 {
		args := []string{"diff", "--repository", repo.Dir, "--base", "main", "--head", "change", "-o", "json"}
		first, memory := run(b, program, args...)
		args = append(args, "--cache", cache)
		if i == 0 {
			run(b, program, args...) // fills it
		}
		second, _ := run(b, program, args...)
		their, _ := run(b, "bash", script)
		if i > 0 {
			cold, warm, theirs = append(cold, first), append(warm, second), append(theirs, their)
		}
		largest = max(largest, memory)
	}
	c, w, t := median(cold), median(warm), median(theirs)
	b.ReportMetric(float64(c.Milliseconds()), "cold-ms")
	b.ReportMetric(float64(w.Milliseconds()), "warm-ms")
	b.ReportMetric(float64(t.Milliseconds()), "programs-ms")
	b.ReportMetric(float64(t)/float64(c), "times-faster-cold")
	b.ReportMetric(float64(t)/float64(w), "times-faster-warm")
	b.ReportMetric(float64(largest)/(1<<20), "largest-process-MiB")
}

// run runs a program that must print something, and answers its time and the memory of its largest process, in bytes.
func run(b *testing.B, program string, args ...string) (time.Duration, int64) {
	b.Helper()
	cmd := exec.Command(program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	started := time.Now()
	err := cmd.Run()
	took := time.Since(started)
	if err != nil || out.Len() == 0 {
		b.Fatalf("%s: %v, %d bytes: %s", program, err, out.Len(), errs.String())
	}
	if usage, is := cmd.ProcessState.SysUsage().(*syscall.Rusage); is {
		return took, usage.Maxrss << 10
	}
	return took, 0
}

// twenty are the charts and kustomizations of the reference catalog, as often as it takes, before and after a change of each.
func twenty(b *testing.B) (base, head map[string]string) {
	b.Helper()
	var names []string
	for _, pattern := range []string{"../../addons/*/Chart.yaml", "../../addons/*/kustomization.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range found {
			names = append(names, filepath.Base(filepath.Dir(f)))
		}
	}
	catalog := &strings.Builder{}
	fmt.Fprintf(catalog, "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [%q, %q, %q]}\naddons:\n", diffMinors[0], diffMinors[1], diffMinors[2])
	base, head = map[string]string{}, map[string]string{}
	for i := range 20 {
		source := names[i%len(names)]
		name := fmt.Sprintf("%s-%d", source, i)
		fmt.Fprintf(catalog, "- {name: %s, namespace: bench}\n", name)
		for file, data := range folder(b, "../../addons/"+source) {
			base["addons/"+name+"/"+file] = string(data)
		}
	}
	base["catalog.yaml"] = catalog.String()
	maps.Copy(head, base)
	for file, text := range base {
		switch path.Base(file) {
		case "kustomization.yaml":
			if strings.Count(file, "/") == 2 {
				head[file] = text + "\ncommonAnnotations: {example.com/bench: changed}\n"
			}
		case "Chart.yaml":
			if strings.Count(file, "/") == 2 {
				head[path.Dir(file)+"/templates/bench.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-bench}\n"
			}
		}
	}
	return base, head
}

// loop is what people write: render each side with the programs, and compare the texts.
func loop(b *testing.B, tools sandbox.Tools, dirs map[string]string) string {
	b.Helper()
	out := b.TempDir()
	script := &strings.Builder{}
	fmt.Fprintf(script, "set -euo pipefail\nexport HOME=%s\n", out)
	addons, err := filepath.Glob(filepath.Join(dirs["base"], "addons/*"))
	if err != nil || len(addons) != 20 {
		b.Fatalf("%d addons, %v", len(addons), err)
	}
	slices.Sort(addons)
	for _, dir := range addons {
		name := filepath.Base(dir)
		for _, minor := range diffMinors {
			for _, side := range []string{"base", "head"} {
				from, to := filepath.Join(dirs[side], "addons", name), filepath.Join(out, side+"-"+name+"-"+minor)
				if _, err := os.Stat(filepath.Join(from, "Chart.yaml")); err == nil {
					fmt.Fprintf(script, "%s template %s %s --include-crds --namespace bench --kube-version %s > %s\n", tools.Helm, name, from, minor, to)
				} else {
					fmt.Fprintf(script, "%s build %s > %s\n", tools.Kustomize, from, to)
				}
			}
			fmt.Fprintf(script, "diff -u %[1]s/base-%[2]s-%[3]s %[1]s/head-%[2]s-%[3]s || true\n", out, name, minor)
		}
	}
	file := filepath.Join(out, "loop.sh")
	write(b, file, script.String())
	return file
}

func write(b *testing.B, file, text string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}
