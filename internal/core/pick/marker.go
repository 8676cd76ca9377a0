package pick

import "github.com/addon-manager/addon-manager/internal/core/marker"

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

// Hide writes a marker at the end of a text, in place of one that is there. What else is in the text stays.
func Hide(body string, m Marker) string { return marker.Hide(body, m, Marker.any) }

// Find reads the marker. Whether it is to be believed depends on who wrote the text. People quote and copy: only whole lines count, and of several
// the last, which is where Hide writes.
func Find(body string) (Marker, bool) { return marker.Find(body, Marker.any) }

func (m Marker) any() bool { return m.Kind != "" }
