package proposing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// order is a comment that asks the bot for something and has no answer yet.
type order struct {
	pull    forge.Pull
	comment forge.Comment
	command proposal.Command
	// unknown is what looks like a command and is none.
	unknown string
	// may tells whether who asked has write access.
	may bool
}

const (
	// maxRefusals is how many orders of somebody without write access are answered on one pull request.
	maxRefusals = 3
	// late is how long after a pull request was closed for a person the answer is made up for, where the bot was cut off in between.
	late = 3 * 24 * time.Hour
)

// hear reads what people ask for on open pull requests, and notes what they do not want.
func (w *world) hear(ctx context.Context) error {
	var pulls []forge.Pull
	for _, p := range w.pulls {
		if _, _, _, is := upgrade.ParseHead(p.Head); is && p.Open && w.own(p) {
			pulls = append(pulls, p)
		}
	}
	if err := w.listen(ctx, pulls); err != nil {
		return err
	}
	for _, o := range w.orders {
		if o.may && o.unwanted() != "" {
			w.unwant(o)
		}
	}
	return nil
}

// hearLate reads pull requests that were closed for a person: the bot may have been cut off before it answered.
func (w *world) hearLate(ctx context.Context, heads []string) error {
	var pulls []forge.Pull
	for _, head := range heads {
		for _, p := range w.past[head] {
			if m, known := proposal.Find(p.Body); known && m.Ignored != "" && w.Now.Sub(p.Updated) < late {
				pulls = append(pulls, p)
			}
		}
	}
	return w.listen(ctx, pulls)
}

// listen reads the comments of pull requests. What cannot be read is heard the next time.
func (w *world) listen(ctx context.Context, pulls []forge.Pull) error {
	heard, errs := make([][]*order, len(pulls)), make([]error, len(pulls))
	each(len(pulls), func(i int) { heard[i], errs[i] = w.unanswered(ctx, pulls[i]) })
	for i := range pulls {
		w.orders = append(w.orders, heard[i]...)
		if errs[i] != nil {
			w.failed = errors.Join(w.failed, fmt.Errorf("comments of #%d: %w", pulls[i].Number, errs[i]))
		}
	}
	return ctx.Err()
}

func (w *world) unanswered(ctx context.Context, p forge.Pull) (orders []*order, failed error) {
	comments, err := w.Hub.Comments(ctx, p.Number)
	if err != nil {
		return nil, err
	}
	answered := w.answered(comments)
	refusals := map[string]int{}
	for _, c := range comments {
		if c.Author == w.Login || c.Author == "" {
			continue
		}
		o := &order{pull: p, comment: c}
		if o.command, o.unknown = proposal.ParseCommand(c.Body); o.command == "" && o.unknown == "" {
			continue
		}
		if answered[c.ID] {
			refusals[c.Author]++
			continue
		}
		if o.may, err = w.Hub.MayWrite(ctx, c.Author); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if !o.may {
			// Anybody may comment: whoever may not ask is told so, and not for ever.
			if o.command == "" || refusals[c.Author] == maxRefusals {
				continue
			}
			refusals[c.Author]++
		}
		orders = append(orders, o)
	}
	return orders, failed
}

// answered are the comments that the bot has answered.
func (w *world) answered(comments []forge.Comment) map[int64]bool {
	is := map[int64]bool{}
	for _, c := range comments {
		if id := proposal.Answered(c.Body); c.Author == w.Login && id != 0 {
			is[id] = true
		}
	}
	return is
}

// unwanted is what of Marker.Ignored an order asks for.
func (o *order) unwanted() string {
	switch o.command {
	case proposal.IgnoreVersion:
		return ignoredVersion
	case proposal.IgnoreMajor:
		return ignoredMajor
	}
	return ""
}

// unwant plans to close a pull request of what a person does not want. The last order counts.
func (w *world) unwant(o *order) {
	m, known := proposal.Find(o.pull.Body)
	if !known {
		return
	}
	by, kind := o.comment.Author, o.unwanted()
	why := fmt.Sprintf("%s does not want this %s", by, kind)
	mark := func(m *proposal.Marker) { m.Ignored, m.By, m.Retired = kind, by, why }
	mark(&m)
	var kept []upgrade.Ignored
	for _, i := range w.known.Ignored {
		if i.Pull != o.pull.Number {
			kept = append(kept, i)
		}
	}
	w.known.Ignored = append(kept, ignored(m, o.pull.Number)...)
	w.closing[o.pull.Head] = &steps.Step{
		Action: closes, Branch: o.pull.Base, Pull: o.pull.Number, What: fmt.Sprintf("close %q", markdown.Clip(o.pull.Title, 80)), Why: why,
		Do: func(ctx context.Context) error {
			return w.close(ctx, o.pull, mark, "**Closed by the bot:** "+markdown.Text(why)+".", w.refs.Branches[o.pull.Head])
		},
	}
}

// obey closes what people do not want, and answers all that can be answered at once.
func (w *world) obey(context.Context) (plan []*steps.Step, _ error) {
	done := map[*steps.Step]bool{}
	for _, o := range w.orders {
		closing := w.closing[o.pull.Head]
		if closing != nil && closing.Pull != o.pull.Number {
			closing = nil
		}
		if closing != nil && !done[closing] {
			done[closing] = true
			plan = append(plan, closing)
		}
		code := markdown.Code(string(o.command))
		switch {
		case !o.may:
			plan = append(plan, w.answer(o, fmt.Sprintf("Nothing was done: only people with write access to %s may ask for %s.", markdown.Code(w.Repository), code)))
		case o.command == "":
			plan = append(plan, w.answer(o, fmt.Sprintf("Nothing was done: %s is no command. There are %s, %s and %s, each alone on a line.", markdown.Code(markdown.Clip(o.unknown, 80)),
				markdown.Code(string(proposal.Rebase)), markdown.Code(string(proposal.IgnoreVersion)), markdown.Code(string(proposal.IgnoreMajor)))))
		case o.unwanted() != "" && (closing != nil || !o.pull.Open):
			plan = append(plan, w.answer(o, w.unwantedAnswer(o), closing))
		case o.unwanted() != "":
			plan = append(plan, w.answer(o, "Nothing was done: the text of this pull request was rewritten, and with it went what it is about. "+
				markdown.Code(string(proposal.Rebase))+" writes it anew; closing it says that it is not wanted as it is."))
		case closing != nil || !o.pull.Open:
			plan = append(plan, w.answer(o, "Nothing was done: this pull request is closed, as another comment asks for.", closing))
		}
	}
	return plan, nil
}

func (w *world) unwantedAnswer(o *order) string {
	m, _ := proposal.Find(o.pull.Body)
	what := "this version is"
	if o.unwanted() == ignoredMajor {
		what = "this major version is"
	}
	if len(m.Versions) > 1 {
		what = strings.Replace(what, "version is", "version of each of them is", 1)
	}
	return fmt.Sprintf("Closed: %s not proposed to %s any more. Other versions are, older ones too. To take that back, open this pull request again before another one comes from its branch.", what, markdown.Code(o.pull.Base))
}

// asked tells whether a person who may asked for a pull request to be made anew.
func (w *world) asked(number int) bool {
	for _, o := range w.orders {
		if o.pull.Number == number && o.may && o.command == proposal.Rebase {
			return true
		}
	}
	return false
}

// answers are those to orders to make a pull request anew, after what was planned for it.
func (w *world) answers(context.Context) (plan []*steps.Step, _ error) {
	for _, o := range w.orders {
		if !o.may || o.command != proposal.Rebase || !o.pull.Open || w.closing[o.pull.Head] != nil {
			continue
		}
		n := o.pull.Number
		now := fmt.Sprintf("It is on top of %s at %s now.", markdown.Code(o.pull.Base), markdown.Code(fmt.Sprintf("%.12s", w.found.Tips[o.pull.Base])))
		switch {
		case w.renewing[n] != nil:
			plan = append(plan, w.answer(o, now, w.renewing[n]))
		case w.going[n] != "":
			plan = append(plan, w.answer(o, "Closed instead: "+markdown.Text(w.going[n])+"."))
		case w.leaving[n] != "":
			plan = append(plan, w.answer(o, "Nothing was done: "+markdown.Text(w.leaving[n])+"."+w.byHand(o.pull)))
		case w.current(n):
			plan = append(plan, w.answer(o, now))
		default:
			plan = append(plan, w.answer(o, "Nothing was done: it is not known at the moment what would be proposed. Please ask again later."))
		}
	}
	return plan, nil
}

// current tells of an open pull request that is as it would be made now.
func (w *world) current(number int) bool {
	return slices.ContainsFunc(w.situations, func(s *situation) bool { return s.mine != nil && s.mine.Number == number })
}

// byHand says how to bring a pull request up to date that people have committed to.
func (w *world) byHand(p forge.Pull) string {
	m, known := proposal.Find(p.Body)
	if !known || m.Head == "" || w.refs.Branches[p.Head] == m.Head {
		return ""
	}
	return "\n\nWith the commits as they are, merge the branch that it is for:\n\n" +
		markdown.Fence("sh", []string{"git fetch origin", "git switch " + p.Head, "git merge origin/" + p.Base, "git push origin " + p.Head}) +
		"\nTo drop them and have it made anew, go back to the bot's commit, and ask again:\n\n" +
		markdown.Fence("sh", []string{"git push --force origin " + m.Head + ":refs/heads/" + p.Head})
}

// answer is the step that answers an order, once.
func (w *world) answer(o *order, said string, after ...*steps.Step) *steps.Step {
	step := &steps.Step{
		Action: comment, Branch: o.pull.Base, Pull: o.pull.Number,
		What: fmt.Sprintf("answer %s, who asks for %q", o.comment.Author, markdown.Clip(string(o.command)+o.unknown, 40)),
	}
	for _, s := range after {
		if s != nil {
			step.Needs = append(step.Needs, s)
		}
	}
	step.Do = func(ctx context.Context) error {
		comments, err := w.Hub.Comments(ctx, o.pull.Number)
		if err != nil || w.answered(comments)[o.comment.ID] {
			return err
		}
		_, err = w.Hub.Comment(ctx, o.pull.Number, proposal.Answer(o.comment.ID, o.comment.Author, said))
		return err
	}
	return step
}
