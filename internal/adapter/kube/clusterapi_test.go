package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/adapter/kube"
)

// TestWithoutClusterAPI tells a management cluster that has no such kind from one that cannot say which kinds it has: only the first has the cluster itself asked.
func TestWithoutClusterAPI(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		groups string
		want   string
	}{
		"the list of API groups is empty (o8)": {200, `[]`, ""},
		"it is null":                           {200, `null`, ""},
		"it has other groups":                  {200, `[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}]}]`, ""},
		"it cannot be had":                     {503, ``, `look for Cluster API's Cluster "tokyo-1": `},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case tc.status != 200:
					w.WriteHeader(tc.status)
				case r.URL.Path == "/api":
					fmt.Fprint(w, `{"kind":"APIVersions","versions":["v1"]}`)
				case r.URL.Path == "/apis":
					fmt.Fprintf(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":%s}`, tc.groups)
				default:
					http.NotFound(w, r)
				}
			}))
			t.Cleanup(server.Close)
			var err error
			reader, made := client.New(&rest.Config{Host: server.URL}, client.Options{})
			if made == nil {
				_, found, failed := kube.ClusterAPI{Reader: reader}.Version(t.Context(), "tokyo-1")
				if err = failed; found {
					t.Error("a version was found")
				}
			}
			if made != nil || (tc.want == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got  %v (%v)\nwant %s", err, made, tc.want)
			}
		})
	}
}
