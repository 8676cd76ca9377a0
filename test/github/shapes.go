package github

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func cut(text, prefix string) (string, bool) { return strings.CutPrefix(text, prefix) }

// stamp writes a time as GitHub does, always in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// moment is a time, or null for none.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// node is a GraphQL id.
func node(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString([]byte("0:" + kind + strconv.FormatInt(id, 10)))
}

// text is a string, or null for an empty one.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// userFields are what GitHub says of an account wherever it is named.
func (s *Server) userFields(a *account) object {
	api := s.url + "/api/v3/users/" + a.login
	page := s.url + "/" + a.login
	if slug, isApp := strings.CutSuffix(a.login, "[bot]"); isApp {
		page = s.url + "/apps/" + slug
		api = s.url + "/api/v3/users/" + slug + "%5Bbot%5D"
	}
	return object{
		"login": a.login, "id": a.id, "node_id": node("User", a.id), "avatar_url": s.url + "/avatars/" + strconv.FormatInt(a.id, 10), "gravatar_id": "",
		"url": api, "html_url": page, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": a.kind, "site_admin": false,
	}
}

// user is an account as part of something else; null for nobody.
func (s *Server) user(a *account) any {
	if a == nil {
		return nil
	}
	if a.rendered == nil {
		a.rendered = marshal(s.userFields(a))
	}
	return a.rendered
}

// users are several.
func (s *Server) users(all []*account) []any {
	list := []any{}
	for _, a := range all {
		list = append(list, s.user(a))
	}
	return list
}

func (s *Server) integration(a *App) any {
	if a == nil {
		return nil
	}
	return object{
		"id": a.ID, "slug": a.Slug, "node_id": node("App", a.ID), "client_id": "Iv1." + strconv.FormatInt(a.ID, 10), "owner": s.user(s.account(a.owner, "Organization")),
		"name": a.Slug, "description": "", "external_url": s.url, "html_url": s.url + "/apps/" + a.Slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": a.permissions, "events": []any{},
	}
}

// templates are the addresses below a repository's own, which are all made alike.
var templates = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}", "hooks_url": "/hooks", "url": "",
}

// minimalObject is what GitHub says of a repository wherever it is named.
func (r *Repository) minimalObject() object {
	o := object{
		"id": r.id, "node_id": node("Repository", r.id), "name": r.name, "full_name": r.full(), "owner": r.server.user(r.server.account(r.owner, "Organization")),
		"private": r.private, "html_url": r.html(), "description": text(r.description), "fork": r.parent != nil,
	}
	for key, below := range templates {
		o[key] = r.api() + below
	}
	return o
}

// repositoryObject is the longer form, as in pull requests.
func (r *Repository) repositoryObject() object {
	o := r.minimalObject()
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	for key, value := range (object{
		"created_at": stamp(r.created), "updated_at": stamp(r.created), "pushed_at": stamp(r.created), "git_url": strings.Replace(r.CloneURL(), "http:", "git:", 1),
		"ssh_url": "git@github.invalid:" + r.full() + ".git", "clone_url": r.CloneURL(), "svn_url": r.html(), "homepage": nil, "size": 1,
		"stargazers_count": 0, "watchers_count": 0, "language": nil, "has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false,
		"has_pages": false, "has_discussions": false, "forks_count": 0, "mirror_url": nil, "archived": r.archived, "disabled": false,
		"open_issues_count": 0, "license": nil, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false, "topics": []any{},
		"visibility": visibility, "forks": 0, "open_issues": 0, "watchers": 0, "default_branch": r.facts.head(),
	}) {
		o[key] = value
	}
	return o
}

// render gives one of the two forms, made once.
func (r *Repository) render(form string) any {
	if r == nil {
		return nil
	}
	if r.rendered[form] == nil {
		o := r.repositoryObject()
		if form == "minimal" {
			o = r.minimalObject()
		}
		r.rendered[form] = marshal(o)
	}
	return r.rendered[form]
}

func (r *Repository) commitObject(c *commit) object {
	at := r.api() + "/commits/" + c.sha
	sign := func(p person) object { return object{"name": p.name, "email": p.email, "date": stamp(p.at)} }
	parents := []any{}
	for _, p := range c.parents {
		parents = append(parents, object{"sha": p, "url": r.api() + "/commits/" + p, "html_url": r.html() + "/commit/" + p})
	}
	return object{
		"sha": c.sha, "node_id": "C_" + c.sha, "url": at, "html_url": r.html() + "/commit/" + c.sha, "comments_url": at + "/comments",
		"commit": object{
			"author": sign(c.author), "committer": sign(c.committer), "message": c.message, "comment_count": 0, "url": r.api() + "/git/commits/" + c.sha,
			"tree":         object{"sha": c.tree, "url": r.api() + "/git/trees/" + c.tree},
			"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
		"author": r.server.user(r.server.byEmail(c.author.email)), "committer": r.server.user(r.server.byEmail(c.committer.email)), "parents": parents,
	}
}

// byEmail is the account that GitHub shows for a commit's address.
func (s *Server) byEmail(email string) *account {
	name, found := strings.CutSuffix(email, "@users.noreply.github.com")
	if !found {
		return nil
	}
	id, login, _ := strings.Cut(name, "+")
	if a := s.accounts[strings.ToLower(login)]; a != nil && id == strconv.FormatInt(a.id, 10) {
		return a
	}
	return nil
}

func (r *Repository) fileObject(f file, sha string) object {
	o := object{
		"sha": f.blob, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions, "changes": f.additions + f.deletions,
		"blob_url": fmt.Sprintf("%s/blob/%s/%s", r.html(), sha, escape(f.path)), "raw_url": fmt.Sprintf("%s/raw/%s/%s", r.html(), sha, escape(f.path)),
		"contents_url": fmt.Sprintf("%s/contents/%s?ref=%s", r.api(), escape(f.path), sha),
	}
	if f.patch != "" {
		o["patch"] = f.patch
	}
	if f.previous != "" {
		o["previous_filename"] = f.previous
	}
	return o
}

// unix reads seconds.
func unix(seconds string) time.Time {
	n, _ := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(n, 0).UTC()
}
