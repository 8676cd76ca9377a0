package registry

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const someDigest = "sha256:3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"

func findIn(text []byte, name, version string) (entry, error) {
	x, err := scan(text)
	if err != nil {
		return entry{}, err
	}
	return x.find(name, version)
}

// TestFind finds a version in indexes of every layout.
func TestFind(t *testing.T) {
	for name, tc := range map[string]struct{ index, want string }{
		"as Helm writes it": {"apiVersion: v1\nentries:\n  a:\n  - version: 1.0.0\n  web:\n  - digest: D\n    urls:\n    - u\n    version: 1.2.3\ngenerated: x\n", "u"},
		"with deep dashes":  {"entries:\n    web:\n      - version: 1.2.3\n        digest: D\n        urls: [u]\n      - version: 1.2.2\n", "u"},
		"quoted":            {"entries:\n  \"web\":\n  - version: \"1.2.3\"\n    digest: 'D'\n    urls: [\"u\"]\n", "u"},
		"Windows lines":     {"entries:\r\n  web:\r\n  - version: 1.2.3\r\n    digest: D\r\n    urls:\r\n    - u\r\n", "u"},
		"comments":          {"---\n# hello\nentries:\n# hello\n  web:\n    # hello\n  - version: 1.2.3\n\n# hello\n    digest: D\n    urls: [u]\n", "u"},
		"no charts before":  {"entries:\n  a: []\n  web:\n  - version: 1.2.3\n    digest: D\n    urls: [u]\n", "u"},
		"text that looks like an entry": {
			"entries:\n  a:\n  - description: |\n      web:\n      - version: 1.2.3\n    version: 1.0.0\n  web:\n  - description: |\n      - version: 1.2.3\n\n      urls: [x]\n    version: 1.2.3\n    digest: D\n    urls: [u]\n", "u",
		},
		"the last of many":               {"entries:\n  web:\n  - version: 1.2.30\n  - version: 11.2.3\n    digest: D\n    urls: [w]\n  - version: 1.2.3\n    digest: D\n    urls: [u]", "u"},
		"anchors":                        {"entries:\n  a:\n  - &d\n    digest: D\n  web:\n  - version: 1.2.3\n    <<: *d\n    urls: [u]\n", "u"},
		"in one line":                    {"entries: {web: [{version: 1.2.3, digest: D, urls: [u]}]}", "u"},
		"JSON":                           {`{"generated":{"a":[1]},"entries":{"a":null,"web":[{"version":"1.2.3","digest":"D","urls":["u"]}]}}`, "u"},
		"the chart twice":                {"entries:\n  web:\n  - version: 1.2.3\n  a: []\n  web:\n  - version: 1.2.3\n", "index.yaml has the chart twice: let its owner write it with helm repo index, or vendor the chart"},
		"the chart twice in JSON":        {`{"entries":{"web":[],"web":[]}}`, "index.yaml does not decode: the chart is there twice"},
		"the entries twice in JSON":      {`{"entries":{},"entries":{}}`, "index.yaml does not decode: entries are there twice"},
		"JSON that goes on":              {`{"entries":{}} {}`, "index.yaml does not decode: something follows"},
		"JSON without entries":           {`{}`, "index.yaml has no entries, so this is no Helm repository: check its URL"},
		"the chart twice, other layout":  {"entries: {web: [], web: []}", `index.yaml does not decode: yaml: unmarshal errors:   line 1: mapping key "web" already defined at line 1; check the repository's URL`},
		"no entries":                     {"apiVersion: v1\ngenerated: x\n", "index.yaml has no entries, so this is no Helm repository: check its URL"},
		"a list":                         {"- a\n- b\n", "index.yaml has no entries, so this is no Helm repository: check its URL"},
		"a chart without versions":       {"entries:\n  web: []\n", "the repository has no such version of it: check the version"},
		"a version that is no map":       {"entries:\n  web:\n  - 1.2.3\n", "index.yaml does not decode: yaml: unmarshal errors:   line 3: cannot unmarshal !!str `1.2.3` into registry.entry"},
		"a large version":                {"entries:\n  web:\n  - version: 1.2.3\n    description: " + strings.Repeat("x", maxEntry) + "\n", "one version has more than 1024 KiB in index.yaml"},
		"a large index of other layout":  {"entries: {web: []}\n" + strings.Repeat("#\n", maxWhole/2), "index.yaml is not laid out as helm repo index does; of others at most 4 MiB are read: let its owner write it with helm repo index, or vendor the chart"},
		"an alias bomb":                  {"entries:\n" + bomb + "  web: *h\n", "index.yaml does not decode: yaml: unmarshal errors:" + strings.Repeat("   line 8: cannot unmarshal !!seq into registry.entry", 9)},
		"an alias that contains itself":  {"entries:\n  web: &a [*a]\n", "index.yaml does not decode: yaml: unmarshal errors:   line 2: cannot unmarshal !!seq into registry.entry"},
		"a version with an unknown text": {"entries:\n  web:\n  - version: 1.2.3\n    urls: [*x]\n", "index.yaml does not decode: yaml: unknown anchor 'x' referenced; check the repository's URL"},
	} {
		t.Run(name, func(t *testing.T) {
			one, err := findIn([]byte(strings.ReplaceAll(tc.index, "D", someDigest)), "web", "1.2.3")
			got := strings.Join(one.URLs, " ")
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || err == nil && one.Digest != someDigest {
				t.Errorf("got  %s (%s)\nwant %s", got, one.Digest, tc.want)
			}
		})
	}
}

const bomb = "  a: &a [x,x,x,x,x,x,x,x,x]\n  b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n  d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
	"  e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n  f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n  g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n  h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"

// TestLargeIndex reads an index of 40 MB, as the largest public ones, without making gigabytes of it.
func TestLargeIndex(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nentries:\n")
	one := strings.Repeat("    keywords: [a, b, c]\n    maintainers:\n    - name: somebody\n      url: https://example.com\n", 3)
	for chart := 0; b.Len() < 40<<20; chart++ {
		fmt.Fprintf(&b, "  chart-%d:\n", chart)
		for v := range 100 {
			fmt.Fprintf(&b, "  - apiVersion: v2\n%s    digest: %s\n    urls:\n    - u-%d\n    version: 1.%d.0\n", one[:strings.LastIndex(one[:len(one)/3+1], "\n")+1], someDigest[7:], v, v)
		}
	}
	b.WriteString("  web:\n  - version: 1.2.3\n    urls: [u]\n    digest: " + someDigest + "\n")
	index := []byte(b.String())
	for _, tc := range []struct{ name, version, want string }{{"web", "1.2.3", "u"}, {"chart-100", "1.77.0", "u-77"}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		got, err := findIn(index, tc.name, tc.version)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if err != nil || !slices.Equal(got.URLs, []string{tc.want}) {
			t.Errorf("%s: %v, %v", tc.name, got, err)
		}
		allocated := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d MiB, %s, %d KiB allocated", tc.name, len(index)>>20, took, allocated>>10)
		if allocated > 4<<20 {
			t.Errorf("%s: %d MiB were allocated", tc.name, allocated>>20)
		}
	}
}

// FuzzIndex compares what is found among the lines with what a whole decoding finds, wherever both find something.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(indexOf("web", version("1.2.3", someDigest, "u"))))
	f.Add([]byte("entries:\n  web: &a [*a]\n"))
	f.Add([]byte("entries:\n" + bomb))
	f.Add([]byte(`{"entries":{"a":[],"web":[{"version":"1.2.3","digest":"` + someDigest + `","urls":["u"]}]}}`))
	f.Add([]byte("entries:\n  web:\n    - version: v1.2.3\n      urls: [a]\n  - x\n"))
	f.Fuzz(func(t *testing.T, index []byte) {
		began := time.Now()
		one, err := findIn(index, "web", "1.2.3")
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("it took %s", took)
		}
		if err != nil {
			var told *Error
			if !errors.As(err, &told) || strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 700 {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		if len(one.URLs) == 0 || len(one.Digest) != len(someDigest) {
			t.Fatalf("half an entry: %+v", one)
		}
		if bytes.HasPrefix(bytes.TrimLeft(index, " \t\r\n"), []byte("{")) {
			return
		}
		versions, known, err := whole[entry](index, "web")
		if err != nil {
			return // The lines before and after are not looked at.
		}
		same, err := choose(versions, "1.2.3")
		if !known || err != nil || same.Digest != one.Digest || !slices.Equal(same.URLs, one.URLs) {
			t.Fatalf("among the lines: %+v\nas a whole: %+v, %v", one, same, err)
		}
	})
}
