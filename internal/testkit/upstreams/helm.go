package upstreams

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"sync"

	"helm.sh/helm/v3/pkg/repo"
	"sigs.k8s.io/yaml"
)

// Helm is a Helm repository over HTTP: index.yaml and the archives that it names.
type Helm struct {
	server

	lock  sync.Mutex
	index *repo.IndexFile
	// raw replaces the index.
	raw   []byte
	files map[string][]byte
}

// NewHelm serves a repository until the test ends.
func NewHelm(t T, options ...Options) *Helm {
	t.Helper()
	h, err := StartHelm(options...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(h.Close)
	return h
}

// StartHelm serves a repository until it is closed.
func StartHelm(options ...Options) (*Helm, error) {
	h := &Helm{index: repo.NewIndexFile(), files: map[string][]byte{}}
	h.index.Generated = then
	return h, h.start(first(options), h.guard(h.conditional(http.HandlerFunc(h.serve))))
}

func first(options []Options) Options {
	if len(options) == 0 {
		return Options{}
	}
	return options[0]
}

// URL is the repository's, as a catalog names it.
func (h *Helm) URL() string { return h.http.URL }

// Add publishes charts. The same version again replaces it, as it must not happen and does.
func (h *Helm) Add(charts ...Chart) error {
	for _, c := range charts {
		archive, err := c.Pack()
		if err != nil {
			return err
		}
		if err := h.add(c, archive, digestOf(archive)); err != nil {
			return err
		}
	}
	return nil
}

// AddWrong publishes a chart whose archive is not what the index says.
func (h *Helm) AddWrong(c Chart) error {
	archive, err := c.Pack()
	if err != nil {
		return err
	}
	return h.add(c, append(archive, 0), digestOf(archive))
}

func (h *Helm) add(c Chart, archive []byte, digest string) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.remove(c.Name, c.Version)
	file := c.Name + "-" + c.Version + ".tgz"
	if err := h.index.MustAdd(c.metadata(), "charts/"+file, "", digest[len("sha256:"):]); err != nil {
		return fmt.Errorf("add chart: %w", err)
	}
	versions := h.index.Entries[c.Name]
	added := versions[len(versions)-1]
	if added.Created = c.Created; c.Created.IsZero() {
		added.Created = then
	}
	h.index.SortEntries()
	h.files["/charts/"+file] = archive
	return nil
}

// Remove takes a version back, as owners do with broken ones.
func (h *Helm) Remove(name, version string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.remove(name, version)
}

func (h *Helm) remove(name, version string) {
	var rest repo.ChartVersions
	for _, v := range h.index.Entries[name] {
		if v.Version != version {
			rest = append(rest, v)
		}
	}
	h.index.Entries[name] = rest
	if len(rest) == 0 {
		delete(h.index.Entries, name)
	}
	delete(h.files, "/charts/"+name+"-"+version+".tgz")
}

// Index is what it serves as index.yaml.
func (h *Helm) Index() ([]byte, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.raw != nil {
		return h.raw, nil
	}
	return yaml.Marshal(h.index)
}

// SetIndex replaces index.yaml by anything; nil brings the real one back.
func (h *Helm) SetIndex(raw []byte) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.raw = raw
}

func (h *Helm) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/index.yaml" {
		index, err := h.Index()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/yaml")
		_, _ = w.Write(index)
		return
	}
	h.lock.Lock()
	data, ok := h.files[r.URL.Path]
	h.lock.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/gzip")
	_, _ = w.Write(data)
}

// guard asks for the user and password, if there are any.
func (h *Helm) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.options.User != "" && !h.options.knows(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (o Options) knows(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return subtle.ConstantTimeCompare([]byte(user+"\n"+password), []byte(o.User+"\n"+o.Password)) == 1
}
