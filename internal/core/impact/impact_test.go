package impact_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

var (
	m31 = version.Minor{Major: 1, Minor: 31}
	m32 = version.Minor{Major: 1, Minor: 32}
)

// fleet has two groups, and a cluster in one that the rollout does not name any more.
var fleet = impact.Fleet{
	Groups: []string{"canary", "wide", "rest"},
	Clusters: []impact.Cluster{
		{Name: "berlin-1", Minor: m32, Group: "rest", Addons: []string{"certs", "net"}},
		{Name: "lost-1", Group: "rest", Addons: []string{"certs", "net"}},
		{Name: "oslo-1", Minor: m31, Group: "gone", Addons: []string{"net"}},
		{Name: "tokyo-1", Minor: m31, Group: "canary", Addons: []string{"certs"}},
		{Name: "tokyo-2", Minor: m31, Group: "rest", Addons: []string{"certs", "net"}},
	},
}

// TestTouched says whom changes reach.
func TestTouched(t *testing.T) {
	for name, tc := range map[string]struct {
		changed map[string][]version.Minor
		want    report.Clusters
	}{
		"an addon on one minor": {
			map[string][]version.Minor{"net": {m31}},
			report.Clusters{Total: 5, Touched: 2, Groups: []report.Group{
				{Name: "rest", Clusters: []report.Cluster{{Name: "tokyo-2", Minor: m31, Addons: []string{"net"}}}},
				{Name: "gone", Clusters: []report.Cluster{{Name: "oslo-1", Minor: m31, Addons: []string{"net"}}}},
			}},
		},
		"two addons, each elsewhere": {
			map[string][]version.Minor{"certs": {m31, m32}, "net": {m32}},
			report.Clusters{Total: 5, Touched: 3, Groups: []report.Group{
				{Name: "canary", Clusters: []report.Cluster{{Name: "tokyo-1", Minor: m31, Addons: []string{"certs"}}}},
				{Name: "rest", Clusters: []report.Cluster{
					{Name: "berlin-1", Minor: m32, Addons: []string{"certs", "net"}}, {Name: "tokyo-2", Minor: m31, Addons: []string{"certs"}},
				}},
			}},
		},
		"an addon that nobody has":           {map[string][]version.Minor{"csi": {m31, m32}}, report.Clusters{Total: 5}},
		"a cluster that nobody knows about":  {map[string][]version.Minor{"certs": {{}}}, report.Clusters{Total: 5}},
		"nothing, as after a change of docs": {nil, report.Clusters{Total: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, impact.Touched(fleet, tc.changed)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestOrder is that of names and of the rollout, whatever order the fleet comes in.
func TestOrder(t *testing.T) {
	f := impact.Fleet{Groups: []string{"b", "a", "b"}, Clusters: []impact.Cluster{
		{Name: "6", Minor: m31, Group: "y", Addons: []string{"net"}},
		{Name: "5", Minor: m31, Group: "x", Addons: []string{"net"}},
		{Name: "4", Minor: m31, Group: "z", Addons: []string{"net"}},
		{Name: "3", Minor: m31, Group: "a", Addons: []string{"net", "certs", "net"}},
		{Name: "2", Minor: m31, Group: "b", Addons: []string{"net"}},
		{Name: "1", Minor: m31, Group: "b", Addons: []string{"net"}},
	}}
	got := ""
	for _, g := range impact.Touched(f, map[string][]version.Minor{"net": {m31}, "certs": {m31}}).Groups {
		for _, c := range g.Clusters {
			got += fmt.Sprint(g.Name, c.Name, c.Addons, " ")
		}
	}
	if want := "b1[net] b2[net] a3[certs net] x5[net] y6[net] z4[net] "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestEncode shows the format, which other programs read.
func TestEncode(t *testing.T) {
	backwards := impact.Fleet{Groups: []string{"r&d", "rest"}, Clusters: []impact.Cluster{fleet.Clusters[4], {Name: "a", Addons: []string{"z", "b"}}, fleet.Clusters[1]}}
	got, err := impact.Encode(backwards)
	want := `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":["r&d","rest"],"clusters":[` +
		`{"name":"a","minor":"","group":"","addons":["b","z"]},` +
		`{"name":"lost-1","minor":"","group":"rest","addons":["certs","net"]},` +
		`{"name":"tokyo-2","minor":"1.31","group":"rest","addons":["certs","net"]}]}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if backwards.Clusters[1].Addons[0] != "z" {
		t.Error("what was encoded is sorted itself")
	}
	if got, err := impact.Encode(impact.Fleet{}); err != nil || string(got) != `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","groups":[],"clusters":[]}`+"\n" {
		t.Errorf("an empty fleet: %s, %v", got, err)
	}
	text, _ := impact.Encode(fleet)
	if back, err := impact.Decode(strings.NewReader(string(text))); err != nil || !reflect.DeepEqual(back, fleet) {
		t.Errorf("there and back: %+v, %v", back, err)
	}
}

// TestDecode reads what a later version writes, and refuses what is no fleet.
func TestDecode(t *testing.T) {
	const head = `{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet",`
	many := func(n int, one func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = one(i)
		}
		return strings.Join(all, ",")
	}
	for name, tc := range map[string]struct{ text, want string }{
		"a later version":   {head + `"taken":"2026-01-01","clusters":[{"name":"b","zone":1},{"name":"a"}]}`, ""},
		"HTML":              {"<!DOCTYPE html>", impact.ErrNotFleet.Error()},
		"nothing":           {"", impact.ErrNotFleet.Error()},
		"other JSON":        {`{"status":"ok"}`, impact.ErrNotFleet.Error()},
		"two of them":       {head + `"clusters":[]}{}`, impact.ErrNotFleet.Error()},
		"cut":               {head + `"clusters":[{"name":"a"}`, impact.ErrNotFleet.Error()},
		"another version":   {`{"apiVersion":"addons.kaas.dev/v2","kind":"Fleet"}`, `the fleet is of version "addons.kaas.dev/v2", and must be of "addons.kaas.dev/v1alpha1": use programs of the same version`},
		"no clusters":       {head + `"groups":[]}`, "the fleet has no field clusters"},
		"another type":      {head + `"clusters":{"a":1}}`, "the fleet's field clusters holds a JSON object, which does not belong there"},
		"a bad name":        {head + `"clusters":[{"name":"a"},{"name":"<b>"}]}`, `clusters[1]: name is "<b>", which is no name of a cluster`},
		"a long name":       {head + `"clusters":[{"name":"` + strings.Repeat("a", 254) + `"}]}`, `clusters[0]: name is "` + strings.Repeat("a", 80) + `", which is no name of a cluster`},
		"a bad addon":       {head + `"clusters":[{"name":"a","addons":["x","A\n"]}]}`, `clusters[0]: an addon of cluster "a" is "A\n", which is no name of an addon`},
		"a bad minor":       {head + `"clusters":[{"name":"a","minor":"one"}]}`, `clusters[0]: minor of cluster "a": ` + minorError("one")},
		"a bad group":       {head + `"groups":["a\u0000"],"clusters":[]}`, `groups[0] is "a\x00", which is no name of a group`},
		"a cluster's group": {head + `"clusters":[{"name":"a","group":"\u202e"}]}`, `clusters[0]: group of cluster "a" is "\u202e", which is no name of a group`},
		"a cluster twice":   {head + `"clusters":[{"name":"a"},{"name":"a"}]}`, `clusters[1]: cluster "a" is there twice`},
		"many clusters":     {head + `"clusters":[` + many(100_001, func(i int) string { return fmt.Sprintf(`{"name":"c%d"}`, i) }) + `]}`, "the fleet has 100001 clusters, at most 100000 are read"},
		"many groups":       {head + `"clusters":[],"groups":[` + many(1001, func(i int) string { return fmt.Sprintf(`"g%d"`, i) }) + `]}`, "the fleet has 1001 groups, at most 1000 are read"},
		"many addons":       {head + `"clusters":[{"name":"a","addons":[` + many(1001, func(i int) string { return fmt.Sprintf(`"a%d"`, i) }) + `]}]}`, `clusters[0]: cluster "a" has 1001 addons, at most 1000 are read`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := impact.Decode(strings.NewReader(tc.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || err == nil && fmt.Sprint(f) != "{[] [{a   []} {b   []}]}" {
				t.Errorf("got  %s, %v\nwant %s", got, f, tc.want)
			}
		})
	}
	endless := strings.NewReader(strings.Repeat(" ", impact.MaxBytes+1))
	if _, err := impact.Decode(endless); err == nil || err.Error() != "the fleet has more than 64 MiB, which is what is read at most" {
		t.Errorf("a large one: %v", err)
	}
	if _, err := impact.Decode(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("a broken one: %v", err)
	}
}

func minorError(s string) string {
	_, err := version.ParseMinor(s)
	return err.Error()
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// FuzzDecode holds that what is read can be written, and reads the same again.
func FuzzDecode(f *testing.F) {
	text, err := impact.Encode(fleet)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"apiVersion":"addons.kaas.dev/v1alpha1","kind":"Fleet","clusters":[{"name":"a","minor":"1.3","addons":["b","a","a"]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		once, err := impact.Decode(strings.NewReader(text))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 500 {
				t.Fatalf("error %q", err)
			}
			return
		}
		written, err := impact.Encode(once)
		if err != nil {
			t.Fatal(err)
		}
		again, err := impact.Decode(strings.NewReader(string(written)))
		if d := cmp.Diff(once, again, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Fatalf("%v\n%s", err, d)
		}
	})
}
