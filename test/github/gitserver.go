package github

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxPush is more than any test pushes.
const maxPush = 256 << 20

// serveGit checks who asks and what they may, and lets git's own http-backend answer.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	push := strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
	request := Request{Operation: "git/fetch", Method: r.Method, Path: r.URL.RequestURI(), At: s.options.Now()}
	if push {
		request.Operation = "git/push"
	}
	by, refused := s.authenticate(r)
	request.Login = by.login()
	challenge := func() {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Invalid username or token. Password authentication is not supported for Git operations.", http.StatusUnauthorized)
	}
	if refused != nil {
		challenge()
		return
	}
	address, service := located(r.URL.Path)
	s.mu.Lock()
	name := strings.ToLower(address)
	if now, ok := s.moved[name]; ok {
		name = strings.ToLower(now)
	}
	repo := s.repositories[name]
	level, permitted, archived := "none", true, false
	if repo != nil {
		level, archived, address = repo.level(by), repo.archived, repo.full()
		if by.permissions != nil {
			have := by.permissions["contents"]
			permitted = have == "write" || have == "read" && !push
		}
	}
	s.mu.Unlock()
	switch {
	case by.account == nil && (push || level == "none"):
		challenge()
		return
	case repo == nil || level == "none":
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	case push && (rank(level) < rank("write") || !permitted):
		http.Error(w, "Permission to "+address+".git denied to "+by.login()+".", http.StatusForbidden)
		return
	case push && archived:
		http.Error(w, "This repository was archived so it is read-only.", http.StatusForbidden)
		return
	}
	// On a connection used before, Git sends a request again by itself when the connection ends: a scripted cut would hit nobody.
	w.Header().Set("Connection", "close")
	r = r.Clone(r.Context())
	r.URL.Path = "/" + relative(s.root, repo.Git.Dir) + "/" + service
	r.Header.Del("Authorization")
	if push && r.Method == http.MethodPost {
		s.push(w, r, repo, by, request)
		return
	}
	s.carry(w, r, request, func(w http.ResponseWriter) { s.git.ServeHTTP(w, r) })
}

// located is the repository that a path of Git's protocol names, with ".git" at the end or without, and what is asked of it.
func located(path string) (address, service string) {
	address = strings.TrimPrefix(path, "/")
	for _, service := range []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		if repository, is := strings.CutSuffix(address, service); is {
			return strings.TrimSuffix(repository, ".git"), service[1:]
		}
	}
	return address, ""
}

// carry writes a request down, and does it with the faults that are scripted for it.
func (s *Server) carry(w http.ResponseWriter, _ *http.Request, request Request, do func(http.ResponseWriter)) {
	index := s.enter(request)
	fault := s.faults.take(request)
	if fault.before() {
		s.leave(index, fault.Status)
		fault.answer(w, s)
		return
	}
	if fault.Cut == After {
		do(&unheard{header: http.Header{}})
		s.leave(index, 0)
		panic(http.ErrAbortHandler)
	}
	do(w)
	s.leave(index, http.StatusOK)
}

// unheard takes an answer that nobody will get.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}

// update is one ref that a push wants to move.
type update struct{ old, new, ref string }

const zero = "0000000000000000000000000000000000000000"

// push lets a push through when no protected branch refuses it, and looks at what it did.
func (s *Server) push(w http.ResponseWriter, r *http.Request, repo *Repository, by actor, request Request) {
	body, err := readPush(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	updates, capabilities, pack := commands(body)
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	r.Header.Del("Content-Encoding")
	if len(updates) == 0 { // Git asks whether it may before a large push.
		s.git.ServeHTTP(w, r)
		return
	}
	for _, u := range updates {
		request.Body = fmt.Appendf(request.Body, "%s %s %s\n", u.old, u.new, u.ref)
	}
	s.carry(w, r, request, func(w http.ResponseWriter) {
		s.pushing.Lock()
		defer s.pushing.Unlock()
		s.mu.Lock()
		_ = repo.sync()
		refusals := repo.refusals(by, updates, pack)
		s.mu.Unlock()
		if len(refusals) > 0 {
			decline(w, updates, refusals, capabilities)
			return
		}
		s.git.ServeHTTP(w, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := repo.syncAs(by.account); err != nil {
			s.problem("after a push to %s: %v", repo.full(), err)
		}
	})
}

func readPush(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(w, r.Body, maxPush)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = z
	}
	return io.ReadAll(in)
}

// commands reads the beginning of a push: the updates, what the client can, and the pack that follows.
func commands(body []byte) (updates []update, capabilities string, pack []byte) {
	for len(body) >= 4 {
		n, err := strconv.ParseUint(string(body[:4]), 16, 16)
		if err != nil || n == 0 || int(n) > len(body) || n < 4 {
			return updates, capabilities, body[4:]
		}
		line := string(body[4:n])
		body = body[n:]
		if before, after, found := strings.Cut(line, "\x00"); found {
			line, capabilities = before, after
		}
		if p := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3); len(p) == 3 && len(p[0]) == 40 {
			updates = append(updates, update{p[0], p[1], p[2]})
		}
	}
	return updates, capabilities, body
}

// refusals are what branch protection has against a push, by ref. The caller holds the lock.
func (r *Repository) refusals(by actor, updates []update, pack []byte) map[string]string {
	refusals := map[string]string{}
	indexed := false
	for _, u := range updates {
		branch, isBranch := strings.CutPrefix(u.ref, "refs/heads/")
		if strings.HasPrefix(u.ref, "refs/pull/") {
			refusals[u.ref] = "deny updating a hidden ref"
			continue
		}
		p, protected := r.protection(branch)
		if !isBranch || !protected || contains(p.Bypass, by.login()) {
			continue
		}
		if !indexed && len(pack) > 0 {
			// The commits are needed to judge the push; without a ref they do no harm.
			_, _ = r.facts.run(nil, string(pack), "index-pack", "--stdin", "--fix-thin")
			indexed = true
		}
		switch {
		case u.new == zero:
			refusals[u.ref] = "Cannot delete this protected branch"
		case u.old != zero && !r.facts.ancestor(u.old, u.new):
			refusals[u.ref] = "Cannot force-push to this branch"
		case len(p.Push) > 0 && !contains(p.Push, by.login()):
			refusals[u.ref] = "You're not authorized to push to this branch."
		case u.old != zero && p.PullRequests:
			refusals[u.ref] = "Changes must be made through a pull request."
		case u.old != zero && len(r.missingChecks(p, u.new)) > 0:
			refusals[u.ref] = fmt.Sprintf("Required status check %q is expected.", r.missingChecks(p, u.new)[0])
		}
	}
	return refusals
}

func contains(logins []string, login string) bool {
	for _, l := range logins {
		if strings.EqualFold(l, login) {
			return true
		}
	}
	return false
}

// decline answers a push as GitHub does when a protected branch refuses it. All of the push is refused.
func decline(w http.ResponseWriter, updates []update, refusals map[string]string, capabilities string) {
	var said, report bytes.Buffer
	packet(&report, "unpack ok\n")
	for _, u := range updates {
		why, refused := refusals[u.ref]
		switch {
		case refused && strings.HasPrefix(u.ref, "refs/heads/"):
			fmt.Fprintf(&said, "error: GH006: Protected branch update failed for %s.\nerror: %s\n", u.ref, why)
			packet(&report, "ng "+u.ref+" protected branch hook declined\n")
		case refused:
			packet(&report, "ng "+u.ref+" "+why+"\n")
		default:
			packet(&report, "ng "+u.ref+" pre-receive hook declined\n")
		}
	}
	report.WriteString("0000")
	w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
	w.Header().Set("Cache-Control", "no-cache")
	if !strings.Contains(capabilities, "side-band-64k") {
		_, _ = w.Write(report.Bytes())
		return
	}
	var out bytes.Buffer
	if said.Len() > 0 {
		packet(&out, "\x02"+said.String())
	}
	packet(&out, "\x01"+report.String())
	out.WriteString("0000")
	_, _ = w.Write(out.Bytes())
}

func packet(out *bytes.Buffer, text string) { fmt.Fprintf(out, "%04x%s", len(text)+4, text) }
