package github

import (
	"html/template"
	"slices"
	"strings"
)

// Shown is the word on a pull request's badge.
func (p Pull) Shown() string {
	switch {
	case p.Merged:
		return "merged"
	case p.State == "open" && p.Draft:
		return "draft"
	}
	return p.State
}

type shownLine struct{ Kind, Text string }

type shownFile struct {
	Path, Previous, Status      string
	Additions, Deletions, Lines int
	Patch                       []shownLine
}

type shownCommit struct{ SHA, Short, Title, Author, Message string }

type shownCheck struct {
	Name, State, Title, Class, Mark string
	Summary                         template.HTML
	Required                        bool
}

func showFiles(files []file) (all []shownFile) {
	kinds := map[byte]string{'+': "add", '-': "del", '@': "hunk"}
	for _, f := range files {
		s := shownFile{Path: f.path, Previous: f.previous, Status: f.status, Additions: f.additions, Deletions: f.deletions}
		for line := range strings.SplitSeq(f.patch, "\n") {
			if line != "" {
				s.Patch = append(s.Patch, shownLine{kinds[line[0]], line})
			}
		}
		s.Lines = len(s.Patch)
		all = append(all, s)
	}
	return all
}

func (r *Repository) showCommit(sha string) shownCommit {
	c, err := r.facts.commit(sha)
	if err != nil {
		return shownCommit{SHA: sha, Short: sha[:min(len(sha), 7)]}
	}
	return shownCommit{c.sha, c.sha[:7], c.title(), c.author.name, c.body()}
}

func (r *Repository) pullsPage(state string) map[string]any {
	state = orText(state, "open")
	var shown []Pull
	open, closed := 0, 0
	for _, p := range slices.Backward(r.Pulls()) {
		if p.State == "open" {
			open++
		} else {
			closed++
		}
		if state == "all" || p.State == state {
			shown = append(shown, p)
		}
	}
	return map[string]any{"Title": "Pull requests · " + r.Name(), "Repository": r.Name(), "Pulls": shown, "Open": open, "Closed": closed}
}

func (r *Repository) pullPage(number int, may, refusal string) map[string]any {
	at := slices.IndexFunc(r.Pulls(), func(p Pull) bool { return p.Number == number })
	if at < 0 {
		return nil
	}
	p := r.Pulls()[at]
	comments := r.showComments(number)
	checks := r.Checks(p.HeadSHA)
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var commits []shownCommit
	for _, sha := range p.Commits {
		commits = append(commits, r.showCommit(sha))
	}
	protection, _ := r.protection(p.Base)
	return map[string]any{
		"Title": p.Title + " · " + r.full(), "Repository": r.full(), "Pull": p, "Body": markdown(p.Body), "Comments": comments, "May": may, "Refusal": refusal,
		"Checks": showChecks(checks, protection.RequiredChecks), "Commits": commits, "Files": showFiles(r.filesOf(r.pull(number))),
	}
}

type shownComment struct {
	ID     int64
	Author string
	Body   template.HTML
}

func (r *Repository) showComments(number int) (all []shownComment) {
	for _, c := range r.Comments(number) {
		all = append(all, shownComment{c.ID, c.Author, markdown(c.Body)})
	}
	return all
}

func (r *Repository) issuesPage(state string) map[string]any {
	state = orText(state, "open")
	var shown []Issue
	open, closed := 0, 0
	for _, i := range slices.Backward(r.Issues()) {
		if i.State == "open" {
			open++
		} else {
			closed++
		}
		if state == "all" || i.State == state {
			shown = append(shown, i)
		}
	}
	return map[string]any{"Title": "Issues · " + r.Name(), "Repository": r.Name(), "Issues": shown, "Open": open, "Closed": closed}
}

func (r *Repository) issuePage(number int, may, refusal string) map[string]any {
	at := slices.IndexFunc(r.Issues(), func(i Issue) bool { return i.Number == number })
	if at < 0 {
		return nil
	}
	i := r.Issues()[at]
	return map[string]any{
		"Title": i.Title + " · " + r.Name(), "Repository": r.Name(), "Issue": i, "Body": markdown(i.Body), "Comments": r.showComments(number), "May": may, "Refusal": refusal,
	}
}

// showChecks has the newest of each name, and those that are required but not there.
func showChecks(checks []Check, required []string) (all []shownCheck) {
	for _, c := range checks {
		s := shownCheck{Name: c.Name, State: orText(c.Conclusion, c.Status), Title: c.Title, Class: "bad", Mark: "✗", Summary: markdown(c.Summary)}
		switch s.State {
		case "success", "neutral", "skipped":
			s.Class, s.Mark = "good", "✓"
		case "queued", "in_progress", "pending":
			s.Class, s.Mark = "wait", "●"
		}
		s.Required = slices.Contains(required, c.Name)
		all = append(slices.DeleteFunc(all, func(o shownCheck) bool { return o.Name == c.Name }), s)
	}
	for _, name := range required {
		if !slices.ContainsFunc(all, func(c shownCheck) bool { return c.Name == name }) {
			all = append(all, shownCheck{Name: name, State: "expected", Class: "wait", Mark: "●", Required: true})
		}
	}
	return all
}

func (r *Repository) commitPage(sha string) map[string]any {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	c, err := r.facts.commit(sha)
	if err != nil {
		return nil
	}
	parent := ""
	if len(c.parents) > 0 {
		parent = c.parents[0]
	}
	files, err := r.facts.changed(parent, c.sha)
	if err != nil {
		return nil
	}
	return map[string]any{"Title": c.title(), "Repository": r.full(), "Commit": r.showCommit(c.sha), "Files": showFiles(files)}
}

func (r *Repository) branchesPage() map[string]any {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	type shownRef struct {
		Name string
		shownCommit
	}
	var all []shownRef
	for _, name := range sorted(r.refs) {
		sha, err := r.resolve(strings.TrimPrefix(name, "refs/"))
		if err != nil {
			sha = r.refs[name]
		}
		_, short, _ := strings.Cut(strings.TrimPrefix(name, "refs/"), "/")
		all = append(all, shownRef{short, r.showCommit(sha)})
	}
	return map[string]any{"Title": "Branches · " + r.full(), "Repository": r.full(), "Refs": all}
}

func (r *Repository) releasesPage(tag string) map[string]any {
	type shownRelease struct {
		Release
		Notes template.HTML
	}
	var all []shownRelease
	for _, l := range slices.Backward(r.Releases()) {
		if tag == "" || l.Tag == tag {
			all = append(all, shownRelease{l, markdown(l.Body)})
		}
	}
	if tag != "" && len(all) == 0 {
		return nil
	}
	return map[string]any{"Title": "Releases · " + r.Name(), "Repository": r.Name(), "Releases": all}
}
