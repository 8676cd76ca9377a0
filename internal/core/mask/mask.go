// Package mask hides secrets before anything is compared, printed or stored. Equal secrets get equal placeholders within one run, so that a
// change shows; the placeholders of two runs cannot be compared, and nothing can be guessed from them.
//
// What counts as a secret: all data of a Secret, and the same values wherever else they occur; values under keys such as password; and what
// has the shape of one (private keys, tokens of known issuers, passwords in URLs). Certificates, references to Secrets by name, and what is
// already encrypted stay. In doubt a value is hidden: that it changed is shown all the same.
package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Masker hides secrets with the placeholders of one run. It holds no secrets, and may be used by many at a time.
type Masker struct{ salt []byte }

// New makes a Masker. The salt must be random: at least 16 bytes from crypto/rand.
func New(salt []byte) *Masker { return &Masker{salt} }

// Objects gives copies of objects without their secrets: data and stringData of Secrets, whatever they are named; values of other objects
// under keys that hold secrets; last-applied annotations; and what looks like a secret inside any string. Objects without any are shared.
func (m *Masker) Objects(objects []manifest.Object) []manifest.Object { return m.Sets(objects)[0] }

// Sets is Objects for what is going to be compared: a value of a Secret in one set is hidden in all of them, such as a password that the
// base had in a ConfigMap and the head has in a Secret.
func (m *Masker) Sets(sets ...[]manifest.Object) [][]manifest.Object {
	k := m.known(sets)
	masked := make([][]manifest.Object, len(sets))
	for i, set := range sets {
		masked[i] = make([]manifest.Object, len(set))
		for j, o := range set {
			w := walker{
				m: m, known: k, inText: o.GroupKind() != "CustomResourceDefinition.apiextensions.k8s.io", sealed: o.Kind == "SealedSecret",
			}
			if c, changed := w.value("", o.Content, false); changed {
				o.Content, _ = c.(map[string]any)
			}
			masked[i][j] = o
		}
	}
	return masked
}

// Text hides what looks like a secret in a text, such as an error that quotes a manifest.
func (m *Masker) Text(s string) string { return m.assignments(m.shapes(s), true) }

const (
	opening = "<secret:"
	digits  = 8
	length  = len(opening) + digits + 1
)

// placeholder stands for a value; an empty one stays empty, so that it is seen to be.
func (m *Masker) placeholder(value string) string {
	if value == "" {
		return ""
	}
	mac := hmac.New(sha256.New, m.salt)
	mac.Write([]byte(value))
	return opening + hex.EncodeToString(mac.Sum(nil))[:digits] + ">"
}

// Is reports whether a value is, or holds, a placeholder.
func Is(s string) bool {
	for {
		i := strings.Index(s, opening)
		if i < 0 {
			return false
		}
		if startsWithPlaceholder(s[i:]) {
			return true
		}
		s = s[i+len(opening):]
	}
}

func startsWithPlaceholder(s string) bool {
	return len(s) >= length && strings.HasPrefix(s, opening) && s[length-1] == '>' && strings.Trim(s[len(opening):length-1], "0123456789abcdef") == ""
}
