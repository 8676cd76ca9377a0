package steps

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Plan is how a plan is printed for programs.
type Plan struct {
	Steps []*Step `json:"steps"`
}

// Report is how a plan that was carried out is printed for programs.
type Report struct {
	Steps []Result `json:"steps"`
}

// Table prints a plan for people, without a word when there is nothing in it. Text from outside does nothing to a terminal.
func Table(w io.Writer, plan []*Step) error {
	if len(plan) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACTION\tBRANCH\tPULL\tWHAT")
	for _, s := range plan {
		pull := ""
		if s.Pull != 0 {
			pull = fmt.Sprintf("#%d", s.Pull)
		}
		fmt.Fprintln(t, strings.Join([]string{cell(s.Action), cell(s.Branch), cell(pull), cell(s.Sentence())}, "\t"))
	}
	return t.Flush()
}

func cell(s string) string {
	if s == "" {
		return "-"
	}
	return markdown.Clean(s)
}

// Sentence is what is done and why.
func (s *Step) Sentence() string {
	if s.Why == "" {
		return s.What
	}
	return s.What + ": " + s.Why
}

// Line tells in one line what became of a step.
func (r Result) Line() string {
	switch r.Outcome {
	case Failed:
		return markdown.Clean(fmt.Sprintf("failed  %s: %s", r.Name(), r.Error))
	case Held:
		return markdown.Clean(fmt.Sprintf("held    %s: %s", r.Name(), errHeld))
	}
	return markdown.Clean(fmt.Sprintf("%-7s %s: %s", r.Outcome, r.Name(), r.Sentence()))
}
