package resolve_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// catalogOf decodes a catalog from its addons, one flow map each.
func catalogOf(addons ...string) *catalog.Catalog {
	c, err := catalog.Decode(catalog.File, []byte("apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\naddons:\n- {"+strings.Join(addons, "}\n- {")+"}\n"))
	if err != nil {
		panic(err)
	}
	return &c
}

func (w *world) release(tag string, addons ...string) {
	w.set(resolve.SourceRelease{Release: release.Release{Tag: mustTag(tag), Commit: commitOf(tag)}, Catalog: catalogOf(addons...)})
}

// secret is a good cluster Secret with the labels `addons.kaas.dev/<addon>=<value>`; a label with a slash is taken as it is.
func secret(name string, labels ...string) cluster.Secret {
	s := cluster.Secret{
		Name: name, Namespace: "argocd", Labels: map[string]string{cluster.SecretTypeLabel: cluster.SecretType},
		Annotations: map[string]string{cluster.VersionAnnotation: "v1.31.4"},
		Data:        map[string][]byte{"name": []byte(name), "server": []byte("https://" + name + ":6443"), "config": []byte("{}")},
	}
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		if !strings.Contains(key, "/") {
			key = catalog.LabelPrefix + key
		}
		s.Labels[key] = value
	}
	return s
}

func with(s cluster.Secret, change func(*cluster.Secret)) cluster.Secret {
	s.Labels, s.Annotations, s.Data = maps.Clone(s.Labels), maps.Clone(s.Annotations), maps.Clone(s.Data)
	change(&s)
	return s
}

func (w *world) secrets(secrets ...cluster.Secret) {
	w.clusters = nil
	for _, s := range secrets {
		w.clusters = append(w.clusters, resolve.Cluster{Facts: cluster.Read(s)})
	}
}

func mustSettle(t *testing.T, w *world) {
	t.Helper()
	if _, err := w.settle(resolve.Make); err != nil {
		t.Fatal(err)
	}
}

// told is a plan in short: each pair with its action and reasons, then the problems.
func told(plan resolve.Plan) (lines []string) {
	for _, p := range plan.Pairs {
		line := fmt.Sprintf("%s/%s %s", p.Cluster, p.Addon, p.Action)
		for _, r := range p.Reasons {
			line += fmt.Sprintf(" %s: %s.", r.Code, r.Message)
		}
		lines = append(lines, line)
	}
	for _, p := range plan.Problems {
		lines = append(lines, fmt.Sprintf("%s %s: %s", p.Code, p.Where, p.Message))
	}
	return lines
}

// TestSwitches tries every meaning of a label on addons that are there and that are not.
func TestSwitches(t *testing.T) {
	addons := []string{"name: opt", "name: def, enabled: default", "name: base, enabled: always", "name: new, kubernetes: \">=1.33\"", "name: newdef, enabled: default, kubernetes: \">=1.33\""}
	const invalid = `; write "enabled" or "disabled"; until then the addon stays as it is`
	for name, tc := range map[string]struct {
		before, after []string
		want          []string
	}{
		"nothing set": {
			after: nil,
			want:  []string{"a/base keep", "a/def keep"},
		},
		"switched on": {
			after: []string{"opt=enabled", "def=enabled", "base=enabled"},
			want:  []string{"a/base keep", "a/def keep", `a/opt install SwitchedOn: label addons.kaas.dev/opt is "enabled".`},
		},
		"switched off": {
			before: []string{"opt=enabled"},
			after:  []string{"opt=disabled", "def=disabled"},
			want: []string{
				"a/base keep", `a/def remove SwitchedOff: label addons.kaas.dev/def is "disabled".`, `a/opt remove SwitchedOff: label addons.kaas.dev/opt is "disabled".`,
			},
		},
		"label removed from an optional one": {
			before: []string{"opt=enabled"},
			want:   []string{"a/base keep", "a/def keep", "a/opt remove LabelRemoved: label addons.kaas.dev/opt is not set, and the addon is optional."},
		},
		"label removed from one that was off": {
			before: []string{"def=disabled"},
			want:   []string{"a/base keep", "a/def install EnabledByDefault: the catalog enables def by default."},
		},
		"an always one cannot be switched off": {
			after: []string{"base=disabled"},
			want:  []string{"a/base keep", "a/def keep"},
		},
		"unreadable where it is installed": {
			before: []string{"opt=enabled"},
			after:  []string{"opt=Enabled", "def=", "base=true"},
			want: []string{
				"a/base keep", `a/def hold InvalidSwitch: label addons.kaas.dev/def is neither "enabled" nor "disabled"; what is there stays.`,
				`a/opt hold InvalidSwitch: label addons.kaas.dev/opt is neither "enabled" nor "disabled"; what is there stays.`,
				`InvalidSwitch cluster a: label addons.kaas.dev/base is "true"` + invalid, `InvalidSwitch cluster a: label addons.kaas.dev/def is ""` + invalid,
				`InvalidSwitch cluster a: label addons.kaas.dev/opt is "Enabled"` + invalid,
			},
		},
		"unreadable where it is not": {
			before: []string{"def=disabled"},
			after:  []string{"opt={{.Values}}", "def=enabled "},
			want: []string{
				"a/base keep",
				`InvalidSwitch cluster a: label addons.kaas.dev/def is "enabled "` + invalid, `InvalidSwitch cluster a: label addons.kaas.dev/opt is "{{.Values}}"` + invalid,
			},
		},
		"an addon that nobody knows": {
			after: []string{"cert-manger=enabled"},
			want: []string{
				"a/base keep", "a/def keep",
				"UnknownAddon cluster a: label addons.kaas.dev/cert-manger names no addon of any release; correct or remove it",
			},
		},
		"an annotation written as a label": {
			after: []string{"paused=enabled"},
			want: []string{
				"a/base keep", "a/def keep",
				"UnknownAddon cluster a: label addons.kaas.dev/paused has no meaning; write it as an annotation",
			},
		},
		"asked for and out of range": {
			after: []string{"new=enabled"},
			want:  []string{"a/base keep", "a/def keep", "a/new hold OutOfRange: new supports Kubernetes >=1.33; this cluster runs v1.31.4."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release("v1.31-ake.1", addons...)
			w.secrets(secret("a", tc.before...))
			mustSettle(t, w)
			w.secrets(secret("a", tc.after...))
			if d := cmp.Diff(tc.want, told(resolve.Make(w.input()))); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}

// TestBadSecrets has one row for each bad cluster Secret that the project collected. Whatever is wrong with cluster a, its label of
// cert-manager gone and a newer release out: nothing it has changes, and b gets what it would have got anyway.
func TestBadSecrets(t *testing.T) {
	data := func(key, value string) func(*cluster.Secret) {
		return func(s *cluster.Secret) { s.Data[key] = []byte(value) }
	}
	note := func(key, value string) func(*cluster.Secret) {
		return func(s *cluster.Secret) { s.Annotations[key] = value }
	}
	label := func(key, value string) func(*cluster.Secret) {
		return func(s *cluster.Secret) { s.Labels[key] = value }
	}
	for name, tc := range map[string]struct {
		change func(*cluster.Secret)
		// hold is the code that keeps everything; "" when the cluster goes on as any other.
		hold string
	}{
		"s1 no name":                     {func(s *cluster.Secret) { delete(s.Data, "name") }, "NoName"},
		"s2 no server":                   {func(s *cluster.Secret) { delete(s.Data, "server") }, "NoServer"},
		"s5 display name with a slash":   {data("name", "../b"), ""},
		"s5 display name of 300":         {data("name", strings.Repeat("x", 300)), ""},
		"s5 display name in-cluster":     {data("name", "in-cluster"), ""},
		"s5 renamed in its Secret":       {data("name", "kyoto"), ""},
		"s6 names that nearly collapse":  {data("name", "B_"), ""},
		"s7 config not JSON":             {data("config", "{"), "InvalidConfig"},
		"s7 config of a wrong type":      {data("config", `{"bearerToken":1}`), "InvalidConfig"},
		"s8 config with exec":            {data("config", `{"execProviderConfig":{"command":"sh"}}`), ""},
		"s9 server over plain http":      {data("server", "http://a:6443"), ""},
		"s9 server link-local":           {data("server", "https://169.254.169.254"), ""},
		"s9 server our own":              {data("server", "https://kubernetes.default.svc"), ""},
		"s9 server a template":           {data("server", "https://{{server}}"), "InvalidServer"},
		"s10 caData not base64":          {data("config", `{"tlsClientConfig":{"caData":"!"}}`), "InvalidConfig"},
		"s10 caData not PEM":             {data("config", `{"tlsClientConfig":{"caData":"YQ=="}}`), ""},
		"s12 label for an unknown addon": {label("addons.kaas.dev/nobody", "enabled"), ""},
		"s13 500 addon labels": {func(s *cluster.Secret) {
			for i := range 500 {
				s.Labels[fmt.Sprintf("addons.kaas.dev/x%d", i)] = "enabled"
			}
		}, ""},
		"s15 version latest":           {note(cluster.VersionAnnotation, "latest"), "InvalidVersion"},
		"s15 version with a command":   {note(cluster.VersionAnnotation, "1.31.4; rm -rf"), "InvalidVersion"},
		"s15 version 999.999":          {note(cluster.VersionAnnotation, "999.999"), "NoRelease"},
		"s15 version of 1 MB":          {note(cluster.VersionAnnotation, strings.Repeat("1", 1<<20)), "InvalidVersion"},
		"s15 no version":               {func(s *cluster.Secret) { delete(s.Annotations, cluster.VersionAnnotation) }, "VersionUnknown"},
		"s17 annotations of 256 KiB":   {note("note", strings.Repeat("x", 256<<10)), ""},
		"s18 last-applied with token":  {note("kubectl.kubernetes.io/last-applied-configuration", "token"), ""},
		"s19 Secret being deleted":     {func(s *cluster.Secret) { s.Deleting = true }, "ClusterDeleting"},
		"s20 type label removed":       {func(s *cluster.Secret) { delete(s.Labels, cluster.SecretTypeLabel) }, "NotACluster"},
		"s21 paused":                   {note(cluster.PausedAnnotation, "true"), "Paused"},
		"s21 paused in other words":    {note(cluster.PausedAnnotation, "Yes"), "Paused"},
		"s22 another tenant's project": {data("project", "tenant"), ""},
		"s23 shard a text":             {data("shard", "x"), ""},
		"s24 invalid UTF-8":            {data("name", "\xff"), ""},
		"s3 the name of another":       {data("name", "b"), "DuplicateName"},
		"s4 the server of another":     {data("server", "https://B:6443/"), "DuplicateServer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			addons := []string{"name: cert-manager", "name: metrics, enabled: default"}
			w.release("v1.31-ake.1", addons...)
			good := secret("a", "cert-manager=enabled")
			w.secrets(good, secret("b", "cert-manager=enabled"))
			mustSettle(t, w)
			before := w.clone()

			w.release("v1.31-ake.2", addons...)
			bad := with(good, tc.change)
			if tc.hold != "" {
				delete(bad.Labels, "addons.kaas.dev/cert-manager")
			}
			w.secrets(bad, secret("b", "cert-manager=enabled"))
			plan := resolve.Make(w.input())
			want := map[string]string{}
			for _, pair := range []string{"a/cert-manager", "a/metrics", "b/cert-manager", "b/metrics"} {
				want[pair] = "move NewRelease"
				if tc.hold != "" && (pair[0] == 'a' || strings.HasPrefix(tc.hold, "Duplicate")) {
					want[pair] = "hold " + tc.hold
				}
			}
			got := map[string]string{}
			for _, p := range plan.Pairs {
				got[p.Cluster+"/"+p.Addon] = fmt.Sprintf("%s %s", p.Action, p.Reasons[0].Code)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("plan (-want +got):\n%s", d)
			}
			mustSettle(t, w)
			for name, app := range w.apps {
				was := before.apps[name]
				held := want[app.cluster+"/"+app.Addon] != "move NewRelease"
				if held && app != was || app.uid != was.uid {
					t.Errorf("%s was %+v\nand is %+v", name, was, app)
				}
			}
			if len(w.apps) != len(before.apps) {
				t.Errorf("Applications: %v, before: %v", w, before)
			}
		})
	}

	t.Run("s14 label removed and set again", func(t *testing.T) {
		w := newWorld()
		w.release("v1.31-ake.1", "name: cert-manager")
		w.secrets(secret("a", "cert-manager=enabled"))
		mustSettle(t, w)
		before := w.String()
		w.secrets(secret("a"))
		w.apply(resolve.Make(w.input())) // The first step: the finalizer is asked for.
		if _, err := w.argo(); err != nil {
			t.Fatal(err)
		}
		if got := w.String(); !strings.HasSuffix(strings.TrimSpace(got), "finalizer") {
			t.Fatalf("after the first step of a removal: %s", got)
		}
		w.secrets(secret("a", "cert-manager=enabled"))
		mustSettle(t, w)
		if got := w.String(); got != before {
			t.Errorf("after the label came back:\n%s\nwant\n%s", got, before)
		}
	})
	t.Run("s16 a version lower than before", func(t *testing.T) {
		w := newWorld()
		w.release("v1.31-ake.1", "name: base, enabled: always")
		w.release("v1.32-ake.1", "name: base, enabled: always")
		w.secrets(with(secret("a"), note(cluster.VersionAnnotation, "v1.32.0")))
		mustSettle(t, w)
		w.secrets(secret("a"))
		want := []string{"a/base move KubernetesDowngrade: the cluster runs Kubernetes v1.31.4 now, an older minor than before: from v1.32-ake.1 to v1.31-ake.1."}
		if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
			t.Errorf("plan (-want +got):\n%s", d)
		}
	})
	t.Run("s3 one Secret twice", func(t *testing.T) {
		w := newWorld()
		w.release("v1.31-ake.1", "name: base, enabled: always")
		w.secrets(secret("a"))
		mustSettle(t, w)
		w.release("v1.31-ake.2", "name: base, enabled: always")
		w.secrets(secret("a"), with(secret("a"), func(s *cluster.Secret) { s.Data["server"] = []byte("https://elsewhere") }))
		want := []string{"a/base hold DuplicateSecret: 2 cluster Secrets are named a; nothing changes until one is left."}
		if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
			t.Errorf("plan (-want +got):\n%s", d)
		}
	})
}

// TestDependencies holds what cannot have what it needs, and says why, through any number of steps.
func TestDependencies(t *testing.T) {
	addons := []string{
		"name: a, dependsOn: [b]", "name: b, dependsOn: [c]", "name: c", "name: old, kubernetes: \"<1.31\"", "name: x, dependsOn: [old]",
		"name: p, parameters: [{name: zone, from: {label: zone}}]", "name: q, dependsOn: [p]",
	}
	const off = "b needs c, which is off on this cluster; set label addons.kaas.dev/c=enabled."
	for name, tc := range map[string]struct {
		before, after []string
		want          []string
	}{
		"all on": {after: []string{"a=enabled", "b=enabled", "c=enabled"}, want: []string{
			"k/a hold WaitingForDependency: waits for b, which waits for c, which comes first (v1.31-ake.1).", "k/b hold WaitingForDependency: waits for c, which comes first (v1.31-ake.1).", `k/c install SwitchedOn: label addons.kaas.dev/c is "enabled".`,
		}},
		"the last of three is off": {after: []string{"a=enabled", "b=enabled"}, want: []string{
			"k/a hold DependencyOff: a needs b: " + off, "k/b hold DependencyOff: " + off,
		}},
		"the last of three goes": {before: []string{"a=enabled", "b=enabled", "c=enabled"}, after: []string{"a=enabled", "b=enabled", "c=disabled"}, want: []string{
			"k/a keep", "k/b hold DependencyOff: " + off, `k/c hold SwitchedOff: label addons.kaas.dev/c is "disabled". Required: b needs it and is on; switch b off first.`,
		}},
		"two of three go": {before: []string{"a=enabled", "b=enabled", "c=enabled"}, after: []string{"a=enabled"}, want: []string{
			"k/a hold DependencyOff: a needs b, which is off on this cluster; set label addons.kaas.dev/b=enabled.",
			"k/b hold LabelRemoved: label addons.kaas.dev/b is not set, and the addon is optional. Required: a needs it and is on; switch a off first.",
			"k/c hold LabelRemoved: label addons.kaas.dev/c is not set, and the addon is optional. Required: b needs it and is on; switch b off first.",
		}},
		"unreadable and there": {before: []string{"b=enabled", "c=enabled"}, after: []string{"a=enabled", "b=yes", "c=enabled"}, want: []string{
			`k/a install SwitchedOn: label addons.kaas.dev/a is "enabled".`, `k/b hold InvalidSwitch: label addons.kaas.dev/b is neither "enabled" nor "disabled"; what is there stays.`, "k/c keep",
			`InvalidSwitch cluster k: label addons.kaas.dev/b is "yes"; write "enabled" or "disabled"; until then the addon stays as it is`,
		}},
		"unreadable and not there": {after: []string{"b=enabled", "c=yes"}, want: []string{
			`k/b hold DependencyOff: b needs c, which is not there: label addons.kaas.dev/c is neither "enabled" nor "disabled".`,
			`InvalidSwitch cluster k: label addons.kaas.dev/c is "yes"; write "enabled" or "disabled"; until then the addon stays as it is`,
		}},
		"out of range": {after: []string{"x=enabled", "old=enabled"}, want: []string{
			"k/old hold OutOfRange: old supports Kubernetes <1.31; this cluster runs v1.31.4.", "k/x hold DependencyOff: x needs old: old supports Kubernetes <1.31; this cluster runs v1.31.4.",
		}},
		"without a parameter": {after: []string{"p=enabled", "q=enabled"}, want: []string{
			"k/p hold ParameterMissing: parameter zone of p comes from label zone, which this cluster's Secret does not have, and there is no default.",
			"k/q hold DependencyOff: q needs p: parameter zone of p comes from label zone, which this cluster's Secret does not have, and there is no default.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.release("v1.31-ake.1", addons...)
			w.secrets(secret("k", tc.before...))
			mustSettle(t, w)
			w.secrets(secret("k", tc.after...))
			if d := cmp.Diff(tc.want, told(resolve.Make(w.input()))); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}

// TestElement compiles one Application from every source of a value.
func TestElement(t *testing.T) {
	const tag = "v1.31-ake.1"
	base := resolve.Element{
		Application: "tokyo-1-x", Addon: "x", Placement: catalog.Workload, OnDisable: catalog.Prune, Release: tag, Commit: commitOf(tag), Revision: commitOf(tag),
		Path: "addons/x", Namespace: "x", Server: "https://tokyo-1:6443", Patch: `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`,
	}
	but := func(change func(*resolve.Element)) resolve.Element {
		e := base
		change(&e)
		return e
	}
	parameters := func(operations string) resolve.Element {
		return but(func(e *resolve.Element) {
			e.Patch = `{"spec":{"source":{"kustomize":{"patches":[{"patch":"[` + strings.ReplaceAll(strings.ReplaceAll(operations, `\`, `\\`), `"`, `\"`) + `]","target":{"kind":"ConfigMap","name":"addon-parameters"}}]}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
		})
	}
	for name, tc := range map[string]struct {
		addon  string
		helm   bool
		change func(*cluster.Secret)
		want   resolve.Element
		// refused is the reason why there is none.
		refused string
	}{
		"plain":     {addon: "", want: base},
		"namespace": {addon: "namespace: kube-system, path: charts/x, onDisable: retain", want: but(func(e *resolve.Element) { e.Namespace, e.Path, e.OnDisable = "kube-system", "charts/x", catalog.Retain })},
		"management": {addon: "placement: management, namespace: ignored", want: but(func(e *resolve.Element) {
			e.Placement, e.Server, e.Namespace = catalog.Management, "https://kubernetes.default.svc", "addons-tokyo-1"
		})},
		"Argo CD's options": {
			addon: `argocd: {syncOptions: [ServerSideApply=true, CreateNamespace=false], ignoreDifferences: [{kind: Secret, jsonPointers: [/data], group: x.io}]}`,
			want: but(func(e *resolve.Element) {
				e.Patch = `{"spec":{"ignoreDifferences":[{"group":"x.io","jsonPointers":["/data"],"kind":"Secret"}],"syncPolicy":{"syncOptions":["ServerSideApply=true","CreateNamespace=false"]}}}`
			}),
		},
		"parameters from fields": {
			addon: "parameters: [{name: a, from: {field: name}}, {name: b, from: {field: server}}, {name: c, from: {field: kubernetesVersion}}, {name: d, from: {field: kubernetesMinor}}]",
			want:  parameters(`{"op":"add","path":"/data/a","value":"tokyo-1"},{"op":"add","path":"/data/b","value":"https://tokyo-1:6443"},{"op":"add","path":"/data/c","value":"v1.31.4"},{"op":"add","path":"/data/d","value":"1.31"}`),
		},
		"parameters from label, annotation, value and default": {
			addon: "parameters: [{name: a, from: {label: zone}}, {name: b, from: {annotation: note}}, {name: c, from: {value: fixed}}, {name: d, from: {label: none}, default: local}, {name: e, from: {label: empty}, default: other}]",
			change: func(s *cluster.Secret) {
				s.Labels["zone"], s.Annotations["note"], s.Labels["empty"] = "z", "n", ""
			},
			want: parameters(`{"op":"add","path":"/data/a","value":"z"},{"op":"add","path":"/data/b","value":"n"},{"op":"add","path":"/data/c","value":"fixed"},{"op":"add","path":"/data/d","value":"local"},{"op":"add","path":"/data/e","value":""}`),
		},
		"c31 parameter from a missing label": {addon: "parameters: [{name: a, from: {label: zone}}]", refused: "ParameterMissing: parameter a of x comes from label zone, which this cluster's Secret does not have, and there is no default"},
		"parameter from a missing annotation": {
			addon: "parameters: [{name: a, from: {annotation: note}}]", refused: "ParameterMissing: parameter a of x comes from annotation note, which this cluster's Secret does not have, and there is no default",
		},
		"c32 values that other tools would evaluate": {
			addon:  "parameters: [{name: a, from: {annotation: note}}]",
			change: func(s *cluster.Secret) { s.Annotations["note"] = "{{ .Values }} $(id) `id`\n\"\\" },
			want:   parameters(`{"op":"add","path":"/data/a","value":"{{ .Values }} $(id) ` + "`id`" + `\n\"\\"}`),
		},
		"Helm values": {
			addon: "parameters: [{name: cluster.name, from: {field: name}}, {name: cluster.region, from: {value: eu}}, {name: size, from: {value: \"3\"}}]", helm: true,
			want: but(func(e *resolve.Element) {
				e.Patch = `{"spec":{"source":{"helm":{"valuesObject":{"cluster":{"name":"tokyo-1","region":"eu"},"size":"3"}}},"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			addon := "name: x, enabled: always"
			if tc.addon != "" {
				addon += ", " + tc.addon
			}
			c := catalogOf(addon)
			c.Addons[0].Source = catalog.Kustomize
			if tc.helm {
				c.Addons[0].Source = catalog.Helm
			}
			w := newWorld()
			w.set(resolve.SourceRelease{Release: release.Release{Tag: mustTag(tag), Commit: commitOf(tag)}, Catalog: c})
			s := secret("tokyo-1")
			if tc.change != nil {
				tc.change(&s)
			}
			w.secrets(s)
			pairs := resolve.Make(w.input()).Pairs
			if len(pairs) != 1 {
				t.Fatalf("pairs: %+v", pairs)
			}
			p := pairs[0]
			if tc.refused != "" {
				if got := fmt.Sprintf("%s: %s", p.Reasons[0].Code, p.Reasons[0].Message); p.Action != resolve.Hold || p.Element != nil || got != tc.refused {
					t.Errorf("%s %v: %s\nwant hold: %s", p.Action, p.Element, got, tc.refused)
				}
				return
			}
			if p.Element == nil {
				t.Fatalf("no element: %+v", p)
			}
			tc.want.Moved = "2026-01-31T12:00:00Z"
			if d := cmp.Diff(tc.want, *p.Element); d != "" {
				t.Errorf("element (-want +got):\n%s", d)
			}
		})
	}
}

// TestSettingsChange moves the destination of the same Application when a cluster gets another address, and writes nothing else.
func TestSettingsChange(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: x, enabled: always")
	w.secrets(secret("a"))
	mustSettle(t, w)
	w.secrets(with(secret("a"), func(s *cluster.Secret) {
		s.Data["server"], s.Data["name"] = []byte("https://new"), []byte("other")
	}))
	want := []string{"a/x keep SettingsChanged: settings of the Application change: server."}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	mustSettle(t, w)
	if got, want := w.String(), fmt.Sprintf("a-x #1 v1.31-ake.1 %.12s https://new\n", commitOf("v1.31-ake.1")); got != want {
		t.Errorf("runs:\n%swant:\n%s", got, want)
	}
}

// TestLabelsOnHeldCluster shows what is asked for and must wait. While no catalog was read, nobody can tell which names are addons.
func TestLabelsOnHeldCluster(t *testing.T) {
	const wait = "hold NoRelease: there is no usable release for Kubernetes 1.31; minors that have one: "
	w := newWorld()
	w.secrets(secret("a", "x=enabled", "y=disabled", "Z=enabled", "paused=enabled"))
	want := []string{
		"a/x " + wait + "none.",
		"UnknownAddon cluster a: label addons.kaas.dev/paused has no meaning; write it as an annotation",
	}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("no catalog (-want +got):\n%s", d)
	}
	w.release("v1.32-ake.1", "name: w")
	want = []string{
		"UnknownAddon cluster a: label addons.kaas.dev/Z names no addon of any release; correct or remove it",
		"UnknownAddon cluster a: label addons.kaas.dev/paused has no meaning; write it as an annotation",
		"UnknownAddon cluster a: label addons.kaas.dev/x names no addon of any release; correct or remove it",
		"UnknownAddon cluster a: label addons.kaas.dev/y names no addon of any release; correct or remove it",
	}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("the catalog of another minor (-want +got):\n%s", d)
	}
	w.release("v1.31-ake.1", "name: x", "name: z")
	w.secrets(with(secret("a", "x=enabled"), func(s *cluster.Secret) { s.Annotations[cluster.PausedAnnotation] = "true" }))
	want = []string{"a/x hold Paused: annotation addons.kaas.dev/paused is set; nothing changes until it is removed."}
	if d := cmp.Diff(want, told(resolve.Make(w.input()))); d != "" {
		t.Errorf("paused (-want +got):\n%s", d)
	}
}

// TestRetiredMinor (c21) tells of clusters on a minor that main offers no more, and serves them all the same.
func TestRetiredMinor(t *testing.T) {
	w := newWorld()
	w.offered = []version.Minor{{Major: 1, Minor: 32}, {Major: 1, Minor: 33}}
	for _, tag := range []string{"v1.30-ake.1", "v1.31-ake.1", "v1.32-ake.1"} {
		w.release(tag, "name: x, enabled: always")
	}
	at := func(name, v string) cluster.Secret {
		return with(secret(name), func(s *cluster.Secret) { s.Annotations[cluster.VersionAnnotation] = v })
	}
	w.secrets(at("a", "1.31"), at("b", "1.31.7"), at("c", "1.32"), at("d", "1.29"))
	want := []string{
		"a/x install AlwaysOn: the catalog enables x on every cluster.",
		"b/x install AlwaysOn: the catalog enables x on every cluster.",
		"c/x install AlwaysOn: the catalog enables x on every cluster.",
		"MinorRetired catalog.yaml: kubernetes.minors no longer offers 1.31, which 2 cluster(s) run; they keep getting its releases",
	}
	plan := resolve.Make(w.input())
	if d := cmp.Diff(want, told(plan)); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	hold := "NoRelease: there is no usable release for Kubernetes 1.29; minors that have one: 1.30, 1.31, 1.32"
	if r := plan.Clusters[3].Reasons; len(r) != 1 || string(r[0].Code)+": "+r[0].Message != hold {
		t.Errorf("d is held for %v, want %s", r, hold)
	}
}

// TestVersionShapes serves every shape in which a cluster's version is reported from the branch of its minor.
func TestVersionShapes(t *testing.T) {
	for _, text := range []string{"v1.31.4", "1.31", "1.31+", "v1.31.4+k3s1", "v1.31.4-eks-99", "v1.31.4-gke.100", "v1.31.0-rc.1"} {
		for _, detected := range []bool{false, true} {
			w := newWorld()
			w.release("v1.31-ake.1", `name: x, enabled: always, kubernetes: ">=1.31"`)
			s := secret("a")
			s.Annotations[cluster.VersionAnnotation] = text
			if detected {
				delete(s.Annotations, cluster.VersionAnnotation)
			}
			w.secrets(s)
			if detected {
				v, err := version.ParseKubernetes(text)
				if err != nil {
					t.Fatal(err)
				}
				w.clusters[0].Detected = v
			}
			plan := resolve.Make(w.input())
			if got, want := told(plan), []string{"a/x install AlwaysOn: the catalog enables x on every cluster."}; !cmp.Equal(got, want) || plan.Clusters[0].Minor != "1.31" {
				t.Errorf("%q (detected: %v): %q on minor %s", text, detected, got, plan.Clusters[0].Minor)
			}
		}
	}
	for _, text := range []string{"", "latest", "v1", "1.31.x", "v9999999999.1"} {
		w := newWorld()
		w.release("v1.31-ake.1", "name: x, enabled: always")
		w.secrets(secret("a"))
		mustSettle(t, w)
		before := w.String()
		w.secrets(with(secret("a"), func(s *cluster.Secret) { s.Annotations[cluster.VersionAnnotation] = text }))
		mustSettle(t, w)
		if plan := resolve.Make(w.input()); plan.Pairs[0].Action != resolve.Hold || !plan.Clusters[0].Held || w.String() != before {
			t.Errorf("%q: %s, then %s", text, plan.Pairs[0].Action, w)
		}
	}
}
