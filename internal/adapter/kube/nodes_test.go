package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// v reads a version.
func v(text string) version.Kubernetes {
	k, err := version.ParseKubernetes(text)
	if err != nil {
		panic(err)
	}
	return k
}

// table is a page of nodes as an API server prints it.
func table(next string, kubelets ...string) string {
	type row struct {
		Cells []any `json:"cells"`
	}
	rows := []row{}
	for i, k := range kubelets {
		rows = append(rows, row{[]any{fmt.Sprintf("node-%d", i), "Ready", k}})
	}
	text, err := json.Marshal(map[string]any{
		"kind": "Table", "metadata": map[string]any{"continue": next}, "rows": rows,
		"columnDefinitions": []map[string]any{{"name": "Name"}, {"name": "Status"}, {"name": "Version"}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestNodesOfAnAnswer(t *testing.T) {
	full := strings.Split(strings.Repeat("v1.31.4,", nodesPage-1)+"v1.31.4", ",")
	for name, tc := range map[string]struct {
		pages map[string]http.HandlerFunc // by the token that asks for them
		want  Nodes
	}{
		"one minor":          {pages(table("", "v1.31.4", "v1.31.9")), Nodes{Known: true, Oldest: v("v1.31.4"), Newest: v("v1.31.9"), Count: 2, OnOldest: 2, OnNewest: 2}},
		"three minors":       {pages(table("", "v1.31.4", "v1.32.0", "v1.30.1", "v1.32.1", "v1.30.1", "v1.30.9")), Nodes{Known: true, Oldest: v("v1.30.1"), Newest: v("v1.32.1"), Count: 6, OnOldest: 3, OnNewest: 2}},
		"vendors":            {pages(table("", "v1.31.4-eks-99", "v1.32.1+k3s1")), Nodes{Known: true, Oldest: v("v1.31.4-eks-99"), Newest: v("v1.32.1+k3s1"), Count: 2, OnOldest: 1, OnNewest: 1}},
		"suffixes":           {pages(table("", "v1.31.4-b", "v1.31.4-a", "v1.31.4-c")), Nodes{Known: true, Oldest: v("v1.31.4-a"), Newest: v("v1.31.4-c"), Count: 3, OnOldest: 3, OnNewest: 3}},
		"no node":            {pages(table("")), Nodes{Known: true}},
		"a stranger":         {pages(table("", "v1.31.4", "fake")), Nodes{Known: true, Oldest: v("v1.31.4"), Newest: v("v1.31.4"), Count: 2, OnOldest: 1, OnNewest: 1}},
		"only strangers":     {pages(table("", "", "fake")), Nodes{Known: true, Count: 2}},
		"a short row":        {pages(`{"kind":"Table","columnDefinitions":[{"name":"Version"}],"rows":[{"cells":[]},{"cells":[7]},{"cells":["v1.31.4"]}]}`), Nodes{Known: true, Oldest: v("v1.31.4"), Newest: v("v1.31.4"), Count: 3, OnOldest: 1, OnNewest: 1}},
		"pages":              {pages(table("a", "v1.31.4"), table("b", "v1.30.4"), table("", "v1.30.1")), Nodes{Known: true, Oldest: v("v1.30.1"), Newest: v("v1.31.4"), Count: 3, OnOldest: 2, OnNewest: 1}},
		"more than 5000":     {pages(table("a", full...), table("b", full...), table("c", full...), table("d", full...), table("e", full...)), Nodes{Known: true, Oldest: v("v1.31.4"), Newest: v("v1.31.4"), Count: 5000, OnOldest: 5000, OnNewest: 5000, Why: "only the first 5000 nodes are counted"}},
		"empty pages":        {pages(table("a")), Nodes{Why: "HOST answers a list of nodes with an empty page"}},
		"a page is gone":     {map[string]http.HandlerFunc{"": says(200, table("a", "v1.31.4")), "a": says(410, "")}, Nodes{Why: "HOST answers /api/v1/nodes with 410 Gone, not like a Kubernetes API server"}},
		"forbidden":          {map[string]http.HandlerFunc{"": says(403, "")}, Nodes{Why: "HOST does not allow the credentials in data.config to list nodes (403)"}},
		"not found":          {map[string]http.HandlerFunc{"": says(404, "")}, Nodes{Why: "HOST answers /api/v1/nodes with 404 Not Found, not like a Kubernetes API server"}},
		"no tables":          {map[string]http.HandlerFunc{"": says(406, "")}, Nodes{Why: "HOST answers /api/v1/nodes with 406 Not Acceptable, not like a Kubernetes API server"}},
		"overloaded":         {map[string]http.HandlerFunc{"": says(429, "")}, Nodes{Why: "HOST answers /api/v1/nodes with 429 Too Many Requests"}},
		"a list":             {pages(`{"kind":"NodeList","items":[]}`), Nodes{Why: "HOST answers a list of nodes with something that is not a table"}},
		"another table":      {pages(`{"kind":"Table","columnDefinitions":[{"name":"Name"}]}`), Nodes{Why: "HOST answers a list of nodes with a table without a column Version"}},
		"a page without end": {pages(table("", strings.Repeat("x", maxNodesBody))), Nodes{Why: "HOST answers a page of 1000 nodes with more than 2097152 bytes"}},
		"silence":            {map[string]http.HandlerFunc{"": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}, Nodes{Why: "HOST does not answer in time"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page := tc.pages[r.URL.Query().Get("continue")]
				switch {
				case r.URL.Path == "/version":
					_, _ = io.WriteString(w, answer)
				case r.URL.Path == "/api/v1/nodes" && r.Header.Get("Authorization") == "Bearer "+token && r.URL.Query().Get("includeObject") == "None" && page != nil:
					page(w, r)
				default:
					t.Errorf("asked for %s", r.URL)
				}
			}))
			t.Cleanup(s.Close)
			p := NewProber(ProberOptions{})
			wait := 10 * time.Second
			if name == "silence" {
				wait = 50 * time.Millisecond
			}
			r, err := p.ask.ask(t.Context(), data(t, s.URL, map[string]any{"bearerToken": token}), question{version: 10 * time.Second, nodes: wait})
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Why = strings.ReplaceAll(tc.want.Why, "HOST", s.Listener.Addr().String())
			if d := cmp.Diff(reply{version: eks, nodes: &tc.want}, r, cmp.AllowUnexported(reply{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// pages are answers that each name the next: the first, then a, b and so on.
func pages(bodies ...string) map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for i, b := range bodies {
		token := ""
		if i > 0 {
			token = string(rune('a' + i - 1))
		}
		all[token] = says(200, b)
	}
	return all
}

func TestSkewed(t *testing.T) {
	for name, tc := range map[string]struct {
		nodes Nodes
		want  bool
	}{
		"unknown":        {Nodes{Why: "forbidden"}, false},
		"no nodes":       {Nodes{Known: true}, false},
		"as the server":  {Nodes{Known: true, Oldest: v131, Newest: v131}, false},
		"all older":      {Nodes{Known: true, Oldest: v("v1.30.9"), Newest: v("v1.30.9")}, true},
		"some older":     {Nodes{Known: true, Oldest: v("v1.30.9"), Newest: v131}, true},
		"some are newer": {Nodes{Known: true, Oldest: v131, Newest: v132}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.nodes.Skewed(v131.Minor); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}

// The nodes follow the version: asked as often, kept for one failure, dropped at the second, and left out for a while after each.
func TestNodesOfAProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{TTL: time.Minute})
		var nodes *Nodes
		f.set("a", v131, nil)
		asked := ""
		p.try = func(ctx context.Context, name string, q question) (reply, *ProbeError) {
			r, err := f.try(ctx, name, q)
			if q.nodes == 0 {
				asked += "-"
				return r, err
			}
			asked += "n"
			r.nodes = nodes
			return r, err
		}
		one := Nodes{Known: true, Oldest: v131, Newest: v131, Count: 3, OnOldest: 3, OnNewest: 3}
		mixed := Nodes{Known: true, Oldest: v("v1.30.9"), Newest: v131, Count: 3, OnOldest: 2, OnNewest: 1}
		further := Nodes{Known: true, Oldest: v("v1.30.9"), Newest: v131, Count: 3, OnOldest: 1, OnNewest: 2}
		refused := Nodes{Why: "refused"}
		nodes = &one
		watch(p, "a")
		synctest.Wait()
		for _, step := range []struct {
			name    string
			nodes   Nodes
			tries   int
			want    Nodes
			asked   string
			changes int
		}{
			{"nothing changes", one, 2, one, "nn", 0},
			{"a node more", Nodes{Known: true, Oldest: v131, Newest: v131, Count: 4, OnOldest: 4, OnNewest: 4}, 1, Nodes{Known: true, Oldest: v131, Newest: v131, Count: 4, OnOldest: 4, OnNewest: 4}, "n", 0},
			{"an upgrade begins", mixed, 1, mixed, "n", 1},
			{"an upgrade goes on", further, 1, further, "n", 1},
			{"a failure", refused, 5, further, "n----", 0},
			{"another", refused, 5, refused, "n----", 1},
			{"a third", refused, 1, refused, "n", 0},
			{"an answer, in time", one, 5, one, "----n", 1},
			{"a first failure again", refused, 1, one, "n", 0},
		} {
			before := len(f.changed)
			asked, nodes = "", &step.nodes
			for range step.tries {
				// The wait after an answer is always the same for one cluster.
				time.Sleep(p.wait(&entry{target: Target{Name: "a"}}))
				synctest.Wait()
			}
			got, _ := p.Cached("a")
			if d := cmp.Diff(step.want, got.Nodes) + cmp.Diff(step.asked, asked) + cmp.Diff(step.changes, len(f.changed)-before); d != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, d)
			}
		}

		nodes = &refused
		p.Watch(Target{Name: "a", Server: "https://a", Digest: "2"})
		synctest.Wait()
		asked, nodes = "", &mixed
		p.Watch(Target{Name: "a", Server: "https://a", Digest: "3"}) // New credentials are tried at once.
		synctest.Wait()
		got, _ := p.Cached("a")
		if d := cmp.Diff(mixed, got.Nodes) + cmp.Diff("n", asked); d != "" {
			t.Errorf("after a rotation (-want +got):\n%s", d)
		}
		p.Watch(Target{Name: "a", Server: "https://b", Digest: "3"})
		if got, _ := p.Cached("a"); got.Nodes != (Nodes{}) {
			t.Errorf("of another server: %+v", got.Nodes)
		}
	})
}

// Where another source knows the version, the cluster is asked for its nodes only, and what goes wrong is no error.
func TestNodesWhereTheVersionIsKnown(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/nodes" {
			t.Errorf("asked for %s", r.URL)
		}
		_, _ = io.WriteString(w, table("", "v1.31.4"))
	}))
	t.Cleanup(s.Close)
	secrets := map[string]map[string][]byte{
		"good":   data(t, s.URL, map[string]any{"bearerToken": token}),
		"broken": data(t, "", nil),
	}
	p := NewProber(ProberOptions{
		Known: func(context.Context, string) (version.Kubernetes, bool, error) { return v132, true, nil },
		Fetch: func(_ context.Context, name string) (map[string][]byte, error) {
			if d := secrets[name]; d != nil {
				return d, nil
			}
			return nil, errors.New("gone")
		},
	})
	for name, want := range map[string]*Nodes{
		"good":   {Known: true, Oldest: v("v1.31.4"), Newest: v("v1.31.4"), Count: 1, OnOldest: 1, OnNewest: 1},
		"broken": {Why: "data.server is missing"},
		"gone":   {Why: "the cluster Secret cannot be read"},
	} {
		r, err := p.fetchAndAsk(t.Context(), name, question{version: time.Minute, nodes: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(reply{version: v132, nodes: want}, r, cmp.AllowUnexported(reply{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if r, err := p.fetchAndAsk(t.Context(), name, question{version: time.Minute}); err != nil || r != (reply{version: v132}) {
			t.Errorf("%s, nodes left out: %+v, %v", name, r, err)
		}
	}
}
