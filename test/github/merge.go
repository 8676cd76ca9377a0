package github

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// webFlow is the committer of what GitHub commits by itself.
var webFlow = person{name: "GitHub", email: "noreply@github.com"}

func identity(role string, p person) []string {
	return []string{
		"GIT_" + role + "_NAME=" + p.name, "GIT_" + role + "_EMAIL=" + p.email, fmt.Sprintf("GIT_%s_DATE=@%d +0000", role, p.at.Unix()),
	}
}

// write makes a commit.
func (f *facts) write(tree, message string, author, committer person, parents ...string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	out, err := f.run(append(identity("AUTHOR", author), identity("COMMITTER", committer)...), message, args...)
	return strings.TrimSpace(out), err
}

// merge3 is the tree of merging two commits, empty when they conflict.
func (f *facts) merge3(ours, theirs string) string {
	out, err := f.run(nil, "", "merge-tree", "--write-tree", ours, theirs)
	if err != nil {
		return ""
	}
	tree, _, _ := strings.Cut(out, "\n")
	return tree
}

// tryMerge finds out whether a pull request can be merged, with the commit that GitHub keeps as refs/pull/N/merge.
func (r *Repository) tryMerge(p *pull) {
	base := r.refs["refs/heads/"+p.base]
	p.rendered = nil
	tree := r.facts.merge3(base, p.headSHA)
	if tree == "" {
		p.mergeable, p.testMerge = "no", ""
		return
	}
	p.mergeable = "yes"
	at := webFlow
	at.at = p.updated
	sha, err := r.facts.write(tree, "Merge "+p.headSHA+" into "+base+"\n", at, at, base, p.headSHA)
	if err != nil {
		r.server.problem("test merge of #%d: %v", p.number, err)
		return
	}
	p.testMerge = sha
	if _, err := r.facts.run(nil, "", "update-ref", "refs/pull/"+itoa(p.number)+"/merge", sha); err != nil {
		r.server.problem("test merge of #%d: %v", p.number, err)
	}
}

// Merge is how a pull request is merged.
type Merge struct {
	// Method is merge, squash or rebase; empty is merge.
	Method string `json:"merge_method"`
	// Title and Message replace GitHub's own.
	Title   string `json:"commit_title"`
	Message string `json:"commit_message"`
	// SHA, when set, is what the head must be.
	SHA string `json:"sha"`
}

func mergePull(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var in Merge
		if len(c.body) > 0 && c.decode(&in) != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if refused := c.repo.merge(p, c.by.account, in); refused != nil {
			return *refused
		}
		return ok(object{"sha": p.mergeSHA, "merged": true, "message": "Pull Request successfully merged"})
	})
}

// merge merges a pull request. The caller holds the lock.
func (r *Repository) merge(p *pull, by *account, m Merge) *answer {
	refuse := func(status int, message string) *answer { a := failed(status, message); return &a }
	switch protection, _ := r.protection(p.base); {
	case r.archived:
		return refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	case p.merged || p.state != "open":
		return refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case p.draft:
		return refuse(http.StatusMethodNotAllowed, "Pull Request is still a draft")
	case m.SHA != "" && m.SHA != p.headSHA:
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case len(r.missingChecks(protection, p.headSHA)) > 0 && !contains(protection.Bypass, by.login):
		return refuse(http.StatusMethodNotAllowed, fmt.Sprintf("Required status check %q is expected.", r.missingChecks(protection, p.headSHA)[0]))
	}
	base := r.refs["refs/heads/"+p.base]
	commits := r.commitsOf(p)
	me := person{name: by.name, email: by.email(), at: r.server.now()}
	var made []string
	var err error
	switch m.Method {
	case "", "merge":
		made, err = r.mergeCommit(p, base, me, m)
	case "squash":
		made, err = r.squash(p, base, commits, m)
	default:
		made, err = r.rebase(base, commits, me)
	}
	if err != nil {
		r.server.problem("merge #%d: %v", p.number, err)
	}
	if len(made) == 0 {
		return refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	p.mergeSHA = made[len(made)-1]
	if _, err := r.facts.run(nil, "", "update-ref", "refs/heads/"+p.base, p.mergeSHA, base); err != nil {
		return refuse(http.StatusConflict, "Base branch was modified. Review and try the merge again.")
	}
	p.landed = append(slices.Clone(commits), made...)
	p.merged, p.mergedBy, p.mergedAt, p.testMerge = true, by, r.server.now(), ""
	r.close(p, by)
	if err := r.syncAs(by); err != nil {
		r.server.problem("after merging #%d: %v", p.number, err)
	}
	return nil
}

func (r *Repository) mergeCommit(p *pull, base string, by person, m Merge) ([]string, error) {
	tree := r.facts.merge3(base, p.headSHA)
	if tree == "" {
		return nil, nil
	}
	title := orText(m.Title, fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, p.fromOwner, p.head))
	message := title + "\n\n" + orText(m.Message, p.title) + "\n"
	committer := webFlow
	committer.at = by.at
	sha, err := r.facts.write(tree, message, by, committer, base, p.headSHA)
	return []string{sha}, err
}

// squash makes one commit, with the message that GitHub proposes.
func (r *Repository) squash(p *pull, base string, commits []string, m Merge) ([]string, error) {
	tree := r.facts.merge3(base, p.headSHA)
	if tree == "" {
		return nil, nil
	}
	author := person{name: p.author.name, email: p.author.email(), at: r.server.now()}
	title, message := fmt.Sprintf("%s (#%d)", p.title, p.number), ""
	var together []string
	for _, sha := range commits {
		c, err := r.facts.commit(sha)
		if err != nil {
			return nil, err
		}
		if len(commits) == 1 {
			title, message = fmt.Sprintf("%s (#%d)", c.title(), p.number), c.body()
		} else {
			message = strings.TrimSpace(message + "\n\n* " + c.message)
		}
		who := fmt.Sprintf("Co-authored-by: %s <%s>", c.author.name, c.author.email)
		if c.author.email != author.email && !slices.Contains(together, who) {
			together = append(together, who)
		}
	}
	if len(together) > 0 {
		message = strings.TrimSpace(message + "\n\n" + strings.Join(together, "\n"))
	}
	message = orText(m.Title, title) + "\n\n" + orText(m.Message, message)
	committer := webFlow
	committer.at = author.at
	sha, err := r.facts.write(tree, strings.TrimSpace(message)+"\n", author, committer, base)
	return []string{sha}, err
}

// rebase makes each commit anew on the base, by its author, committed by who merges.
func (r *Repository) rebase(base string, commits []string, by person) (made []string, err error) {
	onto := base
	for _, sha := range commits {
		c, err := r.facts.commit(sha)
		if err != nil {
			return nil, err
		}
		if len(c.parents) != 1 {
			continue // GitHub leaves merges out.
		}
		target, err := r.facts.commit(onto)
		if err != nil {
			return nil, err
		}
		// Merging the commit with one that has the target's tree but the commit's own parent is picking it.
		still := person{name: "x", email: "x", at: time.Unix(0, 0)}
		ours, err := r.facts.write(target.tree, "x", still, still, c.parents[0])
		if err != nil {
			return nil, err
		}
		tree := r.facts.merge3(ours, sha)
		if tree == "" {
			return nil, nil
		}
		if onto, err = r.facts.write(tree, c.message+"\n", c.author, by, onto); err != nil {
			return nil, err
		}
		made = append(made, onto)
	}
	return made, nil
}
