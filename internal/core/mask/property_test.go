package mask_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
)

// plant is a place where people put secrets: it makes an object with the secret in it. Where only words fit, the secret is a word.
type plant struct {
	word bool
	in   func(s string) map[string]any
}

func content(apiVersion, kind string, more map[string]any) map[string]any {
	o := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "x", "namespace": "y"}}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func configMap(key, value string) map[string]any {
	return content("v1", "ConfigMap", map[string]any{"data": map[string]any{key: value}})
}

func args(list ...any) map[string]any {
	return content("apps/v1", "DaemonSet", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "a", "args": list}},
	}}}})
}

var plants = []plant{
	{in: func(s string) map[string]any {
		return content("v1", "Secret", map[string]any{"stringData": map[string]any{"a": s}})
	}},
	{in: func(s string) map[string]any {
		return content("v1", "Secret", map[string]any{"data": map[string]any{"a": base64.StdEncoding.EncodeToString([]byte(s))}})
	}},
	{in: func(s string) map[string]any {
		o := content("v1", "Secret", nil)
		text, _ := json.Marshal(content("v1", "Secret", map[string]any{"stringData": map[string]any{"a": s}}))
		o["metadata"].(map[string]any)["annotations"] = map[string]any{"kubectl.kubernetes.io/last-applied-configuration": string(text)}
		return o
	}},
	{in: func(s string) map[string]any { return configMap("db-password", s) }},
	{word: true, in: func(s string) map[string]any { return configMap("app.yaml", "a: b\npassword: "+s+"\nc: d") }},
	{word: true, in: func(s string) map[string]any { return configMap("app.properties", "a=b\nclient.token="+s+"\nc=d") }},
	{word: true, in: func(s string) map[string]any { return configMap("app.ini", "[db]\npasswd = "+s) }},
	{in: func(s string) map[string]any {
		text, _ := json.Marshal(map[string]any{"user": "x", "apiKey": s, "z": 1})
		return configMap("app.json", string(text))
	}},
	{in: func(s string) map[string]any {
		text, _ := json.Marshal(map[string]any{"user": "x", "apiKey": s, "z": 1})
		text, _ = json.Marshal(map[string]any{"inner": string(text)})
		return configMap("nested.json", string(text))
	}},
	{in: func(s string) map[string]any { return args("--verbose", "--password="+s) }},
	{word: true, in: func(s string) map[string]any { return args("--token", s) }},
	{word: true, in: func(s string) map[string]any {
		return args("sh", "-c", "exec app --user x --password "+s+" --verbose")
	}},
	{word: true, in: func(s string) map[string]any { return args("--url=postgres://user:" + s + "@host/db") }},
	{word: true, in: func(s string) map[string]any { return configMap("nginx.conf", "header 'Authorization: Bearer "+s+"'") }},
	{in: func(s string) map[string]any {
		return configMap("cert", "x\n-----BEGIN EC PRIVATE KEY-----\n"+s+"\n-----END EC PRIVATE KEY-----\ny")
	}},
	{in: func(s string) map[string]any {
		return content("v1", "Pod", map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"env": []any{map[string]any{"name": "APP_SECRET_ACCESS_KEY", "value": s}},
		}}}})
	}},
	{in: func(s string) map[string]any {
		return content("example.com/v1", "Thing", map[string]any{"spec": map[string]any{"deep": []any{map[string]any{"clientSecret": s}}}})
	}},
	{in: func(s string) map[string]any {
		return content("example.com/v1", "Thing", map[string]any{"spec": map[string]any{"passwords": []any{"aaaa", s}}})
	}},
	{word: true, in: func(s string) map[string]any {
		return content("v1", "ConfigMap", map[string]any{"binaryData": map[string]any{
			"a": base64.StdEncoding.EncodeToString([]byte("token: " + s)),
		}})
	}},
}

// TestNoSecretComesThrough plants secrets in every place, and looks for each of them, and its base64, in what comes out.
func TestNoSecretComesThrough(t *testing.T) {
	const planted = 2000
	r := rand.New(rand.NewSource(1))
	word := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+!%$^*"
	any := word + " \t,;:&=#'\"\\/{}[]()<>|@\néß"
	seen := map[string]string{}
	for n := range planted {
		p := plants[n%len(plants)]
		alphabet := []rune(any)
		if p.word {
			alphabet = []rune(word)
		}
		// It starts with a letter and ends with a digit, which nothing trims, and is in no other text.
		secret := fmt.Sprintf("z%dQ", n)
		for range 8 + r.Intn(24) {
			secret += string(alphabet[r.Intn(len(alphabet))])
		}
		secret += "7"
		got := salted.Objects([]manifest.Object{object(p.in(secret))})[0].Content
		text := encode(t, got)
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(secret)), secret[:6], secret[len(secret)-6:]} {
			if strings.Contains(text, form) {
				t.Fatalf("place %d: %q came through: %s", n%len(plants), secret, text)
			}
		}
		plain, _ := json.Marshal(p.in(secret))
		if string(plain) == text || !mask.Is(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(text)) {
			t.Fatalf("place %d: nothing stands for %q: %s", n%len(plants), secret, text)
		}
		if other, ok := seen[text]; ok {
			t.Fatalf("%q and %q have one placeholder: %s", secret, other, text)
		}
		seen[text] = secret
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "password: x", "password=\"a\\\"b", `{\"token\":\"x\"}`, "--password x", "<password>x</password>", "-----BEGIN PRIVATE KEY-----\nx",
		"token: |\n  a\n  b\nc: d", "http://a:b@c", "Authorization: Basic abc", "eyJhbGciOi.eyJhbGciOi.x", "<secret:0123abcd>", "kind: Secret\ndata:\n  a: b",
		"password: <secret:0123abcd>x", "password '", "password 'x''y'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// Whatever stands around it, a line of its own with a password is hidden, unless the text before opened a quotation or a block that hides all.
		const planted = "tr0ub4dor&3"
		if strings.Contains(planted, s) || strings.Contains(s, planted) {
			return
		}
		for _, text := range []string{s + "\npassword: " + planted + "\n", "password: " + planted + "\n" + s} {
			got := salted.Text(text)
			if strings.Contains(got, planted) {
				t.Errorf("%q came out as %q", text, got)
			}
			if again := salted.Text(got); strings.Contains(again, planted) {
				t.Errorf("%q came out as %q", got, again)
			}
		}
		o := object(content("v1", "ConfigMap", map[string]any{"data": map[string]any{"a": s, "password": planted}}))
		if text := encode(t, salted.Objects([]manifest.Object{o})[0].Content); strings.Contains(text, "tr0ub4dor") {
			t.Errorf("%q with a password came out as %s", s, text)
		}
	})
}

// BenchmarkText shows that a text costs what its length says, whatever is in it.
func BenchmarkText(b *testing.B) {
	for name, s := range map[string]string{
		"prose":       "It was the best of times, it was the worst of times: one, two.\n",
		"assignments": "password: hunter2\n", "one line": `{"password":true,"a":"b"},`, "openings": "password='", "urls": "http://a:b", "spaces": "--token ",
		"certificates": "-----BEGIN PRIVATE KEY", "dots": "eyJabcdefgh.", "headers": "authorization: bearer ",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(s, 1<<20/len(s))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				salted.Text(text)
			}
		})
	}
}
