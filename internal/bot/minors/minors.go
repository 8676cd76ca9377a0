// Package minors proposes a Kubernetes minor that was published and that main's catalog does not offer yet: a pull request that adds it, and says of every
// addon whether it is ready.
//
// What people did stands: a branch that somebody else committed to is left alone, and a pull request that a person closed is not opened again.
package minors

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Project is whose releases on GitHub say which minors there are.
const Project = "kubernetes/kubernetes"

// Prefix starts the names of the branches that minors are proposed from.
const Prefix = "minor/"

// Hub is what is asked of the forge.
type Hub interface {
	PullsOf(ctx context.Context, head string) ([]forge.Pull, error)
	Pull(ctx context.Context, number int) (forge.Pull, error)
	Open(ctx context.Context, p forge.NewPull) (forge.Pull, error)
	Edit(ctx context.Context, number int, e forge.PullEdit) (forge.Pull, error)
	Label(ctx context.Context, number int, labels ...string) error
}

// Options say which repository, as whom, and who is asked.
type Options struct {
	Mirror *native.Mirror
	Hub    Hub
	// Main is the branch that changes come from; empty for the repository's default branch.
	Main string
	// Repository is owner/name, URL its page, Login who the bot is there, Committer who commits.
	Repository, URL, Login string
	Committer              change.Person
	// Releases are those of a repository on GitHub.
	Releases func(ctx context.Context, repository string) ([]upstream.Version, error)
	// Across compares what a commit renders to on two minors.
	Across func(ctx context.Context, ref string, from, to version.Minor) (report.Report, []bot.Ready, error)
	// Fixes are newer versions of addons that say to run on a minor, by addon; nil leaves that out.
	Fixes func(ctx context.Context, m version.Minor) (map[string]string, error)
}

// plan is one run.
type plan struct {
	Options
	refs      native.Refs
	main, tip string
	minor     version.Minor
	catalog   []byte
	offered   catalog.Catalog
	// ref is what the proposal's branch names on the server, empty when it is not there.
	ref string
}

// Plan says what is to be done about the next minor. The mirror must have been fetched.
func Plan(ctx context.Context, o Options) ([]*steps.Step, error) {
	p := &plan{Options: o}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	if len(p.offered.Minors) == 0 {
		return nil, nil
	}
	last := p.offered.Minors[len(p.offered.Minors)-1]
	leftover, err := p.leftover(ctx, last)
	if err != nil {
		return nil, err
	}
	p.minor = last.Next()
	releases, err := o.Releases(ctx, Project)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		// Where the network ends at the own door this is so for good, and nothing else depends on it.
		return append(leftover, p.tell("wait", 0, "no Kubernetes minor is proposed", "which there are is not known: "+err.Error())), nil
	}
	if !published(releases, p.minor) {
		return leftover, nil
	}
	if _, err := apis.Of(p.minor); err != nil {
		return append(leftover, p.tell("wait", 0, fmt.Sprintf("Kubernetes %s is not proposed", p.minor), "this branch-bot does not know its APIs: a newer one may")), nil
	}
	step, err := p.propose(ctx, last)
	if step != nil {
		leftover = append(leftover, step)
	}
	return leftover, err
}

func (p *plan) read(ctx context.Context) error {
	var err error
	if p.refs, err = p.Mirror.Refs(ctx); err != nil {
		return err
	}
	p.main = cmp.Or(p.Options.Main, p.refs.Head)
	if p.tip = p.refs.Branches[p.main]; p.tip == "" {
		return fmt.Errorf("there is no branch %q: say --main", p.main)
	}
	tree, err := p.Mirror.Repository().Tree(p.tip)
	if err != nil {
		return err
	}
	if p.catalog, err = fs.ReadFile(tree, catalog.File); err != nil {
		return fmt.Errorf("read %s of %s: %w", catalog.File, p.main, err)
	}
	p.offered, err = catalog.Decode(catalog.File, p.catalog)
	return err
}

// published tells whether a minor has a stable release.
func published(releases []upstream.Version, m version.Minor) bool {
	return slices.ContainsFunc(releases, func(r upstream.Version) bool {
		k, err := version.ParseKubernetes(r.Name)
		return err == nil && !r.PreRelease && !upstream.IsPreRelease(r.Name) && k.Minor == m
	})
}

func (p *plan) tell(action string, pull int, what, why string) *steps.Step {
	return &steps.Step{Action: action, Branch: p.main, Pull: pull, What: what, Why: why}
}

// ours are the bot's pull requests for a minor, newest first.
func (p *plan) ours(ctx context.Context, m version.Minor) ([]forge.Pull, error) {
	pulls, err := p.Hub.PullsOf(ctx, Prefix+m.String())
	if err != nil {
		return nil, err
	}
	pulls = slices.DeleteFunc(pulls, func(f forge.Pull) bool {
		return f.Author != p.Login || !strings.EqualFold(f.HeadRepository, p.Repository)
	})
	slices.SortFunc(pulls, func(a, b forge.Pull) int { return b.Number - a.Number })
	return pulls, nil
}

// leftover closes a pull request for a minor that is offered by now.
func (p *plan) leftover(ctx context.Context, m version.Minor) (all []*steps.Step, err error) {
	pulls, err := p.ours(ctx, m)
	if err != nil {
		return nil, err
	}
	for _, f := range pulls {
		if !f.Open {
			continue
		}
		why := fmt.Sprintf("%s offers %s already", p.main, m)
		all = append(all, &steps.Step{
			Action: "close", Branch: p.main, Pull: f.Number, What: "close the proposal of Kubernetes " + m.String(), Why: why,
			Do: func(ctx context.Context) error {
				now, err := p.Hub.Pull(ctx, f.Number)
				if err != nil || !now.Open {
					return err
				}
				k, _ := proposal.Find(now.Body)
				k.Kind, k.Retired = proposal.KindMinor, why
				body := proposal.Hide("> **Closed by the bot:** "+why+".\n\n"+now.Body, k)
				_, err = p.Hub.Edit(ctx, f.Number, forge.PullEdit{Body: &body, Closed: true})
				return err
			},
		})
	}
	return all, nil
}

// propose opens or renews the pull request that adds the minor.
func (p *plan) propose(ctx context.Context, last version.Minor) (*steps.Step, error) {
	pulls, err := p.ours(ctx, p.minor)
	if err != nil {
		return nil, err
	}
	var mine *forge.Pull
	for i, f := range pulls {
		k, _ := proposal.Find(f.Body)
		switch {
		case f.Open:
			mine = &pulls[i]
		case !f.Merged && k.Retired == "" && mine == nil:
			return p.tell("leave", f.Number, fmt.Sprintf("Kubernetes %s is not proposed again", p.minor), "a person closed it"), nil
		}
	}
	p.ref = p.refs.Branches[Prefix+p.minor.String()]
	stranger, onto, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	if stranger != "" {
		number := 0
		if mine != nil {
			number = mine.Number
		}
		return p.tell("leave", number, fmt.Sprintf("the proposal of Kubernetes %s is left as it is", p.minor), stranger+" committed to it"), nil
	}
	r, ready, err := p.Across(ctx, p.tip, last, p.minor)
	if err != nil {
		return nil, fmt.Errorf("look at %s on Kubernetes %s: %w", p.main, p.minor, err)
	}
	r.BaseName, r.HeadName = p.main+" on "+last.String(), p.main+" on "+p.minor.String()
	var fixes map[string]string
	if p.Fixes != nil {
		if fixes, err = p.Fixes(ctx, p.minor); err != nil {
			return nil, err
		}
	}
	commit, err := p.commit(ctx, onto)
	if err != nil {
		return nil, err
	}
	request := proposal.MinorRequest{
		Repository: p.Repository, URL: p.URL, Branch: p.main, Readiness: readiness(p.minor, last, r, ready, fixes),
		Marker: proposal.Marker{Kind: proposal.KindMinor, Branch: p.main, Unit: p.minor.String(), Head: commit},
	}
	request.Marker.Content = digest(proposal.WriteMinor(request), p.tip, commit)
	text := proposal.WriteMinor(request)
	if mine == nil {
		return &steps.Step{
			Action: "open", Branch: p.main, What: fmt.Sprintf("propose to offer Kubernetes %s", p.minor), Why: "it is published",
			Do: func(ctx context.Context) error { return p.open(ctx, commit, text) },
		}, nil
	}
	if was, known := proposal.Find(mine.Body); known && was.Content == request.Marker.Content && p.ref == commit {
		return nil, nil
	}
	return &steps.Step{
		Action: "update", Branch: p.main, Pull: mine.Number, What: fmt.Sprintf("renew the proposal of Kubernetes %s", p.minor), Why: p.main + " has changed",
		Do: func(ctx context.Context) error { return p.update(ctx, mine.Number, commit, text) },
	}, nil
}

// digest is of what a text tells, whatever commits it was made of: those alone are no reason to write it again.
func digest(text proposal.Text, commits ...string) string {
	body := text.Title + "\n" + text.Body
	for _, c := range commits {
		for n := len(c); n >= 7; n-- {
			body = strings.ReplaceAll(body, c[:n], "")
		}
	}
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:16])
}

// readiness is what is known of each addon, in the words of the proposal.
func readiness(m, from version.Minor, r report.Report, ready []bot.Ready, fixes map[string]string) proposal.Readiness {
	out := proposal.Readiness{Minor: m, From: from, Report: &r}
	for _, a := range ready {
		one := proposal.AddonReadiness{Name: a.Addon, State: proposal.Ready}
		switch {
		case !a.Offered:
			one.State, one.Why = proposal.OutOfRange, []string{"it supports Kubernetes " + a.Range}
		case a.Broken != "":
			one.State, one.Why = proposal.Breaks, []string{"it does not render: " + a.Broken}
		case a.Unknown != "":
			one.State, one.Why = proposal.Unknown, []string{a.Unknown}
		case len(a.Unserved) > 0:
			one.State, one.Why = proposal.Breaks, a.Unserved
		}
		if one.State == proposal.OutOfRange || one.State == proposal.Breaks {
			one.Fix = fixes[a.Addon]
		}
		out.Addons = append(out.Addons, one)
	}
	return out
}
