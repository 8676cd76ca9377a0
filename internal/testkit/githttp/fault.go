package githttp

import (
	"errors"
	"net/http"
	"time"
)

// Fault is what goes wrong with requests while it is set. The zero Fault is none.
type Fault struct {
	// Status answers with this HTTP status and nothing else: 503 for a server that is down, 404 for a repository
	// that is gone.
	Status int
	// Redirect answers with a redirect to this URL plus the request's path and query.
	Redirect string
	// Delay waits before anything is answered.
	Delay time.Duration
	// CutAfter ends the connection after that many bytes of the answer; StallAfter sends no more and keeps it open.
	CutAfter, StallAfter int
	// PackOnly leaves the listing of refs alone, so that only the transfer of objects fails.
	PackOnly bool
	// Times is how many requests it hits before it ends by itself; 0 means until the next SetFault.
	Times int
}

// Down is a server that answers 503 to everything.
func Down() Fault { return Fault{Status: http.StatusServiceUnavailable} }

// Once is a server that answers status to one request and is well again.
func Once(status int) Fault { return Fault{Status: status, Times: 1} }

// Slow is a server that takes d before it answers.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// TruncatedPack ends the connection after some bytes of a pack.
func TruncatedPack(bytes int) Fault { return Fault{CutAfter: bytes, PackOnly: true} }

// StalledPack stops in the middle of a pack and keeps the connection open.
func StalledPack(bytes int) Fault { return Fault{StallAfter: bytes, PackOnly: true} }

// SetFault makes requests fail from now on; the zero Fault heals the server.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// takeFault gives the fault for one request and counts it.
func (s *Server) takeFault(pack bool) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fault
	if f.PackOnly && !pack {
		return Fault{}
	}
	if f.Times > 0 {
		if s.fault.Times--; s.fault.Times == 0 {
			s.fault = Fault{}
		}
	}
	return f
}

func (f Fault) active() bool {
	return f.Status != 0 || f.Redirect != "" || f.Delay != 0 || f.CutAfter != 0 || f.StallAfter != 0
}

func (f Fault) serve(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	case f.Status != 0:
		http.Error(w, http.StatusText(f.Status), f.Status)
	case f.CutAfter > 0 || f.StallAfter > 0:
		next(&limited{ResponseWriter: w, left: max(f.CutAfter, f.StallAfter)}, r)
		if f.StallAfter > 0 {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
		// The connection breaks; without this the answer would end as if it were whole.
		panic(http.ErrAbortHandler)
	default:
		next(w, r)
	}
}

// limited passes only the first bytes on.
type limited struct {
	http.ResponseWriter
	left int
}

var errCut = errors.New("answer cut by a scripted fault")

func (l *limited) Write(p []byte) (int, error) {
	if len(p) <= l.left {
		l.left -= len(p)
		return l.ResponseWriter.Write(p)
	}
	n, err := l.ResponseWriter.Write(p[:l.left])
	l.left -= n
	if err != nil {
		return n, err
	}
	// What was let through must leave before the connection breaks.
	_ = http.NewResponseController(l.ResponseWriter).Flush()
	return n, errCut
}
