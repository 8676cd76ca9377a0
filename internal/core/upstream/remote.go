package upstream

import (
	"net/url"
	"regexp"
	"strings"
)

// remote tells of a text that names something outside of the repository.
func remote(text string) bool {
	return strings.Contains(text, "://") || strings.Contains(text, "//") || strings.Contains(text, "?ref=") || strings.HasPrefix(text, "git@") || strings.HasPrefix(text, "git::") ||
		strings.HasPrefix(text, "github.com/") || strings.HasPrefix(text, "github.com:")
}

// remote keeps the version in the address of something outside of the repository: a file of a release, or a folder of a Git repository.
func (f *finder) remote(r value) {
	text := r.text()
	a, ok := address(text)
	switch {
	case credential.MatchString(text):
		f.refuse(a.source, "%s: %s has a credential in it: keep that where Git or netrc have theirs", r.place(), quote(text))
	case !ok:
		f.refuse(a.source, "%s: in %s nobody can tell which part is the version: name a file of a GitHub release, or a folder of a Git repository with ?ref=", r.place(), quote(text))
	case a.version == "":
		f.refuse(a.source, "%s: %s names no version: add ?ref= with a tag", r.place(), quote(text))
	case hash.MatchString(a.version):
		f.refuse(a.source, "%s: %s names a commit, which has no newer version: name a tag", r.place(), quote(text))
	case !names(a.version):
		f.refuse(a.source, "%s: %s: %s names no version: name a tag", r.place(), quote(text), quote(a.version))
	default:
		if _, _, ok := r.in.Raw(r.node); !ok {
			f.refuse(a.source, "%s: %s is not written on one line as it is: write it so, without escapes", r.place(), quote(text))
			return
		}
		f.add(Pin{Source: a.source, Version: a.version, Places: []Place{r.place()}})
	}
}

// hash is the name of a commit, or the beginning of one that is no number.
var hash = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]*[a-f][0-9a-f]*[0-9][0-9a-f]{5,}|[0-9]+[a-f][0-9a-f]{5,})$`)

// addressed is an address taken apart. The version is between before and after, which may have it again.
type addressed struct {
	source                 Source
	before, version, after string
}

// address reads where something comes from. Ok is false where it cannot be told what is the version.
func address(text string) (a addressed, ok bool) {
	for _, read := range []func(string) (addressed, bool){releaseFile, rawFile, gitFolder} {
		if a, ok = read(text); ok {
			return a, true
		}
	}
	return a, false
}

// releaseFile reads https://github.com/owner/name/releases/download/v1.2.3/file.yaml.
func releaseFile(text string) (a addressed, ok bool) {
	m := released.FindStringSubmatch(text)
	if m == nil {
		return a, false
	}
	version, err := url.PathUnescape(m[3])
	if err != nil {
		return a, false
	}
	a = addressed{Source{GitHub, m[2], m[4]}, m[1], m[3], "/" + m[4]}
	if b := bare(version); version != m[3] || strings.Contains(b, ".") && strings.Contains(m[4], b) {
		a.source.Name = "" // In each release the file has another name.
	}
	return a, true
}

var (
	released = regexp.MustCompile(`^(https://github\.com/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/releases/download/)([^/?#]+)/([^/?#]+)$`)
	raw      = regexp.MustCompile(`^(https://raw\.githubusercontent\.com/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(?:refs/tags/)?)([^/?#]+)(/[^?#]+)$`)
	blob     = regexp.MustCompile(`^(https://github\.com/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(?:raw/(?:refs/tags/)?|blob/))([^/?#]+)(/[^?#]+)$`)
)

// rawFile reads https://raw.githubusercontent.com/owner/name/v1.2.3/file.yaml.
func rawFile(text string) (a addressed, ok bool) {
	m := raw.FindStringSubmatch(text)
	if m == nil {
		m = blob.FindStringSubmatch(text)
	}
	if m == nil {
		return a, false
	}
	return addressed{Source{Kind: Git, Repository: "https://github.com/" + m[2]}, m[1], m[3], m[4]}, true
}

// gitFolder reads what kustomize clones: https://host/owner/name//folder?ref=v1.2.3 and its other forms.
func gitFolder(text string) (a addressed, ok bool) {
	where, query, asks := strings.Cut(text, "?")
	where = strings.TrimPrefix(where, "git::")
	repository, isGit := cloned(where)
	a.source = Source{Kind: Git, Repository: repository}
	if repository == "" || !isGit && !asks {
		return a, false
	}
	for _, key := range []string{"ref=", "version="} {
		if at := strings.Index("&"+query, "&"+key); at >= 0 {
			start := len(text) - len(query) + at + len(key)
			end := len(text)
			if n := strings.IndexByte(text[start:], '&'); n >= 0 {
				end = start + n
			}
			a.before, a.version, a.after = text[:start], text[start:end], text[end:]
			break
		}
	}
	a.version = strings.TrimPrefix(a.version, "refs/tags/")
	if strings.Contains(text, "=refs/tags/"+a.version) {
		a.before += "refs/tags/"
	}
	return a, isGit || a.version != ""
}

// hosts are those where the repository is what the first two parts of a path name.
var hosts = regexp.MustCompile(`^(?:github\.com|gitlab\.com|bitbucket\.org)$`)

// cloned is the URL of the repository in an address. Git tells whether that is surely one.
func cloned(where string) (repository string, git bool) {
	scheme, rest, hasScheme := strings.Cut(where, "://")
	if !hasScheme {
		scheme, rest = "https", where
	}
	user := ""
	if name, after, is := strings.Cut(rest, "@"); is && !strings.Contains(name, "/") {
		user, rest = name, after
		if !hasScheme {
			scheme = "ssh"
		}
	}
	host, folder, _ := strings.Cut(rest, "/")
	if h, first, is := strings.Cut(host, ":"); is && (!hasScheme || scheme == "ssh") && !port.MatchString(first) {
		host, folder = h, first+"/"+folder // git@host:owner/name
	}
	name, _, divided := strings.Cut(folder, "//")
	suffix := ""
	if before, _, is := strings.Cut(name+"/", ".git/"); is {
		name, divided, suffix = before, true, ".git"
	} else if parts := strings.Split(name, "/"); hosts.MatchString(host) && len(parts) >= 2 && !divided {
		name = parts[0] + "/" + parts[1]
		git = host == "github.com"
	}
	name = strings.Trim(name, "/")
	switch {
	case host == "" || name == "" || strings.ContainsAny(host+name, " \t{}$"):
		return "", false
	case hosts.MatchString(host):
		return "https://" + host + "/" + name, true
	case scheme == "ssh":
		return "ssh://" + user + "@" + host + "/" + name + suffix, true
	case scheme != "https" && scheme != "http":
		return "", false
	}
	return scheme + "://" + host + "/" + name + suffix, git || divided
}

var port = regexp.MustCompile(`^[0-9]+$`)

// bare is a version without the v before it.
func bare(version string) string { return strings.TrimPrefix(version, "v") }
