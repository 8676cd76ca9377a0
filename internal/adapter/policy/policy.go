// Package policy checks objects against Gatekeeper's policies, without a cluster: ConstraintTemplates and Constraints, with the Rego engine that
// Gatekeeper has.
//
// Rego runs in a process of its own that may die, without functions that reach the network, and within limits of time and memory: a policy that loops
// is an error of that policy. Programs that check call Worker first in main.
package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// Options say what a check may take; zero is the default.
type Options struct {
	// Time is how long one constraint may think about one object: 5 seconds.
	Time time.Duration
	// Memory is what the process may allocate, in bytes: 1 GiB.
	Memory int64
	// Bundle fetches the layers of an image that is pinned by digest; nil where images cannot be had.
	Bundle func(ctx context.Context, image string) ([]policy.File, error) `json:"-"`
}

// Engine compiles policies, each set once.
type Engine struct {
	options Options

	mu   sync.Mutex
	sets map[[sha256.Size]byte]*Set
	// images are those that were fetched.
	images map[string][]policy.File
}

// New makes an Engine, which starts a process for each set of policies.
func New(o Options) *Engine {
	o.Time, o.Memory = cmp.Or(o.Time, 5*time.Second), cmp.Or(o.Memory, 1<<30)
	return &Engine{options: o, sets: map[[sha256.Size]byte]*Set{}, images: map[string][]policy.File{}}
}

// Image fetches the policies of an image, once.
func (e *Engine) Image(ctx context.Context, image string) ([]policy.File, error) {
	if e.options.Bundle == nil {
		return nil, fmt.Errorf("%s cannot be fetched here", image)
	}
	e.mu.Lock()
	files, known := e.images[image]
	e.mu.Unlock()
	if known {
		return files, nil
	}
	layers, err := e.options.Bundle(ctx, image)
	if err != nil {
		return nil, err
	}
	if files, err = unpack(image, layers); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images[image] = files
	return files, nil
}

// Close ends the processes.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.sets {
		s.mu.Lock()
		s.stop()
		s.mu.Unlock()
	}
}

// Load compiles policies. An error lists everything that is wrong with them, a line each, with the file and the line of it.
func (e *Engine) Load(ctx context.Context, files []policy.File) (*Set, error) {
	key := digest(files)
	e.mu.Lock()
	s := e.sets[key]
	if s == nil {
		s = &Set{options: e.options, files: files, known: map[[sha256.Size]byte]answer{}}
		e.sets[key] = s
	}
	e.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func digest(files []policy.File) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d %d %s%s", len(f.Name), len(f.Data), f.Name, f.Data)
	}
	h.Sum(sum[:0])
	return sum
}

// Set is a compiled set of policies. It may be used by many at a time.
type Set struct {
	options Options
	files   []policy.File

	mu      sync.Mutex
	process *process
	about   loaded
	// failed is why the policies do not compile.
	failed error
	// known is what was found about an object before; not used where policies look at other objects as well.
	known map[[sha256.Size]byte]answer
}

// maxKnown bounds the objects that are remembered.
const maxKnown = 50_000

// Constraints are the names of the constraints, sorted.
func (s *Set) Constraints() []string { return s.about.Constraints }

// Remarks say what was left out of the files, and other things to know.
func (s *Set) Remarks() []string { return s.about.Remarks }

// Check evaluates all constraints about some objects, which are all that an addon has on a cluster: policies that compare objects see these. Only those
// that counts answers true to are judged. Findings are sorted. Problems say which constraints could not be evaluated; the error means that nothing is known.
func (s *Set) Check(ctx context.Context, objects []manifest.Object, counts func(manifest.ID) bool) (found []policy.Finding, problems []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := request{Objects: make([]json.RawMessage, 0, len(objects))}
	namespaces := map[string]json.RawMessage{}
	for i := range objects {
		text, err := json.Marshal(objects[i].Content)
		if err != nil {
			return nil, nil, fmt.Errorf("%s cannot be checked: %w", objects[i].ID, err)
		}
		r.Objects = append(r.Objects, text)
		if objects[i].GroupKind() == "Namespace" {
			namespaces[objects[i].Name] = text
		}
	}
	answers := make([]answer, len(objects))
	keys := make([][sha256.Size]byte, len(objects))
	for i := range objects {
		if !counts(objects[i].ID) {
			continue
		}
		if !s.about.Referential {
			keys[i] = sha256.Sum256(append(r.Objects[i][:len(r.Objects[i]):len(r.Objects[i])], namespaces[objects[i].Namespace]...))
			if known, ok := s.known[keys[i]]; ok {
				answers[i] = known
				continue
			}
		}
		r.Ask = append(r.Ask, i)
	}
	if len(r.Ask) > 0 {
		got, err := s.ask(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		if len(s.known) > maxKnown {
			clear(s.known)
		}
		for n, i := range r.Ask {
			answers[i] = got.Answers[n]
			if !s.about.Referential && len(answers[i].Problems) == 0 {
				s.known[keys[i]] = answers[i]
			}
		}
	}
	found, problems = collect(objects, answers)
	return found, problems, nil
}

// ask has the process answer, a new one where it died.
func (s *Set) ask(ctx context.Context, r request) (response, error) {
	if err := s.start(ctx); err != nil {
		return response{}, err
	}
	got, err := s.process.do(ctx, r)
	if err == nil && len(got.Answers) != len(r.Ask) {
		err = fmt.Errorf("the policy process answered for %d objects of %d", len(got.Answers), len(r.Ask))
	}
	if err != nil {
		s.stop()
	}
	return got, err
}

// start has a process with the policies, if there is none.
func (s *Set) start(ctx context.Context) error {
	if s.failed != nil || s.process != nil {
		return s.failed
	}
	p, err := start(s.options)
	if err != nil {
		return fmt.Errorf("start the policy process: %w", err)
	}
	got, err := p.do(ctx, request{Files: s.files})
	if err == nil && got.Error != "" {
		s.failed = fmt.Errorf("%s", got.Error)
		err = s.failed
	}
	if err != nil {
		p.end()
		return err
	}
	s.process, s.about = p, got.Loaded
	return nil
}

func (s *Set) stop() {
	if s.process != nil {
		s.process.end()
		s.process = nil
	}
}
