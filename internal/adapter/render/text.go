package render

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxErrorText bounds what a source can put into an error: a template may fail with a text of any length.
const maxErrorText = 4 << 10

// shorten leaves out the middle: the beginning of an error says where, its end says what.
func shorten(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	end := s[len(s)-maxErrorText/2:]
	for len(end) > 0 && !utf8.RuneStart(end[0]) {
		end = end[1:]
	}
	return firstBytes(s, maxErrorText/2) + " … " + end
}

// bytesText is a number of bytes as people write it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return firstBytes(s, 300)
}

// firstBytes cuts between characters.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
