package github

import (
	"maps"
	"path"
	"slices"
)

// protection is what protects a branch: all rules whose pattern names it, together.
func (r *Repository) protection(branch string) (all Protection, protected bool) {
	for _, pattern := range slices.Sorted(maps.Keys(r.protections)) {
		if matches, _ := path.Match(pattern, branch); !matches {
			continue
		}
		p := r.protections[pattern]
		protected = true
		all.RequiredChecks = append(all.RequiredChecks, p.RequiredChecks...)
		all.PullRequests = all.PullRequests || p.PullRequests
		all.Push = append(all.Push, p.Push...)
		all.Bypass = append(all.Bypass, p.Bypass...)
	}
	return all, protected
}

// classic are the required checks of classic protection; false when there is none.
func (r *Repository) classic(branch string) (checks []string, found bool) {
	for _, pattern := range slices.Sorted(maps.Keys(r.protections)) {
		if matches, _ := path.Match(pattern, branch); matches && !r.protections[pattern].Ruleset {
			checks, found = append(checks, r.protections[pattern].RequiredChecks...), true
		}
	}
	return checks, found
}

// missingChecks are the required ones that are not green on a commit.
func (r *Repository) missingChecks(p Protection, sha string) (missing []string) {
	for _, name := range p.RequiredChecks {
		green := false
		for _, s := range r.statuses {
			if s.sha == sha && s.context == name {
				green = s.state == "success"
			}
		}
		for _, c := range r.runs {
			if c.sha == sha && c.name == name {
				green = c.conclusion == "success" || c.conclusion == "neutral" || c.conclusion == "skipped"
			}
		}
		if !green {
			missing = append(missing, name)
		}
	}
	return missing
}

func checksOf(names []string) []any {
	all := []any{}
	for _, name := range names {
		all = append(all, object{"context": name, "app_id": nil})
	}
	return all
}

func texts(names []string) []any {
	all := []any{}
	for _, name := range names {
		all = append(all, name)
	}
	return all
}

func getProtection(c *call) answer {
	branch := c.path["branch"]
	names, found := c.repo.classic(branch)
	if _, exists := c.repo.refs["refs/heads/"+branch]; !exists {
		return failed(404, "Branch not found")
	}
	if !found {
		return failed(404, "Branch not protected")
	}
	at := c.repo.api() + "/branches/" + branch + "/protection"
	body := object{
		"url": at, "enforce_admins": object{"url": at + "/enforce_admins", "enabled": false}, "required_linear_history": object{"enabled": false},
		"allow_force_pushes": object{"enabled": false}, "allow_deletions": object{"enabled": false},
	}
	if len(names) > 0 {
		body["required_status_checks"] = object{
			"url": at + "/required_status_checks", "strict": false, "contexts": texts(names), "checks": checksOf(names),
			"contexts_url": at + "/required_status_checks/contexts",
		}
	}
	return ok(body)
}

func getRequiredChecks(c *call) answer {
	names, found := c.repo.classic(c.path["branch"])
	if !found {
		return failed(404, "Branch not protected")
	}
	if len(names) == 0 {
		return failed(404, "Required status checks not enabled")
	}
	at := c.repo.api() + "/branches/" + c.path["branch"] + "/protection/required_status_checks"
	return ok(object{"url": at, "strict": false, "contexts": texts(names), "checks": checksOf(names), "contexts_url": at + "/contexts"})
}

func getRequiredContexts(c *call) answer {
	names, found := c.repo.classic(c.path["branch"])
	if !found {
		return failed(404, "Branch not protected")
	}
	return ok(texts(names))
}

// getBranchRules are those of rulesets; classic protection is not among them.
func getBranchRules(c *call) answer {
	all := []any{}
	for i, pattern := range slices.Sorted(maps.Keys(c.repo.protections)) {
		p := c.repo.protections[pattern]
		if matches, _ := path.Match(pattern, c.path["branch"]); !matches || !p.Ruleset {
			continue
		}
		rule := func(kind string, parameters object) {
			r := object{"type": kind, "ruleset_source_type": "Repository", "ruleset_source": c.repo.full(), "ruleset_id": i + 1}
			if parameters != nil {
				r["parameters"] = parameters
			}
			all = append(all, r)
		}
		rule("non_fast_forward", nil)
		rule("deletion", nil)
		if len(p.RequiredChecks) > 0 {
			checks := []any{}
			for _, name := range p.RequiredChecks {
				checks = append(checks, object{"context": name})
			}
			rule("required_status_checks", object{"required_status_checks": checks, "strict_required_status_checks_policy": false})
		}
	}
	return listed(all)
}

func (r *Repository) branchObject(name, sha string) object {
	_, protected := r.protection(name)
	return object{"name": name, "commit": object{"sha": sha, "url": r.api() + "/commits/" + sha}, "protected": protected}
}

func listBranches(c *call) answer {
	var all []any
	for _, ref := range slices.Sorted(maps.Keys(c.repo.refs)) {
		if name, isBranch := cut(ref, "refs/heads/"); isBranch {
			all = append(all, c.repo.branchObject(name, c.repo.refs[ref]))
		}
	}
	return listed(all)
}

func getBranch(c *call) answer {
	name := c.path["branch"]
	sha := c.repo.refs["refs/heads/"+name]
	if sha == "" {
		return failed(404, "Branch not found")
	}
	commit, err := c.repo.facts.commit(sha)
	if err != nil {
		return failed(404, "Branch not found")
	}
	b := c.repo.branchObject(name, sha)
	names, classic := c.repo.classic(name)
	at := c.repo.api() + "/branches/" + name
	b["commit"] = c.repo.commitObject(commit)
	b["_links"] = object{"self": at, "html": c.repo.html() + "/tree/" + name}
	level := "off"
	if classic {
		level = "non_admins"
	}
	b["protection"] = object{
		"enabled":                classic,
		"required_status_checks": object{"enforcement_level": level, "contexts": texts(names), "checks": checksOf(names)},
	}
	b["protection_url"] = at + "/protection"
	return ok(b)
}
