package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"k8s.io/client-go/rest"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

const (
	// maxNodes bounds how many nodes of a cluster are read: as many as Kubernetes supports.
	maxNodes = 5000
	// nodesPage is how many are asked for at once, and maxNodesBody bounds the answer; a row has some 300 bytes.
	nodesPage    = 1000
	maxNodesBody = 2 << 20
	// nodesAccept asks for a table, as kubectl prints it: the version is one of its columns. A whole node has 10 KiB and more.
	nodesAccept = "application/json;as=Table;v=v1;g=meta.k8s.io"
	// nodesRight is what the credentials must be allowed to do.
	nodesRight = "list nodes"
)

// Nodes is what the kubelets of a cluster run. It is told for show: the API server's version decides.
type Nodes struct {
	// Known is set when the nodes were read; all but Why is zero when it is not.
	Known bool
	// Oldest and Newest are the lowest and the highest version of a kubelet; zero where no node tells one.
	Oldest, Newest version.Kubernetes
	// Count is how many nodes there are, OnOldest and OnNewest how many run the minors of Oldest and Newest.
	Count, OnOldest, OnNewest int
	// Why says why the nodes are not known, or what is missing of them; empty before they were asked for the first time.
	Why string
}

// Skewed reports whether the nodes differ in their minor from each other or from that of the API server, as they do during an upgrade.
func (n Nodes) Skewed(server version.Minor) bool {
	return n.Known && !n.Oldest.Minor.IsZero() && (n.Oldest.Minor != server || n.Newest.Minor != server)
}

// tells reports whether n tells anything new after before. How many nodes there are changes all the time where a cluster scales itself,
// and matters only while they differ.
func (n Nodes) tells(before Nodes) bool {
	if n.Oldest.Minor == n.Newest.Minor && before.Oldest.Minor == before.Newest.Minor {
		n.Count, n.OnOldest, n.OnNewest = before.Count, before.OnOldest, before.OnNewest
	}
	return n != before
}

// tally counts nodes.
type tally struct {
	oldest, newest version.Kubernetes
	count          int
	minors         map[version.Minor]int
}

func (t *tally) add(kubelet string) {
	t.count++
	v, err := version.ParseKubernetes(kubelet)
	if err != nil {
		return // Something that plays kubelet under a version of its own.
	}
	if len(t.minors) == 0 || compare(v, t.oldest) < 0 {
		t.oldest = v
	}
	if len(t.minors) == 0 || compare(v, t.newest) > 0 {
		t.newest = v
	}
	t.minors[v.Minor]++
}

func (t *tally) nodes() Nodes {
	return Nodes{
		Known: true, Oldest: t.oldest, Newest: t.newest,
		Count: t.count, OnOldest: t.minors[t.oldest.Minor], OnNewest: t.minors[t.newest.Minor],
	}
}

// compare also orders what differs in a vendor's suffix only, so that the order of the nodes does not matter.
func compare(a, b version.Kubernetes) int {
	return cmp.Or(a.Minor.Compare(b.Minor), cmp.Compare(a.Patch, b.Patch), cmp.Compare(a.Raw, b.Raw))
}

// nodes asks for the nodes over a connection that is open.
func (a *asker) nodes(ctx context.Context, cfg *rest.Config, c *conn, timeout time.Duration) *Nodes {
	n, err := within(ctx, a, cfg, timeout, c.nodes)
	if err != nil {
		return &Nodes{Why: err.Error()}
	}
	return &n
}

// onlyNodes asks for the nodes of a cluster whose version is known.
func (a *asker) onlyNodes(ctx context.Context, data map[string][]byte, timeout time.Duration) *Nodes {
	cfg, err := ConfigFromSecret(data, a.config)
	if err != nil {
		return &Nodes{Why: err.Error()}
	}
	c, err := open(cfg)
	if err != nil {
		return &Nodes{Why: err.Error()}
	}
	defer c.close()
	return a.nodes(ctx, cfg, c, timeout)
}

func (c *conn) nodes(ctx context.Context) (Nodes, error) {
	t := tally{minors: map[version.Minor]int{}}
	for next := ""; ; {
		page, err := c.nodesPage(ctx, next)
		if err != nil {
			return Nodes{}, err
		}
		for _, kubelet := range page.kubelets {
			t.add(kubelet)
		}
		switch next = page.next; {
		case next == "":
			return t.nodes(), nil
		case t.count >= maxNodes:
			n := t.nodes()
			n.Why = fmt.Sprintf("only the first %d nodes are counted", maxNodes)
			return n, nil
		case len(page.kubelets) == 0: // A server that always promises more must not be asked for ever.
			return Nodes{}, probeErrorf(CodeNotKubernetes, "%s answers a list of nodes with an empty page", c.host)
		}
	}
}

type nodesTable struct {
	kubelets []string
	next     string
}

func (c *conn) nodesPage(ctx context.Context, next string) (nodesTable, error) {
	const path = "/api/v1/nodes"
	query := url.Values{"limit": {strconv.Itoa(nodesPage)}, "includeObject": {"None"}}
	if next != "" {
		query.Set("continue", next)
	}
	status, body, err := c.do(ctx, request{method: http.MethodGet, path: path + "?" + query.Encode(), accept: nodesAccept, max: maxNodesBody})
	switch {
	case err != nil:
		return nodesTable{}, err
	case status != http.StatusOK:
		return nodesTable{}, statusFault(status, c.host, path, nodesRight)
	case len(body) > maxNodesBody:
		return nodesTable{}, probeErrorf(CodeNotKubernetes, "%s answers a page of %d nodes with more than %d bytes", c.host, nodesPage, maxNodesBody)
	}
	t, err := parseNodes(body)
	if err != nil {
		return nodesTable{}, probeErrorf(CodeNotKubernetes, "%s answers a list of nodes with %v", c.host, err)
	}
	return t, nil
}

// parseNodes reads the column of a table of nodes that kubectl heads VERSION.
func parseNodes(body []byte) (nodesTable, error) {
	var table struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
		Columns []struct {
			Name string `json:"name"`
		} `json:"columnDefinitions"`
		Rows []struct {
			Cells []json.RawMessage `json:"cells"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(body, &table); err != nil || table.Kind != "Table" {
		return nodesTable{}, errors.New("something that is not a table")
	}
	column := -1
	for i, c := range table.Columns {
		if c.Name == "Version" {
			column = i
		}
	}
	if column < 0 {
		return nodesTable{}, errors.New("a table without a column Version")
	}
	t := nodesTable{next: table.Metadata.Continue, kubelets: make([]string, len(table.Rows))}
	for i, row := range table.Rows {
		// A cell that is missing or no text counts as a node that tells no version.
		if column < len(row.Cells) {
			_ = json.Unmarshal(row.Cells[column], &t.kubelets[i])
		}
	}
	return t, nil
}
