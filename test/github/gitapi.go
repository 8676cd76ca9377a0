package github

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// escape writes a name into an address; slashes stay.
func escape(name string) string { return (&url.URL{Path: name}).EscapedPath() }

func (r *Repository) refObject(name string) object {
	sha := r.refs[name]
	kind, below := "commit", "/git/commits/"
	if out, err := r.facts.run(nil, "", "cat-file", "-t", sha); err == nil && strings.TrimSpace(out) == "tag" {
		kind, below = "tag", "/git/tags/"
	}
	return object{
		"ref": name, "node_id": "REF_" + name, "url": r.api() + "/git/" + escape(name), "object": object{"type": kind, "sha": sha, "url": r.api() + below + sha},
	}
}

func getRef(c *call) answer {
	name := "refs/" + c.path["ref"]
	if c.repo.refs[name] == "" {
		return notFound()
	}
	return ok(c.repo.refObject(name))
}

func listRefs(c *call) answer {
	var all []any
	for _, name := range sorted(c.repo.refs) {
		if strings.HasPrefix(name, "refs/"+c.path["ref"]) {
			all = append(all, c.repo.refObject(name))
		}
	}
	return listed(all)
}

// unprocessable is GitHub's 422 of the git part of its API, which has no list of errors.
func unprocessable(message string) answer {
	return answer{status: http.StatusUnprocessableEntity, body: object{"message": message, "documentation_url": documentation}}
}

func createRef(c *call) answer {
	var in struct{ Ref, SHA string }
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	if c.repo.refs[in.Ref] != "" {
		return unprocessable("Reference already exists")
	}
	if !strings.HasPrefix(in.Ref, "refs/") || strings.Count(in.Ref, "/") < 2 {
		return unprocessable("Reference name must start with 'refs/' and contain at least two slashes.")
	}
	if _, err := c.repo.facts.run(nil, "", "update-ref", in.Ref, in.SHA, zero); err != nil {
		return unprocessable("Object does not exist")
	}
	_ = c.repo.syncAs(c.by.account)
	return created(c.repo.refObject(in.Ref))
}

func updateRef(c *call) answer {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	name := "refs/" + c.path["ref"]
	old := c.repo.refs[name]
	switch refusals := c.repo.refusals(c.by, []update{{old, in.SHA, name}}, nil); {
	case old == "":
		return unprocessable("Reference does not exist")
	case len(refusals) > 0:
		return unprocessable(refusals[name])
	case !in.Force && !c.repo.facts.ancestor(old, in.SHA):
		return unprocessable("Update is not a fast forward")
	}
	if _, err := c.repo.facts.run(nil, "", "update-ref", name, in.SHA, old); err != nil {
		return unprocessable("Object does not exist")
	}
	_ = c.repo.syncAs(c.by.account)
	return ok(c.repo.refObject(name))
}

func deleteRef(c *call) answer {
	name := "refs/" + c.path["ref"]
	old := c.repo.refs[name]
	if old == "" {
		return unprocessable("Reference does not exist")
	}
	if refusals := c.repo.refusals(c.by, []update{{old, zero, name}}, nil); len(refusals) > 0 {
		return unprocessable(refusals[name])
	}
	if name == "refs/heads/"+c.repo.facts.head() {
		return unprocessable("Cannot delete the default branch")
	}
	if _, err := c.repo.facts.run(nil, "", "update-ref", "-d", name, old); err != nil {
		return unprocessable("Reference cannot be updated")
	}
	_ = c.repo.syncAs(c.by.account)
	return none()
}

func listTags(c *call) answer {
	var all []any
	names := sorted(c.repo.refs)
	for _, ref := range slices.Backward(names) {
		name, isTag := cut(ref, "refs/tags/")
		if !isTag {
			continue
		}
		sha, err := c.repo.resolve(ref[len("refs/"):])
		if err != nil {
			continue // A tag of a tree or a blob is in no list.
		}
		all = append(all, object{
			"name": name, "commit": object{"sha": sha, "url": c.repo.api() + "/commits/" + sha}, "node_id": "REF_" + ref,
			"zipball_url": c.repo.api() + "/zipball/" + escape(ref), "tarball_url": c.repo.api() + "/tarball/" + escape(ref),
		})
	}
	return listed(all)
}

func getGitCommit(c *call) answer {
	commit, err := c.repo.facts.commit(c.path["commit_sha"])
	if err != nil {
		return notFound()
	}
	o := c.repo.commitObject(commit)
	inner := o["commit"].(object)
	delete(inner, "comment_count")
	inner["sha"], inner["node_id"], inner["html_url"], inner["parents"] = commit.sha, o["node_id"], o["html_url"], o["parents"]
	return ok(inner)
}

func getGitTag(c *call) answer {
	sha := c.path["tag_sha"]
	out, err := c.repo.facts.run(nil, "", "cat-file", "tag", sha)
	if err != nil {
		return notFound()
	}
	head, message, _ := strings.Cut(out, "\n\n")
	fields := map[string]string{}
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		fields[key] = value
	}
	who, date, _ := strings.Cut(fields["tagger"], "> ")
	name, email, _ := strings.Cut(who, " <")
	seconds, _, _ := strings.Cut(date, " ")
	return ok(object{
		"node_id": "TA_" + sha, "tag": fields["tag"], "sha": sha, "url": c.repo.api() + "/git/tags/" + sha, "message": message,
		"tagger":       object{"name": name, "email": email, "date": stamp(unix(seconds))},
		"object":       object{"sha": fields["object"], "type": fields["type"], "url": c.repo.api() + "/git/commits/" + fields["object"]},
		"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	})
}

func getCommit(c *call) answer {
	sha, err := c.repo.resolve(c.path["ref"])
	if err != nil {
		return unprocessable("No commit found for SHA: " + c.path["ref"])
	}
	commit, err := c.repo.facts.commit(sha)
	if err != nil {
		return notFound()
	}
	parent := ""
	if len(commit.parents) > 0 {
		parent = commit.parents[0]
	}
	files, err := c.repo.facts.changed(parent, sha)
	if err != nil {
		return failed(http.StatusInternalServerError, err.Error())
	}
	o := c.repo.commitObject(commit)
	list, additions, deletions := []any{}, 0, 0
	for _, f := range files {
		list = append(list, c.repo.fileObject(f, sha))
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	o["files"], o["stats"] = list, object{"additions": additions, "deletions": deletions, "total": additions + deletions}
	return ok(o)
}

func listCommits(c *call) answer {
	sha, err := c.repo.resolve(orText(c.query.Get("sha"), c.repo.facts.head()))
	if err != nil {
		return notFound()
	}
	args := []string{"rev-list", "--max-count=1000", "--end-of-options", sha, "--"}
	if path := c.query.Get("path"); path != "" {
		args = append(args, path)
	}
	out, err := c.repo.facts.run([]string{"GIT_LITERAL_PATHSPECS=1"}, "", args...)
	if err != nil {
		return failed(http.StatusInternalServerError, err.Error())
	}
	var all []any
	for sha := range strings.FieldsSeq(out) {
		commit, err := c.repo.facts.commit(sha)
		if err != nil {
			return failed(http.StatusInternalServerError, err.Error())
		}
		all = append(all, c.repo.commitObject(commit))
	}
	return listed(all)
}

func compare(c *call) answer {
	from, to, _ := strings.Cut(c.path["basehead"], "...")
	base, err := c.repo.resolve(from)
	if err != nil {
		return notFound()
	}
	head, err := c.repo.resolve(to)
	if err != nil {
		return notFound()
	}
	middle := c.repo.facts.mergeBase(base, head)
	if middle == "" {
		return failed(http.StatusNotFound, "No common ancestor between "+from+" and "+to+".")
	}
	ahead, _ := c.repo.facts.between(base, head)
	behind, _ := c.repo.facts.between(head, base)
	files, err := c.repo.facts.changed(middle, head)
	if err != nil {
		return failed(http.StatusInternalServerError, err.Error())
	}
	state := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		state = "diverged"
	case len(ahead) > 0:
		state = "ahead"
	case len(behind) > 0:
		state = "behind"
	}
	show := func(sha string) any {
		commit, err := c.repo.facts.commit(sha)
		if err != nil {
			return nil
		}
		return c.repo.commitObject(commit)
	}
	commits, list := []any{}, []any{}
	for i, sha := range ahead {
		if i < 250 {
			commits = append(commits, show(sha))
		}
	}
	for i, f := range files {
		if i < 300 {
			list = append(list, c.repo.fileObject(f, head))
		}
	}
	at, page := c.repo.api()+"/compare/"+escape(c.path["basehead"]), c.repo.html()+"/compare/"+escape(c.path["basehead"])
	return ok(object{
		"url": at, "html_url": page, "permalink_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "base_commit": show(base),
		"merge_base_commit": show(middle), "status": state, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": commits, "files": list,
	})
}
