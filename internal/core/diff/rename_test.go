package diff

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

func TestObjects(t *testing.T) {
	const (
		config = "---\napiVersion: v1\nkind: ConfigMap\n"
		user   = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {template: {spec: {volumes: [{name: c, configMap: {name: %[1]s}}], " +
			"containers: [{name: app, env: [{name: COPY, value: %[1]s}], envFrom: [{configMapRef: {name: %[1]s}}]}]}}}\n"
	)
	job := "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: %s, labels: {app: %[1]s}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x/y:%s}]}}}\n"
	for name, tc := range map[string]struct {
		before, after string
		want          []string
	}{
		"one came, one went, one stays": {
			config + "metadata: {name: a}\ndata: {a: one}\n" + config + "metadata: {name: b}\ndata: {b: two}\n", config + "metadata: {name: b}\ndata: {b: two}\n" + config + "metadata: {name: c}\ndata: {c: three}\n",
			[]string{"removed v1/ConfigMap/a", "added v1/ConfigMap/c"},
		},
		"a generated name": {
			config + "metadata: {name: web-6dmm9f2b4k}\ndata: {a: one, b: '1', c: '2'}\n" + fmt.Sprintf(user, "web-6dmm9f2b4k"), config + "metadata: {name: web-2g7c2t8h9m}\ndata: {z: all, y: new}\n" + fmt.Sprintf(user, "web-2g7c2t8h9m"),
			[]string{
				"renamed v1/ConfigMap/web-2g7c2t8h9m from v1/ConfigMap/web-6dmm9f2b4k",
				"  /data/a | data.a | one -> none", "  /data/b | data.b | 1 -> none", "  /data/c | data.c | 2 -> none", "  /data/y | data.y | none -> new", "  /data/z | data.z | none -> all",
				"changed apps/v1/Deployment/app",
				"  /spec/template/spec/containers/0/env/0/value | spec.template.spec.containers[name=app].env[name=COPY].value | web-6dmm9f2b4k -> web-2g7c2t8h9m",
				"  ~ /spec/template/spec/containers/0/envFrom/0/configMapRef/name | spec.template.spec.containers[name=app].envFrom[0].configMapRef.name | web-6dmm9f2b4k -> web-2g7c2t8h9m",
				"  ~ /spec/template/spec/volumes/0/configMap/name | spec.template.spec.volumes[name=c].configMap.name | web-6dmm9f2b4k -> web-2g7c2t8h9m",
			},
		},
		"a generated name that is plain now": {config + "metadata: {name: web-6dmm9f2b4k}\ndata: {a: one}\n", config + "metadata: {name: web}\ndata: {b: two}\n", []string{
			"added v1/ConfigMap/web", "removed v1/ConfigMap/web-6dmm9f2b4k",
		}},
		"a reference to something else": {
			config + "metadata: {name: web-6dmm9f2b4k}\n" + fmt.Sprintf(user, "web-6dmm9f2b4k"), config + "metadata: {name: web-2g7c2t8h9m}\n" + fmt.Sprintf(user, "other"),
			[]string{
				"renamed v1/ConfigMap/web-2g7c2t8h9m from v1/ConfigMap/web-6dmm9f2b4k", "changed apps/v1/Deployment/app",
				"  /spec/template/spec/containers/0/env/0/value | spec.template.spec.containers[name=app].env[name=COPY].value | web-6dmm9f2b4k -> other",
				"  /spec/template/spec/containers/0/envFrom/0/configMapRef/name | spec.template.spec.containers[name=app].envFrom[0].configMapRef.name | web-6dmm9f2b4k -> other",
				"  /spec/template/spec/volumes/0/configMap/name | spec.template.spec.volumes[name=c].configMap.name | web-6dmm9f2b4k -> other",
			},
		},
		"another name, named in itself": {fmt.Sprintf(job, "first", "1"), fmt.Sprintf(job, "second", "1"), []string{
			"renamed batch/v1/Job/second from batch/v1/Job/first", "  /metadata/labels/app | metadata.labels.app | first -> second",
		}},
		"another name, and little but the name": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: first, labels: {app: first}}\nspec: {selector: {app: first-pods}, ports: [{port: 80}]}",
			"apiVersion: v1\nkind: Service\nmetadata: {name: second, labels: {app: second}}\nspec: {selector: {app: second-pods}, ports: [{port: 80}]}",
			[]string{
				"renamed v1/Service/second from v1/Service/first",
				"  /metadata/labels/app | metadata.labels.app | first -> second",
				"  /spec/selector/app | spec.selector.app | first-pods -> second-pods",
			},
		},
		"the most alike first": {
			fmt.Sprintf(job, "aaa", "1") + fmt.Sprintf(job, "bbb", "2"), fmt.Sprintf(job, "ccc", "2") + fmt.Sprintf(job, "ddd", "1"),
			[]string{
				"renamed batch/v1/Job/ccc from batch/v1/Job/bbb", "  /metadata/labels/app | metadata.labels.app | bbb -> ccc",
				"renamed batch/v1/Job/ddd from batch/v1/Job/aaa", "  /metadata/labels/app | metadata.labels.app | aaa -> ddd",
			},
		},
		"another namespace": {config + "metadata: {name: a, namespace: x}\ndata: {a: one}\n", config + "metadata: {name: a, namespace: y}\ndata: {a: one}\n", []string{
			"renamed v1/ConfigMap/y/a from v1/ConfigMap/x/a",
		}},
		"another kind is another object": {config + "metadata: {name: a}\ndata: {a: one}\n", "---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\ndata: {a: one}\n", []string{
			"removed v1/ConfigMap/a", "added v1/Secret/b",
		}},
		"nothing in common": {config + "metadata: {name: a}\n", config + "metadata: {name: b}\n", []string{"removed v1/ConfigMap/a", "added v1/ConfigMap/b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, show(Compare(parse(t, tc.before), parse(t, tc.after), Options{}))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestManyRenames has more objects than can be compared with each other: those with equal names and hashes are still found.
func TestManyRenames(t *testing.T) {
	make := func(side string) (objects []manifest.Object) {
		for i := range 5000 {
			objects = append(objects, object(map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprintf("%s%04d", side, i)}, "data": map[string]any{"a": fmt.Sprint(i), "b": "b"},
			}))
		}
		return objects
	}
	start := time.Now()
	r := Compare(make("a"), make("b"), Options{})
	if spent := time.Since(start); spent > 10*time.Second {
		t.Errorf("took %v", spent)
	}
	if len(r.Changes) != 10_000 {
		t.Errorf("%d changes, want each object that went and came", len(r.Changes))
	}
}

func TestImages(t *testing.T) {
	pod := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [%s]}\n"
	for name, tc := range map[string]struct {
		before, after string
		want          []Image
	}{
		"one of two":        {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}, {name: b, image: r/b:1}"), fmt.Sprintf(pod, "p", "{name: b, image: r/b:1}, {name: a, image: r/a:2}"), []Image{{"r/a:1", "r/a:2"}}},
		"another registry":  {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "p", "{name: a, image: q/a:1}"), []Image{{"r/a:1", "q/a:1"}}},
		"went and came":     {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "p", "{name: b, image: r/b:1}"), []Image{{Before: "r/a:1"}, {After: "r/b:1"}}},
		"only moved":        {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "p", "{name: b, image: r/a:1}"), nil},
		"moved and changed": {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "q", "{name: b, image: 'r/a@sha256:0'}, {name: c, image: r/c:1}"), []Image{{"r/a:1", "r/a@sha256:0"}, {After: "r/c:1"}}},
		"one name twice":    {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}, {name: a, image: r/b:1}"), fmt.Sprintf(pod, "p", "{name: a, image: r/a:2}, {name: a, image: r/b:1}"), []Image{{"r/a:1", "r/a:2"}}},
		"a volume":          {"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: a, image: {reference: r/a:1}}]}", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: a, image: {reference: r/a:2}}]}", []Image{{"r/a:1", "r/a:2"}}},
		"used elsewhere":    {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}") + fmt.Sprintf(pod, "q", "{name: a, image: r/a:1}"), nil},
		"of one name twice": {fmt.Sprintf(pod, "p", "{name: a, image: r/a:1}") + fmt.Sprintf(pod, "q", "{name: a, image: r/a:1}"), fmt.Sprintf(pod, "p", "{name: a, image: r/a:2}") + fmt.Sprintf(pod, "q", "{name: a, image: r/a:2}"), []Image{{"r/a:1", "r/a:2"}}},
		"deep in a CronJob": {"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: a, image: a}]}}}}}", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: a, image: b}]}}}}}", []Image{{"a", "b"}}},
		"custom resources": {"apiVersion: x.org/v1\nkind: A\nmetadata: {name: a}\nspec: {image: 'quay.io/a/b:1', other: {image: a picture}, list: [{name: n, image: 'a:1'}]}", "apiVersion: x.org/v1\nkind: A\nmetadata: {name: a}\nspec: {image: 'quay.io/a/b:2', other: {image: b picture}, list: [{name: n, image: 'a:2'}]}", []Image{
			{"a:1", "a:2"}, {"quay.io/a/b:1", "quay.io/a/b:2"},
		}},
		"no image": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {image: 'a:1'}", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {image: 'a:2'}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, Compare(parse(t, tc.before), parse(t, tc.after), Options{}).Images); d != "" {
				t.Error(d)
			}
		})
	}
}
