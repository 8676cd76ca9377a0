package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// define creates a CustomResourceDefinition of kind in group with the given marks.
func (s *server) define(kind, group string, labels, annotations map[string]string) *apiextensions.CustomResourceDefinition {
	s.Helper()
	plural := strings.ToLower(kind) + "s"
	preserve := true
	crd := &apiextensions.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group, Labels: labels, Annotations: annotations},
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensions.ClusterScoped,
			Names: apiextensions.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
			Versions: []apiextensions.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensions.CustomResourceValidation{OpenAPIV3Schema: &apiextensions.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve}},
			}},
		},
	}
	s.must(s.Create(s.Context(), crd))
	s.Cleanup(func() { s.must(client.IgnoreNotFound(s.Delete(context.Background(), crd))) })
	return crd
}

// await waits until an API call says what the test wants.
func (s *server) await(what string, ok func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 2*time.Minute)
	defer cancel()
	s.must(plane.Until(ctx, func(context.Context) error {
		if ok() {
			return nil
		}
		return errors.New(what)
	}))
}

func (s *server) gone(name string) bool {
	return apierrors.IsNotFound(s.Get(s.Context(), client.ObjectKey{Name: name}, &apiextensions.CustomResourceDefinition{}))
}

const ours = "tokyo-cert-manager"

func label(app string) map[string]string { return map[string]string{trackingLabel: app} }

func tracking(app, object string) map[string]string {
	return map[string]string{trackingAnnotation: app + ":apiextensions.k8s.io/CustomResourceDefinition:cert-manager/" + object}
}

func TestDeleteCRDs(t *testing.T) {
	s := newServer(t)
	const group = "delete.example.com"
	with := func(m map[string]string, key, value string) map[string]string { m[key] = value; return m }
	const untracked = `is tracked by Argo CD as part of another Application than "tokyo-cert-manager" (annotation argocd.argoproj.io/tracking-id, label app.kubernetes.io/instance)`
	cases := []struct {
		kind                string
		labels, annotations map[string]string
		why                 string // why it stays; empty when it goes
	}{
		{"Label", label(ours), nil, ""},
		{"Annotation", nil, tracking(ours, "annotations."+group), ""},
		{"Both", label(ours), tracking(ours, "boths."+group), ""},
		{"Chart", label("cert-manager"), tracking(ours, "charts."+group), ""},
		{"Prune", label(ours), map[string]string{syncOptions: "Prune=false,ServerSideApply=true"}, ""},
		{"None", nil, nil, ""},
		{"Other", label("osaka-cert-manager"), nil, untracked},
		{"Taken", label(ours), tracking("tokyo-other", "takens."+group), untracked},
		{"Copy", label(ours), tracking(ours, "labels."+group), untracked},
		{"Prefix", nil, tracking(ours+"-2", "prefixs."+group), untracked},
		{"Broken", label(ours), map[string]string{trackingAnnotation: ours}, untracked},
		{"Kept", label(ours), map[string]string{syncOptions: "ServerSideApply=true, Delete=false"}, "has Delete=false in annotation argocd.argoproj.io/sync-options"},
		{"Asked", label(ours), map[string]string{syncOptions: "Delete=confirm"}, "has Delete=confirm in annotation argocd.argoproj.io/sync-options"},
		{"Helm", label(ours), with(tracking(ours, "helms."+group), helmPolicy, "keep"), "has annotation helm.sh/resource-policy: keep"},
	}
	r := CRDRemoval{Application: ours, Names: []string{"absents." + group, "../../../../api/v1/namespaces/default", "labels", "labels." + group}}
	var want CRDsRemoved
	for _, tc := range cases {
		name := s.define(tc.kind, group, tc.labels, tc.annotations).Name
		r.Names = append(r.Names, name)
		if tc.why == "" {
			want.Deleted = append(want.Deleted, name)
		} else {
			want.Left = append(want.Left, CRDLeft{Name: name, Why: tc.why})
		}
	}
	bystander := s.define("Bystander", group, label(ours), nil).Name // Ours, and not named.
	for _, name := range []string{"../../../../api/v1/namespaces/default", "labels"} {
		want.Left = append(want.Left, CRDLeft{Name: name, Why: "is no name of a CustomResourceDefinition"})
	}
	slices.Sort(want.Deleted)
	slices.SortFunc(want.Left, func(a, b CRDLeft) int { return strings.Compare(a.Name, b.Name) })

	p := NewProber(ProberOptions{})
	before := slices.Clone(r.Names)
	got, err := p.DeleteCRDs(t.Context(), s.secret, r)
	s.must(err)
	if d := cmp.Diff(want, got) + cmp.Diff(before, r.Names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, name := range want.Deleted {
		s.await(name+" is still there", func() bool { return s.gone(name) })
	}
	for _, l := range append(want.Left, CRDLeft{Name: bystander}) {
		if crdName.MatchString(l.Name) && s.gone(l.Name) {
			t.Errorf("%s is gone", l.Name)
		}
	}

	want.Deleted = nil
	got, err = p.DeleteCRDs(t.Context(), s.secret, r)
	s.must(err)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the second time (-want +got):\n%s", d)
	}
}

// A custom resource whose controller is gone keeps its definition for as long as it has a finalizer. Nobody waits for that.
func TestDeleteCRDsDoesNotWait(t *testing.T) {
	s := newServer(t)
	name := s.define("Slow", "wait.example.com", label(ours), nil).Name
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "wait.example.com/v1", "kind": "Slow", "metadata": map[string]any{"name": "a", "finalizers": []any{"example.com/held"}},
	}}
	s.await("custom resources are not served", func() bool { return s.Create(t.Context(), object) == nil })
	p := NewProber(ProberOptions{})
	r := CRDRemoval{Application: ours, Names: []string{name}}
	deletions := 0
	front := s.between(func() { deletions++ })
	for range 2 {
		got, err := p.DeleteCRDs(t.Context(), front, r)
		s.must(err)
		if d := cmp.Diff(CRDsRemoved{Deleted: []string{name}}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	if deletions != 1 {
		t.Errorf("it was deleted %d times, want once", deletions)
	}
	if s.gone(name) {
		t.Fatal("the definition is gone before its custom resource")
	}
	s.must(s.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
	s.await(name+" is still there", func() bool { return s.gone(name) })
}

// between is an API server behind which a test can act right before each deletion.
func (s *server) between(act func()) map[string][]byte {
	s.Helper()
	target, err := url.Parse(s.plane.Config.Host)
	s.must(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(s.plane.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	s.Cleanup(transport.CloseIdleConnections)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if r.In.Method == http.MethodDelete {
				act()
			}
		},
	})
	s.Cleanup(front.Close)
	return data(s.T, front.URL, map[string]any{"bearerToken": s.plane.Token})
}

// What changes hands, is marked or made anew between reading and deleting is judged again.
func TestDeleteCRDsThatChangeMeanwhile(t *testing.T) {
	s := newServer(t)
	const group = "change.example.com"
	p := NewProber(ProberOptions{})
	mark := func(name, patch string) {
		crd := &apiextensions.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}
		s.must(s.Patch(t.Context(), crd, client.RawPatch(types.MergePatchType, []byte(patch))))
	}
	once := func(do func()) func() {
		done := false
		return func() {
			if !done {
				done = true
				do()
			}
		}
	}
	const untracked = `is tracked by Argo CD as part of another Application than "tokyo-cert-manager" (annotation argocd.argoproj.io/tracking-id, label app.kubernetes.io/instance)`
	t.Run("taken over", func(t *testing.T) {
		name := s.define("Taken", group, label(ours), nil).Name
		got, err := p.DeleteCRDs(t.Context(), s.between(once(func() { mark(name, `{"metadata":{"labels":{"app.kubernetes.io/instance":"other"}}}`) })), CRDRemoval{Application: ours, Names: []string{name}})
		s.must(err)
		if d := cmp.Diff(CRDsRemoved{Left: []CRDLeft{{Name: name, Why: untracked}}}, got); d != "" || s.gone(name) {
			t.Errorf("gone: %t (-want +got):\n%s", s.gone(name), d)
		}
	})
	t.Run("made anew", func(t *testing.T) {
		crd := s.define("Anew", group, label(ours), nil)
		got, err := p.DeleteCRDs(t.Context(), s.between(once(func() {
			s.must(s.Delete(t.Context(), crd))
			s.await("still there", func() bool { return s.gone(crd.Name) })
			s.define("Anew", group, label("osaka-cert-manager"), nil)
		})), CRDRemoval{Application: ours, Names: []string{crd.Name}})
		s.must(err)
		if d := cmp.Diff(CRDsRemoved{Left: []CRDLeft{{Name: crd.Name, Why: untracked}}}, got); d != "" || s.gone(crd.Name) {
			t.Errorf("gone: %t (-want +got):\n%s", s.gone(crd.Name), d)
		}
	})
	t.Run("only touched", func(t *testing.T) {
		name := s.define("Touched", group, label(ours), nil).Name
		got, err := p.DeleteCRDs(t.Context(), s.between(once(func() { mark(name, `{"metadata":{"labels":{"touched":"yes"}}}`) })), CRDRemoval{Application: ours, Names: []string{name}})
		s.must(err)
		if d := cmp.Diff(CRDsRemoved{Deleted: []string{name}}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	t.Run("gone meanwhile", func(t *testing.T) {
		crd := s.define("Gone", group, label(ours), nil)
		got, err := p.DeleteCRDs(t.Context(), s.between(once(func() {
			s.must(s.Delete(t.Context(), crd))
			s.await("still there", func() bool { return s.gone(crd.Name) })
		})), CRDRemoval{Application: ours, Names: []string{crd.Name}})
		s.must(err)
		if d := cmp.Diff(CRDsRemoved{}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	t.Run("never at rest", func(t *testing.T) {
		name := s.define("Restless", group, label(ours), nil).Name
		n := 0
		got, err := p.DeleteCRDs(t.Context(), s.between(func() { n++; mark(name, fmt.Sprintf(`{"metadata":{"labels":{"touched":"%d"}}}`, n)) }), CRDRemoval{Application: ours, Names: []string{name}})
		want := `delete CustomResourceDefinition "restlesss.change.example.com" of Application "tokyo-cert-manager": somebody else changed it 3 times meanwhile`
		if d := cmp.Diff(CRDsRemoved{}, got) + cmp.Diff(want, fmt.Sprint(err)); d != "" || s.gone(name) {
			t.Errorf("gone: %t (-want +got):\n%s", s.gone(name), d)
		}
	})
}

// With its own credentials the manager needs a role; what it lacks is said, and nothing more is tried.
func TestDeleteCRDsWithTheManagersRights(t *testing.T) {
	s := newServer(t)
	const group = "rights.example.com"
	r := CRDRemoval{Application: ours, Names: []string{s.define("First", group, label(ours), nil).Name, s.define("Second", group, label(ours), nil).Name}}
	config, err := s.plane.User("addon-manager")
	s.must(err)
	p := NewProber(ProberOptions{InCluster: config})
	local := data(t, cluster.LocalServer, nil)
	_, err = p.DeleteCRDs(t.Context(), local, r)
	want := fmt.Sprintf(`delete CustomResourceDefinition "firsts.rights.example.com" of Application "tokyo-cert-manager": %s does not allow the credentials in data.config to get and delete customresourcedefinitions.apiextensions.k8s.io (403); 1 more were not tried`, strings.TrimPrefix(config.Host, "https://"))
	var probe *ProbeError
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" || !errors.As(err, &probe) || probe.Code != CodeForbidden {
		t.Errorf("error %+v (-want +got):\n%s", probe, d)
	}

	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "crds"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"apiextensions.k8s.io"}, Resources: []string{"customresourcedefinitions"}, Verbs: []string{"get", "delete"}}},
	}
	bound := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "crds"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "crds"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "addon-manager"}},
	}
	for _, o := range []client.Object{role, bound} {
		s.must(s.Create(t.Context(), o))
		t.Cleanup(func() { s.must(s.Delete(context.Background(), o)) })
	}
	var got CRDsRemoved
	s.await("the role has no effect", func() bool {
		got, err = p.DeleteCRDs(t.Context(), local, r)
		return err == nil
	})
	if d := cmp.Diff(CRDsRemoved{Deleted: r.Names}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDeleteCRDsWithoutAnAnswer(t *testing.T) {
	one := CRDRemoval{Application: ours, Names: []string{"a.example.com", "b.example.com"}}
	const what = `delete CustomResourceDefinition %q of Application "tokyo-cert-manager": `
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		removal CRDRemoval
		data    map[string][]byte
		want    string
		calls   int
	}{
		"no name of an Application": {nil, CRDRemoval{Names: one.Names}, nil, "delete CustomResourceDefinitions: the name of the Application is empty", 0},
		"no server":                 {nil, one, map[string][]byte{}, `delete CustomResourceDefinitions of Application "tokyo-cert-manager": data.server is missing`, 0},
		"starting":                  {says(503, ""), one, nil, fmt.Sprintf(what, "a.example.com") + "HOST answers /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.example.com with 503 Service Unavailable; 1 more were not tried", 1},
		"401":                       {says(401, ""), one, nil, fmt.Sprintf(what, "a.example.com") + "HOST does not accept the credentials in data.config (401); 1 more were not tried", 1},
		"404 of something else": {
			says(404, "<html>"), one, nil,
			fmt.Sprintf(what, "a.example.com") + "HOST answers /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.example.com with 404 Not Found, not like a Kubernetes API server\n" +
				fmt.Sprintf(what, "b.example.com") + "HOST answers /apis/apiextensions.k8s.io/v1/customresourcedefinitions/b.example.com with 404 Not Found, not like a Kubernetes API server", 2,
		},
		"another object": {
			says(200, `{"kind":"PartialObjectMetadata","metadata":{"name":"c.example.com","uid":"1","resourceVersion":"1","labels":{"app.kubernetes.io/instance":"`+ours+`"}}}`),
			CRDRemoval{Application: ours, Names: one.Names[:1]},
			nil,
			fmt.Sprintf(what, "a.example.com") + "HOST answers /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.example.com with something that is not the metadata of an object", 1,
		},
		"no UID": {
			says(200, `{"kind":"PartialObjectMetadata","metadata":{"name":"a.example.com","resourceVersion":"1","labels":{"app.kubernetes.io/instance":"`+ours+`"}}}`),
			CRDRemoval{Application: ours, Names: one.Names[:1]},
			nil,
			fmt.Sprintf(what, "a.example.com") + "HOST answers /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.example.com with something that is not the metadata of an object", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				tc.handler(w, r)
			}))
			t.Cleanup(s.Close)
			if tc.data == nil {
				tc.data = data(t, s.URL, map[string]any{"bearerToken": token})
			}
			got, err := NewProber(ProberOptions{}).DeleteCRDs(t.Context(), tc.data, tc.removal)
			want := strings.ReplaceAll(tc.want, "HOST", s.Listener.Addr().String())
			if d := cmp.Diff(CRDsRemoved{}, got) + cmp.Diff(want, fmt.Sprint(err)) + cmp.Diff(tc.calls, calls); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
