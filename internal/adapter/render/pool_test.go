package render

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// TestMain makes the test program a renderer too, with a few jobs that misbehave beside the real ones.
func TestMain(m *testing.M) {
	renderJob = func(ctx context.Context, job engine.Job) (engine.Output, error) {
		if act := acts[strings.TrimPrefix(job.Path, "act:")]; act != nil {
			return act(job)
		}
		return engine.Render(ctx, job)
	}
	Worker()
	os.Exit(m.Run())
}

func object(name string, data any) manifest.Object {
	return manifest.Object{
		ID:      manifest.ID{Version: "v1", Kind: "ConfigMap", Name: name},
		Content: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": data},
	}
}

func one(data any) (engine.Output, error) {
	return engine.Output{Objects: []manifest.Object{object("a", data)}}, nil
}

var held []byte

// acts are what jobs of the path act:NAME do inside the renderer process.
var acts = map[string]func(engine.Job) (engine.Output, error){
	"echo": func(job engine.Job) (engine.Output, error) { return one(string(job.Files["in"])) },
	"pid":  func(engine.Job) (engine.Output, error) { return one(int64(os.Getpid())) },
	"taint": func(engine.Job) (engine.Output, error) {
		out, err := one(int64(os.Getpid()))
		out.Tainted = true
		return out, err
	},
	"fail":  func(engine.Job) (engine.Output, error) { return engine.Output{}, errors.New("values.yaml:3: no") },
	"panic": func(engine.Job) (engine.Output, error) { panic("index out of range\nsecond line") },
	"panic elsewhere": func(engine.Job) (engine.Output, error) {
		go panic("index out of range")
		select {}
	},
	"exit":     func(engine.Job) (engine.Output, error) { os.Exit(7); return engine.Output{}, nil },
	"overflow": func(engine.Job) (engine.Output, error) { return one(int64(deep(0))) },
	"loop": func(engine.Job) (engine.Output, error) {
		for i := 0; ; i++ {
			if i < 0 {
				return engine.Output{}, nil
			}
		}
	},
	"memory": func(engine.Job) (engine.Output, error) {
		for i := 0; ; i++ {
			held = append(held, make([]byte, 1<<20)...)
		}
	},
	"small pieces": func(engine.Job) (engine.Output, error) {
		var list []any
		for i := 0; i >= 0; i++ {
			list = append(list, map[string]any{fmt.Sprint(i): []any{i}})
		}
		return one(list)
	},
	"stay within": func(engine.Job) (engine.Output, error) {
		b := make([]byte, 300<<20)
		for i := range b {
			b[i] = 1
		}
		return one(int64(len(b)))
	},
	"many objects": func(engine.Job) (engine.Output, error) {
		list := make([]any, 40_000_000)
		return one(list)
	},
	"much text": func(engine.Job) (engine.Output, error) { return one(strings.Repeat("x", 80<<20)) },
	"nested": func(engine.Job) (engine.Output, error) {
		var v any = "end"
		for range 5000 {
			v = []any{v}
		}
		return one(v)
	},
	"kinds": func(engine.Job) (engine.Output, error) {
		return one(map[string]any{"i": int64(1), "f": 1.0, "big": 1e300, "min": int64(-1 << 63), "n": nil, "t": true, "l": []any{}, "m": map[string]any{}, "s": "ü"})
	},
	"threads": func(engine.Job) (engine.Output, error) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { runtime.LockOSThread(); time.Sleep(time.Millisecond) })
		}
		wg.Wait()
		return one("ok")
	},
	// rights tries what a renderer has no right to, and tells the errors.
	"rights": func(job engine.Job) (engine.Output, error) {
		said := map[string]any{}
		say := func(what string, err error) {
			if errors.Is(err, syscall.EPERM) {
				err = syscall.EPERM
			}
			said[what] = fmt.Sprint(err)
		}
		_, err := os.ReadFile("/etc/hostname")
		say("read a file", err)
		say("write a file", os.WriteFile("/tmp/addon-manager-renderer-was-here", nil, 0o600))
		_, err = os.ReadDir("/")
		say("list a folder", err)
		say("start a program", exec.Command("/bin/true").Run())
		_, err = net.Dial("tcp", string(job.Files["address"]))
		say("connect", err)
		_, err = net.Listen("unix", "@addon-manager-renderer")
		say("listen", err)
		_, err = net.LookupHost("example.com")
		said["resolve"] = err != nil
		say("signal", syscall.Kill(os.Getppid(), 0))
		said["environment"] = fmt.Sprint(os.Environ())
		return one(said)
	},
}

func deep(n int) int {
	if n < 0 {
		return n
	}
	return deep(n+1) + deep(n+2)
}

func newPool(t testing.TB, o Options) *Pool {
	t.Helper()
	p := New(o)
	t.Cleanup(p.Close)
	return p
}

// act runs a misbehaving job.
func act(t testing.TB, p *Pool, name string) (any, error) {
	t.Helper()
	out, err := p.Render(context.Background(), engine.Job{Path: "act:" + name, Files: map[string][]byte{"in": []byte("hello")}})
	if err != nil {
		return nil, err
	}
	return out.Objects[0].Content["data"], nil
}

// TestRendererDies lets renderer processes end in every way they can; the pool says why and goes on.
func TestRendererDies(t *testing.T) {
	const tooMany = "the rendered objects take more than 64 MiB of memory: divide the addon"
	for name, want := range map[string]string{
		"fail":            "values.yaml:3: no",
		"panic":           "the renderer gave up: index out of range",
		"panic elsewhere": "the renderer process died: index out of range",
		"exit":            "the renderer process died: exit status 7",
		"overflow":        "the renderer process died: stack overflow",
		"loop":            "rendering took more than 2s and was stopped",
		"memory":          "rendering needed more than 512 MiB of memory and was stopped",
		"small pieces":    "rendering needed more than 512 MiB of memory and was stopped",
		"many objects":    "rendering needed more than 512 MiB of memory and was stopped",
		"much text":       tooMany,
		"nested":          "the rendered objects nest deeper than 1024 levels",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Processes: 1, Memory: 512 << 20, Objects: 64 << 20}
			if name == "loop" {
				o.Time = 2 * time.Second
			}
			p := newPool(t, o)
			begun := time.Now()
			_, err := act(t, p, name)
			// Many objects are made so fast that either limit may be met first.
			if got := fmt.Sprint(err); got != want && (name != "many objects" || got != tooMany) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			t.Logf("after %v", time.Since(begun).Round(time.Millisecond))
			if got, err := act(t, p, "echo"); got != "hello" || err != nil {
				t.Errorf("the next job: %v, %v", got, err)
			}
		})
	}
}

// TestRendererHasNoRights asks a renderer process for everything that a render does not need.
func TestRendererHasNoRights(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes all rights away")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{})
	go func() {
		if c, err := listener.Accept(); err == nil {
			c.Close()
			close(connected)
		}
	}()
	defer listener.Close()
	t.Setenv("ADDON_MANAGER_TOKEN", "secret")
	p := newPool(t, Options{Processes: 1, Log: func(m string) { t.Errorf("this machine should have all protections: %s", m) }})
	out, err := p.Render(t.Context(), engine.Job{Path: "act:rights", Files: map[string][]byte{"address": []byte(listener.Addr().String())}})
	if err != nil {
		t.Fatal(err)
	}
	const refused = "operation not permitted"
	want := map[string]any{
		"read a file": refused, "write a file": refused, "list a folder": refused, "start a program": refused, "connect": refused,
		"listen": refused, "resolve": true, "signal": refused, "environment": "[GOMAXPROCS=2 GOTRACEBACK=none TZ=UTC]", "folder": "/",
	}
	got := out.Objects[0].Content["data"].(map[string]any)
	for _, pid := range p.pids() {
		got["folder"], _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	select {
	case <-connected:
		t.Error("a renderer process reached the listener")
	default:
	}
	if got, err := act(t, p, "threads"); got != "ok" || err != nil {
		t.Errorf("new threads: %v, %v", got, err)
	}
}

// TestValuesTravel keeps what an object holds as it is.
func TestValuesTravel(t *testing.T) {
	got, err := act(t, newPool(t, Options{Processes: 1}), "kinds")
	want := map[string]any{"i": int64(1), "f": 1.0, "big": 1e300, "min": int64(-1 << 63), "n": nil, "t": true, "l": []any{}, "m": map[string]any{}, "s": "ü"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v, %v\nwant %#v", got, err, want)
	}
}

// TestProcessesAreReused follows one process: it serves until something speaks against it.
func TestProcessesAreReused(t *testing.T) {
	p := newPool(t, Options{Processes: 1, Jobs: 3})
	pid := func() any {
		t.Helper()
		got, err := act(t, p, "pid")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := pid()
	if second := pid(); second != first {
		t.Errorf("the second job ran in process %v, the first in %v", second, first)
	}
	if _, err := act(t, p, "fail"); err == nil {
		t.Error("the job that fails did not")
	}
	second := pid()
	if second == first {
		t.Error("a fourth job ran in a process that is good for three")
	}
	tainted, err := act(t, p, "taint")
	if tainted != second || err != nil {
		t.Errorf("the job that taints ran in %v, %v, not in %v", tainted, err, second)
	}
	third := pid()
	if third == second {
		t.Error("a job ran in a tainted process")
	}
	// Something outside kills the process while it waits.
	if err := syscall.Kill(int(third.(int64)), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if fourth := pid(); fourth == third {
		t.Error("a job ran in a dead process")
	}
}

// TestCalledOff cancels a render that would go on for ever, and one that waits for it.
func TestCalledOff(t *testing.T) {
	p := newPool(t, Options{Processes: 1})
	if _, err := act(t, p, "echo"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error)
	for range 2 {
		go func() {
			_, err := p.Render(ctx, engine.Job{Path: "act:loop"})
			results <- err
		}()
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	for range 2 {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("calling off took %v", took)
	}
	if got, err := act(t, p, "echo"); got != "hello" || err != nil {
		t.Errorf("the next job: %v, %v", got, err)
	}
}

// TestNothingIsLeft closes a pool at work, with processes that idle and some that died.
func TestNothingIsLeft(t *testing.T) {
	// The first process of a program leaves a goroutine of package os behind.
	warm := New(Options{})
	_, _ = act(t, warm, "echo")
	warm.Close()
	before := settled(0)
	p := New(Options{Processes: 3})
	var group sync.WaitGroup
	for _, name := range []string{"echo", "pid", "exit", "overflow", "taint", "fail"} {
		group.Go(func() { _, _ = act(t, p, name) })
	}
	group.Wait()
	group.Go(func() {
		if _, err := act(t, p, "loop"); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want %v", err, ErrClosed)
		}
	})
	for p.working() == 0 || len(p.pids()) == 0 {
		runtime.Gosched()
	}
	pids := p.pids()
	if len(pids) == 0 {
		t.Error("no process is left to close")
	}
	p.Close()
	group.Wait()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
	if _, err := act(t, p, "echo"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
	if after := settled(before); after > before {
		t.Errorf("%d goroutines, there were %d before", after, before)
	}
}

// settled is the number of goroutines once those that are ending have ended: at most want, or what is left after a while.
func settled(want int) int {
	n := runtime.NumGoroutine()
	for end := time.Now().Add(2 * time.Second); n > want && time.Now().Before(end); n = runtime.NumGoroutine() {
		runtime.Gosched()
		if want == 0 && time.Until(end) < 1900*time.Millisecond {
			break
		}
	}
	return n
}

func (p *Pool) working() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slots)
}

func (p *Pool) pids() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for w := range p.alive {
		pids = append(pids, w.process.Pid)
	}
	return pids
}

// TestIdleProcessesEnd waits until a process has had nothing to do for long enough.
func TestIdleProcessesEnd(t *testing.T) {
	p := newPool(t, Options{Processes: 1, Idle: time.Millisecond})
	if _, err := act(t, p, "echo"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); len(p.pids()) > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the process is still there")
		}
	}
	if got, err := act(t, p, "echo"); got != "hello" || err != nil {
		t.Errorf("the next job: %v, %v", got, err)
	}
}

// TestMemoryWithinLimit has a process use most of what it may, often: what one job used, the next may use.
func TestMemoryWithinLimit(t *testing.T) {
	p := newPool(t, Options{Processes: 1, Memory: 640 << 20})
	for range 5 {
		if got, err := act(t, p, "stay within"); got != int64(300<<20) || err != nil {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

// BenchmarkDispatch is what a render costs beside rendering.
func BenchmarkDispatch(b *testing.B) {
	p := newPool(b, Options{Processes: 1})
	for _, bench := range []struct {
		name string
		size int
	}{{"small", 100}, {"1MiB", 1 << 20}} {
		b.Run(bench.name, func(b *testing.B) {
			job := engine.Job{Path: "act:echo", Files: map[string][]byte{"in": []byte(strings.Repeat("x", bench.size))}}
			for b.Loop() {
				if _, err := p.Render(b.Context(), job); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStart is what the first render costs beside rendering.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p := New(Options{Processes: 1})
		if _, err := act(b, p, "echo"); err != nil {
			b.Fatal(err)
		}
		p.Close()
	}
}
