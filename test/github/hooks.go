package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/test/github/contract"
)

// webhook is a receiver of a repository's events.
type webhook struct {
	id          int64
	url, secret string
	events      []string
}

// Delivery is one event that was sent, or is to be.
type Delivery struct {
	// ID stays the same when a delivery is repeated, as at GitHub.
	ID, Event, Action string
	Payload           []byte
	// Statuses are what the receiver answered, each time; 0 for no answer.
	Statuses []int

	to *webhook
}

type hooks struct {
	mu         sync.Mutex
	deliveries []*Delivery
	held       bool
	// waiting is how many are in the queue or on their way; changed tells who waits for that to become none.
	waiting int
	changed *sync.Cond
	queue   chan *Delivery
	cancel  context.CancelFunc
	done    chan struct{}
}

func (h *hooks) start(s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	h.queue, h.cancel, h.done = make(chan *Delivery, 10000), cancel, make(chan struct{})
	h.changed = sync.NewCond(&h.mu)
	go func() {
		defer close(h.done)
		defer h.count(-1 << 30)
		for {
			select {
			case <-ctx.Done():
				return
			case d := <-h.queue:
				s.deliver(ctx, d)
				h.count(-1)
			}
		}
	}()
}

func (h *hooks) count(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting += n
	h.changed.Broadcast()
}

func (h *hooks) stop() {
	h.cancel()
	<-h.done
}

// AddWebhook lets a URL hear of the repository's events (all when none are named), beginning with a ping.
func (r *Repository) AddWebhook(url, secret string, events ...string) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &webhook{id: s.id(), url: url, secret: secret, events: events}
	r.webhooks = append(r.webhooks, w)
	at := r.api() + "/hooks/" + itoa(int(w.id))
	all := []any{"*"}
	if len(events) > 0 {
		all = texts(events)
	}
	r.send(w, "ping", "", object{
		"zen": "Keep it logically awesome.", "hook_id": w.id, "sender": s.user(s.account(r.owner, "Organization")), "repository": r.render("full"),
		"hook": object{
			"type": "Repository", "id": w.id, "name": "web", "active": true, "events": all,
			"config":     object{"content_type": "json", "url": url, "insecure_ssl": "0"},
			"updated_at": stamp(s.now()), "created_at": stamp(s.now()), "url": at, "test_url": at + "/test", "ping_url": at + "/pings",
			"last_response": object{"code": nil, "status": "unused", "message": nil},
		},
	})
}

// HoldWebhooks keeps deliveries back, for a test to send them with Deliver in the order it likes; false sends what comes from then on.
func (s *Server) HoldWebhooks(hold bool) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.held = hold
}

// Deliveries are all so far, also those held back.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	all := make([]Delivery, len(s.hooks.deliveries))
	for i, d := range s.hooks.deliveries {
		all[i] = *d
		all[i].Statuses = slices.Clone(d.Statuses)
	}
	return all
}

// Deliver sends a delivery now, for the first time or once more, and returns when the receiver has answered.
func (s *Server) Deliver(id string) error {
	s.hooks.mu.Lock()
	at := slices.IndexFunc(s.hooks.deliveries, func(d *Delivery) bool { return d.ID == id })
	var d *Delivery
	if at >= 0 {
		d = s.hooks.deliveries[at]
	}
	s.hooks.mu.Unlock()
	if d == nil {
		return fmt.Errorf("there is no delivery %q", id)
	}
	s.deliver(context.Background(), d)
	return nil
}

// WaitForWebhooks returns when everything that is not held back was delivered, or the server was closed.
func (s *Server) WaitForWebhooks() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	for s.hooks.waiting > 0 {
		s.hooks.changed.Wait()
	}
}

// deliverTime is how long GitHub waits for an answer.
const deliverTime = 10 * time.Second

func (s *Server) deliver(ctx context.Context, d *Delivery) {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	status := 0
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.to.url, bytes.NewReader(d.Payload))
	if err == nil {
		for name, value := range d.headers() {
			request.Header.Set(name, value)
		}
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			status = response.StatusCode
			_ = response.Body.Close()
		}
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	d.Statuses = append(d.Statuses, status)
}

func (d *Delivery) headers() map[string]string {
	h := map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/stand-in", "X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.ID,
		"X-GitHub-Hook-ID": itoa(int(d.to.id)), "X-GitHub-Hook-Installation-Target-Type": "repository",
	}
	if d.to.secret != "" {
		mac := hmac.New(sha256.New, []byte(d.to.secret))
		mac.Write(d.Payload)
		h["X-Hub-Signature-256"] = "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	return h
}

// tell sends an event to everybody who listens. The caller holds the server's lock.
func (r *Repository) tell(event, action string, by *account, payload object) {
	for _, w := range r.webhooks {
		if len(w.events) > 0 && !slices.Contains(w.events, event) {
			continue
		}
		payload["sender"] = r.server.user(by)
		if payload["repository"] == nil {
			payload["repository"] = r.render("full")
		}
		if action != "" {
			payload["action"] = action
		}
		r.send(w, event, action, payload)
	}
}

func (r *Repository) send(w *webhook, event, action string, payload object) {
	var whole any
	body := marshal(payload)
	if err := json.Unmarshal(body, &whole); err == nil {
		_ = contract.Trim(event, whole)
		body = marshal(whole)
	}
	if err := contract.CheckWebhook(event, body); err != nil {
		r.server.problem("webhook %s %s: %v", event, action, err)
	}
	h := &r.server.hooks
	d := &Delivery{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", r.server.id()), Event: event, Action: action, Payload: body, to: w}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, d)
	if !h.held {
		h.waiting++
		h.queue <- d
	}
}
