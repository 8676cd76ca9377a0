package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnstable renders a chart with random values three times: twice the base, then the head with a real change.
func TestUnstable(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: "
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: "
	for name, tc := range map[string]struct {
		first, second, head string
		unstable, want      []string
	}{
		"nothing is random": {first: secret + "{a: x}", second: secret + "{a: x}", head: secret + "{a: y}", want: []string{
			"changed v1/Secret/s", "  /data/a | data.a | x -> y",
		}},
		"a value": {secret + "{a: r1, b: x}", secret + "{a: r2, b: x}", secret + "{a: r3, b: y}", []string{"v1/Secret/s data.a"}, []string{
			"changed v1/Secret/s", "  /data/b | data.b | x -> y",
		}},
		"a value alone":     {secret + "{a: r1}", secret + "{a: r2}", secret + "{a: r3}", []string{"v1/Secret/s data.a"}, nil},
		"a value that went": {secret + "{a: r1}", secret + "{a: r2}", secret + "{}", []string{"v1/Secret/s data.a"}, []string{"changed v1/Secret/s", "  /data/a | data.a | r1 -> none"}},
		"a name that is alike": {secret + "{a: r1}", secret + "{a: r2}", secret + "{a: r3, ab: new}", []string{"v1/Secret/s data.a"}, []string{
			"changed v1/Secret/s", "  /data/ab | data.ab | none -> new",
		}},
		"an item of a list, with a new one before it": {
			pod + "[{name: a, env: [{name: T, value: r1}]}]}", pod + "[{name: a, env: [{name: T, value: r2}]}]}", pod + "[{name: new}, {name: a, env: [{name: U}, {name: T, value: r3}]}]}",
			[]string{"v1/Pod/p spec.containers[name=a].env[name=T].value"},
			[]string{"changed v1/Pod/p", "  /spec/containers/0 | spec.containers[name=new] | none -> map[name:new]", "  /spec/containers/1/env/0 | spec.containers[name=a].env[name=U] | none -> map[name:U]"},
		},
		"an argument, with a new one before it": {
			pod + "[{name: a, args: [--token=r1]}]}", pod + "[{name: a, args: [--token=r2]}]}", pod + "[{name: a, args: [--new=1, --token=r3]}]}",
			[]string{"v1/Pod/p spec.containers[name=a].args[0]"},
			[]string{"changed v1/Pod/p", "  /spec/containers/0/args/0 | spec.containers[name=a].args[0] | none -> --new=1"},
		},
		"a random key": {secret + "{k1: x}\ntype: a", secret + "{k2: x}\ntype: a", secret + "{k3: x}\ntype: b", []string{"v1/Secret/s data"}, []string{
			"changed v1/Secret/s", "  /type | type | a -> b",
		}},
		"a random name of a list item": {pod + "[{name: a1, x: 1}]}", pod + "[{name: a2, x: 1}]}", pod + "[{name: a3, x: 1}], y: 1}", []string{"v1/Pod/p spec.containers"}, []string{
			"changed v1/Pod/p", "  /spec/y | spec.y | none -> 1",
		}},
		"an object with a random name": {
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-111}\nspec: {a: 1, c: 1, b: 2, id: r1}", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-222}\nspec: {a: 1, c: 1, b: 2, id: r2}", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-333}\nspec: {a: 1, c: 1, b: 3, id: r3}",
			[]string{"batch/v1/Job/job-111 metadata.name", "batch/v1/Job/job-111 spec.id"},
			[]string{"renamed batch/v1/Job/job-333 from batch/v1/Job/job-111", "  /spec/b | spec.b | 2 -> 3"},
		},
		"an object with only a random name": {
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-111}\nspec: {a: 1, b: 2}", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-222}\nspec: {a: 1, b: 2}", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-333}\nspec: {a: 1, b: 2}",
			[]string{"batch/v1/Job/job-111 metadata.name"},
			nil,
		},
		"an object with a random name that went": {
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-111}\nspec: {a: 1, b: 2}", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-222}\nspec: {a: 1, b: 2}", "",
			[]string{"batch/v1/Job/job-111 metadata.name"},
			[]string{"removed batch/v1/Job/job-111"},
		},
		"an object that is there sometimes": {"", secret + "{a: x}", secret + "{a: x}", []string{"v1/Secret/s "}, nil},
		"a key with signs": {secret + `{"a.b[\"]": {"x.y": r1}}`, secret + `{"a.b[\"]": {"x.z": r1}}`, secret + `{"a.b[\"]": {"x.q": r1}, c: d}`, []string{`v1/Secret/s data["a.b[\"]"]`}, []string{
			"changed v1/Secret/s", "  /data/c | data.c | none -> d",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			unstable := UnstableIn(parse(t, tc.first), parse(t, tc.second))
			var got []string
			for _, u := range unstable {
				got = append(got, u.Object.String()+" "+u.Path)
			}
			if d := cmp.Diff(tc.unstable, got); d != "" {
				t.Errorf("unstable: %s", d)
			}
			r := Compare(parse(t, tc.first), parse(t, tc.head), Options{Unstable: unstable})
			if d := cmp.Diff(tc.want, show(r)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(unstable, r.Unstable); d != "" {
				t.Errorf("reported: %s", d)
			}
			if text := strings.Join(show(Compare(parse(t, tc.first), parse(t, tc.second), Options{Unstable: unstable})), "\n"); text != "" {
				t.Errorf("two renders of the base differ: %s", text)
			}
		})
	}
}
