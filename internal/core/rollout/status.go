package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// of is the number of a state.
func (s *GroupStatus) of(state State) *int {
	switch state {
	case ToApply:
		return &s.ToApply
	case Progressing:
		return &s.Progressing
	case Succeeded:
		return &s.Succeeded
	case Failed:
		return &s.Failed
	case TimeOut:
		return &s.TimeOut
	case Skip:
		return &s.Skip
	default:
		return &s.Exempt
	}
}

// haltReasons say why nobody is admitted; nil when somebody may be. They name no clusters, so that they stay the same while more fail.
func (w *wave) haltReasons() []fault.Reason {
	switch {
	case w.byHand:
		return because(CodeReleaseHalted, "%s is halted by a person; `addon-manager rollout resume %s` lets it go on", w.tag, w.tag)
	case w.breached != nil:
		return because(CodeRolloutHalted, "%s is halted: %s; see `addon-manager rollout status`", w.tag, w.breached.tooMany())
	}
	return nil
}

// tooMany says which limit a group is beyond.
func (g *groupWave) tooMany() string {
	if g.Mandatory {
		return "group " + g.Name + " is mandatory, and not all of its clusters succeeded"
	}
	return fmt.Sprintf("group %s has more failures than its maxFailures of %s", g.Name, g.Pace.MaxFailures)
}

// ways are what a person can do about a halt by failures.
func (w *wave) ways() string {
	return fmt.Sprintf("`addon-manager rollout resume %s` accepts them and goes on, `addon-manager rollout rollback %s` takes the release back", w.tag, w.tag)
}

// why says what keeps a group from being done.
func (g *groupWave) why() string {
	if g.pending != "" {
		return g.pending
	}
	return "clusters are " + string(Progressing)
}

func (w *wave) status() Status {
	s := Status{Minor: w.release.Minor.String(), Release: w.tag, State: StateCompleted, Groups: make([]GroupStatus, len(w.groups))}
	for i := range w.groups {
		g := &w.groups[i]
		s.Groups[i] = g.number
		s.Groups[i].Name = g.Name
		s.Groups[i].State, s.Groups[i].Message = w.groupState(g)
	}
	onTheWay := slices.ContainsFunc(s.Groups, func(g GroupStatus) bool { return g.Progressing > 0 })
	switch {
	case w.byHand:
		s.State, s.Message = StateHalted, w.halted[0].Message
	case w.breached != nil:
		s.State, s.Message = StateHalted, fmt.Sprintf("%s is halted: %s. %s", w.tag, w.failures(w.breached), w.ways())
	case w.current == nil:
		s.Message = w.behind()
	case onTheWay:
		s.State, s.Message = StateProgressing, "group "+w.current.Name+": "+w.current.counts()
	default:
		s.State, s.Message = StateWaiting, "group "+w.current.Name+": "+w.current.pending
	}
	if w.emergency && s.State == StateProgressing {
		s.Message = "emergency: every cluster at once"
	}
	return s
}

// behind tells of a release that is completed without everybody; "" when nobody is missing.
func (w *wave) behind() string {
	switch absent := w.absent(); absent {
	case 0:
		return ""
	case 1:
		return "1 cluster takes no part and does not have it: see why with `addon-manager status`"
	default:
		return fmt.Sprintf("%d clusters take no part and do not have it: see why with `addon-manager status`", absent)
	}
}

func (w *wave) absent() (n int) {
	for i := range w.groups {
		n += w.groups[i].absent
	}
	return n
}

func (w *wave) groupState(g *groupWave) (state, message string) {
	switch {
	case g.counting > g.tolerated && !w.emergency:
		return StateHalted, w.failures(g)
	case g.done():
		return StateCompleted, ""
	case w.halted != nil && g.number.Progressing == 0:
		return StateHalted, "nobody is admitted while " + w.tag + " is halted"
	case g.number.Progressing > 0:
		return StateProgressing, g.counts()
	case w.current == g:
		return StateWaiting, g.pending
	default:
		return StateWaiting, "waits for group " + w.current.Name
	}
}

func (g *groupWave) counts() string {
	n := g.number
	text := fmt.Sprintf("%d of %d clusters Progressing", n.Progressing, n.Clusters)
	if n.ToApply > 0 {
		text += fmt.Sprintf(", %d to apply", n.ToApply)
	}
	return text
}

// failures names the clusters that bring a group beyond its limit, the first of them with what is wrong.
func (w *wave) failures(g *groupWave) string {
	const most = 3
	var named []string
	for i := range w.members {
		m := &w.members[i]
		if &w.groups[m.group] != g || m.part != counted || w.in.Policy.Accepted[w.tag][m.Name] {
			continue
		}
		why := ""
		switch m.state {
		case Failed:
			why = m.Failed
		case Skip:
			why = m.Unreachable
		case TimeOut:
			why = "not Ready within " + g.Pace.ProgressDeadline.String()
		default:
			continue
		}
		if len(named) < most {
			named = append(named, fmt.Sprintf("%s (%s: %s)", cut(m.Name, 63), m.state, cut(why, 120)))
		}
	}
	more := ""
	if g.counting > len(named) {
		more = fmt.Sprintf(" and %d more", g.counting-len(named))
	}
	return fmt.Sprintf("%s: %s%s", g.tooMany(), strings.Join(named, ", "), more)
}
