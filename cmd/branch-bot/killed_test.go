package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/test/github"
)

// noon is when people merge, so that the same merges are the same commits.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// killable is a repository on GitHub with a branch to cut, two changes to pick and one of them in conflict, and the bot as a process.
type killable struct {
	t       *testing.T
	program string
	hub     *github.Server
	repo    *github.Repository
	mirror  string
	env     []string
}

func newKillable(t *testing.T, program string) *killable {
	t.Helper()
	k := &killable{t: t, program: program, hub: github.New(t, github.Options{Now: func() time.Time { return noon }}), mirror: t.TempDir()}
	var err error
	if k.repo, err = k.hub.AddRepository("acme", "addons", github.RepositoryOptions{}); err != nil {
		t.Fatal(err)
	}
	k.repo.Allow("mona", "write")
	k.repo.Allow("keeper", "write")
	k.env = append(os.Environ(), envToken+"="+k.hub.AddToken("keeper"))
	commit := func(branch, message string, files map[string]string) {
		t.Helper()
		if _, err := k.repo.Git.Commit(branch, files, message); err != nil {
			t.Fatal(err)
		}
	}
	value := func(v string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {v: \"" + v + "\"}\n"
	}
	offer := func(minors string) string {
		return "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [" + minors + "]}\naddons: [{name: a}, {name: b}]\n"
	}
	commit("main", "Start", map[string]string{"catalog.yaml": offer(`"1.31"`), "addons/a/x.yaml": value("1"), "addons/b/x.yaml": value("1")})
	if err := k.repo.Git.SetBranch("release-1.31", "main"); err != nil {
		t.Fatal(err)
	}
	commit("release-1.31", "Own b", map[string]string{"addons/b/x.yaml": value("own")})
	for i, files := range []map[string]string{{"addons/a/x.yaml": value("2")}, {"addons/b/x.yaml": value("2")}, {"catalog.yaml": offer(`"1.31", "1.32"`)}} {
		head := fmt.Sprintf("change-%d", i)
		if err := k.repo.Git.SetBranch(head, "main"); err != nil {
			t.Fatal(err)
		}
		commit(head, "Change "+head, files)
		n, err := k.repo.OpenPull(github.NewPull{Author: "mona", Title: "Change " + head, Head: head, Base: "main"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.repo.MergePull(n, "mona", github.Merge{Method: "squash"}); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// reconcile runs the bot; started is told of its process.
func (k *killable) reconcile(started func(*os.Process)) error {
	k.t.Helper()
	cmd := exec.Command(k.program, "reconcile", "--apply", "--repository", k.repo.CloneURL(), "--mirror", k.mirror, "--writes-per-minute", "6000", "--writes-per-hour", "360000")
	cmd.Env = k.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	if started != nil {
		started(cmd.Process)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, out.String())
	}
	return nil
}

// settle runs the bot until it writes nothing, and answers what everybody can see then.
func (k *killable) settle() string {
	k.t.Helper()
	for range 5 {
		k.hub.ForgetRequests()
		if err := k.reconcile(nil); err != nil {
			k.t.Fatal(err)
		}
		pushed := slices.ContainsFunc(k.hub.Requests(), func(r github.Request) bool { return r.Operation == "git/push" && len(r.Body) > 0 })
		if len(k.hub.Writes()) == 0 && !pushed {
			return k.seen()
		}
	}
	k.t.Fatal("it writes at the fifth run still")
	return ""
}

func (k *killable) seen() string {
	var b strings.Builder
	refs := k.repo.Refs()
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		if !strings.HasSuffix(ref, "/merge") { // GitHub's own trial merges carry the time.
			fmt.Fprintln(&b, ref, refs[ref])
		}
	}
	for _, p := range k.repo.Pulls() {
		fmt.Fprintf(&b, "%+v\n", p)
		for _, c := range k.repo.Comments(p.Number) {
			fmt.Fprintf(&b, "  %s: %s\n", c.Author, c.Body)
		}
		for _, c := range k.repo.Checks(p.HeadSHA) {
			fmt.Fprintf(&b, "  %s %s %s\n", c.Name, c.Conclusion, c.Title)
		}
	}
	// What the stand-in is called differs.
	return strings.ReplaceAll(b.String(), k.hub.URL(), "HUB")
}

// TestKilled kills the process with SIGKILL at each of its writes, which still has its effect, and lets another one go on in the same folder: in the end there is
// what there would have been. Writes of a later pass are left to that pass.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a hundred processes")
	}
	program := filepath.Join(t.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	quiet := newKillable(t, program)
	var counted atomic.Int32
	quiet.hub.OnWrite(func(github.Request) { counted.Add(1) })
	want := quiet.settle()
	writes := int(counted.Load())
	if writes < 10 || !strings.Contains(want, "refs/heads/release-1.32") || !strings.Contains(want, "Draft:true") {
		t.Fatalf("%d writes lead to\n%s", writes, want)
	}
	for n := 1; n <= writes; n++ {
		t.Run(fmt.Sprintf("write %d of %d", n, writes), func(t *testing.T) {
			k := newKillable(t, program)
			process := make(chan *os.Process, 1)
			var count atomic.Int32
			k.hub.OnWrite(func(github.Request) {
				if int(count.Add(1)) == n {
					if err := (<-process).Kill(); err != nil {
						t.Error(err)
					}
				}
			})
			err := k.reconcile(func(p *os.Process) { process <- p })
			k.hub.OnRequest(nil)
			if err == nil && int(count.Load()) >= n || err != nil && !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the process was to be killed: %v", err)
			}
			if d := cmp.Diff(want, k.settle()); d != "" {
				t.Error(d)
			}
		})
	}
}
