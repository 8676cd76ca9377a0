// Package steps is a plan: what is to be done, in order, printed before it is done. A step first asks whether it is done already, so a plan can
// be carried out again after it was cut off anywhere.
package steps

import "context"

// Step is one thing to do.
type Step struct {
	// Action is one word, such as cut, open, update, close, comment, check, push, release, wait or skip.
	Action string `json:"action"`
	// Branch is the release branch that it is about, Pull the pull request, if any.
	Branch string `json:"branch,omitempty"`
	Pull   int    `json:"pull,omitempty"`
	// What is one line for people: what is done, Why the reason.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	// Do does it; nil for a step that only tells something, such as what is waited for.
	Do func(ctx context.Context) error `json:"-"`
	// Needs are steps that must have succeeded before.
	Needs []*Step `json:"-"`
}
