package faultproxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Write is one request that reached the API server and writes.
type Write struct {
	Request
	// Body is what was sent, and Hash tells bodies apart.
	Body []byte
	Hash string
	// Code is the API server's own answer, whatever the client was told.
	Code int
	// At is when it was answered.
	At time.Time
}

// String is the write in one line, without what differs from run to run.
func (w Write) String() string {
	return fmt.Sprintf("%s %s %s: %d", w.Verb, w.Resource, w.Name, w.Code)
}

// Writes are those so far that the API server was asked for, in order.
func (p *Proxy) Writes() []Write {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

func (p *Proxy) record(x *Exchange, a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.Verb == "list" && a.Code == 200 {
		p.lists[key(x.r)] = a.Body
	}
	if x.Request.Writes() {
		sum := sha256.Sum256(x.Body)
		p.writes = append(p.writes, Write{Request: x.Request, Body: x.Body, Hash: hex.EncodeToString(sum[:6]), Code: a.Code, At: time.Now()})
	}
}
