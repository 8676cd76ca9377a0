package render

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// workerArgument is the only argument of a renderer process. No command has a subcommand of this name.
const workerArgument = "internal-render-worker"

// renderJob is what a renderer process does with a job; tests add jobs that misbehave.
var renderJob = engine.Render

// Worker is the whole life of a renderer process; in any other process it returns at once. Programs that render call it first in main,
// and tests in TestMain.
func Worker() {
	if len(os.Args) != 2 || os.Args[1] != workerArgument {
		return
	}
	if err := work(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "fatal error: %v\n", err)
		os.Exit(2)
	}
	os.Exit(0)
}

func work(in io.Reader, out io.Writer) error {
	from := bufio.NewReaderSize(in, 64<<10)
	var s settings
	if err := read(from, &s, maxRequest); err != nil {
		return ended(err)
	}
	// A stack of the default limit, 1 GiB, would take all memory there is before it ends.
	debug.SetMaxStack(int(s.Memory / 8))
	// The collector works harder when the end is near, and little before.
	debug.SetMemoryLimit(s.Memory / 8 * 7)
	debug.SetGCPercent(200)
	box := confine(s)
	if err := write(out, started{Missing: box.missing}, maxResponse); err != nil {
		return err
	}
	requests := make(chan request)
	failed := make(chan error, 1)
	// Reading goes on during a render, so that the end of the parent is noticed whatever the job does.
	go func() {
		for {
			var r request
			if err := read(from, &r, maxRequest); err != nil {
				if ended(err) == nil {
					os.Exit(0)
				}
				failed <- err
				return
			}
			requests <- r
		}
	}()
	for {
		select {
		case err := <-failed:
			return err
		case r := <-requests:
			box.next(s.Time)
			if err := respond(out, perform(r, s)); err != nil {
				return err
			}
		}
	}
}

// ended is nil for a parent that closed the pipe.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func perform(r request, s settings) (answer response) {
	done := make(chan struct{})
	defer close(done)
	go watchMemory(s.Memory, done)
	// What a panic leaves behind, such as a lock, nobody knows.
	defer func() {
		if v := recover(); v != nil {
			answer = response{Error: fmt.Sprintf("the renderer gave up: %s", firstLine(fmt.Sprint(v))), Tainted: true}
		}
	}()
	if len(r.Charts) > 0 {
		r.Job.Charts = map[engine.Chart][]byte{}
		for _, c := range r.Charts {
			r.Job.Charts[c.Chart] = c.Content
		}
	}
	out, err := renderJob(context.Background(), r.Job)
	// What one job left behind must not count for the next.
	out.Tainted = out.Tainted || inUse() > s.Memory/2
	if err != nil {
		return response{Error: err.Error(), Tainted: out.Tainted}
	}
	if sizeOf(out, s.Objects) > s.Objects {
		return response{Error: fmt.Sprintf("the rendered objects take more than %s of memory: divide the addon", bytesText(s.Objects)), Tainted: out.Tainted}
	}
	return response{Output: out, Tainted: out.Tainted}
}

func respond(to io.Writer, answer response) error {
	answer.Error = shorten(answer.Error)
	err := write(to, answer, maxResponse)
	if errors.Is(err, errFrame) {
		return write(to, response{Error: fmt.Sprintf("the rendered objects have more than %s: divide the addon", bytesText(maxResponse)), Tainted: true}, maxResponse)
	}
	return err
}
