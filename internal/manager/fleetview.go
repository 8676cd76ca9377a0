package manager

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/addon-manager/addon-manager/internal/manager/gather/delivered"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// fleetView answers GET /fleet: which clusters there are, of which minor, in which group of the rollout, with which addons. It is made of what
// the API server holds, so every replica gives the same answer, whether it leads or not.
type fleetView struct {
	reader    client.Reader
	namespace string
	// now measures how old an answer is.
	now func() time.Time

	// one at a time: for a large fleet an answer is work. Those who ask at once get the same.
	one  sync.Mutex
	body []byte
	at   time.Time
}

// fleetIn bounds how long an answer takes; right after the start the caches have to be filled.
const fleetIn = 30 * time.Second

// fleetFresh is how long an answer is given again: whoever asks over and over must not keep the manager from its work.
const fleetFresh = time.Second

// ServeHTTP implements http.Handler.
func (v *fleetView) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is served here", http.StatusMethodNotAllowed)
		return
	}
	body, err := v.answer(r.Context())
	if err != nil {
		logf.Log.WithName("fleet").Error(err, "answer GET /fleet")
		// A part of the fleet would look like all of it.
		http.Error(w, "the fleet cannot be read now; the log says why", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body) // Whoever asked is gone.
}

func (v *fleetView) answer(ctx context.Context) ([]byte, error) {
	v.one.Lock()
	defer v.one.Unlock()
	if v.body != nil && v.now().Sub(v.at) < fleetFresh {
		return v.body, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fleetIn)
	defer cancel()
	body, err := v.encode(ctx)
	if err == nil {
		v.body, v.at = body, v.now()
	}
	return body, err
}

func (v *fleetView) encode(ctx context.Context) ([]byte, error) {
	fleet, err := delivered.Live(ctx, sharing{v.reader}, v.namespace)
	if err != nil {
		return nil, err
	}
	return impact.Encode(gather.Impact(fleet, nil))
}

// sharing lists objects as they are cached, without copies, for those who only read them.
type sharing struct{ client.Reader }

func (s sharing) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return s.Reader.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...)
}
