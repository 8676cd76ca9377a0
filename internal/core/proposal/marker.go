package proposal

import (
	"github.com/addon-manager/addon-manager/internal/core/marker"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// What the pull requests with a Marker are about: newer versions, or one more Kubernetes minor.
const (
	KindUpgrade = "upgrade"
	KindMinor   = "minor"
)

// Marker is what the bot hides in the text of its upgrade pull requests for itself.
type Marker struct {
	// Kind is KindUpgrade or KindMinor.
	Kind string `json:"kind"`
	// Branch and Unit are the proposal's.
	Branch string `json:"branch"`
	Unit   string `json:"unit"`
	// Versions are what it proposes, by source: what an ignore command is about.
	Versions []Proposed `json:"versions"`
	// Content is a digest of the versions and of what they render to: a pull request that a person closed is opened again when it would differ.
	Content string `json:"content"`
	// Told is a digest of what else its text is made of, so that the text is written again when that is different. Labels are those that the bot gave it.
	Told   string   `json:"told,omitempty"`
	Labels []string `json:"labels,omitempty"`
	// Head is the commit that was pushed, Base the one that it was made from.
	Head string `json:"head"`
	Base string `json:"base"`
	// Retired is why the bot closed it; empty while it did not.
	Retired string `json:"retired,omitempty"`
	// Ignored is version or major once a person said so, By who.
	Ignored string `json:"ignored,omitempty"`
	By      string `json:"by,omitempty"`
}

// Proposed is one version in a Marker.
type Proposed struct {
	Source upstream.Source `json:"source"`
	From   string          `json:"from"`
	To     string          `json:"to"`
}

// Hide writes a marker at the end of a text, in place of one that is there.
func Hide(body string, m Marker) string { return marker.Hide(body, m, Marker.ours) }

// Find reads the marker. Whether it is to be believed depends on who wrote the text.
func Find(body string) (Marker, bool) { return marker.Find(body, Marker.ours) }

func (m Marker) ours() bool { return m.Kind == KindUpgrade || m.Kind == KindMinor }
