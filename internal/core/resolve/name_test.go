package resolve_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// applications maps each pair to its Application's name.
func applications(plan resolve.Plan) map[string]string {
	names := map[string]string{}
	for _, p := range plan.Pairs {
		names[p.Cluster+" "+p.Addon] = p.Application
	}
	return names
}

func TestNamesNeverCollide(t *testing.T) {
	long := strings.Repeat("x", 60)
	longer := strings.Repeat("long.cluster.", 19) + "a"
	w := newWorld()
	w.release("v1.31-ake.1", "name: c, enabled: always", "name: b-c, enabled: always", "name: a-b-c, enabled: always")
	w.secrets(secret("a"), secret("a-b"), secret("z"), secret("z-a"), secret("z-a-b"), secret(long), secret(longer))
	plan := resolve.Make(w.input())
	got := applications(plan)
	want := map[string]string{
		"a a-b-c": "a-a-b-c", "a b-c": "a-b-c", "a c": "a-c",
		"a-b a-b-c": "a-b-a-b-c", "a-b b-c": "a-b-b-c", "a-b c": "a-b-c-695274f6b8",
		"z a-b-c": "z-a-b-c", "z b-c": "z-b-c", "z c": "z-c",
		"z-a a-b-c": "z-a-a-b-c", "z-a b-c": "z-a-b-c-846797d2b0", "z-a c": "z-a-c",
		"z-a-b a-b-c": "z-a-b-a-b-c", "z-a-b b-c": "z-a-b-b-c", "z-a-b c": "z-a-b-c-655b016d3d",
		long + " a-b-c": strings.Repeat("x", 52) + "-22053b607c", long + " b-c": strings.Repeat("x", 52) + "-1f4c8fb923", long + " c": long + "-c",
		longer + " a-b-c": "long.cluster.long.cluster.long.cluster.long.cluster-00fd16ebc4", longer + " b-c": "long.cluster.long.cluster.long.cluster.long.cluster-0f98ddd64f",
		longer + " c": "long.cluster.long.cluster.long.cluster.long.cluster-5e25d28e76",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	owner := map[string]string{}
	for pair, name := range got {
		if len(name) > 63 || !valid.MatchString(name) {
			t.Errorf("%s: %q is no name", pair, name)
		}
		if other, taken := owner[name]; taken {
			t.Errorf("%s and %s are both %q", pair, other, name)
		}
		owner[name] = pair
	}
	mustSettle(t, w)
	if d := cmp.Diff(got, applications(resolve.Make(w.input()))); d != "" {
		t.Errorf("names changed once delivered (-before +after):\n%s", d)
	}
}

// TestNamesStay grows the catalog by an addon whose pairs would have taken the names of others.
func TestNamesStay(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: c, enabled: always")
	w.secrets(secret("a"), secret("a-b"))
	mustSettle(t, w)
	w.release("v1.31-ake.2", "name: c, enabled: always", "name: b-c, enabled: always")
	w.secrets(secret("a"), secret("a-b"), secret("q-b"))
	mustSettle(t, w)
	want := map[string]string{
		"a c": "a-c", "a-b c": "a-b-c", // As they were.
		"a b-c": "a-b-c-02654a5c0c", "a-b b-c": "a-b-b-c", "q-b b-c": "q-b-b-c", "q-b c": "q-b-c-f738db1584",
	}
	got := applications(resolve.Make(w.input()))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}

func TestNameTaken(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: c, enabled: always")
	w.secrets(secret("a"))
	in := w.input()
	taken := resolve.Element{Application: "a-c", Addon: "other", Release: "v1.31-ake.1", Commit: commitOf("v1.31-ake.1"), Revision: commitOf("v1.31-ake.1")}
	both := taken
	hash := applications(resolve.Make(resolve.Input{Source: in.Source, Clusters: in.Clusters, Delivered: map[string][]resolve.Delivered{"b": {{Element: taken, Listed: true}}}}))["a c"]
	both.Application = hash
	in.Delivered = map[string][]resolve.Delivered{"b": {{Element: taken, Listed: true}, {Element: both, Listed: true}}}
	got := told(resolve.Make(in))[0]
	want := fmt.Sprintf(`a/c hold NameTaken: Application %q belongs to addon "other" of cluster "b"; rename one of the clusters or addons.`, hash)
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestLabelValue(t *testing.T) {
	for in, want := range map[string]string{
		"tokyo-1":               "tokyo-1",
		"a.b":                   "a.b",
		strings.Repeat("x", 63): strings.Repeat("x", 63),
		strings.Repeat("x", 64): strings.Repeat("x", 52) + "-7ce100971f",
		"a-":                    "a-9baf440720",
	} {
		if got := resolve.LabelValue(in); got != want {
			t.Errorf("LabelValue(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestManagementNamespace(t *testing.T) {
	for in, want := range map[string]string{
		"tokyo-1":               "addons-tokyo-1",
		"eu.tokyo":              "addons-eu-tokyo-f9c2bca788",
		"eu-tokyo":              "addons-eu-tokyo",
		strings.Repeat("x", 56): "addons-" + strings.Repeat("x", 56),
		strings.Repeat("x", 57): "addons-" + strings.Repeat("x", 45) + "-ae14a2563c",
	} {
		if got := resolve.ManagementNamespace(in); got != want {
			t.Errorf("ManagementNamespace(%q) = %q, want %q", in, got, want)
		}
	}
}

// Helm refuses longer names for a release than Argo CD does for an Application, which is what it gets.
func TestHelmReleasesFit(t *testing.T) {
	release := func(p resolve.Pair) string {
		var patch struct {
			Spec struct {
				Source struct {
					Helm struct {
						ReleaseName  string
						ValuesObject map[string]any
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(p.Element.Patch), &patch); err != nil {
			t.Fatal(err)
		}
		if want := map[string]any{"v": "1"}; !reflect.DeepEqual(patch.Spec.Source.Helm.ValuesObject, want) {
			t.Errorf("%s has values %v", p.Application, patch.Spec.Source.Helm.ValuesObject)
		}
		return patch.Spec.Source.Helm.ReleaseName
	}
	fits, long := strings.Repeat("x", 53-2), strings.Repeat("x", 53-1)
	w := newWorld()
	w.release("v1.31-ake.1", "name: c, enabled: always, parameters: [{name: v, from: {value: '1'}}]")
	w.releases[0].Catalog.Addons[0].Source = catalog.Helm
	w.secrets(secret(fits), secret(long))
	names := map[string]string{}
	for _, p := range resolve.Make(w.input()).Pairs {
		names[p.Application] = release(p)
	}
	if d := cmp.Diff(map[string]string{fits + "-c": "", long + "-c": strings.Repeat("x", 42) + "-68e80c2e90"}, names); d != "" {
		t.Errorf("release names by Application (-want +got):\n%s", d)
	}
	mustSettle(t, w)
}
