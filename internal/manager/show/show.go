// Package show prints results for people and for programs.
package show

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"sigs.k8s.io/yaml"
)

// Format is how a result is printed.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// ParseFormat reads the value of an -o flag.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case Table, JSON, YAML:
		return f, nil
	}
	return "", fmt.Errorf("-o %q is none of table, json, yaml", s)
}

// Encode prints v as JSON or YAML. Messages with ranges such as <1.33 stay readable.
func Encode(w io.Writer, f Format, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	raw := text.Bytes()
	if f == YAML {
		var err error
		if raw, err = yaml.JSONToYAML(raw); err != nil {
			return err
		}
	}
	_, err := w.Write(raw)
	return err
}

// Rows prints a table with aligned columns; an empty cell becomes a dash.
func Rows(w io.Writer, header []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	write := func(cells []string) {
		for i, c := range cells {
			if c == "" {
				c = "-"
			}
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	}
	write(header)
	for _, r := range rows {
		write(r)
	}
	return t.Flush()
}

// Plan prints what would be done, then everything that is wrong.
func Plan(w io.Writer, p resolve.Plan) error {
	rows := make([][]string, 0, len(p.Pairs))
	for _, pair := range p.Pairs {
		rows = append(rows, []string{pair.Cluster, pair.Addon, pair.Delivered, pair.Wanted, string(pair.Action), Reasons(pair.Reasons)})
	}
	if err := Rows(w, []string{"CLUSTER", "ADDON", "DELIVERED", "WANTED", "ACTION", "WHY"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	count := map[resolve.Action]int{}
	for _, pair := range p.Pairs {
		count[pair.Action]++
	}
	var parts []string
	for _, a := range resolve.Actions {
		if count[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[a], a))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing enabled"}
	}
	fmt.Fprintf(w, "%d cluster(s), %d pair(s): %s\n", len(p.Clusters), len(p.Pairs), strings.Join(parts, ", "))
	for _, r := range p.Releases {
		if r.Refused != "" {
			fmt.Fprintf(w, "refused  %s: %s\n", r.Tag, r.Refused)
		}
	}
	for _, r := range p.Rollouts {
		// Without groups everything simply moves, as the pairs show.
		if r.State != rollout.StateCompleted && (len(r.Groups) > 1 || r.State != rollout.StateProgressing) {
			fmt.Fprintf(w, "rollout  %s: %s: %s\n", r.Release, strings.ToLower(r.State), cmp.Or(r.Message, "clusters are on their way"))
		}
	}
	if q := p.Quarantine; q != nil {
		fmt.Fprintf(w, "quarantine %s: %s\n", q.Hash, q.Message)
		for _, d := range q.Deletions {
			fmt.Fprintf(w, "  %s %s from %s, due %s: %s\n", d.Action, d.Addon, d.Cluster, d.Due.UTC().Format(time.RFC3339), d.Why)
		}
	}
	for _, c := range p.Clusters {
		if c.Held {
			fmt.Fprintf(w, "held     %s: %s\n", c.Name, Reasons(c.Reasons))
		}
	}
	return Problems(w, p.Problems)
}

// Reasons joins the messages of reasons.
func Reasons(reasons []fault.Reason) string {
	messages := make([]string, len(reasons))
	for i, r := range reasons {
		messages[i] = r.Message
	}
	return strings.Join(messages, "; ")
}

// Problems prints one line for each problem.
func Problems(w io.Writer, problems []fault.Problem) error {
	for _, p := range problems {
		if _, err := fmt.Fprintf(w, "problem  %s\n", p.Error()); err != nil {
			return err
		}
	}
	return nil
}
