package faultproxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"time"
)

// CutWatch ends a watch after a while, as an API server does that restarts often.
func CutWatch(after time.Duration) Fault {
	return func(x *Exchange) {
		x.streamFor(after, nil)
	}
}

// BookmarksOnly drops every event of a watch but its bookmarks: time passes, and nothing seems to happen.
func BookmarksOnly() Fault {
	return func(x *Exchange) {
		x.stream(func(event []byte) []byte {
			if bytes.HasPrefix(event, []byte(`{"type":"BOOKMARK"`)) {
				return event
			}
			return nil
		})
	}
}

// StallWatches lets every watch of a resource fall silent, the present ones and those that begin meanwhile: they stay connected, and no
// event arrives. What resume does is what happens to such a connection in the end: it breaks.
func (p *Proxy) StallWatches(resource string) (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	until := make(chan struct{})
	p.stalled[resource] = until
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stalled[resource] == until {
			delete(p.stalled, resource)
			close(until)
		}
	}
}

func (p *Proxy) stall(resource string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stalled[resource]
}

func (x *Exchange) stream(filter func([]byte) []byte) { x.streamFor(0, filter) }

// streamFor passes a watch on event by event, for a while if a time is given.
func (x *Exchange) streamFor(limit time.Duration, filter func([]byte) []byte) {
	response, err := x.send()
	if err != nil {
		x.Drop()
	}
	if limit > 0 {
		timer := time.AfterFunc(limit, func() { _ = response.Body.Close() })
		defer timer.Stop()
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		x.w.Header()[name] = values
	}
	for _, h := range hopHeaders {
		x.w.Header().Del(h)
	}
	x.w.WriteHeader(response.StatusCode)
	out := http.NewResponseController(x.w)
	_ = out.Flush()
	events := bufio.NewReaderSize(response.Body, 64<<10)
	for {
		event, err := events.ReadBytes('\n')
		if stalled := x.proxy.stall(x.Resource); stalled != nil {
			select {
			case <-stalled:
			case <-x.r.Context().Done():
			}
			x.Drop()
		}
		if filter != nil && len(event) > 0 {
			event = filter(event)
		}
		if len(event) > 0 {
			if _, err := x.w.Write(event); err != nil {
				return
			}
			_ = out.Flush()
		}
		if err == io.EOF || limit > 0 && err != nil {
			return // The answer ends as a whole one, like that of an API server whose time for a watch is over.
		}
		if err != nil {
			x.Drop()
		}
	}
}
