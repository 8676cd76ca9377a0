package diff

import (
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// step leads from a value to one inside it: a key of a map, or an item of a list.
type step struct {
	key  string
	item bool
	// base and head are the item's positions on each side, -1 where it has none; the names are what identifies it there.
	base, head         int
	baseName, headName string
}

// steps are the way from the object to a value, on both sides at once.
type steps []step

// side is one of the two objects.
type side bool

const (
	ofBase side = false
	ofHead side = true
)

func (s step) at(of side) (position int, name string) {
	if of == ofHead && s.head >= 0 || s.base < 0 {
		return s.head, s.headName
	}
	return s.base, s.baseName
}

// pointer is the JSON pointer on one side.
func (p steps) pointer(of side) string {
	var b strings.Builder
	for _, s := range p {
		b.WriteByte('/')
		if s.item {
			position, _ := s.at(of)
			b.WriteString(strconv.Itoa(position))
			continue
		}
		b.WriteString(manifest.EscapePointer(s.key))
	}
	return b.String()
}

// shown is the path for people on one side. It is unambiguous: two values of an object never share one.
func (p steps) shown(of side) string {
	var b strings.Builder
	for _, s := range p {
		if s.item {
			position, name := s.at(of)
			if name == "" {
				name = strconv.Itoa(position)
			}
			b.WriteString("[" + name + "]")
			continue
		}
		switch {
		case !plain(s.key, "-_/$"):
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// plain reports whether a text can stand in a path for people without quotes: letters, digits and a few signs.
func plain(s, signs string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(signs, r) {
			return false
		}
	}
	return s != ""
}

// under reports whether a path for people is another, or lies below it.
func under(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || above == "" || rest[0] == '.' || rest[0] == '[')
}
