package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress says how far the renders are: in place on a terminal, and in a line now and then elsewhere. What is over soon says nothing.
type progress struct {
	w        io.Writer
	terminal bool
	last     time.Time
	every    time.Duration
	shown    bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, last: time.Now(), every: 10 * time.Second}
	if f, is := w.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.every = true, 200*time.Millisecond
	}
	return p
}

func (p *progress) show(done, total int) {
	if time.Since(p.last) < p.every {
		return
	}
	p.last, p.shown = time.Now(), true
	if p.terminal {
		fmt.Fprintf(p.w, "\rrendered %d of %d", done, total)
	} else {
		fmt.Fprintf(p.w, "rendered %d of %d\n", done, total)
	}
}

// end clears the line.
func (p *progress) end() {
	if p.terminal && p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
