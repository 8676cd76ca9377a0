package github

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

func getApp(c *call) answer {
	if !c.by.itself {
		return failed(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	return ok(c.s.integration(c.by.app))
}

func (s *Server) installation(a *App) object {
	at := s.APIURL() + "app/installations/" + strconv.FormatInt(a.Installation, 10)
	owner := s.account(a.owner, "Organization")
	return object{
		"id": a.Installation, "account": s.user(owner), "repository_selection": "all", "access_tokens_url": at + "/access_tokens",
		"repositories_url": s.APIURL() + "installation/repositories", "html_url": s.url + "/settings/installations/" + strconv.FormatInt(a.Installation, 10),
		"app_id": a.ID, "target_id": owner.id, "target_type": owner.kind, "permissions": a.permissions, "events": []any{}, "created_at": stamp(a.created),
		"updated_at": stamp(a.created), "single_file_name": nil, "app_slug": a.Slug, "suspended_by": nil, "suspended_at": nil,
	}
}

func listInstallations(c *call) answer {
	if !c.by.itself {
		return failed(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	return listed([]any{c.s.installation(c.by.app)})
}

func getInstallation(c *call) answer {
	if !c.by.itself {
		return failed(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if c.path["installation_id"] != strconv.FormatInt(c.by.app.Installation, 10) {
		return notFound()
	}
	return ok(c.s.installation(c.by.app))
}

func getRepositoryInstallation(c *call) answer {
	if !c.by.itself {
		return failed(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if !strings.EqualFold(c.repo.owner, c.by.app.owner) {
		return notFound()
	}
	return ok(c.s.installation(c.by.app))
}

// tokenLife is how long a token of an installation lasts.
const tokenLife = time.Hour

func createToken(c *call) answer {
	a := c.by.app
	if !c.by.itself {
		return failed(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if c.path["installation_id"] != strconv.FormatInt(a.Installation, 10) {
		return notFound()
	}
	t := &token{value: "ghs_" + secret(), account: a.bot, app: a, expires: c.s.now().Add(tokenLife), permissions: a.permissions}
	c.s.tokens[t.value] = t
	return created(object{"token": t.value, "expires_at": stamp(t.expires), "permissions": a.permissions, "repository_selection": "all"})
}

func listInstalled(c *call) answer {
	if c.by.app == nil {
		return failed(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	var all []any
	for _, name := range sorted(c.s.repositories) {
		if r := c.s.repositories[name]; strings.EqualFold(r.owner, c.by.app.owner) {
			all = append(all, r.render("full"))
		}
	}
	a := listed(all)
	a.wrap = "repositories"
	return a
}

// publicUser is an account as its own page shows it.
func (s *Server) publicUser(a *account) object {
	u := s.userFields(a)
	for key, value := range (object{
		"user_view_type": "public", "name": a.name, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil, "twitter_username": nil, "public_repos": 0,
		"public_gists": 0, "followers": 0, "following": 0, "created_at": stamp(a.created), "updated_at": stamp(a.created),
	}) {
		u[key] = value
	}
	return u
}

func getUser(c *call) answer {
	if c.by.account == nil {
		return failed(http.StatusUnauthorized, "Requires authentication")
	}
	if c.by.app != nil {
		return failed(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(c.s.publicUser(c.by.account))
}

func getUserByName(c *call) answer {
	a := c.s.accounts[strings.ToLower(c.path["username"])]
	if a == nil {
		return notFound()
	}
	return ok(c.s.publicUser(a))
}

func getRepository(c *call) answer {
	o := c.repo.repositoryObject()
	level := c.repo.level(c.by)
	if c.by.account != nil {
		o["permissions"] = object{
			"admin": rank(level) >= rank("admin"), "maintain": rank(level) >= rank("maintain"), "push": rank(level) >= rank("write"),
			"triage": rank(level) >= rank("triage"), "pull": true,
		}
	}
	for key, value := range (object{
		"subscribers_count": 0, "network_count": 0, "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true,
		"delete_branch_on_merge": false, "temp_clone_token": nil,
	}) {
		o[key] = value
	}
	if c.repo.parent != nil {
		o["parent"], o["source"] = c.repo.parent.render("full"), c.repo.parent.render("full")
	}
	return ok(o)
}

// collaborator tells whether somebody has been given something in the repository.
func (r *Repository) collaborator(login string) bool {
	return strings.EqualFold(login, r.owner) || rank(r.access[strings.ToLower(login)]) > 0
}

func checkCollaborator(c *call) answer {
	if rank(c.repo.level(c.by)) < rank("write") {
		return failed(http.StatusForbidden, "Must have push access to view repository collaborators.")
	}
	if !c.repo.collaborator(c.path["username"]) {
		return answer{status: http.StatusNotFound, body: notFound().body}
	}
	return none()
}

func getLevel(c *call) answer {
	if rank(c.repo.level(c.by)) < rank("write") {
		return failed(http.StatusForbidden, "Must have push access to view collaborator permission.")
	}
	a := c.s.accounts[strings.ToLower(c.path["username"])]
	if a == nil {
		return failed(http.StatusNotFound, c.path["username"]+" is not a user")
	}
	level := c.repo.level(actor{account: a})
	// The older field knows four levels only.
	permission := map[string]string{"maintain": "write", "triage": "read"}[level]
	if permission == "" {
		permission = level
	}
	u := c.s.userFields(a)
	u["role_name"] = level
	u["permissions"] = object{
		"pull": rank(level) >= 1, "triage": rank(level) >= 2, "push": rank(level) >= 3, "maintain": rank(level) >= 4, "admin": rank(level) >= 5,
	}
	return ok(object{"permission": permission, "role_name": level, "user": u})
}
