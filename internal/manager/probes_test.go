package manager

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/kube"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// What the nodes run is told beside the version, and no longer once the cluster stops answering.
func TestNodesOfACluster(t *testing.T) {
	var refuses atomic.Bool
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case refuses.Load():
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/version":
			_, _ = io.WriteString(w, `{"major":"1","minor":"32","gitVersion":"v1.32.1"}`)
		default:
			_, _ = io.WriteString(w, `{"kind":"Table","columnDefinitions":[{"name":"Version"}],"rows":[{"cells":["v1.31.4"]},{"cells":["v1.32.1"]}]}`)
		}
	}))
	t.Cleanup(api.Close)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "tokyo"},
		Data:       map[string][]byte{"name": []byte("tokyo"), "server": []byte(api.URL), "config": []byte(`{"bearerToken":"t"}`)},
	}
	again := make(chan event.GenericEvent)
	live := noClusterAPI{fake.NewClientBuilder().WithObjects(secret).Build()}
	p := newProbes(kube.ProberOptions{}, live, "argocd", newCounters(), again)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Start(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	changed := func() {
		t.Helper()
		select {
		case e := <-again:
			if e.Object.GetName() != "tokyo" {
				t.Fatalf("%q changed", e.Object.GetName())
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing changed")
		}
	}

	if got := p.Nodes("tokyo"); got != (kube.Nodes{}) {
		t.Errorf("before it is asked: %+v", got)
	}
	p.Version("tokyo", api.URL, "1")
	changed()
	v, why, pending := p.Version("tokyo", api.URL, "1")
	want := kube.Nodes{Known: true, Oldest: parse(t, "v1.31.4"), Newest: parse(t, "v1.32.1"), Count: 2, OnOldest: 1, OnNewest: 1}
	if d := cmp.Diff(want, p.Nodes("tokyo")); d != "" || v.Raw != "v1.32.1" || why != "" || pending {
		t.Errorf("version %v, %q, pending %t; nodes (-want +got):\n%s", v, why, pending, d)
	}

	refuses.Store(true)
	p.Version("tokyo", api.URL, "2")
	changed()
	want = kube.Nodes{Why: fmt.Sprintf("%s does not accept the credentials in data.config (401)", api.Listener.Addr())}
	if d := cmp.Diff(want, p.Nodes("tokyo")); d != "" {
		t.Errorf("when it answers no more (-want +got):\n%s", d)
	}
}

// noClusterAPI is a management cluster where Cluster API is not installed.
type noClusterAPI struct{ client.Reader }

func (noClusterAPI) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return &meta.NoKindMatchError{}
}

func parse(t *testing.T, text string) version.Kubernetes {
	t.Helper()
	v, err := version.ParseKubernetes(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
