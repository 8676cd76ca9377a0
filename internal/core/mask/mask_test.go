package mask_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
)

var salted = mask.New([]byte("a salt for tests"))

var quoted = regexp.MustCompile(`(?s)«(.*?)»`)

// placeholder is what stands for a value.
func placeholder(m *mask.Masker, value string) string {
	s := object(map[string]any{"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"x": value}})
	return manifest.Text(m.Objects([]manifest.Object{s})[0].Content, "stringData", "x")
}

// expect puts placeholders in for «value».
func expect(s string) string {
	return quoted.ReplaceAllStringFunc(s, func(v string) string {
		return placeholder(salted, strings.TrimSuffix(strings.TrimPrefix(v, "«"), "»"))
	})
}

func TestText(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
	key := "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":                       {"replicas: 3\nimage: nginx:1.27", "replicas: 3\nimage: nginx:1.27"},
		"empty":                         {"", ""},
		"a line of YAML":                {"user: admin\npassword: correct horse\nport: 1", "user: admin\npassword: «correct horse»\nport: 1"},
		"in quotation marks":            {"password: \"a\\\"b\" # x", "password: \"«a\\\"b»\" # x"},
		"in YAML's own":                 {"password: 'it''s'\n", "password: '«it''s»'\n"},
		"a block of YAML":               {"  password: |\n    one\n\n    two\n  next: 1", "  password: «|\n    one\n\n    two»\n  next: 1"},
		"a list item":                   {"- token: abc def", "- token: «abc def»"},
		"in a flow of YAML":             {"{user: a, password: hunter2, x: y}", "{user: a, password: «hunter2», x: y}"},
		"JSON":                          {`{"user":"a","db_password":"hun,ter2","n":1}`, `{"user":"a","db_password":"«hun,ter2»","n":1}`},
		"JSON with a number":            {`{"password": 1234567, "n": 1}`, `{"password": «1234567», "n": 1}`},
		"JSON in a string":              {`"{\"password\":\"hunter2\",\"n\":1}"`, `"{\"password\":\"«hunter2»\",\"n\":1}"`},
		"JSON that ends too early":      {`{"password":"hunter2`, `{"password":"«hunter2»`},
		"properties":                    {"spring.datasource.password = hun ter2\nx=1", "spring.datasource.password = «hun ter2»\nx=1"},
		"an environment file":           {"export GITHUB_TOKEN=abc123\nX=1", "export GITHUB_TOKEN=«abc123»\nX=1"},
		"a comment":                     {"#password: hunter2", "#password: «hunter2»"},
		"a flag":                        {"run --password=hunter2 --verbose", "run --password=«hunter2» --verbose"},
		"a flag and a blank":            {"run --api-key hunter2 --verbose", "run --api-key «hunter2» --verbose"},
		"a flag in quotation marks":     {"run --token 'a b' x", "run --token '«a b»' x"},
		"a connection string":           {"host=db password=hunter2 user=x", "host=db password=«hunter2» user=x"},
		"another connection string":     {"Server=db;Password=hunter2;User=x", "Server=db;Password=«hunter2»;User=x"},
		"a query":                       {"https://x/?access_token=hunter2&a=b", "https://x/?access_token=«hunter2»&a=b"},
		"XML":                           {"<user>a</user><password>hun ter2</password>", "<user>a</user><password>«hun ter2»</password>"},
		"prose":                         {`helm: the password "hunter2" is too short`, `helm: the password "«hunter2»" is too short`},
		"prose without quotation marks": {"bad password hunter2!, the token is abc123. got password", "bad password «hunter2!», the token is «abc123». got password"},
		"prose about secrets":           {"the password is too short: 8 of 12, token expired after 3600s at 10:30, password requires TLS", "the password is too short: 8 of 12, token expired after 3600s at 10:30, password requires TLS"},
		"a private key":                 {"a\n" + key + "\nb", "a\n«" + key + "»\nb"},
		"a private key in JSON":         {`{"x":"` + strings.ReplaceAll(key, "\n", `\n`) + `"}`, `{"x":"«` + strings.ReplaceAll(key, "\n", `\n`) + `»"}`},
		"a private key that is cut off": {"-----BEGIN PRIVATE KEY-----\nMIIE\nabc", "«-----BEGIN PRIVATE KEY-----\nMIIE\nabc»"},
		"a certificate":                 {"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"},
		"a JWT":                         {"got " + jwt + ".", "got «" + jwt + ".»"},
		"an AWS key":                    {"id AKIAIOSFODNN7EXAMPLE.", "id «AKIAIOSFODNN7EXAMPLE»."},
		"a GitHub token":                {"ghp_0123456789abcdefghijABCDEFGHIJ012345", "«ghp_0123456789abcdefghijABCDEFGHIJ012345»"},
		"a new GitHub token":            {"x github_pat_0123456789abcdefghij_A y", "x «github_pat_0123456789abcdefghij_A» y"},
		"a GitLab token":                {"glpat-0123456789abcdefghij", "«glpat-0123456789abcdefghij»"},
		"a Slack token":                 {"xoxb-123456789012-abcdef", "«xoxb-123456789012-abcdef»"},
		"a Slack webhook": {
			"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX",
			"https://hooks.slack.com/services/«T00000000/B00000000/XXXXXXXX»",
		},
		"a Google key":         {"AIzaSyA0123456789abcdefghijklmnopqrstuv", "«AIzaSyA0123456789abcdefghijklmnopqrstuv»"},
		"a URL":                {"postgres://admin:hunter2@db:5432/x", "postgres://admin:«hunter2»@db:5432/x"},
		"a URL with an at":     {"https://a:p@ss@host/x@y", "https://a:«p@ss»@host/x@y"},
		"a URL without":        {"http://localhost:8080/a@b", "http://localhost:8080/a@b"},
		"a URL with names":     {"http://${USER}:${PASS}@host", "http://${USER}:${PASS}@host"},
		"a header":             {"Authorization: Bearer abcdefghij", "Authorization: Bearer «abcdefghij»"},
		"another header":       {`{"Authorization":"Basic YWRtaW46eA=="}`, `{"Authorization":"Basic «YWRtaW46eA==»"}`},
		"a header's value":     {"curl -H x: Bearer abcd1234efgh", "curl -H x: Bearer «abcd1234efgh»"},
		"basic authentication": {"uses basic authentication and bearer authorization", "uses basic authentication and bearer authorization"},
		"a secret's name":      {"secret: my-tls-secret\nsecretName: x", "secret: my-tls-secret\nsecretName: x"},
		"a random secret":      {"secret: 8f14e45fceea167a5a36dedd4bea2543", "secret: «8f14e45fceea167a5a36dedd4bea2543»"},
		"references": {
			"passwordFile: a\ntokenSecretRef: b\npasswordKey: c\ntokenExpirationSeconds: 3607\nautomountServiceAccountToken: true\npassword: /etc/x\n" +
				"token: ${TOKEN}\ntoken: $(TOKEN)\npassword: {{ .Values.x }}\npassword: \"\"\npassword:\ntoken: null\nPWD=/x\nbearer_token_file: /var/run/token",
			"passwordFile: a\ntokenSecretRef: b\npasswordKey: c\ntokenExpirationSeconds: 3607\nautomountServiceAccountToken: true\npassword: /etc/x\n" +
				"token: ${TOKEN}\ntoken: $(TOKEN)\npassword: {{ .Values.x }}\npassword: \"\"\npassword:\ntoken: null\nPWD=/x\nbearer_token_file: /var/run/token",
		},
		"a placeholder":         {"password: <secret:0123abcd> x", "password: «<secret:0123abcd> x»"},
		"a placeholder alone":   {"password: <secret:0123abcd>\n", "password: <secret:0123abcd>\n"},
		"a placeholder in text": {"x <secret:0123abcd> y", "x <secret:0123abcd> y"},
	} {
		t.Run(name, func(t *testing.T) {
			got := salted.Text(tc.in)
			if want := expect(tc.want); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if again := salted.Text(got); again != got {
				t.Errorf("masked twice: %q", again)
			}
		})
	}
}

func TestObjects(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tc := range map[string]struct{ in, want string }{
		"a Secret": {`
apiVersion: v1
kind: Secret
metadata: {name: a}
type: Opaque
data: {password: ` + b64("hunter2") + `, empty: "", broken: "%%"}
stringData: {whatever: hunter2, n: 5, none: null}`, `
apiVersion: v1
kind: Secret
metadata: {name: a}
type: Opaque
data: {password: «hunter2», empty: "", broken: "«%%»"}
stringData: {whatever: «hunter2», n: «5», none: null}`},
		"a Secret's last-applied annotation": {`
apiVersion: v1
kind: Secret
metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"v1","data":{"p":"` + b64("hunter2") + `"},"kind":"Secret","n":1}'}}`, `
apiVersion: v1
kind: Secret
metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: "{\"apiVersion\":\"v1\",\"data\":{\"p\":\"«hunter2»\"},\"kind\":\"Secret\",\"n\":1}\n"}}`},
		"a last-applied annotation that is none": {`
apiVersion: v1
kind: ConfigMap
metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: 'password}'}}`, `
apiVersion: v1
kind: ConfigMap
metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: "«password}»"}}`},
		"a Secret inside another object": {`
apiVersion: work/v1
kind: Work
spec: {manifests: [{apiVersion: v1, kind: Secret, stringData: {a: hunter2}}]}`, `
apiVersion: work/v1
kind: Work
spec: {manifests: [{apiVersion: v1, kind: Secret, stringData: {a: «hunter2»}}]}`},
		"a ConfigMap": {`
apiVersion: v1
kind: ConfigMap
data: {adminPassword: hunter2, passwordSecretName: grafana, config.yaml: "a: b\nclientSecret: 8f14e45fceea167a5a36dedd4bea2543\nc: d\n"}`, `
apiVersion: v1
kind: ConfigMap
data: {adminPassword: «hunter2», passwordSecretName: grafana, config.yaml: "a: b\nclientSecret: «8f14e45fceea167a5a36dedd4bea2543»\nc: d\n"}`},
		"a ConfigMap's binary data": {`
apiVersion: v1
kind: ConfigMap
binaryData: {a: ` + b64("password: x1y2") + `, b: ` + b64("hello") + `}`, `
apiVersion: v1
kind: ConfigMap
binaryData: {a: "«password: x1y2»", b: ` + b64("hello") + `}`},
		"a Secret as text": {`
apiVersion: v1
kind: ConfigMap
data:
  manifest.yaml: |
    kind: Secret
    metadata: {name: a}
    data:
      a: ` + b64("hunter2") + `
      b: "` + b64("hunter2") + `"
    stringData:
      c: |
        hunter2
    type: Opaque
    ---
    kind: ConfigMap
    data:
      a: b`, `
apiVersion: v1
kind: ConfigMap
data:
  manifest.yaml: |
    kind: Secret
    metadata: {name: a}
    data:
      a: «hunter2»
      b: «hunter2»
    stringData:
      c: |
        «hunter2»
    type: Opaque
    ---
    kind: ConfigMap
    data:
      a: b`},
		"a container": {`
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      automountServiceAccountToken: true
      imagePullSecrets: [{name: regcred}]
      volumes: [{secret: {secretName: a-b}}, {projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}]}}]
      containers:
      - name: a
        args: [--password=hun ter2, --token, hunter2, --api-key, --verbose, --secret-name=x, --token-ttl=24h]
        env:
        - {name: DB_PASSWORD, value: hunter2}
        - {name: DB_USER, value: admin}
        - {name: API_TOKEN, valueFrom: {secretKeyRef: {name: a, key: token}}}`, `
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      automountServiceAccountToken: true
      imagePullSecrets: [{name: regcred}]
      volumes: [{secret: {secretName: a-b}}, {projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}]}}]
      containers:
      - name: a
        args: [--password=«hun ter2», --token, «hunter2», --api-key, --verbose, --secret-name=x, --token-ttl=24h]
        env:
        - {name: DB_PASSWORD, value: «hunter2»}
        - {name: DB_USER, value: admin}
        - {name: API_TOKEN, valueFrom: {secretKeyRef: {name: a, key: token}}}`},
		"a custom resource": {`
apiVersion: example.com/v1
kind: Database
spec: {password: hunter2, pin: {password: 123456}, tokens: [abc, def], apiKey: {value: hunter2}, caBundle: TUlJRQ==, privateKey: {algorithm: RSA}}`, `
apiVersion: example.com/v1
kind: Database
spec: {password: «hunter2», pin: {password: «123456»}, tokens: [«abc», «def»], apiKey: {value: «hunter2»}, caBundle: TUlJRQ==, privateKey: {algorithm: RSA}}`},
		"a CustomResourceDefinition": {`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec: {schema: {properties: {password: {type: string, default: abc, description: "password: the password of the user"}, token: {enum: [aaaa, bbbb]}}}}`, ``},
		"references to Secrets": {`
apiVersion: external-secrets.io/v1
kind: ExternalSecret
spec: {data: [{secretKey: password, remoteRef: {key: prod/db, property: password}}], target: {template: {data: {password: "{{ .password }}"}}}}`, ``},
		"a SealedSecret": {`
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
spec: {encryptedData: {password: AgBy3i4OJSWK1PiTySYZZA9rO43cGDEq}, template: {type: Opaque}}`, ``},
		"a role": {`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
rules: [{apiGroups: [""], resources: [secrets, serviceaccounts/token], verbs: [create]}]`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want == "" {
				tc.want = tc.in
			}
			in, before := read(t, tc.in), read(t, tc.in)
			got := salted.Objects([]manifest.Object{object(in)})[0].Content
			// The placeholders go in as JSON strings: a value may have any bytes.
			if want := fill(read(t, tc.want)); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if !reflect.DeepEqual(in, before) {
				t.Errorf("the input was changed: %v", in)
			}
			if tc.want == tc.in && reflect.ValueOf(got).Pointer() != reflect.ValueOf(in).Pointer() {
				t.Error("an object without secrets was copied")
			}
		})
	}
}

// fill is expect for all strings of a value.
func fill(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = fill(v[k])
		}
	case []any:
		for i := range v {
			v[i] = fill(v[i])
		}
	case string:
		return expect(v)
	}
	return v
}

func read(t *testing.T, s string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCopies follows the value of a Secret into other objects, as kustomize's replacements carry it.
func TestCopies(t *testing.T) {
	secret := object(read(t, `
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
data: {password: `+base64.StdEncoding.EncodeToString([]byte("tr0ub4dor\n"))+`}
stringData: {long: correcthorsebattery, short: abc12, namespace: kube-public, word: default, part: manager, ca.crt: public-certificate-text}`))
	copied := object(read(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: cert-manager, labels: {app: cert-manager}}
data:
  plain: tr0ub4dor
  url: smtp://x/tr0ub4dor?y
  encoded: `+base64.StdEncoding.EncodeToString([]byte("tr0ub4dor\n"))+`
  inside: xtr0ub4dorx
  within: xcorrecthorsebatteryx
  short: abc12
  common: default kube-public manager public-certificate-text`))
	got := salted.Sets([]manifest.Object{copied}, []manifest.Object{secret})[0][0].Content
	want := map[string]any{
		"plain":   expect("«tr0ub4dor»"),
		"url":     expect("smtp://x/«tr0ub4dor»?y"),
		"encoded": placeholder(salted, "tr0ub4dor\n"),
		// A short value inside a word is chance, a long one is not.
		"inside": "xtr0ub4dorx",
		"within": expect("x«correcthorsebattery»x"),
		"short":  "abc12",
		"common": "default kube-public manager public-certificate-text",
	}
	if !reflect.DeepEqual(got["data"], want) {
		t.Errorf("got  %v\nwant %v", got["data"], want)
	}
	if alone := salted.Objects([]manifest.Object{copied})[0].Content; !reflect.DeepEqual(alone, copied.Content) {
		t.Errorf("without the Secret nothing is known to be one, got %v", alone)
	}
}

func TestSalt(t *testing.T) {
	a, b := placeholder(salted, "hunter2"), placeholder(mask.New([]byte("another salt")), "hunter2")
	if a == b {
		t.Errorf("two runs have one placeholder: %s", a)
	}
	if !mask.Is(a) || !mask.Is("x"+a+"y") || mask.Is("<secret:0123abcg>") || mask.Is("<secret:0123abcdef>") || mask.Is("") {
		t.Error("Is does not tell placeholders from other texts")
	}
	if !mask.Is("<secret:<secret:0123abcd>") {
		t.Error("a broken placeholder hides the one behind it")
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
