// Package tagging makes releases: it checks the tip of a release branch, gives it the next tag together with notes, and keeps the forge's release
// of each tag.
//
// A tag that is there is never moved or made anew: it is pushed only where the remote has none of its name, in one push with the branch, and both
// only as they were when they were checked. So of several bots one makes a release, and the others find it made.
package tagging

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// mirror is what is needed of Git.
type mirror interface {
	Fetch(ctx context.Context) (changed bool, err error)
	Refs(ctx context.Context) (native.Refs, error)
	Remote(ctx context.Context) (native.Refs, error)
	Repository() *git.Repository
	Contains(ctx context.Context, branch, commit string) (bool, error)
	Annotated(ctx context.Context, t native.Tag) (a native.Annotated, ok bool, err error)
	WriteBlob(ctx context.Context, content []byte) (hash string, err error)
	WriteTree(ctx context.Context, tree string, paths map[string]change.Entry) (hash string, err error)
	Commit(ctx context.Context, c change.Commit) (hash string, err error)
	Tag(ctx context.Context, t native.NewTag) (object string, err error)
	Push(ctx context.Context, updates ...native.Update) error
}

// hub is what is needed of the forge.
type hub interface {
	RequiredChecks(ctx context.Context, branch string) (names []string, known bool, err error)
	Checks(ctx context.Context, commit string) ([]forge.Check, error)
	Release(ctx context.Context, tag string) (forge.Release, error)
	Drafts(ctx context.Context) ([]forge.Release, error)
	CreateRelease(ctx context.Context, r forge.Release) (forge.Release, error)
}

// Options are what a release is made with.
type Options struct {
	Mirror mirror
	// Hub is nil where there is only a Git server: then no checks are asked for and no releases made there.
	Hub hub
	// History reads what the ledger is made of, from the mirror as it is.
	History func(ctx context.Context) (history.History, error)
	// Rendering says how addons are rendered; its Repository is not used.
	Rendering bot.Options
	// Tagger is who tags. Its time is Now's.
	Tagger  change.Person
	Now     func() time.Time
	Signing native.Signing
	// Memory is a file that remembers which releases there were, so that the number of one whose tag somebody deleted is not given again: it may
	// have been delivered. Empty remembers nothing.
	Memory string
}

// Request says what to release.
type Request struct {
	Minor version.Minor
	// Anyway is why to release although checks refuse that a person may overrule; empty when nobody does.
	Anyway string
	// Commit, when set, is what the branch must be at: what somebody looked at before.
	Commit string
}

// Plan is what is to be done for a release, and why it is not.
type Plan struct {
	Branch string
	// Commit is the branch's tip.
	Commit string
	// Tag is the release that is to be made, or that the tip has already: then Made is set.
	Tag  release.Tag
	Made bool
	// Previous is the release before it on the branch, zero when there is none.
	Previous release.Tag
	// Checks are all that were made; none when the tip has its tag.
	Checks []Check
	// Notes are for the forge, Message for the tag. Both are empty when the tip has its tag.
	Notes, Message string
	// Report compares with Previous; nil when there is none, or nothing could be compared.
	Report *report.Report
	// Remarks are what people should know beside.
	Remarks []string
	// Steps are empty where a check refuses.
	Steps []*steps.Step
}

// Check is one of the checks before a release.
type Check struct {
	// Name is one word.
	Name   string `json:"name"`
	Result Result `json:"result"`
	// Message says what was found, Do what to do about it.
	Message string `json:"message"`
	Do      string `json:"do,omitempty"`
}

// Result is how a check ended.
type Result string

// The results.
const (
	OK Result = "ok"
	// Refused stops the release.
	Refused Result = "refused"
	// Overruled was refused, and a person wants the release anyway.
	Overruled Result = "overruled"
)

// Refused tells whether a check stops the release.
func (p *Plan) Refused() bool {
	for _, c := range p.Checks {
		if c.Result == Refused {
			return true
		}
	}
	return false
}

// attempts bounds how often a release is planned anew because somebody else changed the repository meanwhile.
const attempts = 10

// Run plans and carries out: from new facts as often as somebody else was faster, and once more where a push left open whether it happened. The
// plan that it answers is the last; when that is refused, nothing was done. Told, when set, hears of each step that was tried.
func Run(ctx context.Context, o Options, r Request, told func(steps.Result)) (*Plan, error) {
	var last *Plan
	var unsure error
	for range attempts {
		p, err := Make(ctx, o, r)
		if err != nil {
			return last, errors.Join(unsure, err)
		}
		if unsure != nil && !p.Made {
			return p, unsure
		}
		if last != nil && p.Made && p.Tag == last.Tag {
			p.Checks, p.Notes, p.Message, p.Report, p.Previous = last.Checks, last.Notes, last.Message, last.Report, last.Previous
		}
		if last = p; p.Refused() {
			return p, nil
		}
		err = steps.Apply(ctx, p.Steps, told)
		switch {
		case err == nil || ctx.Err() != nil:
			return p, err
		case errors.Is(err, native.ErrStale):
		case errors.As(err, new(unsurePush)) && unsure == nil:
			unsure = err
		default:
			return p, err
		}
	}
	return last, fmt.Errorf("%s changed each of the %d times that its release was planned: try again when it is quiet", last.Branch, attempts)
}

// unsurePush is an error of a push that may have happened all the same.
type unsurePush struct{ error }

func (e unsurePush) Unwrap() error { return e.error }
