package apis_test

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v2/util/argo"
	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// minorsEnv names other minors to compare, with commas between them: those that the servers of plane.BinaryEnv can stand for.
const minorsEnv = "APIS_MINORS"

// emulated are the minors that the Kubernetes in go.mod can stand for.
const emulated = "1.31,1.32,1.33"

// unlike are the kinds that a minor's own server has on by default, and a newer server that emulates it has not. The data follows the
// minor's own: flowcontrol's v1beta3 was the last beta that was on, until 1.31, and 1.32 took it out of the list that emulation goes by.
var unlike = map[string][]string{
	"1.31": {
		"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema cluster",
		"flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration cluster",
	},
}

func TestDataIsWhatServersServe(t *testing.T) {
	for minor := range strings.SplitSeq(cmp.Or(os.Getenv(minorsEnv), emulated), ",") {
		t.Run(minor, func(t *testing.T) {
			cp := plane.Start(t, plane.Options{Name: "apis", Minor: minor})
			_, lists, err := discovery.NewDiscoveryClientForConfigOrDie(cp.Config).ServerGroupsAndResources()
			if err != nil {
				t.Fatal(err)
			}
			got := lines(lists)
			for _, kind := range unlike[minor] {
				if slices.Contains(got, kind) {
					t.Errorf("the server has %s after all: take it out of unlike", kind)
				}
				got = append(got, kind)
			}
			slices.Sort(got)
			if diff := gocmp.Diff(got, data(t, minor)); diff != "" {
				t.Errorf("data/%s.txt differs from the server (-server +data); run make generate-apis:\n%s", minor, diff)
			}

			if diff := gocmp.Diff(toldByArgoCD(t, cp, unlike[minor]), setOf(t, minor).Versions()); diff != "" {
				t.Errorf("Versions differ from what Argo CD tells its renderer of this server (-Argo CD +ours):\n%s", diff)
			}
		})
	}
}

// toldByArgoCD is what Argo CD's own code makes of a server that has a few kinds more.
func toldByArgoCD(t *testing.T, cp *plane.ControlPlane, more []string) []string {
	t.Helper()
	command := kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	resources, err := command.GetAPIResources(cp.Config, false, cache.NewNoopSettings())
	if err != nil {
		t.Fatal(err)
	}
	told := argo.APIResourcesToStrings(resources, true)
	for _, kind := range more {
		words := strings.Fields(kind)
		told = append(told, words[0], words[0]+"/"+words[1])
	}
	slices.Sort(told)
	return slices.Compact(told)
}

// lines are a server's kinds in the form of the data.
func lines(lists []*metav1.APIResourceList) (all []string) {
	for _, l := range lists {
		for _, r := range l.APIResources {
			if strings.Contains(r.Name, "/") {
				continue // a subresource
			}
			s := l.GroupVersion + " " + r.Kind + " cluster"
			if r.Namespaced {
				s = l.GroupVersion + " " + r.Kind + " namespaced"
			}
			if !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "watch") {
				s += " unlisted"
			}
			all = append(all, s)
		}
	}
	return all
}

func data(t *testing.T, minor string) []string {
	t.Helper()
	text, err := os.ReadFile("../../internal/core/apis/data/" + minor + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return slices.DeleteFunc(all, func(s string) bool { return strings.HasPrefix(s, "#") })
}

func setOf(t *testing.T, text string) *apis.Set {
	t.Helper()
	minor, err := version.ParseMinor(text)
	if err != nil {
		t.Fatal(err)
	}
	set, err := apis.Of(minor)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
