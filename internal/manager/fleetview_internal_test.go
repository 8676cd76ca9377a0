package manager

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

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
	w := httptest.NewRecorder()
	(&fleetView{reader: &listsUntil{left: 5}}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fleet", nil))
	if want := `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["rest"],"clusters":[]}` + "\n"; w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
}
