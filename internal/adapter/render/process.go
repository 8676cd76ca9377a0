package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// workerThreads is how many threads of a renderer process compute: one renders, one collects garbage.
const workerThreads = 2

// startTime is how long a process may take to start, on a machine that has much else to do.
const startTime = time.Minute

// errUnheard means that a process died before it read the job.
var errUnheard = errors.New("the renderer process did not take the job")

// errKilled means that something else ended the process.
var errKilled = errors.New("the renderer process was killed, perhaps because this machine ran out of memory: try again")

// process is one renderer process. One job at a time.
type process struct {
	options Options
	in, out *os.File
	process *os.Process
	// done is closed when the process has ended; state is set then.
	done   chan struct{}
	state  *os.ProcessState
	stderr *head
	// missing is what the process said about its protection.
	missing []string
	jobs    int
	expiry  *time.Timer
}

// start starts a process and has it give up its rights.
func start(o Options) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		in.Close()
		return nil, err
	}
	p := &process{options: o, in: in, out: out, done: make(chan struct{}), stderr: &head{limit: 4 << 10}}
	cmd := &exec.Cmd{
		Path: program, Args: []string{program, workerArgument}, Dir: string(os.PathSeparator),
		Env:   []string{fmt.Sprintf("GOMAXPROCS=%d", workerThreads), "GOTRACEBACK=none", "TZ=UTC"},
		Stdin: theirIn, Stdout: theirOut, Stderr: p.stderr, SysProcAttr: attributes(),
	}
	running := make(chan error)
	go func() {
		// Linux ends a child with the thread that started it, if asked to end it with its parent. So that thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		running <- err
		if err == nil {
			_ = cmd.Wait()
			p.state = cmd.ProcessState
			close(p.done)
		}
	}()
	err = <-running
	// The end of a process shows by the end of its pipe, which no other may hold open.
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	p.process = cmd.Process
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	defer context.AfterFunc(ctx, p.kill)()
	var hello started
	if err := write(in, settings{o.Time, o.Memory, o.Objects}, maxRequest); err == nil {
		err = read(out, &hello, maxResponse)
		if err == nil {
			p.missing = hello.Missing
			return p, nil
		}
	}
	p.end()
	return nil, fmt.Errorf("it ended at once: %s", p.cause())
}

// do has the process perform a job.
func (p *process) do(ctx context.Context, r request) (answer response, err error) {
	p.jobs++
	errTime := fmt.Errorf("rendering took more than %s and was stopped", p.options.Time)
	ctx, cancel := context.WithTimeoutCause(ctx, p.options.Time, errTime)
	defer cancel()
	stop := context.AfterFunc(ctx, p.kill)
	unheard := write(p.in, r, maxRequest)
	if unheard == nil {
		err = read(p.out, &answer, maxResponse)
	}
	if stop() && unheard == nil && err == nil {
		return answer, nil
	}
	p.end()
	switch {
	case ctx.Err() != nil:
		return response{}, context.Cause(ctx)
	case errors.Is(unheard, errFrame):
		return response{}, fmt.Errorf("the source has more than %s: divide the addon", bytesText(maxRequest))
	case unheard != nil && p.stderr.String() == "":
		return response{}, fmt.Errorf("%w: %w", errUnheard, unheard)
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		if nested := (*cbor.MaxNestedLevelError)(nil); errors.As(err, &nested) {
			return response{}, fmt.Errorf("the rendered objects nest deeper than %d levels", maxNesting)
		}
		return response{}, fmt.Errorf("the rendered objects cannot be read: %w", err)
	case p.stderr.String() == "" && killed(p.state):
		return response{}, errKilled
	}
	return response{}, errors.New(p.cause())
}

// cause says in one line why the process ended.
func (p *process) cause() string {
	text := p.stderr.String()
	if strings.Contains(text, outOfMemory) || strings.Contains(text, "cannot allocate memory") {
		return p.tooLarge()
	}
	for line := range strings.Lines(text) {
		for _, sign := range []string{"fatal error: ", "panic: "} {
			if what, ok := strings.CutPrefix(line, sign); ok {
				return "the renderer process died: " + firstLine(what)
			}
		}
	}
	// A garbage collector that gets no memory crashes, without a word of it.
	if peak(p.state) > p.options.Memory/2 || strings.HasPrefix(text, "SIGSEGV") {
		return p.tooLarge()
	}
	if outOfTime(p.state) {
		return "rendering took too much processor time and was stopped"
	}
	return fmt.Sprintf("the renderer process died: %s", p.state)
}

func (p *process) tooLarge() string {
	return fmt.Sprintf("rendering needed more than %s of memory and was stopped", bytesText(p.options.Memory))
}

func (p *process) kill() { _ = p.process.Kill() }

// end ends the process and waits for that.
func (p *process) end() {
	p.kill()
	<-p.done
	p.in.Close()
	p.out.Close()
}

// head keeps the first bytes that are written to it.
type head struct {
	limit int
	mu    sync.Mutex
	text  []byte
}

func (h *head) Write(data []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, data[:min(len(data), h.limit-len(h.text))]...)
	return len(data), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
