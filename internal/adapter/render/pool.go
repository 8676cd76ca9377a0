package render

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// ErrClosed is what a Pool says after Close.
var ErrClosed = errors.New("the renderer is closed")

// Pool is a number of renderer processes.
type Pool struct {
	options Options
	// slots holds one token for each process that may work.
	slots chan struct{}
	told  sync.Once

	mu sync.Mutex
	// alive are all processes, idle those without work, the last used at the end.
	alive  map[*process]struct{}
	idle   []*process
	closed bool
}

// New makes a Pool, which starts processes when they are needed.
func New(o Options) *Pool {
	o = o.defaults()
	return &Pool{options: o, slots: make(chan struct{}, o.Processes), alive: map[*process]struct{}{}}
}

// Render renders a job in one of the pool's processes. An error is the job's, unless the context is done or the pool closed.
func (p *Pool) Render(ctx context.Context, job engine.Job) (engine.Output, error) {
	if ctx.Err() != nil {
		return engine.Output{}, context.Cause(ctx)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return engine.Output{}, context.Cause(ctx)
	}
	r := request{Job: job}
	r.Job.Charts = nil
	for chart, content := range job.Charts {
		r.Charts = append(r.Charts, archive{chart, content})
	}
	for {
		w, used, err := p.take()
		if err != nil {
			return engine.Output{}, err
		}
		answer, err := w.do(ctx, r)
		if err == nil && !answer.Tainted && w.jobs < p.options.Jobs {
			p.put(w)
		} else {
			w.end()
		}
		switch {
		case err == nil && answer.Error != "":
			return engine.Output{}, errors.New(answer.Error)
		case err == nil:
			return answer.Output, nil
		case p.isClosed():
			return engine.Output{}, ErrClosed
		case used && ctx.Err() == nil && (errors.Is(err, errUnheard) || errors.Is(err, errKilled)):
			// It may have died while it waited, which is not this job's fault.
			continue
		}
		return engine.Output{}, err
	}
}

// take is an idle process or a new one.
func (p *Pool) take() (w *process, used bool, err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, false, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		w, p.idle = p.idle[n-1], p.idle[:n-1]
		w.expiry.Stop()
		p.mu.Unlock()
		return w, true, nil
	}
	p.mu.Unlock()
	w, err = start(p.options)
	if err != nil {
		return nil, false, fmt.Errorf("start a renderer process: %w", err)
	}
	p.told.Do(func() {
		for _, m := range w.missing {
			p.options.Log("renderer processes run without a protection that this machine does not have: " + m)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.end()
		return nil, false, ErrClosed
	}
	p.alive[w] = struct{}{}
	go func() {
		<-w.done
		p.forget(w)
	}()
	return w, false, nil
}

// put keeps a process for the next job.
func (p *Pool) put(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.idle = append(p.idle, w)
	w.expiry = time.AfterFunc(p.options.Idle, func() {
		if p.unqueue(w) {
			w.end()
		}
	})
}

// unqueue reports whether the process was idle; then it no longer is.
func (p *Pool) unqueue(w *process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			return true
		}
	}
	return false
}

func (p *Pool) forget(w *process) {
	if p.unqueue(w) {
		w.expiry.Stop()
		w.end()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.alive, w)
}

func (p *Pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Close ends the processes, also those at work.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	alive := make([]*process, 0, len(p.alive))
	for w := range p.alive {
		alive = append(alive, w)
	}
	for _, w := range p.idle {
		w.expiry.Stop()
	}
	p.mu.Unlock()
	for _, w := range alive {
		w.end()
	}
}
