package mask

import (
	"regexp"
	"strings"
)

// shape is a form that only secrets have. The regular expressions are tried only where one of the hints occurs: most texts have none.
type shape struct {
	hints []string
	form  *regexp.Regexp
	// group is what is hidden, 0 for the whole match.
	group int
	// sure, where it is set, has the last word about what was found.
	sure func(value string) bool
}

var forms = []shape{
	// A private key without its last line is hidden to the end of the text.
	{hints: []string{"PRIVATE KEY"}, form: regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)`)},
	{hints: []string{"eyJ"}, form: regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){2,4}`)},
	{hints: []string{"AKIA", "ASIA"}, form: regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{
		hints: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"},
		form:  regexp.MustCompile(`(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})`),
	},
	{hints: []string{"glpat-", "gldt-", "glrt-", "glptt-"}, form: regexp.MustCompile(`gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_.-]{16,}`)},
	{hints: []string{"xox"}, form: regexp.MustCompile(`xox[a-z]-[A-Za-z0-9-]{10,}`)},
	{hints: []string{"hooks.slack.com/"}, form: regexp.MustCompile(`hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{8,})`), group: 1},
	{hints: []string{"AIza"}, form: regexp.MustCompile(`AIza[0-9A-Za-z_-]{35}`)},
	{hints: []string{"sk_live_", "rk_live_"}, form: regexp.MustCompile(`[sr]k_live_[A-Za-z0-9]{10,}`)},
	{hints: []string{"npm_"}, form: regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}`)},
	{hints: []string{"hvs.", "hvb."}, form: regexp.MustCompile(`\bhv[sb]\.[A-Za-z0-9_-]{20,}`)},
	{hints: []string{"dop_v1_"}, form: regexp.MustCompile(`\bdop_v1_[0-9a-f]{40,}`)},
	{hints: []string{"AGE-SECRET-KEY-"}, form: regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{20,}`)},
	{
		hints: []string{"://"}, form: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:([^\s/?#"']+)@`), group: 1,
		sure: func(v string) bool { return !harmless(v) },
	},
	{
		hints: []string{"uthorization", "UTHORIZATION"},
		form:  regexp.MustCompile(`(?i)authorization\\?["']?[ \t]*[:=][ \t]*\\?["']?(?:bearer|basic|token|apikey) +([^\s"'\\<]+)`), group: 1,
		sure: func(v string) bool { return !harmless(v) },
	},
	{
		hints: []string{"earer ", "asic ", "EARER ", "ASIC "}, form: regexp.MustCompile(`(?i)\b(?:bearer|basic) +([A-Za-z0-9+/=._~-]{8,})`), group: 1,
		sure: mixed,
	},
}

// mixed words hold a digit or change their case inside: no word of a sentence, as in "basic authentication".
func mixed(v string) bool {
	if strings.ContainsAny(v, "0123456789+/=~") {
		return true
	}
	for i := 1; i < len(v); i++ {
		if v[i] >= 'A' && v[i] <= 'Z' && v[i-1] >= 'a' && v[i-1] <= 'z' {
			return true
		}
	}
	return false
}

// shapes hides what has the form of a secret.
func (m *Masker) shapes(s string) string {
	for _, k := range forms {
		if !hinted(s, k.hints) {
			continue
		}
		var b strings.Builder
		end := 0
		for _, at := range k.form.FindAllStringSubmatchIndex(s, -1) {
			from, to := at[2*k.group], at[2*k.group+1]
			if k.sure != nil && !k.sure(s[from:to]) {
				continue
			}
			b.WriteString(s[end:from])
			b.WriteString(m.placeholder(s[from:to]))
			end = to
		}
		if end > 0 {
			b.WriteString(s[end:])
			s = b.String()
		}
	}
	return s
}

func hinted(s string, hints []string) bool {
	for _, h := range hints {
		if strings.Contains(s, h) {
			return true
		}
	}
	return false
}
