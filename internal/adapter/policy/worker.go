package policy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// workerArgument is the only argument of a policy process. No command has a subcommand of this name.
const workerArgument = "internal-policy-worker"

// The messages between the processes, each a line of JSON. The first request holds files, the others objects.
type (
	request struct {
		Settings Options           `json:",omitempty"`
		Files    []policy.File     `json:",omitempty"`
		Objects  []json.RawMessage `json:",omitempty"`
		// Ask are the places of the objects to evaluate; the others are only there to be looked at.
		Ask []int `json:",omitempty"`
	}
	response struct {
		// Error is for whoever owns the policies.
		Error   string   `json:",omitempty"`
		Loaded  loaded   `json:",omitempty"`
		Answers []answer `json:",omitempty"`
	}
	loaded struct {
		Constraints, Remarks []string
		// Referential is set where a policy looks at objects beside the one it judges.
		Referential bool
	}
	answer struct {
		Violations []violation `json:",omitempty"`
		Problems   []failed    `json:",omitempty"`
	}
	violation struct {
		Constraint string
		Action     policy.Action
		Message    string
	}
	failed struct{ Constraint, Message string }
)

// Worker is the whole life of a policy process; in any other process it returns at once. Programs that check call it first in main, and tests in
// TestMain.
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
	requests := make(chan request)
	ended := make(chan error, 1)
	// Reading goes on meanwhile, so that the end of the parent is noticed whatever a policy does.
	go func() {
		d := json.NewDecoder(bufio.NewReaderSize(in, 64<<10))
		for {
			var r request
			if err := d.Decode(&r); err != nil {
				if errors.Is(err, io.EOF) {
					os.Exit(0)
				}
				ended <- err
				return
			}
			requests <- r
		}
	}()
	var set *compiled
	answers := json.NewEncoder(out)
	for {
		select {
		case err := <-ended:
			return err
		case r := <-requests:
			if set == nil {
				debug.SetMaxStack(int(r.Settings.Memory / 8))
				debug.SetMemoryLimit(r.Settings.Memory / 8 * 7)
				debug.SetGCPercent(400)
				go watch(r.Settings.Memory)
				var got response
				var err error
				if set, err = compile(r.Files, r.Settings.Time); err != nil {
					got.Error = err.Error()
				} else {
					got.Loaded = set.about()
				}
				if err := answers.Encode(got); err != nil {
					return err
				}
				continue
			}
			found, err := set.review(context.Background(), r)
			if err != nil {
				return err
			}
			if err := answers.Encode(response{Answers: found}); err != nil {
				return err
			}
		}
	}
}

// outOfMemory is what a process says last that took too much.
const outOfMemory = "the policies need more memory than they may have"

// watch ends the process when it takes too much memory.
func watch(limit int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(10 * time.Millisecond) {
		metrics.Read(sample)
		if sample[0].Value.Uint64() > uint64(limit) {
			fmt.Fprintln(os.Stderr, outOfMemory)
			os.Exit(2)
		}
	}
}
