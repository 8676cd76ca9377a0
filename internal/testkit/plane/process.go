package plane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Command says how to run a Process.
type Command struct {
	// Name is what people call it; the log is Dir/Name.log.
	Name string
	// Path is the program, Args its arguments without the program's name, Env its whole environment.
	Path string
	Args []string
	Env  []string
	// Dir is the working folder and holds the log.
	Dir string
	// Ready answers nil as soon as the process does its work. It is asked again and again; nil means ready at once.
	Ready func(context.Context) error
}

// Process is a child process that can be stopped, killed, frozen and started again. It leads a process group of its own, so
// that Ctrl-C reaches only the parent, which then stops it in order.
type Process struct {
	command Command

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// readyPoll is short because a control plane that is ready 50 ms earlier is 50 ms earlier for every test.
const readyPoll = 25 * time.Millisecond

// readyLimit is many times what the slowest program needs on a busy machine.
const readyLimit = 2 * time.Minute

// stopGrace is how long a process may take after SIGTERM. Nothing of value is lost by the SIGKILL that follows.
const stopGrace = 5 * time.Second

// NewProcess is a process that does not run yet.
func NewProcess(c Command) *Process { return &Process{command: c} }

// StartProcess starts the command and waits until it is ready. Its error has the last lines of the log.
func StartProcess(ctx context.Context, c Command) (*Process, error) {
	p := NewProcess(c)
	return p, p.Start(ctx)
}

// Start starts a process that does not run, and waits until it is ready; one that runs is left as it is.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return nil
	}
	if err := p.launch(); err != nil {
		return fmt.Errorf("start %s: %w", p.command.Name, err)
	}
	if err := p.await(ctx); err != nil {
		p.signal(syscall.SIGKILL)
		<-p.done
		return fmt.Errorf("start %s: %w; last lines of %s:\n%s", p.command.Name, err, p.Log(), p.Tail(15))
	}
	return nil
}

// SetArgs gives other arguments to the next start.
func (p *Process) SetArgs(args, env []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.command.Args, p.command.Env = args, env
}

// Stop asks the process to end, and kills it when it does not within a few seconds.
func (p *Process) Stop() {
	p.end(syscall.SIGTERM)
}

// Kill ends the process at once, as a crash would.
func (p *Process) Kill() {
	p.end(syscall.SIGKILL)
}

// Pause freezes the process: its port accepts connections, nobody answers.
func (p *Process) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		p.signal(syscall.SIGSTOP)
		awaitFrozen(p.cmd.Process.Pid)
	}
}

// Resume lets a paused process go on.
func (p *Process) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		p.signal(syscall.SIGCONT)
	}
}

// Done is closed when the process that runs now has ended.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Running says whether the process runs (or is paused).
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// Name is what people call the process.
func (p *Process) Name() string { return p.command.Name }

// Pid is the process id, 0 when it was never started.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Log is the file with everything the process printed, over all its starts.
func (p *Process) Log() string { return filepath.Join(p.command.Dir, p.command.Name+".log") }

// Tail is the last lines of the log.
func (p *Process) Tail(lines int) string {
	const enough = 64 << 10
	f, err := os.Open(p.Log())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > enough {
		_, _ = f.Seek(-enough, 2) // a failed seek shows the beginning instead
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimRight(text.Bytes(), "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

func (p *Process) launch() error {
	log, err := os.OpenFile(p.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.command.Path, p.command.Args...)
	cmd.Env, cmd.Dir = p.command.Env, p.command.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := startOnLastingThread(cmd); err != nil {
		return err
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		_ = cmd.Wait() // ProcessState says how it ended
		close(done)
	}()
	return nil
}

// errEnded stands for a process that ended where it should have become ready.
var errEnded = errors.New("it ended")

func (p *Process) await(ctx context.Context) error {
	if p.command.Ready == nil {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("not ready after %v", readyLimit))
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := p.done
	go func() {
		select {
		case <-done:
			cancel(fmt.Errorf("%w (%s) before it was ready", errEnded, p.cmd.ProcessState))
		case <-ctx.Done():
		}
	}()
	return Until(ctx, p.command.Ready)
}

// Until asks again and again until the answer is nil. When ctx ends first, the error has the last answer and why it ended.
func Until(ctx context.Context, ask func(context.Context) error) error {
	return Every(ctx, readyPoll, ask)
}

// Every is Until for questions that cost something: it asks once in each interval.
func Every(ctx context.Context, interval time.Duration, ask func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // a question that was cut off has no answer
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: last answer: %w", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

func (p *Process) end(first syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return
	}
	p.signal(first)
	p.signal(syscall.SIGCONT) // a frozen process would not see SIGTERM
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// signal reaches the whole group: repo-server runs git, helm and kustomize.
func (p *Process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s) // an error means that it is gone
}

func (p *Process) running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}
