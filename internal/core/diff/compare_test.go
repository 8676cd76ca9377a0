package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// show is a result in lines: the object and what happened to it, its fields, and its hidden fields with a ~ in front.
func show(r Result) (out []string) {
	for _, c := range r.Changes {
		line := fmt.Sprintf("%s %s", c.Kind, c.Object)
		if c.From != nil {
			line += " from " + c.From.String()
		}
		out = append(out, line)
		for _, l := range lines(c.Fields) {
			out = append(out, "  "+l)
		}
		for _, l := range lines(c.Hidden) {
			out = append(out, "  ~ "+l)
		}
	}
	return out
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: web
  labels: {app: app, helm.sh/chart: app-1.0.0, app.kubernetes.io/version: 1.0.0}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata:
      labels: {app: app}
      annotations: {checksum/config: aaaa, note: first}
    spec:
      initContainers:
      - {name: one, image: registry.example/one:1}
      - {name: two, image: registry.example/two:1}
      containers:
      - name: app
        image: registry.example/app:1.0.0
        args: [--log-level=info, --leader-elect, --port=80]
        env:
        - {name: A, value: "1"}
        - {name: B, value: "2"}
        ports:
        - {name: http, containerPort: 8080}
        - {name: dns, containerPort: 53, protocol: UDP}
        resources:
          requests: {cpu: 1000m, memory: 1Gi}
        volumeMounts:
        - {name: tmp, mountPath: /tmp}
      - name: sidecar
        image: registry.example/sidecar:2
      volumes:
      - {name: tmp, emptyDir: {}}
      - {name: config, configMap: {name: app}}
`

func TestFields(t *testing.T) {
	const head = "changed apps/v1/Deployment/web/app"
	for name, tc := range map[string]struct {
		// edits are pairs: what is replaced in the deployment, and by what.
		edits []string
		want  []string
	}{
		"nothing": {},
		"a number": {[]string{"replicas: 2", "replicas: 3"}, []string{
			head, "  /spec/replicas | spec.replicas | 2 -> 3",
		}},
		"a number of another form": {[]string{"replicas: 2", "replicas: 2.0"}, nil},
		"a field that came": {[]string{"replicas: 2", "replicas: 2\n  paused: true"}, []string{
			head, "  /spec/paused | spec.paused | none -> true",
		}},
		"null is none": {[]string{"replicas: 2", "replicas: 2\n  paused: null"}, nil},
		"a field that became null": {[]string{"replicas: 2", "replicas: null"}, []string{
			head, "  /spec/replicas | spec.replicas | 2 -> none",
		}},
		"an empty map is something": {[]string{"emptyDir: {}", "emptyDir: null"}, []string{
			head, "  /spec/template/spec/volumes/0/emptyDir | spec.template.spec.volumes[name=tmp].emptyDir | map[] -> none",
		}},
		"a text that is no number": {[]string{`value: "1"`, "value: 1"}, []string{
			head, "  /spec/template/spec/containers/0/env/0/value | spec.template.spec.containers[name=app].env[name=A].value | 1 -> 1",
		}},
		"a value of another type": {[]string{"{app: app}}", "text}"}, []string{
			head, "  /spec/selector/matchLabels | spec.selector.matchLabels | map[app:app] -> text",
		}},
		"an amount in other words":     {[]string{"cpu: 1000m", `cpu: "1"`, "memory: 1Gi", "memory: 1024Mi"}, nil},
		"an amount that is a number":   {[]string{"cpu: 1000m", "cpu: 1"}, nil},
		"an amount that is another":    {[]string{"cpu: 1000m", "cpu: 1001m"}, []string{head, "  /spec/template/spec/containers/0/resources/requests/cpu | spec.template.spec.containers[name=app].resources.requests.cpu | 1000m -> 1001m"}},
		"a text that is like one":      {[]string{"note: first", "note: 1000m", "note: 1000m", `note: "1"`}, []string{head, "  /spec/template/metadata/annotations/note | spec.template.metadata.annotations.note | first -> 1"}},
		"containers in another order":  {[]string{"      - name: sidecar\n        image: registry.example/sidecar:2\n", "", "containers:\n      - name: app", "containers:\n      - name: sidecar\n        image: registry.example/sidecar:2\n      - name: app"}, nil},
		"environment in another order": {[]string{`- {name: A, value: "1"}`, "- {name: TEMP}", `- {name: B, value: "2"}`, `- {name: A, value: "1"}`, "- {name: TEMP}", `- {name: B, value: "2"}`}, nil},
		"first containers in another order": {[]string{"      - {name: one, image: registry.example/one:1}\n", "", "two:1}\n", "two:1}\n      - {name: one, image: registry.example/one:1}\n"}, []string{
			head, "  /spec/template/spec/initContainers | spec.template.spec.initContainers | [name=one name=two] -> [name=two name=one]",
		}},
		"a container that moved and changed": {[]string{"      - name: sidecar\n        image: registry.example/sidecar:2\n", "", "containers:\n      - name: app", "containers:\n      - name: sidecar\n        image: registry.example/sidecar:3\n      - name: app"}, []string{
			head, "  /spec/template/spec/containers/0/image | spec.template.spec.containers[name=sidecar].image | registry.example/sidecar:2 -> registry.example/sidecar:3",
		}},
		"a container that went": {[]string{"      - name: sidecar\n        image: registry.example/sidecar:2\n", ""}, []string{
			head, "  /spec/template/spec/containers/1 | spec.template.spec.containers[name=sidecar] | map[image:registry.example/sidecar:2 name:sidecar] -> none",
		}},
		"a value that went from an item that moved": {[]string{"        - {name: A, value: \"1\"}\n", "", `- {name: B, value: "2"}`, `- {name: B}`}, []string{
			head,
			"  /spec/template/spec/containers/0/env/0 | spec.template.spec.containers[name=app].env[name=A] | map[name:A value:1] -> none",
			"  /spec/template/spec/containers/0/env/1/value | spec.template.spec.containers[name=app].env[name=B].value | 2 -> none",
		}},
		"an argument between others": {[]string{"--leader-elect, ", "--new, --leader-elect, "}, []string{
			head, "  /spec/template/spec/containers/0/args/1 | spec.template.spec.containers[name=app].args[1] | none -> --new",
		}},
		"an option that changed beside a new one": {[]string{"[--log-level=info, ", "[--new=1, --log-level=debug, "}, []string{
			head,
			"  /spec/template/spec/containers/0/args/0 | spec.template.spec.containers[name=app].args[0] | none -> --new=1",
			"  /spec/template/spec/containers/0/args/1 | spec.template.spec.containers[name=app].args[1] | --log-level=info -> --log-level=debug",
		}},
		"arguments in another order": {[]string{"--log-level=info, --leader-elect", "--leader-elect, --log-level=info"}, []string{
			head,
			"  /spec/template/spec/containers/0/args/0 | spec.template.spec.containers[name=app].args[0] | --log-level=info -> none",
			"  /spec/template/spec/containers/0/args/1 | spec.template.spec.containers[name=app].args[1] | none -> --log-level=info",
		}},
		"a port without a protocol": {[]string{"containerPort: 8080", "containerPort: 8080, protocol: TCP"}, []string{
			head, "  /spec/template/spec/containers/0/ports/0/protocol | spec.template.spec.containers[name=app].ports[containerPort=8080].protocol | none -> TCP",
		}},
		"a port of another number": {[]string{"containerPort: 8080", "containerPort: 9090"}, []string{
			head, "  /spec/template/spec/containers/0/ports/0/containerPort | spec.template.spec.containers[name=app].ports[containerPort=9090].containerPort | 8080 -> 9090",
		}},
		"a path that needs quotes": {[]string{"note: first", `note: first, "a.b/c~d": x`}, []string{
			head, `  /spec/template/metadata/annotations/a.b~1c~0d | spec.template.metadata.annotations["a.b/c~d"] | none -> x`,
		}},
		"noise": {[]string{"app-1.0.0", "app-1.1.0", "version: 1.0.0", "version: 1.1.0", "checksum/config: aaaa", "checksum/config: bbbb"}, []string{
			head,
			`  ~ /metadata/labels/app.kubernetes.io~1version | metadata.labels["app.kubernetes.io/version"] | 1.0.0 -> 1.1.0`,
			`  ~ /metadata/labels/helm.sh~1chart | metadata.labels["helm.sh/chart"] | app-1.0.0 -> app-1.1.0`,
			"  ~ /spec/template/metadata/annotations/checksum~1config | spec.template.metadata.annotations.checksum/config | aaaa -> bbbb",
		}},
		"labels that came are noise one by one": {[]string{"  labels: {app: app, helm.sh/chart: app-1.0.0, app.kubernetes.io/version: 1.0.0}\n", ""}, []string{
			head,
			"  /metadata/labels/app | metadata.labels.app | app -> none",
			`  ~ /metadata/labels/app.kubernetes.io~1version | metadata.labels["app.kubernetes.io/version"] | 1.0.0 -> none`,
			`  ~ /metadata/labels/helm.sh~1chart | metadata.labels["helm.sh/chart"] | app-1.0.0 -> none`,
		}},
		"another version of the API": {[]string{"apps/v1", "apps/v2"}, []string{
			"changed apps/v2/Deployment/web/app from apps/v1/Deployment/web/app", "  /apiVersion | apiVersion | apps/v1 -> apps/v2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text := deployment
			for i := 0; i < len(tc.edits); i += 2 {
				if !strings.Contains(text, tc.edits[i]) {
					t.Fatalf("%q is not there", tc.edits[i])
				}
				text = strings.Replace(text, tc.edits[i], tc.edits[i+1], 1)
			}
			if d := cmp.Diff(tc.want, show(Compare(parse(t, deployment), parse(t, text), Options{}))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDeterministic compares the same renders again and again: maps have no order, reports must have one.
func TestDeterministic(t *testing.T) {
	base := shipped(t)
	head := changed(base, 3)
	for i := 0; i < len(head); i += 4 {
		head[i].Name += "-renamed"
	}
	manifest.Sort(base)
	manifest.Sort(head)
	want := Compare(base, head, Options{})
	kinds := map[Kind]int{}
	for _, c := range want.Changes {
		kinds[c.Kind]++
	}
	if kinds[Renamed] < 5 || kinds[Changed] < 50 || len(want.Images) < 5 {
		t.Fatalf("too little changed: %v, %d images", kinds, len(want.Images))
	}
	for range 5 {
		got := Compare(base, head, Options{})
		if d := cmp.Diff(show(want), show(got)); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(want.Images, got.Images); d != "" {
			t.Fatal(d)
		}
	}
}
