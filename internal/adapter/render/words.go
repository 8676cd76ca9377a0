package render

import (
	"bytes"
	"strings"
)

// found is what the templates of a source may do.
type found struct{ capabilities, unstable, crds bool }

// look reads one file of a chart: values and other files can hold templates too, which the function tpl renders.
func (f *found) look(name string, data []byte) {
	f.capabilities = f.capabilities || bytes.Contains(data, []byte("Capabilities"))
	f.unstable = f.unstable || asksForUnstable(data)
	f.crds = f.crds || mentionsCRD(name, data)
}

func mentionsCRD(name string, data []byte) bool {
	return strings.HasPrefix(name, "crds/") || strings.Contains(name, "/crds/") || bytes.Contains(data, []byte("CustomResourceDefinition"))
}

// unstable are the template functions whose result is not the same twice: random, by the clock, or in a map's order.
var unstable = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(`
		genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey genPrivateKey
		randAlpha randAlphaNum randAscii randBytes randInt randNumeric shuffle uuidv4 bcrypt htpasswd encryptAES
		now ago date dateInZone date_in_zone dateModify date_modify mustDateModify must_date_modify htmlDate htmlDateInZone unixEpoch
		toDate mustToDate duration durationRound keys values`) {
		set[name] = true
	}
	return set
}()

// asksForUnstable reports whether a template's actions call such a function. Strings inside actions may be templates themselves.
func asksForUnstable(data []byte) bool {
	for {
		_, rest, ok := bytes.Cut(data, []byte("{{"))
		if !ok {
			return false
		}
		n, is := action(rest)
		if is {
			return true
		}
		data = rest[n:]
	}
}

// action reads an action up to its }}, and returns how many bytes that took.
func action(text []byte) (n int, is bool) {
	body := bytes.TrimLeft(text, "- \t\r\n")
	if bytes.HasPrefix(body, []byte("/*")) {
		if end := bytes.Index(body, []byte("*/")); end >= 0 {
			return len(text) - len(body) + end + 2, false
		}
		return len(text), false
	}
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == '}' && i+1 < len(text) && text[i+1] == '}':
			return i + 2, false
		case b == '"' || b == '`' || b == '\'':
			end := quoted(text[i:])
			if asksForUnstable(text[i+1 : i+end]) {
				return i, true
			}
			i += end
		case letter(b):
			end := i + 1
			for end < len(text) && (letter(text[end]) || text[end] >= '0' && text[end] <= '9') {
				end++
			}
			field := i > 0 && (text[i-1] == '.' || text[i-1] == '$')
			if !field && unstable[string(text[i:end])] {
				return i, true
			}
			i = end
		default:
			i++
		}
	}
	return len(text), false
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' }

// quoted is the length of the string that text starts with. One that does not end is no string, but an apostrophe.
func quoted(text []byte) int {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			return i + 1
		case text[i] == '\n' && quote != '`':
			return 1
		}
	}
	return 1
}
