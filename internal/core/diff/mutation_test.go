package diff

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// spot is a value inside an object, by its JSON pointer.
type spot struct {
	pointer string
	leaf    bool
}

// spots are all values of an object's content, sorted; null is none.
func spots(v any, at string) (all []spot) {
	inside := func(key string, v any) {
		if v != nil {
			all = append(all, spot{at + "/" + key, scalar(v)})
			all = append(all, spots(v, at+"/"+key)...)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			inside(manifest.EscapePointer(k), v[k])
		}
	case []any:
		for i, inner := range v {
			inside(strconv.Itoa(i), inner)
		}
	}
	return all
}

// without is a copy of a value in which the one that a pointer leads to is changed, or gone.
func without(v any, pointer string, remove bool) any {
	segment, rest, more := strings.Cut(pointer[1:], "/")
	switch v := v.(type) {
	case map[string]any:
		m, k := maps.Clone(v), manifest.UnescapePointer(segment)
		switch {
		case more:
			m[k] = without(v[k], "/"+rest, remove)
		case remove:
			delete(m, k)
		default:
			m[k] = mutated(v[k])
		}
		return m
	case []any:
		l := slices.Clone(v)
		i, _ := strconv.Atoi(segment)
		switch {
		case more:
			l[i] = without(v[i], "/"+rest, remove)
		case remove:
			l = slices.Delete(l, i, i+1)
		default:
			l[i] = mutated(v[i])
		}
		return l
	}
	return v
}

func scalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func mutated(v any) any {
	switch v := v.(type) {
	case string:
		return v + "-mutated"
	case bool:
		return !v
	case int64:
		return v + 1_000_003
	case float64:
		return v + 1_000_003
	case nil:
		return "mutated"
	}
	return "another type"
}

// noisy are objects with what is hidden in some places, and must not be in others.
const noisy = `
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  namespace: web
  labels: {app: db, helm.sh/chart: db-1.0.0, heritage: Helm, chart: db-1.0.0, app.kubernetes.io/managed-by: Helm}
  annotations: {meta.helm.sh/release-name: db, argocd.argoproj.io/tracking-id: "db:apps/StatefulSet:web/db", team: data}
spec:
  serviceName: db
  selector: {matchLabels: {app: db, chart: db-1.0.0, app.kubernetes.io/version: "1"}}
  template:
    metadata:
      labels: {app: db, chart: db-1.0.0, heritage: Helm, app.kubernetes.io/version: "1"}
      annotations: {checksum/config: aaaa, checksum/secret: bbbb, rollme: abcde}
    spec:
      containers: [{name: db, image: "registry.example/db:1"}]
  volumeClaimTemplates:
  - metadata: {name: data, labels: {helm.sh/chart: db-1.0.0, heritage: Helm}, annotations: {rollme: x}}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, labels: {helm.sh/chart: db-1.0.0}}
spec:
  backoffLimit: 3
  template:
    metadata: {labels: {helm.sh/chart: db-1.0.0}, annotations: {checksum/config: aaaa}}
    spec: {restartPolicy: Never, containers: [{name: migrate, image: "registry.example/db:1", args: [migrate, "--to=2"]}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup, labels: {helm.sh/chart: db-1.0.0}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    metadata: {labels: {helm.sh/chart: db-1.0.0}}
    spec:
      template:
        metadata: {labels: {helm.sh/chart: db-1.0.0, app: db}, annotations: {checksum/config: aaaa}}
        spec: {restartPolicy: Never, containers: [{name: backup, image: "registry.example/db:1", ports: [{containerPort: 1}, {containerPort: 2, protocol: UDP}]}]}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: thing, labels: {chart: x}}
spec:
  weight: 1.5
  nothing: null
  matrix: [[1, 2], [3, 4]]
  mixed: [1, text, {a: b}, [c], null, true]
  steps: [{name: one, run: a}, {name: two, run: b}]
  groups: [{rules: [{alert: A, expr: a}, {record: b, expr: b}]}]
  labels: {chart: x}
  metadata: {labels: {chart: x, helm.sh/chart: y}}
`

// TestMutations changes, and then removes, every single value of every object that the addons ship as plain YAML. The comparison must name
// the path of each, or the list item whose name changed; only noise may be hidden, and nothing that is immutable.
func TestMutations(t *testing.T) {
	tried, hidden := 0, 0
	for _, original := range append(shipped(t), parse(t, deployment+noisy)...) {
		for _, p := range spots(original.Content, "") {
			for _, remove := range []bool{false, true} {
				content := without(original.Content, p.pointer, remove).(map[string]any)
				name := fmt.Sprintf("%s %s removed=%v", original.ID, p.pointer, remove)
				r := Compare([]manifest.Object{original}, []manifest.Object{object(content)}, Options{})
				tried++
				if identity(p.pointer) {
					if len(r.Changes) == 0 {
						t.Errorf("%s: not seen", name)
					}
					continue
				}
				if len(r.Changes) != 1 || r.Changes[0].Kind != Changed {
					t.Fatalf("%s: %q", name, show(r))
				}
				c := r.Changes[0]
				hidden += len(c.Hidden)
				for _, f := range c.Hidden {
					if Immutable(original.ID, f.Path) || !known.MatchString(f.Path) {
						t.Errorf("%s: hidden", name)
					}
				}
				if all := slices.Concat(c.Fields, c.Hidden); !pinpoint(all, p, remove) {
					t.Errorf("%s: %q", name, lines(all))
				}
				back := Compare([]manifest.Object{object(content)}, []manifest.Object{original}, Options{})
				if len(back.Changes) != 1 || len(back.Changes[0].Fields) != len(c.Fields) || len(back.Changes[0].Hidden) != len(c.Hidden) {
					t.Errorf("%s: %q, but the way back %q", name, show(r), show(back))
				}
			}
		}
	}
	if tried < 10_000 || hidden < 20 {
		t.Errorf("only %d changes tried, and %d hidden", tried, hidden)
	}
	t.Logf("%d changes tried, %d hidden", tried, hidden)
}

func identity(pointer string) bool {
	return slices.Contains([]string{"/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace"}, pointer)
}

// known is written apart from the code under test: what may be hidden.
var known = regexp.MustCompile(`^(/spec/jobTemplate(/spec/template)?|/spec/template)?/metadata/(labels/(helm\.sh~1chart|chart|heritage|app\.kubernetes\.io~1(version|managed-by))|annotations/[^/]+)$`)

// pinpoint reports whether fields name a place and nothing else.
func pinpoint(fields []Field, p spot, removed bool) bool {
	if len(fields) == 0 {
		return false
	}
	for _, f := range fields {
		exact := f.Path == p.pointer && f.HadBefore && f.HasAfter != removed
		// A label that went with all others is shown by itself, and the new name of a list item makes it another item.
		below := !p.leaf && strings.HasPrefix(f.Path, p.pointer+"/")
		item := strings.HasPrefix(p.pointer, f.Path+"/") && f.HadBefore != f.HasAfter && len(fields) == 2
		// A port without its protocol has the name of the one beside it.
		port := strings.HasSuffix(p.pointer, "/protocol") && strings.HasPrefix(f.Path, p.pointer[:len(p.pointer)-len("/0/protocol")])
		if !exact && !below && !item && !port {
			return false
		}
	}
	return true
}
