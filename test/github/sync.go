package github

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

func relative(root, dir string) string {
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return dir
	}
	return filepath.ToSlash(rel)
}

// sync looks at what happened to the refs since the last time. The caller holds the lock.
func (r *Repository) sync() error { return r.syncAs(nil) }

// syncAs lets pull requests follow the branches, and tells webhooks; by is who did it, nil for somebody working in the repository itself.
func (r *Repository) syncAs(by *account) error {
	now, err := r.facts.refs()
	if err != nil {
		return err
	}
	before := r.refs
	if maps.Equal(before, now) {
		return nil
	}
	r.refs = now
	if by == nil {
		by = r.server.account(r.owner, "Organization")
	}
	names := slices.Collect(maps.Keys(now))
	for name := range before {
		if _, still := now[name]; !still {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if before[name] != now[name] {
			r.refMoved(name, before[name], now[name], by)
		}
	}
	return nil
}

func (r *Repository) refMoved(name, old, now string, by *account) {
	r.tellRef(name, old, now, by)
	if tag, isTag := strings.CutPrefix(name, "refs/tags/"); isTag && now == "" {
		for _, l := range r.releases {
			// A release that loses its tag is a draft again.
			l.draft = l.draft || l.tag == tag
		}
	}
	branch, isBranch := strings.CutPrefix(name, "refs/heads/")
	if !isBranch {
		return
	}
	for _, target := range r.server.repositories {
		for _, p := range target.pulls {
			if p.state != "open" {
				continue
			}
			if p.from == r && p.head == branch {
				target.headMoved(p, now, by)
			}
			if target == r && p.base == branch && p.state == "open" {
				target.baseMoved(p, now, by)
			}
		}
	}
}

// headMoved lets an open pull request follow its branch, and closes it when the branch is gone.
func (r *Repository) headMoved(p *pull, now string, by *account) {
	if now == "" {
		r.close(p, by)
		return
	}
	before := p.headSHA
	p.headSHA, p.mergeable, p.testMerge = now, "", ""
	p.touch()
	r.keepHead(p)
	if r.facts.ancestor(now, r.refs["refs/heads/"+p.base]) && now != before {
		// Its commits are on the base already: there is nothing left to merge, and GitHub closes it.
		r.close(p, by)
		return
	}
	r.tellPull("synchronize", p, by, object{"before": before, "after": now})
}

// baseMoved marks an open pull request as merged when its commits were pushed to the base, and closes it when the base is gone.
func (r *Repository) baseMoved(p *pull, now string, by *account) {
	if now == "" {
		r.close(p, by)
		return
	}
	p.mergeable, p.testMerge, p.rendered = "", "", nil
	if r.facts.ancestor(p.headSHA, now) {
		p.merged, p.mergedBy, p.mergedAt, p.mergeSHA = true, by, r.server.now(), p.headSHA
		if merge, err := r.facts.run(nil, "", "rev-list", "--merges", "--ancestry-path", "--reverse", p.headSHA+".."+now); err == nil && merge != "" {
			p.mergeSHA = strings.Fields(merge)[0]
		}
		r.close(p, by)
		return
	}
	p.baseSHA = now
}

// keepHead writes refs/pull/N/head, fetching the commits from the fork when they are there.
func (r *Repository) keepHead(p *pull) {
	ref := "refs/pull/" + itoa(p.number) + "/head"
	if p.from != nil && p.from != r {
		if _, err := r.facts.run(nil, "", "fetch", "--quiet", "--no-tags", p.from.Git.Dir, "+"+p.headSHA+":"+ref); err != nil {
			r.server.problem("fetch the fork's branch: %v", err)
		}
		return
	}
	if _, err := r.facts.run(nil, "", "update-ref", ref, p.headSHA); err != nil {
		r.server.problem("%v", err)
	}
}
