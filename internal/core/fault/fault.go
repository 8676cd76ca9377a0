// Package fault holds the reasons that people see: a stable code for machines, a class that says what to expect,
// and one sentence that says what happened and what to do. Status, log, metrics, events and the command line all
// print the same Reason, so they cannot tell different stories.
package fault

import "fmt"

// Class says what ends a fault.
type Class string

// The classes.
const (
	// Info explains a decision; nothing is wrong.
	Info Class = "info"
	// Waiting ends by itself.
	Waiting Class = "waiting"
	// Retry is an outside failure that is tried again.
	Retry Class = "retry"
	// Terminal needs a person to change something.
	Terminal Class = "terminal"
)

// Code names a reason in CamelCase, stable across versions: dashboards and scripts match on it.
type Code string

// Reason is why something was decided.
type Reason struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Problem is something wrong with the input, and where.
type Problem struct {
	Code Code `json:"code"`
	// Where names the object or file, with line and column where there are any.
	Where   string `json:"where"`
	Message string `json:"message"`
}

// Error makes a Problem an error.
func (p Problem) Error() string {
	if p.Where == "" {
		return p.Message
	}
	return p.Where + ": " + p.Message
}

// Reasonf makes a Reason.
func Reasonf(c Code, format string, args ...any) Reason {
	return Reason{Code: c, Message: fmt.Sprintf(format, args...)}
}
