package render

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// counter stands for the pool: it counts renders, and makes an object that names its job.
type counter struct {
	renders atomic.Int64
	do      func(context.Context) error
}

func (c *counter) Render(ctx context.Context, job engine.Job) (engine.Output, error) {
	n := c.renders.Add(1)
	if c.do != nil {
		if err := c.do(ctx); err != nil {
			return engine.Output{}, err
		}
	}
	return engine.Output{Objects: []manifest.Object{object(job.Release, n)}}, nil
}

func newCache(t testing.TB, r renderer, o CacheOptions) *Cache {
	t.Helper()
	c, err := NewCache(r, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSameRender changes one thing after the other: what matters is rendered again, and nothing else is.
func TestSameRender(t *testing.T) {
	base := engine.Job{Path: "a", Type: catalog.Helm, Release: "a", Namespace: "ns", KubeVersion: "1.31", APIVersions: []string{"v1", "apps/v1"}, Values: map[string]any{"x": int64(1), "y": "z"}}
	source := Source{Digest: [32]byte{1}}
	capable := Source{Digest: [32]byte{1}, Capabilities: true}
	for name, tc := range map[string]struct {
		source Source
		change func(*engine.Job)
		same   bool
	}{
		"nothing":                     {source, func(j *engine.Job) {}, true},
		"equal values":                {source, func(j *engine.Job) { j.Values = map[string]any{"y": "z", "x": int64(1)} }, true},
		"minor, without capabilities": {source, func(j *engine.Job) { j.KubeVersion, j.APIVersions = "1.32", nil }, true},
		"minor":                       {capable, func(j *engine.Job) { j.KubeVersion = "1.32" }, false},
		"API versions":                {capable, func(j *engine.Job) { j.APIVersions = []string{"v1"} }, false},
		"API versions in order":       {capable, func(j *engine.Job) { j.APIVersions = []string{"apps/v1", "v1"} }, true},
		"files":                       {Source{Digest: [32]byte{2}}, func(j *engine.Job) {}, false},
		"path":                        {source, func(j *engine.Job) { j.Path = "b" }, false},
		"type":                        {source, func(j *engine.Job) { j.Type = catalog.Directory }, false},
		"release":                     {source, func(j *engine.Job) { j.Release = "b" }, false},
		"namespace":                   {source, func(j *engine.Job) { j.Namespace = "b" }, false},
		"values":                      {source, func(j *engine.Job) { j.Values = map[string]any{"x": "1", "y": "z"} }, false},
		"patches":                     {source, func(j *engine.Job) { j.Patches = []engine.Patch{{Patch: "x"}} }, false},
		"options":                     {source, func(j *engine.Job) { j.Options.AnyFile = true }, false},
		"charts":                      {source, func(j *engine.Job) { j.Charts = map[engine.Chart][]byte{{Name: "x"}: []byte("x")} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &counter{}
			c := newCache(t, r, CacheOptions{})
			first := source
			first.Capabilities = tc.source.Capabilities
			if _, err := c.Render(t.Context(), first, base); err != nil {
				t.Fatal(err)
			}
			job := base
			tc.change(&job)
			if _, err := c.Render(t.Context(), tc.source, job); err != nil {
				t.Fatal(err)
			}
			if same := r.renders.Load() == 1; same != tc.same {
				t.Errorf("rendered %d times", r.renders.Load())
			}
		})
	}
}

// TestRenderedOnce asks for one render at the same time from many places.
func TestRenderedOnce(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	r := &counter{do: func(context.Context) error { close(begun); <-end; return nil }}
	c := newCache(t, r, CacheOptions{})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if out, err := c.Render(t.Context(), Source{}, engine.Job{Release: "a"}); err != nil || out.Objects[0].Name != "a" {
				t.Errorf("%v, %v", out, err)
			}
		})
	}
	<-begun
	close(end)
	group.Wait()
	if n := r.renders.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
}

// TestOneGivesUp has the one who began a render call it off; who waits for the same gets it all the same.
func TestOneGivesUp(t *testing.T) {
	begun := make(chan struct{}, 2)
	var first atomic.Bool
	r := &counter{do: func(ctx context.Context) error {
		begun <- struct{}{}
		if !first.Swap(true) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	c := newCache(t, r, CacheOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := c.Render(ctx, Source{}, engine.Job{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	<-begun
	group.Go(func() {
		if _, err := c.Render(t.Context(), Source{}, engine.Job{}); err != nil {
			t.Error(err)
		}
	})
	cancel()
	group.Wait()
}

// TestFailuresAreForgotten renders again what failed.
func TestFailuresAreForgotten(t *testing.T) {
	fail := errors.New("no")
	r := &counter{do: func(context.Context) error { return fail }}
	c := newCache(t, r, CacheOptions{})
	if _, err := c.Render(t.Context(), Source{}, engine.Job{}); !errors.Is(err, fail) {
		t.Errorf("got %v", err)
	}
	r.do = nil
	if _, err := c.Render(t.Context(), Source{}, engine.Job{}); err != nil {
		t.Error(err)
	}
	// Fresh asks again, whatever is remembered.
	if _, err := c.Fresh(t.Context(), Source{}, engine.Job{}); err != nil || r.renders.Load() != 3 {
		t.Errorf("%v after %d renders", err, r.renders.Load())
	}
}

// TestCacheIsBounded forgets what was not used for longest.
func TestCacheIsBounded(t *testing.T) {
	r := &counter{}
	one := sizeOf(engine.Output{Objects: []manifest.Object{object("a", int64(1))}}, 1<<20)
	c := newCache(t, r, CacheOptions{Bytes: 3 * one})
	for _, release := range []string{"a", "b", "c", "a", "d", "a", "b"} {
		if _, err := c.Render(t.Context(), Source{}, engine.Job{Release: release}); err != nil {
			t.Fatal(err)
		}
	}
	// a, b, c and d; then b, which d has pushed out.
	if n := r.renders.Load(); n != 5 {
		t.Errorf("rendered %d times, want 5", n)
	}
	if c.size > c.bytes || len(c.entries) != c.recent.Len() {
		t.Errorf("%d bytes in %d entries, at most %d", c.size, len(c.entries), c.bytes)
	}
}

// TestCacheOnDisk keeps results for the next run, and takes no damaged ones.
func TestCacheOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	render := func(wantRenders int64) engine.Output {
		t.Helper()
		r := &counter{}
		out, err := newCache(t, r, CacheOptions{Dir: dir}).Render(t.Context(), Source{}, engine.Job{Release: "a"})
		if err != nil || r.renders.Load() != wantRenders {
			t.Errorf("%v after %d renders, want %d", err, r.renders.Load(), wantRenders)
		}
		return out
	}
	first := render(1)
	if second := render(0); !reflect.DeepEqual(first, second) {
		t.Errorf("got %v, want %v", second, first)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	name := filepath.Join(dir, entries[0].Name())
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, damaged := range map[string][]byte{
		"empty":     {},
		"cut":       whole[:len(whole)-1],
		"flipped":   append([]byte{whole[0] ^ 1}, whole[1:]...),
		"rewritten": append(whole[:len(whole)-1:len(whole)-1], whole[len(whole)-1]^1),
	} {
		if err := os.WriteFile(name, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Log(what)
		render(1)
		render(0)
	}
	// One result under the name of another.
	other := KeyOf(Source{}, engine.Job{Release: "b"})
	if err := os.WriteFile(filepath.Join(dir, other.String()+suffix), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	r := &counter{}
	if _, err := newCache(t, r, CacheOptions{Dir: dir}).Render(t.Context(), Source{}, engine.Job{Release: "b"}); err != nil || r.renders.Load() != 1 {
		t.Errorf("%v after %d renders", err, r.renders.Load())
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	want := "open the cache of rendered objects: others may read " + dir + ", and rendered objects can hold secrets: chmod 700 it"
	if _, err := NewCache(r, CacheOptions{Dir: dir}); fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestDiskIsBounded writes more than there is room for.
func TestDiskIsBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	c := newCache(t, &counter{}, CacheOptions{Dir: dir, DirBytes: 20 << 10})
	for i := range 100 {
		if _, err := c.Render(t.Context(), Source{}, engine.Job{Release: strings.Repeat("x", 1000) + fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := openDisk(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.size > 20<<10 || d.size < 5<<10 {
		t.Errorf("the folder has %d bytes, want at most %d", d.size, 20<<10)
	}
	if _, ok := d.read(KeyOf(Source{}, engine.Job{Release: strings.Repeat("x", 1000) + "99"})); !ok {
		t.Error("the last result is not there")
	}
}

// TestVersion names what decides a render.
func TestVersion(t *testing.T) {
	if v := version(); !strings.HasPrefix(v, fmt.Sprint(format)+" go1.") {
		t.Errorf("got %s", v)
	}
}

// BenchmarkHit is what a render costs that is remembered.
func BenchmarkHit(b *testing.B) {
	c := newCache(b, &counter{}, CacheOptions{})
	apis := make([]string, 500)
	for i := range apis {
		apis[i] = fmt.Sprintf("group%d.example.com/v1/Kind", i)
	}
	job := engine.Job{Release: "a", KubeVersion: "1.31", APIVersions: apis, Values: map[string]any{"x": strings.Repeat("x", 1000)}}
	for b.Loop() {
		if _, err := c.Render(b.Context(), Source{Capabilities: true}, job); err != nil {
			b.Fatal(err)
		}
	}
}
