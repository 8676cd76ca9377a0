package cluster_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

const (
	where = "Secret argocd/tokyo-1"
	token = "hunter2-token"
	blind = ". Until it is corrected, Argo CD reconciles no ApplicationSet at all: no cluster of the fleet gets new addons or releases"
)

func secret() cluster.Secret {
	return cluster.Secret{
		Name: "tokyo-1", Namespace: "argocd", UID: "0b2c",
		Labels:      map[string]string{cluster.SecretTypeLabel: cluster.SecretType},
		Annotations: map[string]string{},
		Data: map[string][]byte{
			"name": []byte("tokyo"), "server": []byte("https://10.0.0.1:6443"),
			"config": []byte(`{"bearerToken":"` + token + `","tlsClientConfig":{"insecure":true}}`),
		},
	}
}

func facts() cluster.Facts {
	return cluster.Facts{Name: "tokyo-1", DisplayName: "tokyo", Server: "https://10.0.0.1:6443"}
}

func problem(code fault.Code, message string) []fault.Problem {
	return []fault.Problem{{Code: code, Where: where, Message: message}}
}

func reason(code fault.Code, message string) *fault.Reason {
	return &fault.Reason{Code: code, Message: message}
}

func data(key, value string) func(*cluster.Secret) {
	return func(s *cluster.Secret) { s.Data[key] = []byte(value) }
}

func annotate(key, value string) func(*cluster.Secret) {
	return func(s *cluster.Secret) { s.Annotations[key] = value }
}

// told expects one problem and nothing else: the cluster is used as it is.
func told(code fault.Code, message string) func(*cluster.Facts) {
	return func(f *cluster.Facts) { f.Problems = problem(code, message) }
}

// held expects one problem that keeps everything on the cluster as it is.
func held(code fault.Code, message string) func(*cluster.Facts) {
	return func(f *cluster.Facts) { f.Problems, f.Hold = problem(code, message), reason(code, message) }
}

func both(all ...func(*cluster.Facts)) func(*cluster.Facts) {
	return func(f *cluster.Facts) {
		for _, one := range all {
			one(f)
		}
	}
}

func noServer(f *cluster.Facts) { f.Server = "" }

func blocks(f *cluster.Facts) { f.BlocksArgoCD = true }

func nothing(*cluster.Facts) {}

func display(name string) func(*cluster.Facts) {
	return func(f *cluster.Facts) { f.DisplayName = name }
}

func at(server string) func(*cluster.Facts) {
	return func(f *cluster.Facts) { f.Server = server }
}

func runs(text string, major, minor, patch int) func(*cluster.Facts) {
	return func(f *cluster.Facts) {
		f.ReportedVersion = version.Kubernetes{Minor: version.Minor{Major: major, Minor: minor}, Patch: patch, Raw: text}
	}
}

// The rows named s* are the bad cluster Secrets that the project collected; those about several Secrets are in TestDuplicates,
// those about switches in TestSwitches.
func TestRead(t *testing.T) {
	const url = "; write the API server's URL, such as https://10.0.0.1:6443"
	long := strings.Repeat("x", 300)
	for name, tc := range map[string]struct {
		change func(*cluster.Secret)
		want   func(*cluster.Facts)
	}{
		"a good Secret": {func(*cluster.Secret) {}, nothing},
		"s1 no name": {
			func(s *cluster.Secret) { delete(s.Data, "name") },
			both(display(""), held(cluster.CodeNoName, "data.name is missing; Argo CD 2.14 then reports the cluster as one that does not exist and refuses its Applications; add a name that no other cluster has")),
		},
		"s2 no server": {
			func(s *cluster.Secret) { delete(s.Data, "server") },
			both(noServer, held(cluster.CodeNoServer, "data.server is missing, so Argo CD cannot address the cluster"+url)),
		},
		"s2 only slashes":               {data("server", "//"), both(noServer, held(cluster.CodeNoServer, "data.server is missing, so Argo CD cannot address the cluster"+url))},
		"s5 name with a slash":          {data("name", "arn:aws:eks:eu-central-1:1:cluster/a"), display("arn:aws:eks:eu-central-1:1:cluster/a")},
		"s5 name of dots":               {data("name", ".."), display("..")},
		"s5 name in another script":     {data("name", "東京"), display("東京")},
		"s5 name with a space":          {data("name", "my cluster"), both(display("my cluster"), told(cluster.CodeUnusualName, `data.name "my cluster" has spaces or invisible characters; it is only shown, but choose one without`))},
		"s5 name written right to left": {data("name", "a\u202eb"), both(display("a\u202eb"), told(cluster.CodeUnusualName, `data.name "a\u202eb" has spaces or invisible characters; it is only shown, but choose one without`))},
		"s5 name of 300 characters":     {data("name", long), both(display(long), told(cluster.CodeUnusualName, `data.name "`+long[:40]+`"… (300 bytes) is longer than 253 bytes; it is only shown, but choose a shorter one`))},
		"s5 name of 300 wide ones":      {data("name", strings.Repeat("語", 100)), both(display(strings.Repeat("語", 100)), told(cluster.CodeUnusualName, `data.name "`+strings.Repeat("語", 13)+`"… (300 bytes) is longer than 253 bytes; it is only shown, but choose a shorter one`))},
		"s5 name in-cluster":            {data("name", "in-cluster"), both(display("in-cluster"), told(cluster.CodeReservedName, `data.name is "in-cluster", which Argo CD uses for the cluster it runs in (https://kubernetes.default.svc); choose another`))},
		"s7 config not JSON":            {data("config", token), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: it is not JSON (byte 1 of 13)"+blind))},
		"s7 config cut off":             {data("config", `{"bearerToken":"`+token), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: it is not JSON (byte 29 of 29)"+blind))},
		"s7 config a JSON text":         {data("config", `"`+token+`"`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: it is JSON, but not an object"+blind))},
		"s7 config with a wrong type":   {data("config", `{"tlsClientConfig":{"insecure":"`+token+`"}}`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: field tlsClientConfig.insecure must be true or false"+blind))},
		"s7 config with a number":       {data("config", `{"bearerToken":4711}`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: field bearerToken must be a string"+blind))},
		"s7 config empty":               {data("config", ""), nothing},
		"s7 config null":                {data("config", "null"), nothing},
		"s7 config with more fields":    {data("config", `{"shiny":{"new":true}}`), nothing},
		"s8 config with exec":           {data("config", `{"exec":{"command":"sh"}}`), nothing},
		"s8 config with execProviderConfig": {
			data("config", `{"execProviderConfig":{"command":"argocd-k8s-auth","args":["gcp"],"env":{"A":"b"},"apiVersion":"client.authentication.k8s.io/v1beta1"}}`), nothing,
		},
		"s8 config with awsAuthConfig": {data("config", `{"awsAuthConfig":{"clusterName":"a","roleARN":"b","profile":"c"}}`), nothing},
		"s8 execProviderConfig a text": {data("config", `{"execProviderConfig":"x"}`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: field execProviderConfig must be an object"+blind))},
		"s9 server http://": {
			data("server", "http://10.0.0.1:8080"),
			both(at("http://10.0.0.1:8080"), told(cluster.CodePlainHTTP, "data.server is an http:// address: credentials and manifests travel unencrypted; use https://")),
		},
		"s9 server http: and no more": {data("server", "http://"), both(noServer, held(cluster.CodeInvalidServer, "data.server has no usable host name"+url))},
		"s9 server link-local": {
			data("server", "https://169.254.169.254"),
			both(at("https://169.254.169.254"), told(cluster.CodeLinkLocal, "data.server is the link-local address 169.254.169.254, where cloud providers serve machine credentials; the cluster is not asked for its version; use the API server's own address")),
		},
		"s9 server link-local in IPv6": {
			data("server", "https://[fe80::1%25eth0]:6443"),
			both(at("https://[fe80::1%25eth0]:6443"), told(cluster.CodeLinkLocal, "data.server is the link-local address fe80::1%eth0, where cloud providers serve machine credentials; the cluster is not asked for its version; use the API server's own address")),
		},
		"s9 server our own":              {data("server", "https://kubernetes.default.svc"), at("https://kubernetes.default.svc")},
		"server with slashes at the end": {data("server", "https://10.0.0.1:6443//"), nothing},
		"server with a path":             {data("server", "https://rancher/k8s/clusters/c-1"), at("https://rancher/k8s/clusters/c-1")},
		"server without a scheme":        {data("server", "10.0.0.1:6443"), at("10.0.0.1:6443")},
		"server in another scheme":       {data("server", "ssh://host"), both(noServer, held(cluster.CodeInvalidServer, "data.server has a scheme other than https"+url))},
		"server with a password":         {data("server", "https://me:"+token+"@host"), both(noServer, held(cluster.CodeInvalidServer, "data.server contains a user name or password, which belong in data.config"+url))},
		"server with a query":            {data("server", "https://host?token="+token), both(noServer, held(cluster.CodeInvalidServer, "data.server has a query or fragment"+url))},
		"server a template":              {data("server", "https://{{server}}"), both(noServer, held(cluster.CodeInvalidServer, "data.server is not a URL with a host"+url))},
		"server a sentence":              {data("server", "the usual one"), both(noServer, held(cluster.CodeInvalidServer, "data.server is neither a URL nor host:port"+url))},
		"server of 3000 bytes":           {data("server", "https://"+strings.Repeat("a", 3000)), both(noServer, held(cluster.CodeInvalidServer, "data.server is longer than an address can be"+url))},
		"s10 caData not base64":          {data("config", `{"tlsClientConfig":{"caData":"`+token+`!"}}`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: tlsClientConfig.caData is not base64"+blind))},
		"s10 keyData not base64":         {data("config", `{"tlsClientConfig":{"caData":"YQ==","keyData":"`+token+`!"}}`), both(blocks, held(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: tlsClientConfig.keyData is not base64"+blind))},
		"s10 caData not PEM":             {data("config", `{"tlsClientConfig":{"caData":"aHVudGVyMg=="}}`), told(cluster.CodeInvalidCredentials, "data.config: tlsClientConfig.caData is not PEM after base64; Argo CD cannot connect to the cluster with it")},
		"proxy in another scheme":        {data("config", `{"proxyUrl":"ftp://me:`+token+`@proxy"}`), told(cluster.CodeInvalidCredentials, "data.config: proxyUrl must start with http://, https:// or socks5://; Argo CD cannot connect to the cluster with it")},
		"proxy no URL":                   {data("config", `{"proxyUrl":"http://`+token+`:%zz"}`), told(cluster.CodeInvalidCredentials, "data.config: proxyUrl is not a URL; Argo CD cannot connect to the cluster with it")},
		"version of a release candidate": {annotate(cluster.VersionAnnotation, "v1.32.0-rc.1"), runs("v1.32.0-rc.1", 1, 32, 0)},
		"version as EKS writes it":       {annotate(cluster.VersionAnnotation, "v1.31.4-eks-99"), runs("v1.31.4-eks-99", 1, 31, 4)},
		"s15 version latest":             {annotate(cluster.VersionAnnotation, "latest"), held(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "latest" is not a Kubernetes version: it has another form; want a form like v1.31.4; correct it, or remove it so that the version is detected`)},
		"s15 version with a command":     {annotate(cluster.VersionAnnotation, "1.31.4; rm -rf"), held(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "1.31.4; rm -rf" is not a Kubernetes version: it has another form; want a form like v1.31.4; correct it, or remove it so that the version is detected`)},
		"s15 version 999.999":            {annotate(cluster.VersionAnnotation, "999.999"), runs("999.999", 999, 999, 0)},
		"s15 version -1":                 {annotate(cluster.VersionAnnotation, "-1"), held(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "-1" is not a Kubernetes version: it has another form; want a form like v1.31.4; correct it, or remove it so that the version is detected`)},
		"s15 version empty":              {annotate(cluster.VersionAnnotation, ""), held(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "" is not a Kubernetes version: it is empty; want a form like v1.31.4; correct it, or remove it so that the version is detected`)},
		"s15 version of 1 MB":            {annotate(cluster.VersionAnnotation, strings.Repeat("1", 1<<20)), held(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "`+strings.Repeat("1", 40)+`"… (1048576 bytes) is not a Kubernetes version: it has 1048576 bytes, at most 128 are read; want a form like v1.31.4; correct it, or remove it so that the version is detected`)},
		"s16 version lower than before":  {annotate(cluster.VersionAnnotation, "v1.30.1"), runs("v1.30.1", 1, 30, 1)},
		"s17 annotation of 256 KiB":      {annotate("example.com/notes", strings.Repeat("n", 256<<10)), nothing},
		"s18 a token in last-applied":    {annotate("kubectl.kubernetes.io/last-applied-configuration", `{"stringData":{"config":"`+token+`"}}`), nothing},
		"s19 being deleted": {
			func(s *cluster.Secret) { s.Deleting = true },
			func(f *cluster.Facts) {
				f.Hold = reason(cluster.CodeDeleting, "the cluster Secret is being deleted; what was delivered to the cluster stays as it is")
			},
		},
		"s20 type label removed": {
			func(s *cluster.Secret) { s.Labels = nil },
			held(cluster.CodeNotACluster, `label argocd.argoproj.io/secret-type is "", so Argo CD does not take this Secret for a cluster; set it to "cluster", or decommission the cluster by name`),
		},
		"paused":                {annotate(cluster.PausedAnnotation, "true"), paused},
		"paused false":          {annotate(cluster.PausedAnnotation, "false"), nothing},
		"paused empty":          {annotate(cluster.PausedAnnotation, ""), nothing},
		"s21 paused True":       {annotate(cluster.PausedAnnotation, "True"), both(paused, told(cluster.CodeInvalidPause, `annotation addons.kaas.dev/paused is "True", which is taken for a pause; write "true" or "false"`))},
		"s21 paused no":         {annotate(cluster.PausedAnnotation, "no"), both(paused, told(cluster.CodeInvalidPause, `annotation addons.kaas.dev/paused is "no", which is taken for a pause; write "true" or "false"`))},
		"s21 paused misspelled": {annotate("addons.kaas.dev/pause", "true"), told(cluster.CodeUnknownAnnotation, "annotation addons.kaas.dev/pause has no meaning; known are addons.kaas.dev/kubernetes-version, addons.kaas.dev/paused, addons.kaas.dev/on-disable; addons are switched by labels")},
		"s22 project of a tenant": {
			data("project", "tenant-a"),
			told(cluster.CodeForeignProject, `data.project is "tenant-a": the cluster is scoped to that Argo CD project; if AppProject "addons" sets permitOnlyProjectScopedClusters, Argo CD refuses the addons here; set data.project to "addons" or remove it`),
		},
		"project of ours":   {data("project", "addons"), nothing},
		"shard":             {data("shard", "2"), nothing},
		"s23 shard text":    {data("shard", "two"), told(cluster.CodeInvalidShard, `data.shard "two" is not a number; Argo CD ignores it and chooses a shard itself; write a number or remove it`)},
		"s23 shard empty":   {data("shard", ""), told(cluster.CodeInvalidShard, `data.shard "" is not a number; Argo CD ignores it and chooses a shard itself; write a number or remove it`)},
		"s24 name no UTF-8": {data("name", "to\xffkyo"), both(display("to\ufffdkyo"), told(cluster.CodeInvalidText, "data.name is not valid UTF-8; write it again as UTF-8"))},
		"s24 server no UTF-8": {
			data("server", "https://to\xffkyo"),
			func(f *cluster.Facts) {
				const m = "data.server is not valid UTF-8" + url
				f.Server = ""
				f.Problems = append(problem(cluster.CodeInvalidText, "data.server is not valid UTF-8; write it again as UTF-8"), problem(cluster.CodeInvalidServer, m)...)
				f.Hold = reason(cluster.CodeInvalidServer, m)
			},
		},
		"s24 config no UTF-8": {data("config", "{\"bearerToken\":\"\xff"+token+"\"}"), told(cluster.CodeInvalidText, "data.config is not valid UTF-8; write it again as UTF-8")},
		"what stays":          {annotate(cluster.OnDisableAnnotation, "cert-manager=retain, prune"), nothing},
		"what stays, misspelt": {
			annotate(cluster.OnDisableAnnotation, "cert-manager=keep"),
			both(onDisableInvalid, told(cluster.CodeInvalidOnDisable, `annotation addons.kaas.dev/on-disable says "cert-manager=keep"; write prune, retain, or a list such as "cert-manager=retain, prune"; until then nothing is removed from this cluster`)),
		},
		"limited to namespaces": {
			data("namespaces", "a, b"),
			told(cluster.CodeNamespaced, `data.namespaces limits Argo CD to some namespaces, and data.clusterResources is not "true"; addons with cluster-wide objects such as CRDs cannot be delivered; remove data.namespaces or set data.clusterResources to "true"`),
		},
		"object name of 64 characters": {
			func(s *cluster.Secret) { s.Name = strings.Repeat("a", 64) },
			func(f *cluster.Facts) { f.Name = strings.Repeat("a", 64) },
		},
		"object name that leaves a folder": {
			func(s *cluster.Secret) { s.Name = "../x\n" },
			func(f *cluster.Facts) {
				const m = `metadata.name "../x\n" is not a name that an API server accepts; use lower case letters, digits, - and ., at most 253`
				f.Name, f.Hold = "../x\n", reason(cluster.CodeInvalidObjectName, m)
				f.Problems = []fault.Problem{{Code: cluster.CodeInvalidObjectName, Where: `Secret argocd/"../x\n"`, Message: m}}
			},
		},
		"everything wrong: the first hold counts, all is told": {
			func(s *cluster.Secret) {
				s.Deleting, s.Data = true, map[string][]byte{"config": []byte("{")}
				s.Annotations[cluster.VersionAnnotation] = "v1"
			},
			func(f *cluster.Facts) {
				f.Server, f.DisplayName, f.BlocksArgoCD = "", "", true
				f.Hold = reason(cluster.CodeDeleting, "the cluster Secret is being deleted; what was delivered to the cluster stays as it is")
				for _, p := range [][]fault.Problem{
					problem(cluster.CodeNoServer, "data.server is missing, so Argo CD cannot address the cluster"+url),
					problem(cluster.CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: it is not JSON (byte 1 of 1)"+blind),
					problem(cluster.CodeNoName, "data.name is missing; Argo CD 2.14 then reports the cluster as one that does not exist and refuses its Applications; add a name that no other cluster has"),
					problem(cluster.CodeInvalidVersion, `annotation addons.kaas.dev/kubernetes-version: "v1" is not a Kubernetes version: it has another form; want a form like v1.31.4; correct it, or remove it so that the version is detected`),
				} {
					f.Problems = append(f.Problems, p...)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, want := secret(), facts()
			tc.change(&s)
			tc.want(&want)
			want.Labels, want.Annotations = s.Labels, s.Annotations
			before := clone(s)
			got := cluster.Read(s)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("Read (-want +got):\n%s", d)
			}
			if d := cmp.Diff(before, s); d != "" {
				t.Errorf("Read changed its Secret (-before +after):\n%s", d)
			}
			noLeak(t, got, token)
		})
	}
}

func paused(f *cluster.Facts) { f.Paused = true }

func onDisableInvalid(f *cluster.Facts) { f.OnDisableInvalid = true }

func clone(s cluster.Secret) cluster.Secret {
	s.Labels, s.Annotations, s.Data = maps.Clone(s.Labels), maps.Clone(s.Annotations), maps.Clone(s.Data)
	return s
}

// noLeak fails when anything that a person is told repeats the secret.
func noLeak(t *testing.T, f cluster.Facts, secret string) {
	t.Helper()
	f.Labels, f.Annotations = nil, nil // The Secret's own; never printed.
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(secret)) {
		t.Errorf("the facts repeat a credential: %s", text)
	}
}

func TestReadNothing(t *testing.T) {
	got := cluster.Read(cluster.Secret{})
	if got.Hold == nil || got.Hold.Code != cluster.CodeInvalidObjectName {
		t.Errorf("Read of an empty Secret: hold %v, want %s", got.Hold, cluster.CodeInvalidObjectName)
	}
}

func TestSwitch(t *testing.T) {
	f := cluster.Facts{Labels: map[string]string{
		"addons.kaas.dev/on": "enabled", "addons.kaas.dev/off": "disabled", "addons.kaas.dev/upper": "Enabled",
		"addons.kaas.dev/space": "enabled ", "addons.kaas.dev/bool": "true", "addons.kaas.dev/empty": "", "addons.kaas.dev/word": "invalid", "bare": "enabled",
	}}
	want := map[string]cluster.Switch{
		"on": cluster.Enabled, "off": cluster.Disabled, "upper": cluster.Invalid, "space": cluster.Invalid, "bool": cluster.Invalid,
		"empty": cluster.Invalid, "word": cluster.Invalid, "bare": cluster.Unset, "absent": cluster.Unset, "": cluster.Unset,
	}
	got := map[string]cluster.Switch{}
	for addon := range want {
		got[addon] = f.Switch(addon)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Switch (-want +got):\n%s", d)
	}
}

func TestSwitches(t *testing.T) {
	known := map[string]bool{"cert-manager": true, "metrics": true}
	many := map[string]string{}
	for i := range 500 {
		many[fmt.Sprintf("addons.kaas.dev/addon-%03d", i)] = "enabled"
	}
	for name, tc := range map[string]struct {
		labels map[string]string
		known  map[string]bool
		want   []string
	}{
		"good switches, and labels of others": {
			map[string]string{"addons.kaas.dev/cert-manager": "enabled", "addons.kaas.dev/metrics": "disabled", "region": "{{.Values}}"}, known, nil,
		},
		"s11 values that mean nothing": {
			map[string]string{"addons.kaas.dev/cert-manager": "Enabled", "addons.kaas.dev/metrics": ""},
			known,
			[]string{
				`InvalidSwitch: label addons.kaas.dev/cert-manager is "Enabled"; write "enabled" or "disabled"; until then the addon stays as it is`,
				`InvalidSwitch: label addons.kaas.dev/metrics is ""; write "enabled" or "disabled"; until then the addon stays as it is`,
			},
		},
		"s11 a space, true": {
			map[string]string{"addons.kaas.dev/cert-manager": "enabled ", "addons.kaas.dev/metrics": "true"},
			known,
			[]string{
				`InvalidSwitch: label addons.kaas.dev/cert-manager is "enabled "; write "enabled" or "disabled"; until then the addon stays as it is`,
				`InvalidSwitch: label addons.kaas.dev/metrics is "true"; write "enabled" or "disabled"; until then the addon stays as it is`,
			},
		},
		"s12 unknown addon": {
			map[string]string{"addons.kaas.dev/cert-manger": "enabled", "addons.kaas.dev/a b": "x"},
			known,
			[]string{
				`UnknownAddon: label "addons.kaas.dev/a b" names no addon of any release; correct or remove it`,
				"UnknownAddon: label addons.kaas.dev/cert-manger names no addon of any release; correct or remove it",
			},
		},
		"s12 while no catalog was read": {map[string]string{"addons.kaas.dev/cert-manger": "enabled"}, nil, nil},
		"s12 an annotation as a label": {
			map[string]string{"addons.kaas.dev/paused": "true", "addons.kaas.dev/release": "x", "addons.kaas.dev/on-disable": "retain"},
			known,
			[]string{
				"UnknownAddon: label addons.kaas.dev/on-disable has no meaning; write it as an annotation",
				"UnknownAddon: label addons.kaas.dev/paused has no meaning; write it as an annotation",
				"UnknownAddon: label addons.kaas.dev/release names no addon of any release; correct or remove it",
			},
		},
		"s13 500 labels": {many, known, func() (want []string) {
			for i := range 10 {
				want = append(want, fmt.Sprintf("UnknownAddon: label addons.kaas.dev/addon-%03d names no addon of any release; correct or remove it", i))
			}
			return append(want, "UnknownAddon: 490 more labels like this")
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range cluster.Switches(cluster.Facts{Name: "tokyo-1", Labels: tc.labels}, tc.known) {
				if p.Where != "cluster tokyo-1" {
					t.Errorf("where = %q", p.Where)
				}
				got = append(got, string(p.Code)+": "+p.Message)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Switches (-want +got):\n%s", d)
			}
		})
	}
}

func TestDuplicates(t *testing.T) {
	type c = cluster.Facts
	const (
		serverHint = "; nothing changes on any of them until each address is in one Secret"
		nameHint   = "; nothing changes on any of them until each name is in one Secret"
	)
	for name, tc := range map[string]struct {
		all  []cluster.Facts
		want map[string]string
	}{
		"none":                                 {[]c{{Name: "a", DisplayName: "A", Server: "https://a"}, {Name: "b", DisplayName: "B", Server: "https://b"}}, map[string]string{}},
		"no name and no server are not shared": {[]c{{Name: "a"}, {Name: "b"}}, map[string]string{}},
		"s3 one name": {
			[]c{{Name: "b", DisplayName: "x", Server: "https://b"}, {Name: "a", DisplayName: "x", Server: "https://a"}, {Name: "c", DisplayName: "c", Server: "https://c"}},
			map[string]string{
				"a": "DuplicateName: the name in data.name is also that of b" + nameHint,
				"b": "DuplicateName: the name in data.name is also that of a" + nameHint,
			},
		},
		"s4 one server, spelled in three ways": {
			[]c{{Name: "c", DisplayName: "c", Server: "x:443"}, {Name: "a", DisplayName: "a", Server: "https://x"}, {Name: "b", DisplayName: "b", Server: "https://X:443"}},
			map[string]string{
				"a": "DuplicateServer: the address in data.server is also that of b, c" + serverHint,
				"b": "DuplicateServer: the address in data.server is also that of a, c" + serverHint,
				"c": "DuplicateServer: the address in data.server is also that of a, b" + serverHint,
			},
		},
		"s6 names that collapse when normalized": {
			[]c{{Name: "a", DisplayName: "a_b", Server: "https://a"}, {Name: "b", DisplayName: "A-b", Server: "https://b"}, {Name: "c", DisplayName: "a-b", Server: "https://c"}},
			map[string]string{},
		},
		"many": {
			[]c{{Name: "a", DisplayName: "x"}, {Name: "b", DisplayName: "x"}, {Name: "c", DisplayName: "x"}, {Name: "d", DisplayName: "x"}, {Name: "e", DisplayName: "x"}},
			map[string]string{
				"a": "DuplicateName: the name in data.name is also that of b, c, d and 1 other" + nameHint,
				"b": "DuplicateName: the name in data.name is also that of a, c, d and 1 other" + nameHint,
				"c": "DuplicateName: the name in data.name is also that of a, b, d and 1 other" + nameHint,
				"d": "DuplicateName: the name in data.name is also that of a, b, c and 1 other" + nameHint,
				"e": "DuplicateName: the name in data.name is also that of a, b, c and 1 other" + nameHint,
			},
		},
		"one Secret twice in a file": {
			[]c{{Name: "a", DisplayName: "x", Server: "https://x"}, {Name: "a", DisplayName: "x", Server: "https://x"}},
			map[string]string{"a": "DuplicateSecret: 2 cluster Secrets are named a; nothing changes until one is left"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for name, r := range cluster.Duplicates(tc.all) {
				got[name] = string(r.Code) + ": " + r.Message
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Duplicates (-want +got):\n%s", d)
			}
		})
	}
}

func TestLinkLocal(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "::ffff:169.254.0.1": true, "fe80::1%eth0": true, "ff02::1": true, "fd00:ec2::254": true, "fd00:ec2::254%eth0": true,
		"10.0.0.1": false, "127.0.0.1": false, "::1": false, "2001:db8::1": false, "fd00::1": false,
	} {
		if got := cluster.LinkLocal(netip.MustParseAddr(text)); got != want {
			t.Errorf("LinkLocal(%s) = %t, want %t", text, got, want)
		}
	}
}

// s14: a label that was removed and set again between two reads is the label as it is now; Read keeps no memory.
func TestReadForgets(t *testing.T) {
	s := secret()
	s.Labels["addons.kaas.dev/x"] = "enabled"
	first := cluster.Read(clone(s))
	without := clone(s)
	delete(without.Labels, "addons.kaas.dev/x")
	if got := cluster.Read(without).Switch("x"); got != cluster.Unset {
		t.Errorf("without the label: %q", got)
	}
	if d := cmp.Diff(first, cluster.Read(s)); d != "" {
		t.Errorf("Read again (-first +second):\n%s", d)
	}
}

func BenchmarkRead(b *testing.B) {
	s := secret()
	for i := range 500 {
		s.Labels[fmt.Sprintf("addons.kaas.dev/addon-%03d", i)] = "enabled"
	}
	b.ReportAllocs()
	for b.Loop() {
		cluster.Read(s)
	}
}

// FuzzRead checks that nothing panics, that answers repeat, and that no credential is told: the token stands in the config, in the
// password of the server and in the annotation that kubectl writes, next to whatever the fuzzer puts there.
func FuzzRead(f *testing.F) {
	f.Add("tokyo-1", "tokyo", "https://10.0.0.1:6443", `{"bearerToken":"x"}`, "v1.31.4", "true", "enabled")
	f.Add("..", "a\xff", "http://169.254.169.254", `{"tlsClientConfig":{"caData":"!"}}`, "latest", "True", "Enabled")
	f.Add("", "", "", `{"bearerToken":1e999}`, "", "", "")
	f.Add("tokyo-1", "tokyo", "https://10.0.0.1:6443", "{}", "", "", "x=retain, y = prune,retain")
	f.Add("a", "in-cluster", "https://[fe80::1%25x]:1//", `{"execProviderConfig":{"env":{"a":1}}}`, "999.999", "false", " ")
	f.Fuzz(func(t *testing.T, name, display, server, config, version, paused, label string) {
		const secret = "hunter2-token-that-no-input-has"
		s := cluster.Secret{
			Name: name, Namespace: "argocd",
			Labels:      map[string]string{cluster.SecretTypeLabel: cluster.SecretType, "addons.kaas.dev/x": label},
			Annotations: map[string]string{cluster.VersionAnnotation: version, cluster.PausedAnnotation: paused, cluster.OnDisableAnnotation: label, "kubectl.kubernetes.io/last-applied-configuration": secret},
			Data:        map[string][]byte{"name": []byte(display), "server": []byte(server), "config": []byte(config)},
		}
		if d := cmp.Diff(cluster.Read(s), cluster.Read(s)); d != "" {
			t.Errorf("two reads differ:\n%s", d)
		}
		got := cluster.Read(s)
		for _, p := range got.Problems {
			if len(p.Message) > 1000 || p.Message == "" || p.Where == "" {
				t.Errorf("problem %+v", p)
			}
		}
		if (got.Server == "") && got.Hold == nil {
			t.Error("no server and no hold")
		}
		if how, ok := got.OnDisable("x"); ok != (how == catalog.Prune || how == catalog.Retain) || ok && got.OnDisableInvalid {
			t.Errorf("on-disable %q: %q, %t", label, how, ok)
		}
		cluster.Switches(got, map[string]bool{"y": true})
		cluster.Duplicates([]cluster.Facts{got, {Name: "z", Server: got.Server, DisplayName: got.DisplayName}})

		s.Data["server"] = []byte("https://u:" + secret + "@" + server)
		s.Data["config"] = []byte(config + secret)
		noLeak(t, cluster.Read(s), secret)
	})
}
