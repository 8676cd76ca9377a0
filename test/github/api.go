package github

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/test/github/contract"
)

// maxBody is more than any request may have.
const maxBody = 8 << 20

// ServeHTTP answers API, Git and pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/api/v3/"):
		s.api(w, r, strings.TrimPrefix(path, "/api/v3"))
	case strings.HasPrefix(path, storage):
		s.serveStorage(w, r)
	case strings.Contains(path, "/releases/download/"):
		s.serveDownload(w, r)
	case strings.HasSuffix(path, "/info/refs"), strings.HasSuffix(path, "/git-upload-pack"), strings.HasSuffix(path, "/git-receive-pack"):
		s.serveGit(w, r)
	default:
		s.page(w, r)
	}
}

// call is one request to the API. Handlers run under the server's lock.
type call struct {
	s     *Server
	by    actor
	path  map[string]string
	query url.Values
	body  []byte
	repo  *Repository
	// accept is what the caller would like to have: JSON, or the bytes of a file.
	accept string
}

func (c *call) decode(into any) error { return json.Unmarshal(c.body, into) }

func (c *call) number(name string) int {
	n, _ := strconv.Atoi(c.path[name])
	return n
}

func (s *Server) api(w http.ResponseWriter, r *http.Request, path string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	request := Request{Method: r.Method, Path: path, Body: body, At: s.options.Now()}
	if r.URL.RawQuery != "" {
		request.Path += "?" + r.URL.RawQuery
	}
	operation, parameters, err := contract.Find(r.Method, path)
	if operation != nil {
		request.Operation = operation.ID
	}
	by, refused := s.authenticate(r)
	request.Login = by.login()
	index := s.enter(request)
	fault := s.faults.take(request)
	if fault.before() {
		s.leave(index, fault.Status)
		fault.answer(w, s)
		return
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Github-Media-Type": {"github.v3; format=json"}}
	var a answer
	switch {
	case err != nil:
		s.problem("%v", err)
		a = notFound()
	case refused != nil:
		a = *refused
	default:
		if err := operation.CheckRequest(parameters, r.URL.Query(), body); err != nil {
			s.problem("%s %s: %v", r.Method, request.Path, err)
		}
		limited := s.limit(by, request, header)
		if limited != nil {
			a = *limited
		} else {
			a = s.handle(&call{s: s, by: by, path: parameters, query: r.URL.Query(), body: body, accept: r.Header.Get("Accept")}, operation.ID)
		}
	}
	status, text := s.render(a, r, path, header)
	if operation != nil && status != http.StatusNotModified {
		if err := operation.CheckAnswer(status, text); err != nil {
			s.problem("%s %s: %v", r.Method, request.Path, err)
		}
	}
	if status == http.StatusNotModified {
		s.unspend(by, header)
	}
	if fault.after(&status, header, &text) {
		s.leave(index, 0)
		panic(http.ErrAbortHandler)
	}
	s.leave(index, status)
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// handle finds the repository and whether the caller may, and lets the operation's handler answer.
func (s *Server) handle(c *call, operation string) answer {
	route, known := routes[operation]
	if !known {
		s.problem("%s: the stand-in has no handler", operation)
		return notFound()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner, ok := c.path["owner"]; ok {
		full := owner + "/" + c.path["repo"]
		if now, ok := s.moved[strings.ToLower(full)]; ok {
			return answer{status: http.StatusMovedPermanently, location: now, body: object{
				"message": "Moved Permanently", "url": s.APIURL() + "repositories/" + now, "documentation_url": documentation,
			}}
		}
		if c.repo = s.repositories[strings.ToLower(full)]; c.repo == nil {
			return notFound()
		}
		if err := c.repo.sync(); err != nil {
			s.problem("%s: %v", full, err)
		}
		if refused := c.may(route); refused != nil {
			return *refused
		}
	}
	return route.handle(c)
}

// render makes the bytes: one page of a list with its links, and 304 when the caller has it already.
func (s *Server) render(a answer, r *http.Request, path string, header http.Header) (int, []byte) {
	body := a.body
	if a.list != nil {
		page, links := paginate(a.list, r.URL.Query(), s.url+"/api/v3"+path)
		if links != "" {
			header.Set("Link", links)
		}
		body = page
		if a.wrap != "" {
			body = object{"total_count": len(a.list), a.wrap: page}
		}
	}
	if a.elsewhere != "" {
		header.Set("Location", a.elsewhere)
	}
	if a.location != "" {
		rest := strings.SplitN(strings.TrimPrefix(path, "/repos/"), "/", 3)
		header.Set("Location", s.APIURL()+"repos/"+a.location+strings.TrimPrefix("/"+strings.Join(rest[2:], "/"), "//"))
		if len(rest) < 3 {
			header.Set("Location", s.APIURL()+"repos/"+a.location)
		}
	}
	if body == nil {
		header.Del("Content-Type")
		return a.status, nil
	}
	text := marshal(body)
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		sum := sha256.Sum256(append(bytes.Clone(text), header.Get("Link")...))
		tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		header.Set("Etag", tag)
		header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		if asked := r.Header.Get("If-None-Match"); asked != "" && strings.TrimPrefix(asked, "W/") == strings.TrimPrefix(tag, "W/") {
			header.Del("Content-Type")
			return http.StatusNotModified, nil
		}
	}
	return a.status, text
}

// paginate gives the page asked for, and the links to the others as GitHub writes them.
func paginate(list []any, query url.Values, address string) (page []any, links string) {
	per := bounded(query.Get("per_page"), 30, 100)
	number := bounded(query.Get("page"), 1, 1<<30)
	last := max(1, (len(list)+per-1)/per)
	from := min((number-1)*per, len(list))
	to := min(from+per, len(list))
	link := func(relation string, page int) {
		q := url.Values{}
		for key, values := range query {
			q[key] = values
		}
		q.Set("page", strconv.Itoa(page))
		if links != "" {
			links += ", "
		}
		links += fmt.Sprintf("<%s?%s>; rel=%q", address, q.Encode(), relation)
	}
	if number > 1 {
		link("prev", min(number-1, last))
	}
	if number < last {
		link("next", number+1)
		link("last", last)
	}
	if number > 1 {
		link("first", 1)
	}
	return list[from:to], links
}

func bounded(text string, otherwise, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}
