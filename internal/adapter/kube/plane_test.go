package kube

import (
	"context"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

var shared plane.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

// server is a real API server and what a cluster Secret would say of it.
type server struct {
	*testing.T
	client.Client
	secret map[string][]byte
	plane  *plane.ControlPlane
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{T: t, plane: shared.Get(t)}
	scheme := runtime.NewScheme()
	s.must(corev1.AddToScheme(scheme))
	s.must(apiextensions.AddToScheme(scheme))
	s.must(rbacv1.AddToScheme(scheme))
	var err error
	s.Client, err = client.New(s.plane.Config, client.Options{Scheme: scheme})
	s.must(err)
	s.secret = data(t, s.plane.Config.Host, map[string]any{"bearerToken": s.plane.Token, "tlsClientConfig": map[string]any{"caData": b64(string(s.plane.CA))}})
	return s
}

func (s *server) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func TestNodesOfARealServer(t *testing.T) {
	s := newServer(t)
	for name, kubelet := range map[string]string{"a": "v1.31.4", "b": "v1.32.0", "c": "v1.31.9-eks-99"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		s.must(s.Create(t.Context(), node))
		t.Cleanup(func() { s.must(s.Delete(context.Background(), node)) })
		node.Status.NodeInfo.KubeletVersion = kubelet
		s.must(s.Status().Update(t.Context(), node))
	}
	p := NewProber(ProberOptions{})
	r, err := p.ask.ask(t.Context(), s.secret, question{version: p.opts.Timeout, nodes: p.opts.Timeout})
	s.must(err)
	want := &Nodes{Known: true, Oldest: v("v1.31.4"), Newest: v("v1.32.0"), Count: 3, OnOldest: 2, OnNewest: 1}
	if d := cmp.Diff(want, r.nodes); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if r.version.Minor.IsZero() {
		t.Errorf("the version is not known: %+v", r.version)
	}
}
