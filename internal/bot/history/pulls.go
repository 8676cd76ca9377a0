package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// readPulls says which pull request brought each change, and reads the commits of those that would bring changes to branches.
func (r *reader) readPulls(ctx context.Context) error {
	r.Pulls = slices.Clone(r.Pulls)
	slices.SortFunc(r.Pulls, func(a, b forge.Pull) int { return cmp.Compare(a.Number, b.Number) })
	if err := r.sources(ctx); err != nil {
		return err
	}
	request := native.LogRequest{Not: []string{r.MainTip}, Files: true}
	live := map[string]bool{}
	for _, b := range r.Facts.Branches {
		live[b.Name] = true
		request.Not = append(request.Not, b.Tip)
	}
	for _, p := range r.Pulls {
		if head := r.head(p); live[p.Base] && head != "" {
			request.Of = append(request.Of, head)
		}
	}
	commits, err := r.Mirror.Log(ctx, request)
	for i := range commits {
		r.proposed[commits[i].Hash] = &commits[i]
	}
	return err
}

// head is the last commit of a pull request, as far as Git has it.
func (r *reader) head(p forge.Pull) string {
	if head, is := r.refs.PullHeads[p.Number]; is {
		return head
	}
	if head, is := r.refs.Branches[p.Head]; is && r.within(p) && (p.Open || head == p.HeadCommit) {
		return head
	}
	return ""
}

// within tells whether a pull request's branch is in the repository itself, where not everybody can write.
func (r *reader) within(p forge.Pull) bool {
	return r.Repository != "" && strings.EqualFold(p.HeadRepository, r.Repository)
}

// sources finds the pull request of each change by the commit that the forge says it became. What titles say only gives a number to show.
func (r *reader) sources(ctx context.Context) error {
	pulls := map[int]*forge.Pull{}
	var heads []string
	merged := map[int]*forge.Pull{}
	for i := range r.Pulls {
		p := &r.Pulls[i]
		pulls[p.Number] = p
		// Of a branch that is gone: main was renamed, and what was merged before keeps the name of then.
		_, other := r.refs.Branches[p.Base]
		if x, is := r.index[p.MergeCommit]; p.Merged && is && (p.Base == r.Facts.Main || !other) {
			if other := merged[x]; other == nil || change.PullOf(r.Facts.Changes[x].Message) == p.Number {
				merged[x] = p
			}
		}
	}
	for _, p := range merged {
		if head := r.refs.PullHeads[p.Number]; head != "" {
			heads = append(heads, head)
		}
	}
	slices.Sort(heads)
	commits, err := r.Mirror.Log(ctx, native.LogRequest{Of: heads, Not: []string{r.MainTip}})
	if err != nil {
		return err
	}
	proposed := map[string]*change.Commit{}
	for i := range commits {
		proposed[commits[i].Hash] = &commits[i]
	}
	for _, x := range slices.Sorted(maps.Keys(merged)) {
		r.rebased(x, merged[x], proposed)
	}
	for i := range r.Facts.Changes {
		c := &r.Facts.Changes[i]
		n := change.PullOf(c.Message)
		p := pulls[n]
		if c.Pull == nil && p != nil && p.Merged && p.MergeCommit == "" && p.Base == r.Facts.Main {
			c.Pull = p // Merged this moment.
		}
		switch {
		case c.Pull != nil:
			c.Number = c.Pull.Number
		case p == nil:
			c.Number = n
		}
	}
	return nil
}

// rebased gives a pull request its changes: the last, and with rebase merging those before, as many as are copies of its commits. Git keeps message
// and author in a copy, and the patch only where the lines around it are the same.
func (r *reader) rebased(last int, p *forge.Pull, proposed map[string]*change.Commit) {
	r.Facts.Changes[last].Pull = p
	if len(r.Facts.Changes[last].Parents) != 1 {
		return
	}
	at := proposed[r.refs.PullHeads[p.Number]]
	for i := last; i >= 0 && at != nil; {
		c := &r.Facts.Changes[i]
		if c.Pull != nil && c.Pull != p {
			return
		}
		switch {
		case len(at.Parents) > 1: // Merges of main are left out.
		case c.Message == at.Message && samePerson(c.Author, at.Author):
			c.Pull = p
			i--
		case i == last:
			return // A squash.
		default:
			return
		}
		if len(at.Parents) == 0 {
			return
		}
		at = proposed[at.Parents[0]]
	}
}

func samePerson(a, b change.Person) bool {
	return a.Name == b.Name && a.Email == b.Email && a.When.Equal(b.When)
}

// propose says of each branch which pull requests would bring, or brought, what to it. It comes after prove, which makes the patch-ids.
func (r *reader) propose() {
	byPatch := map[string]string{}
	byPull := map[int][]string{}
	for _, c := range slices.Backward(r.Facts.Changes) {
		if c.PatchID != "" {
			byPatch[c.PatchID] = c.Hash
		}
		if c.Pull != nil {
			byPull[c.Pull.Number] = append(byPull[c.Pull.Number], c.Hash)
		}
	}
	for i := range r.Facts.Branches {
		b := &r.Facts.Branches[i]
		own := map[string]bool{}
		for _, c := range b.Commits {
			own[c.Hash] = true
		}
		for _, p := range r.Pulls {
			if p.Base == b.Name {
				l := r.proposal(p, byPatch, byPull)
				l.Unseen = p.Merged && !own[p.MergeCommit] && (p.MergeCommit == "" || !r.has(p.MergeCommit))
				b.Pulls = append(b.Pulls, l)
			}
		}
	}
}

func (r *reader) proposal(p forge.Pull, byPatch map[string]string, byPull map[int][]string) ledger.Pull {
	within := r.within(p)
	l := ledger.Pull{Pull: p, Ours: r.Me != "" && p.Author == r.Me && within}
	bring := func(hash string) {
		if x, is := r.known(hash); is && !slices.Contains(l.Brings, r.Facts.Changes[x].Hash) {
			l.Brings = append(l.Brings, r.Facts.Changes[x].Hash)
		}
	}
	if marker, is := pick.Find(p.Body); is && l.Ours {
		l.Retired = marker.Retired != ""
		for _, hash := range marker.Source {
			bring(hash)
		}
	}
	var commits []*change.Commit
	for todo := []string{r.head(p)}; len(todo) > 0; {
		c := r.proposed[todo[0]]
		todo = todo[1:]
		if c != nil && !slices.Contains(commits, c) {
			commits = append(commits, c)
			todo = append(todo, c.Parents...)
		}
	}
	for _, c := range slices.Backward(commits) {
		// Everybody can propose something from a fork and claim what they like: there only the patch counts.
		claims := change.Claims(c.Message)
		for _, hash := range claims {
			if x, is := r.known(hash); is && within && touch(c.Files, r.Facts.Changes[x].Files) {
				bring(hash)
			}
		}
		if same := byPatch[c.PatchID]; c.PatchID != "" && same != "" {
			bring(same)
		}
		if r.Email != "" && (c.Committer.Email != r.Email || len(claims) == 0) {
			l.Human = person(*c)
		}
	}
	branch, number, commit, is := pick.ParseHead(p.Head)
	if !is || !within || branch != p.Base {
		return l
	}
	for _, hash := range slices.Backward(byPull[number]) {
		if number > 0 {
			bring(hash)
		}
	}
	for _, c := range r.Facts.Changes {
		if commit != "" && strings.HasPrefix(c.Hash, commit) {
			bring(c.Hash)
		}
	}
	return l
}

// person is who made a commit: its committer, or its author where a browser was the committer.
func person(c change.Commit) string {
	if c.Committer.Email == "noreply@github.com" {
		return cmp.Or(c.Author.Name, c.Author.Email, "somebody")
	}
	return cmp.Or(c.Committer.Name, c.Committer.Email, "somebody")
}
