package faultproxy

import (
	"slices"
	"strings"
)

// Rule says what happens to which requests. Fields that are empty match everything.
type Rule struct {
	// Verb is one of Request's, or "write" for all that write.
	Verb string
	// Resource is a name such as "applications" or "clusteraddons/status"; a list of them is separated by spaces.
	Resource string
	// Name is the object's; with a star at the end, the beginning of it.
	Name string
	// If narrows the match further.
	If func(Request) bool
	// Calls says which of the matching requests are hit, counted from 1.
	Calls func(n int) bool
	// Fault happens to those that are hit.
	Fault Fault
}

func (r Rule) matches(q Request) bool {
	switch {
	case r.Verb == "write" && !q.Writes(), r.Verb != "" && r.Verb != "write" && r.Verb != q.Verb:
		return false
	case r.Resource != "" && !slices.Contains(strings.Fields(r.Resource), q.Resource):
		return false
	}
	if start, ok := strings.CutSuffix(r.Name, "*"); ok && !strings.HasPrefix(q.Name, start) || !ok && r.Name != "" && r.Name != q.Name {
		return false
	}
	return r.If == nil || r.If(q)
}

// Nth hits only the n-th request.
func Nth(n int) func(int) bool { return func(i int) bool { return i == n } }

// First hits the first n requests.
func First(n int) func(int) bool { return func(i int) bool { return i <= n } }

// Every hits each n-th request.
func Every(n int) func(int) bool { return func(i int) bool { return i%n == 0 } }

// Injected is a rule in force. The first of several that match counts.
type Injected struct {
	proxy      *Proxy
	rule       Rule
	seen, hits int
}

// Inject puts a rule in force, behind those that are.
func (p *Proxy) Inject(r Rule) *Injected {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := &Injected{proxy: p, rule: r}
	p.rules = append(p.rules, i)
	return i
}

// Hits tells how many requests the fault has happened to.
func (i *Injected) Hits() int {
	i.proxy.mu.Lock()
	defer i.proxy.mu.Unlock()
	return i.hits
}

// Remove ends the rule. A watch that it holds goes on as it is.
func (i *Injected) Remove() {
	i.proxy.mu.Lock()
	defer i.proxy.mu.Unlock()
	i.proxy.rules = slices.DeleteFunc(i.proxy.rules, func(other *Injected) bool { return other == i })
}
