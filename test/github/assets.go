package github

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Asset is a file of a release.
type Asset struct {
	Name string
	Data []byte
	// NoDigest leaves out its digest, as GitHub does for files from before the middle of 2025.
	NoDigest bool
	// URL, Size and Digest are filled in where releases are shown.
	URL, Digest string
	Size        int
}

// NewRelease is a release that somebody publishes.
type NewRelease struct {
	// Author is the repository's owner when empty.
	Author, Tag, Name, Notes string
	PreRelease, Draft        bool
	// Published is when; zero means now.
	Published time.Time
	Assets    []Asset
}

// Publish makes a release with notes and files as the repository's owner does. A tag that is not there yet is made at the default branch.
func (r *Repository) Publish(tag, notes string, assets ...Asset) error {
	return r.PublishRelease(NewRelease{Tag: tag, Name: tag, Notes: notes, Assets: assets})
}

// PublishRelease makes a release with everything that can be said of it.
func (r *Repository) PublishRelease(in NewRelease) error {
	if heads, err := r.Git.Git("for-each-ref", "--count=1", "refs/heads"); err == nil && strings.TrimSpace(heads) == "" {
		if _, err := r.Git.Commit("main", map[string]string{"README.md": "# " + r.Name() + "\n"}, "first"); err != nil {
			return err
		}
	}
	return r.do(func() error {
		l, refused := r.release(r.server.account(orText(in.Author, r.owner), "User"), releaseInput{
			Tag: &in.Tag, Name: &in.Name, Body: &in.Notes, Draft: &in.Draft, Prerelease: &in.PreRelease,
		})
		if refused != nil {
			return refusal(refused)
		}
		if !in.Published.IsZero() {
			l.created, l.published = in.Published.UTC(), in.Published.UTC()
		}
		for _, a := range in.Assets {
			l.assets = append(l.assets, &asset{id: r.server.id(), Asset: a})
		}
		return nil
	})
}

// Withdraw removes a release and its tag, as publishers do who take a version back.
func (r *Repository) Withdraw(tag string) error {
	err := r.do(func() error {
		before := len(r.releases)
		r.releases = slices.DeleteFunc(r.releases, func(l *release) bool { return l.tag == tag })
		if len(r.releases) == before {
			return fmt.Errorf("there is no release of %s", tag)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = r.Git.Git("update-ref", "-d", "refs/tags/"+tag)
	return err
}

type asset struct {
	Asset
	id int64
}

func (a *asset) digest() string {
	if a.NoDigest {
		return ""
	}
	sum := sha256.Sum256(a.Data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (r *Repository) download(l *release, a *asset) string {
	return r.html() + "/releases/download/" + escape(l.tag) + "/" + escape(a.Name)
}

// shown are a release's files as people see them.
func (r *Repository) shown(l *release) (all []Asset) {
	for _, a := range l.assets {
		one := a.Asset
		one.URL, one.Size, one.Digest = r.download(l, a), len(a.Data), a.digest()
		all = append(all, one)
	}
	return all
}

func (r *Repository) assetObject(l *release, a *asset) object {
	return object{
		"url": r.api() + "/releases/assets/" + itoa(int(a.id)), "id": a.id, "node_id": "RA_" + itoa(int(a.id)), "name": a.Name, "label": "", "state": "uploaded",
		"content_type": "application/octet-stream", "size": len(a.Data), "digest": text(a.digest()), "download_count": 0, "uploader": r.server.user(l.by),
		"created_at": stamp(l.created), "updated_at": stamp(l.created), "browser_download_url": r.download(l, a),
	}
}

func listAssets(c *call) answer {
	return onRelease(c, func(l *release) answer {
		var all []any
		for _, a := range l.assets {
			all = append(all, c.repo.assetObject(l, a))
		}
		return listed(all)
	})
}

// getAsset describes a file, or says where its bytes are.
func getAsset(c *call) answer {
	for _, l := range c.repo.releases {
		for _, a := range l.assets {
			switch {
			case a.id != int64(c.number("asset_id")) || l.draft && rank(c.repo.level(c.by)) < rank("write"):
			case strings.Contains(c.accept, "application/octet-stream"):
				return answer{status: http.StatusFound, elsewhere: c.s.stored(a)}
			default:
				return ok(c.repo.assetObject(l, a))
			}
		}
	}
	return notFound()
}

// storage is the path below which files are.
const storage = "/-/storage/"

// stored is where a file's bytes are: at another host than GitHub's, with a permission in the address.
func (s *Server) stored(a *asset) string {
	return strings.Replace(s.url, "//127.0.0.1:", "//localhost:", 1) + storage + itoa(int(a.id)) + "?sig=signed"
}

// serveDownload sends a browser on to where a file is. Files of private repositories are not found here, whatever credentials come with the request.
func (s *Server) serveDownload(w http.ResponseWriter, r *http.Request) {
	request := Request{Operation: "releases/download", Method: r.Method, Path: r.URL.RequestURI(), At: s.options.Now()}
	s.carry(w, r, request, func(w http.ResponseWriter) {
		s.mu.Lock()
		defer s.mu.Unlock()
		parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 6)
		if len(parts) == 6 {
			name := strings.ToLower(parts[0] + "/" + parts[1])
			if now, moved := s.moved[name]; moved {
				w.Header().Set("Location", s.url+"/"+now+"/"+strings.SplitN(r.URL.EscapedPath()[1:], "/", 3)[2])
				w.WriteHeader(http.StatusMovedPermanently)
				return
			}
			if repo := s.repositories[name]; repo != nil && !repo.private {
				for _, l := range repo.releases {
					for _, a := range l.assets {
						if !l.draft && l.tag == parts[4] && a.Name == parts[5] {
							w.Header().Set("Location", s.stored(a))
							w.WriteHeader(http.StatusFound)
							return
						}
					}
				}
			}
		}
		http.Error(w, "Not Found", http.StatusNotFound)
	})
}

// serveStorage serves a file. Credentials in a header are one too many beside the permission in the address.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	request := Request{Operation: "storage/get", Method: r.Method, Path: r.URL.RequestURI(), At: s.options.Now()}
	s.carry(w, r, request, func(w http.ResponseWriter) {
		if r.Header.Get("Authorization") != "" {
			http.Error(w, "Only one authentication mechanism is allowed.", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, repo := range s.repositories {
			for _, l := range repo.releases {
				for _, a := range l.assets {
					if itoa(int(a.id)) == strings.TrimPrefix(r.URL.Path, storage) {
						w.Header().Set("Content-Type", "application/octet-stream")
						w.Header().Set("Content-Length", strconv.Itoa(len(a.Data)))
						_, _ = w.Write(a.Data)
						return
					}
				}
			}
		}
		http.Error(w, "Not Found", http.StatusNotFound)
	})
}
