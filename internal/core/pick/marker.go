package pick

import (
	"encoding/json"
	"strings"
)

// Marker is what the bot hides in the text of its pull requests for itself.
type Marker struct {
	// Kind is pick.
	Kind string `json:"kind"`
	// Branch is the release branch, Source the hashes of the changes.
	Branch string   `json:"branch"`
	Source []string `json:"source"`
	// Content is Outcome.Content of what was pushed last, Head the commit that was pushed.
	Content string `json:"content"`
	Head    string `json:"head"`
	// Retired is why the bot closed it; empty while it did not.
	Retired string `json:"retired,omitempty"`
}

const markerOpen, markerClose = "<!-- branch-bot ", " -->"

// Hide writes a marker at the end of a text, in place of one that is there. What else is in the text stays.
func Hide(body string, m Marker) string {
	kept := ""
	for line := range strings.Lines(body) {
		if _, is := markerOf(line); !is {
			kept += line
		}
	}
	if kept = strings.TrimRight(kept, " \t\r\n"); kept != "" {
		kept += "\n\n"
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // Strings always are JSON.
	}
	// JSON as it comes has no angle bracket and no line break, so nothing in it ends the comment; two dashes are no good in one either.
	return kept + markerOpen + strings.ReplaceAll(string(text), "--", `-\u002d`) + markerClose + "\n"
}

// Find reads the marker. Whether it is to be believed depends on who wrote the text. People quote and copy: only whole lines count, and of several
// the last, which is where Hide writes.
func Find(body string) (Marker, bool) {
	for body != "" {
		at := strings.LastIndexByte(strings.TrimSuffix(body, "\n"), '\n') + 1
		if m, is := markerOf(body[at:]); is {
			return m, true
		}
		body = body[:at]
	}
	return Marker{}, false
}

func markerOf(line string) (m Marker, is bool) {
	text, opens := strings.CutPrefix(strings.TrimRight(line, " \t\r\n"), markerOpen)
	text, closes := strings.CutSuffix(text, markerClose)
	if !opens || !closes || json.Unmarshal([]byte(text), &m) != nil || m.Kind == "" {
		return Marker{}, false
	}
	return m, true
}
