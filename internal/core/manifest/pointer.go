package manifest

import "strings"

var (
	escapes   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

// EscapePointer is a key as a JSON pointer writes it (RFC 6901).
func EscapePointer(key string) string { return escapes.Replace(key) }

// UnescapePointer is the key that a part of a JSON pointer stands for.
func UnescapePointer(part string) string { return unescapes.Replace(part) }
