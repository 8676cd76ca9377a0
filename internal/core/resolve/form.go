package resolve

import (
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// form is a Patch with gaps for the values of its parameters: to marshal it anew for every cluster would cost more than everything else
// about a pair.
type form struct {
	// texts are what stands around the gaps, gaps the parameters whose values fill them.
	texts []string
	gaps  []int
}

// gap opens the mark of a gap. It needs no escape in JSON, and a catalog would have to mean harm to contain it; then there is no form.
const gap = "\ue000addon-manager-gap\ue001"

// formOf makes the form of an addon, empty where that cannot be.
func formOf(a catalog.Addon) (f form) {
	marks := make([]string, len(a.Parameters))
	for i := range marks {
		marks[i] = gap + strconv.Itoa(i) + ";"
	}
	text, err := patchOf(a, marks)
	if err != nil {
		return form{}
	}
	parts := strings.Split(text, gap)
	f.texts = append(f.texts, parts[0])
	for _, part := range parts[1:] {
		number, rest, _ := strings.Cut(part, ";")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(marks) {
			return form{}
		}
		f.gaps, f.texts = append(f.gaps, i), append(f.texts, rest)
	}
	if len(f.gaps) != len(marks) {
		return form{}
	}
	return f
}

// filled is the Patch of the addon with these values; have is returned when it is the same.
func (of *offered) filled(values []string, have string) string {
	if len(of.form.texts) == 0 || !plain(values) {
		// Values are strings; marshalling them cannot fail.
		patch, _ := patchOf(*of.Addon, values)
		return patch
	}
	if of.form.matches(values, have) {
		return have
	}
	var b strings.Builder
	for i, text := range of.form.texts {
		b.WriteString(text)
		if i < len(of.form.gaps) {
			b.WriteString(values[of.form.gaps[i]])
		}
	}
	return b.String()
}

// matches reports whether a patch is the form with these values.
func (f form) matches(values []string, patch string) bool {
	for i, text := range f.texts {
		rest, ok := strings.CutPrefix(patch, text)
		if ok && i < len(f.gaps) {
			rest, ok = strings.CutPrefix(rest, values[f.gaps[i]])
		}
		if !ok {
			return false
		}
		patch = rest
	}
	return patch == ""
}

// plain reports whether JSON, and JSON within JSON, holds the values as they are.
func plain(values []string) bool {
	for _, v := range values {
		for i := range len(v) {
			switch c := v[i]; {
			case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
				return false
			}
		}
	}
	return true
}
