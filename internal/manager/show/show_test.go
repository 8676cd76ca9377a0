package show_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/show"
)

func TestParseFormat(t *testing.T) {
	for in, want := range map[string]string{
		"table": "", "json": "", "yaml": "", "": `-o "" is none of table, json, yaml`, "JSON": `-o "JSON" is none of table, json, yaml`,
	} {
		got, err := show.ParseFormat(in)
		if want == "" && (err != nil || string(got) != in) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("ParseFormat(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestPlan(t *testing.T) {
	held := []fault.Reason{fault.Reasonf("Paused", "paused"), fault.Reasonf("NoRelease", "no release")}
	plan := resolve.Plan{
		Pairs: []resolve.Pair{
			{Cluster: "a", Addon: "long-addon", Wanted: "v1.31-ake.2", Action: resolve.Install, Reasons: held[:1]},
			{Cluster: "longer", Addon: "b", Delivered: "v1.31-ake.1", Wanted: "v1.31-ake.2", Action: resolve.Hold, Reasons: held},
			{Cluster: "longer", Addon: "c", Delivered: "v1.31-ake.1", Action: resolve.Remove},
		},
		Clusters: []resolve.ClusterPlan{{Name: "a"}, {Name: "longer", Held: true, Reasons: held}},
		Releases: []resolve.ReleaseState{{Tag: "v1.31-ake.3", Refused: "it moved"}, {Tag: "v1.31-ake.2"}},
		Problems: []fault.Problem{{Code: "X", Where: "Secret a", Message: "bad"}, {Code: "Y", Message: "worse"}},
	}
	const want = `CLUSTER  ADDON       DELIVERED    WANTED       ACTION   WHY
a        long-addon  -            v1.31-ake.2  install  paused
longer   b           v1.31-ake.1  v1.31-ake.2  hold     paused; no release
longer   c           v1.31-ake.1  -            remove   -

2 cluster(s), 3 pair(s): 1 install, 1 hold, 1 remove
refused  v1.31-ake.3: it moved
held     longer: paused; no release
problem  Secret a: bad
problem  worse
`
	var b strings.Builder
	if err := show.Plan(&b, plan); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	b.Reset()
	if err := show.Plan(&b, resolve.Plan{}); err != nil || !strings.Contains(b.String(), "0 cluster(s), 0 pair(s): nothing enabled\n") {
		t.Errorf("an empty plan: %v\n%s", err, b.String())
	}
}

// full is a standard output that takes no more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestFull reports that a result could not be written: an exit code of 0 would be a lie.
func TestFull(t *testing.T) {
	plan := resolve.Plan{Clusters: []resolve.ClusterPlan{{Name: "a"}}, Problems: []fault.Problem{{Message: "x"}}}
	for name, err := range map[string]error{
		"Plan": show.Plan(full{}, plan), "Plan without problems": show.Plan(full{}, resolve.Plan{}),
		"Encode JSON": show.Encode(full{}, show.JSON, plan), "Encode YAML": show.Encode(full{}, show.YAML, plan),
		"Rows": show.Rows(full{}, []string{"A"}, nil), "Problems": show.Problems(full{}, plan.Problems),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEncode(t *testing.T) {
	v := struct {
		B string `json:"b"`
		A []int  `json:"a"`
	}{"<x>", []int{1}}
	for format, want := range map[show.Format]string{
		show.JSON: "{\n  \"b\": \"<x>\",\n  \"a\": [\n    1\n  ]\n}\n",
		show.YAML: "a:\n- 1\nb: <x>\n",
	} {
		var b strings.Builder
		if err := show.Encode(&b, format, v); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", format, err, b.String(), want)
		}
	}
}
