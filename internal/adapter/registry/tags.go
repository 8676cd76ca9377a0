package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	// pageSize is how many tags are asked for at once; registries may give less.
	pageSize = "1000"
	// maxPage and maxPages bound what a registry lists.
	maxPage  = 4 << 20
	maxPages = 200
)

// tags are all of a repository, page by page.
func (r *images) tags(ctx context.Context) (all []string, err error) {
	at := r.at.JoinPath("tags", "list")
	at.RawQuery = url.Values{"n": {pageSize}}.Encode()
	seen := map[string]bool{}
	for range maxPages {
		a, err := r.ask(ctx, question{url: at, what: "list of tags", limit: maxPage, keep: true})
		if err != nil {
			return nil, err
		}
		var page struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, failf(ErrInvalid, "its list of tags does not decode: this is no OCI registry, or a broken one")
		}
		fresh := false
		for _, tag := range page.Tags {
			if !seen[tag] {
				seen[tag], fresh = true, true
				all = append(all, tag)
			}
		}
		next, err := nextPage(a)
		if err != nil || next == nil {
			return all, err
		}
		if !fresh {
			return nil, failf(ErrInvalid, "its list of tags goes in a circle: the registry is broken, name versions by hand")
		}
		at = next
	}
	return nil, failf(ErrTooLarge, "it has more than %d pages of tags, which is what is read at most", maxPages)
}

// nextPage is where the list goes on, nil at its end. It is at the same place, or where that led to.
func nextPage(a answer) (*url.URL, error) {
	for _, link := range a.header.Values("Link") {
		target, parameters, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(parameters, `"`, ""), "rel=next") {
			continue
		}
		next, err := a.url.Parse(target)
		if err != nil {
			return nil, failf(ErrInvalid, "its list of tags goes on at a URL that cannot be read: the registry is broken")
		}
		if next.Scheme != a.url.Scheme || address(next) != address(a.url) {
			return nil, failf(ErrRefused, "its list of tags goes on at %s://%s, another server, which is not followed", next.Scheme, next.Host)
		}
		return next, nil
	}
	return nil, nil
}

// manifest is the manifest under a tag, and its digest. What is in the folder is not fetched again: the registry only has to say that the tag is still that.
func (r *images) manifest(ctx context.Context, tag string) (raw []byte, digest string, err error) {
	at := r.at.JoinPath("manifests", tag)
	q := question{url: at, what: "manifest", limit: maxManifest, header: accepted}
	if folder := &r.s.client.answers; folder.dir != "" {
		head := q
		head.method = http.MethodHead
		a, err := r.ask(ctx, head)
		if err != nil && !errors.Is(err, ErrInvalid) {
			return nil, "", err
		}
		if digest, err := parseDigest(a.header.Get("Docker-Content-Digest")); err == nil {
			if known, ok := folder.load(digest); ok {
				r.s.client.unchanged.Add(1)
				return known.body, digest, nil
			}
		}
	}
	a, err := r.ask(ctx, q)
	if err != nil {
		return nil, "", err
	}
	digest = digestOf(a.body)
	if said := a.header.Get("Docker-Content-Digest"); said != "" && said != digest {
		return nil, "", failf(ErrDigest, "its manifest is %s, and the registry says %.80q: ask its owner", digest, said)
	}
	r.s.client.answers.save(digest, answer{body: a.body})
	return a.body, digest, nil
}

// blob is what has a digest: from the folder, or from the registry.
func (r *images) blob(ctx context.Context, kind, digest, what string, limit int64) ([]byte, error) {
	digest, err := parseDigest(digest)
	if err != nil {
		return nil, err
	}
	if known, ok := r.s.client.answers.load(digest); ok {
		return known.body, nil
	}
	header := asIs
	if kind == "manifests" {
		header = accepted
	}
	a, err := r.ask(ctx, question{url: r.at.JoinPath(kind, digest), what: what, limit: limit, header: header})
	if err != nil {
		return nil, err
	}
	if got := digestOf(a.body); got != digest {
		return nil, failf(ErrDigest, "its %s is %s, and the registry says %s: ask its owner", what, got, digest)
	}
	r.s.client.answers.save(digest, answer{body: a.body})
	return a.body, nil
}
