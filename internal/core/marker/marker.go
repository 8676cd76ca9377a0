// Package marker hides what the bot must remember in texts that people read: a comment of HTML with JSON in it, alone on a line.
package marker

import (
	"encoding/json"
	"strings"
)

const opening, closing = "<!-- branch-bot ", " -->"

// Hide writes a marker at the end of a text, in place of those there that are ours. What else is in the text stays.
func Hide[T any](body string, m T, ours func(T) bool) string {
	var kept strings.Builder
	for line := range strings.Lines(body) {
		if _, is := read(line, ours); !is {
			kept.WriteString(line)
		}
	}
	text := strings.TrimRight(kept.String(), " \t\r\n")
	if text != "" {
		text += "\n\n"
	}
	return text + Line(m)
}

// Line is a marker as it stands in a text, with the end of its line.
func Line(m any) string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // Markers are of strings, numbers, and lists of them, which always are JSON.
	}
	// JSON as it comes has no angle bracket and no line break, so nothing in it ends the comment; two dashes are no good in one either.
	return opening + strings.ReplaceAll(string(text), "--", `-\u002d`) + closing + "\n"
}

// Find reads the marker. Whether it is to be believed depends on who wrote the text. People quote and copy: only whole lines count, and of several
// the last, which is where Hide writes.
func Find[T any](body string, ours func(T) bool) (m T, is bool) {
	for body != "" {
		at := strings.LastIndexByte(strings.TrimSuffix(body, "\n"), '\n') + 1
		if m, is := read(body[at:], ours); is {
			return m, true
		}
		body = body[:at]
	}
	return m, false
}

func read[T any](line string, ours func(T) bool) (m T, is bool) {
	text, opens := strings.CutPrefix(strings.TrimRight(line, " \t\r\n"), opening)
	text, closes := strings.CutSuffix(text, closing)
	if !opens || !closes || json.Unmarshal([]byte(text), &m) != nil || !ours(m) {
		var none T
		return none, false
	}
	return m, true
}
