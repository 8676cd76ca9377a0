package github

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

//go:embed pages
var pages embed.FS

var (
	layouts = template.Must(template.ParseFS(pages, "pages/pages.html"))
	flavour = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	allowed = func() *bluemonday.Policy {
		p := bluemonday.UGCPolicy()
		p.AllowElements("details", "summary")
		p.AllowAttrs("open").OnElements("details")
		p.AllowAttrs("type", "checked", "disabled").OnElements("input")
		return p
	}()
)

// markdown renders text as GitHub shows it: raw HTML works as far as it is harmless.
func markdown(text string) template.HTML {
	var out bytes.Buffer
	if err := flavour.Convert([]byte(text), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	return template.HTML(allowed.SanitizeBytes(out.Bytes()))
}

// page shows what a browser asks for: enough to read a pull request, and to merge it when Options.Merger says as whom.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == "/-/style.css" {
		http.ServeFileFS(w, r, pages, "pages/style.css")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "" {
		s.show(w, "repositories", map[string]any{"Title": "Repositories", "Repositories": s.names()})
		return
	}
	if len(parts) < 2 {
		http.NotFound(w, r)
		return
	}
	repo := s.Repository(parts[0] + "/" + parts[1])
	if repo == nil || repo.Sync() != nil {
		http.NotFound(w, r)
		return
	}
	below := append(parts[2:], "", "", "")
	number, _ := strconv.Atoi(below[1])
	switch {
	case r.Method == http.MethodPost && (below[0] == "pull" || below[0] == "issues"):
		s.act(w, r, repo, below[0], number, below[2])
	case r.Method != http.MethodGet:
		http.Error(w, "not allowed", http.StatusMethodNotAllowed)
	case below[0] == "" || below[0] == "pulls":
		s.show(w, "pulls", repo.pullsPage(r.URL.Query().Get("state")))
	case below[0] == "pull":
		s.show(w, "pull", repo.pullPage(number, s.options.Merger, ""))
	case below[0] == "issues" && below[1] == "":
		s.show(w, "issues", repo.issuesPage(r.URL.Query().Get("state")))
	case below[0] == "issues":
		s.show(w, "issue", repo.issuePage(number, s.options.Merger, ""))
	case below[0] == "commit":
		s.show(w, "commit", repo.commitPage(below[1]))
	case below[0] == "branches":
		s.show(w, "branches", repo.branchesPage())
	case below[0] == "releases":
		s.show(w, "releases", repo.releasesPage(strings.TrimPrefix(strings.Join(parts[min(3, len(parts)):], "/"), "tag/")))
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) names() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range sorted(s.repositories) {
		all = append(all, s.repositories[name].full())
	}
	return all
}

func (s *Server) show(w http.ResponseWriter, name string, values map[string]any) {
	if values == nil {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	var out bytes.Buffer
	if err := layouts.ExecuteTemplate(&out, name, values); err != nil {
		s.problem("page %s: %v", name, err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

// sameSite refuses forms of other sites.
var sameSite = http.NewCrossOriginProtection()

// act does what a button asks for, and shows the pull request or the issue again.
func (s *Server) act(w http.ResponseWriter, r *http.Request, repo *Repository, kind string, number int, what string) {
	me := s.options.Merger
	if me == "" {
		http.Error(w, "these pages only show", http.StatusForbidden)
		return
	}
	if err := sameSite.Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	var err error
	switch what {
	case "comment":
		err = repo.CommentPull(number, me, r.FormValue("body"))
	case "close":
		err = repo.CloseIssue(number, me)
	case "reopen":
		err = repo.ReopenIssue(number, me)
	case "merge":
		_, err = repo.MergePull(number, me, Merge{Method: r.FormValue("method")})
	case "ready":
		err = repo.SetDraft(number, me, false)
	case "label":
		err = repo.LabelPull(number, me, r.FormValue("label"))
	default:
		http.NotFound(w, r)
		return
	}
	switch {
	case err == nil:
		http.Redirect(w, r, "/"+repo.Name()+"/"+kind+"/"+itoa(number), http.StatusSeeOther)
	case kind == "issues":
		s.show(w, "issue", repo.issuePage(number, me, err.Error()))
	default:
		s.show(w, "pull", repo.pullPage(number, me, err.Error()))
	}
}
