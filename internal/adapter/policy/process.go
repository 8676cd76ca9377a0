package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// patience is how long a process may take for one request: many objects with many constraints.
const patience = 2 * time.Minute

// process is one policy process. One request at a time.
type process struct {
	options Options
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
	stderr  *head
	fresh   bool
}

func start(o Options) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, workerArgument)
	cmd.Dir = string(os.PathSeparator)
	cmd.Env = []string{"GOMAXPROCS=2", "GOTRACEBACK=none", "TZ=UTC"}
	p := &process{options: o, cmd: cmd, stderr: &head{}, fresh: true}
	cmd.Stderr = p.stderr
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = json.NewDecoder(out)
	return p, cmd.Start()
}

// do has the process answer a request. After an error it is of no more use.
func (p *process) do(ctx context.Context, r request) (got response, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the policies took more than %s and were stopped", patience))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	if p.fresh {
		r.Settings, p.fresh = p.options, false
	}
	err = json.NewEncoder(p.in).Encode(r)
	if err == nil {
		err = p.answers.Decode(&got)
	}
	switch {
	case err == nil:
		return got, nil
	case ctx.Err() != nil:
		return got, context.Cause(ctx)
	}
	p.end()
	return got, errors.New(p.cause())
}

// cause says in one line why the process ended.
func (p *process) cause() string {
	text := p.stderr.String()
	if strings.Contains(text, outOfMemory) || strings.Contains(text, "out of memory") || strings.Contains(text, "stack exceeds") {
		return fmt.Sprintf("the policies needed more than %d MiB of memory and were stopped", p.options.Memory>>20)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" && p.cmd.ProcessState != nil {
		line = p.cmd.ProcessState.String()
	}
	return "the policy process died: " + line
}

// end ends the process and waits for that.
func (p *process) end() {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// head keeps the first bytes that are written to it.
type head struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *head) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(data[:min(len(data), max(0, 4<<10-t.text.Len()))])
	return len(data), nil
}

func (t *head) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
