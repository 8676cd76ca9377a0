package github

import (
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

type release struct {
	id                      int64
	tag, target, name, body string
	draft, prerelease       bool
	// latest is false when the release asked not to become the repository's latest.
	latest             bool
	by                 *account
	created, published time.Time
	assets             []*asset
}

func (r *Repository) releaseObject(l *release) object {
	assets := []any{}
	for _, a := range l.assets {
		assets = append(assets, r.assetObject(l, a))
	}
	at, id := r.api()+"/releases/"+itoa(int(l.id)), itoa(int(l.id))
	return object{
		"url": at, "html_url": r.html() + "/releases/tag/" + escape(l.tag), "assets_url": at + "/assets", "upload_url": at + "/assets{?name,label}",
		"tarball_url": r.api() + "/tarball/" + escape(l.tag), "zipball_url": r.api() + "/zipball/" + escape(l.tag), "id": l.id, "node_id": "RE_" + id,
		"tag_name": l.tag, "target_commitish": l.target, "name": text(l.name), "body": l.body, "draft": l.draft, "prerelease": l.prerelease,
		"created_at": stamp(l.created), "published_at": moment(l.published), "author": r.server.user(l.by), "assets": assets,
	}
}

type releaseInput struct {
	Tag        *string `json:"tag_name"`
	Target     *string `json:"target_commitish"`
	Name, Body *string
	Draft      *bool
	Prerelease *bool
	Latest     *string `json:"make_latest"`
}

func (l *release) change(in releaseInput) {
	for _, f := range []struct{ to, from *string }{{&l.tag, in.Tag}, {&l.target, in.Target}, {&l.name, in.Name}, {&l.body, in.Body}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Draft != nil {
		l.draft = *in.Draft
	}
	if in.Prerelease != nil {
		l.prerelease = *in.Prerelease
	}
	if in.Latest != nil {
		l.latest = *in.Latest != "false"
	}
}

func createRelease(c *call) answer {
	var in releaseInput
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	l, refused := c.repo.release(c.by.account, in)
	if refused != nil {
		return *refused
	}
	return created(c.repo.releaseObject(l))
}

// release makes a release. The caller holds the lock.
func (r *Repository) release(by *account, in releaseInput) (*release, *answer) {
	refuse := func(a answer) (*release, *answer) { return nil, &a }
	l := &release{id: r.server.id(), target: r.facts.head(), latest: true, by: by, created: r.server.now()}
	l.change(in)
	if utf8.RuneCountInString(l.body) > 125000 {
		return refuse(invalid(custom("Release", "body is too long (maximum is 125000 characters)")))
	}
	if !l.draft {
		if slices.ContainsFunc(r.releases, func(o *release) bool { return !o.draft && o.tag == l.tag }) {
			return refuse(invalid(field("Release", "tag_name", "already_exists")))
		}
		// A release of a tag that is not there makes the tag, at the target.
		if r.refs["refs/tags/"+l.tag] == "" {
			target, err := r.resolve(l.target)
			if err != nil {
				return refuse(invalid(field("Release", "target_commitish", "invalid")))
			}
			if _, err := r.facts.run(nil, "", "update-ref", "refs/tags/"+l.tag, target); err != nil {
				return refuse(invalid(custom("Release", "tag_name is not a valid tag")))
			}
			_ = r.syncAs(by)
		}
		l.published = r.server.now()
	}
	r.releases = append(r.releases, l)
	r.tellRelease("published", l, by)
	return l, nil
}

// listReleases shows drafts only to those who may push.
func listReleases(c *call) answer {
	var all []any
	for _, l := range slices.Backward(c.repo.releases) {
		if !l.draft || rank(c.repo.level(c.by)) >= rank("write") {
			all = append(all, c.repo.releaseObject(l))
		}
	}
	return listed(all)
}

func onRelease(c *call, f func(*release) answer) answer {
	for _, l := range c.repo.releases {
		if l.id == int64(c.number("release_id")) {
			return f(l)
		}
	}
	return notFound()
}

func getRelease(c *call) answer {
	return onRelease(c, func(l *release) answer { return ok(c.repo.releaseObject(l)) })
}

func getLatestRelease(c *call) answer {
	for _, l := range slices.Backward(c.repo.releases) {
		if !l.draft && !l.prerelease && l.latest {
			return ok(c.repo.releaseObject(l))
		}
	}
	return notFound()
}

// getReleaseByTag does not find drafts, as at GitHub.
func getReleaseByTag(c *call) answer {
	for _, l := range c.repo.releases {
		if !l.draft && l.tag == c.path["tag"] {
			return ok(c.repo.releaseObject(l))
		}
	}
	return notFound()
}

func updateRelease(c *call) answer {
	return onRelease(c, func(l *release) answer {
		var in releaseInput
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		l.change(in)
		if !l.draft && l.published.IsZero() {
			l.published = c.s.now()
		}
		c.repo.tellRelease("edited", l, c.by.account)
		return ok(c.repo.releaseObject(l))
	})
}

func deleteRelease(c *call) answer {
	return onRelease(c, func(l *release) answer {
		c.repo.releases = slices.DeleteFunc(c.repo.releases, func(o *release) bool { return o == l })
		return none()
	})
}
