package rollout

import "unicode/utf8"

// cut shortens text to at most n bytes, at the end of a character.
func cut(s string, n int) string {
	const more = "…"
	if len(s) <= n {
		return s
	}
	end := n - len(more)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}
