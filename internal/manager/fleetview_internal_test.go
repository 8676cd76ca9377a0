package manager

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// listsUntil lists nothing, and fails from one list on.
type listsUntil struct {
	client.Reader
	left int
}

func (l *listsUntil) List(context.Context, client.ObjectList, ...client.ListOption) error {
	if l.left--; l.left < 0 {
		return errors.New("the server at https://10.0.0.1 is gone")
	}
	return nil
}

// TestFleetViewUnreadable answers with an error where a part cannot be read: fewer clusters would look like all.
func TestFleetViewUnreadable(t *testing.T) {
	for left := range 5 {
		w := httptest.NewRecorder()
		(&fleetView{reader: &listsUntil{left: left}}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fleet", nil))
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != "the fleet cannot be read now; the log says why\n" {
			t.Errorf("after %d lists: %d %s", left, w.Code, w.Body)
		}
	}
}

// TestFleetViewIsRemembered for a moment: whoever asks over and over costs nothing more, and gets what is new soon.
func TestFleetViewIsRemembered(t *testing.T) {
	now := time.Unix(0, 0)
	v := &fleetView{reader: &listsUntil{left: 5}, now: func() time.Time { return now }}
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		v.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fleet", nil))
		return w.Code, w.Body.String()
	}
	for range 2 {
		code, body := ask()
		if want := `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["rest"],"clusters":[]}` + "\n"; code != http.StatusOK || body != want {
			t.Errorf("%d %s, want %s", code, body, want)
		}
		now = now.Add(fleetFresh - 1)
	}
	if code, _ := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("an old answer was given: %d", code)
	}
}
