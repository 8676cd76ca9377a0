package report

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

// TestPage looks at what a browser goes by: the policy allows the page's own style and nothing else, and every link within leads somewhere.
func TestPage(t *testing.T) {
	for name, r := range map[string]Report{"cert-manager": sample(), "hostile": hostile(), "noise": noise(), "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			data, err := HTML(r)
			if err != nil {
				t.Fatal(err)
			}
			page := string(data)
			_, style, _ := strings.Cut(page, "<style>")
			style, _, _ = strings.Cut(style, "</style>")
			hash := sha256.Sum256([]byte(style))
			policy := `content="default-src 'none'; style-src 'sha256-` + strings.ReplaceAll(base64.StdEncoding.EncodeToString(hash[:]), "+", "&#43;") +
				`'; base-uri 'none'; form-action 'none'"`
			if !strings.Contains(page, policy) {
				t.Errorf("the policy does not allow the page's own style: want %s in\n%s", policy, page[:500])
			}
			for _, m := range regexp.MustCompile(`(?:href="#|for=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
				if n := strings.Count(page, ` id="`+m[1]+`"`); n != 1 {
					t.Errorf("%s leads to %d places", m[0], n)
				}
			}
		})
	}
}

// TestEverythingOnThePage finds on the page what has no room in a pull request.
func TestEverythingOnThePage(t *testing.T) {
	r := large()
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"line 9999 of the old text", "line 9999 of the new text", "property499:", "kind15.example.com"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("%q is missing", part)
		}
	}
	if out := Markdown(r, Limit); len(out) > Limit || !strings.Contains(out, "more lines") {
		t.Errorf("Markdown has %d bytes and does not say what it cut", len(out))
	}
}
