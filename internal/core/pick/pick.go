// Package pick decides what becomes of a change on a release branch: what its pull request is called and says, how conflicts are named, and
// which of them the catalog's ranges decide.
package pick

// Kind is what sort of conflict a path has.
type Kind string

// The kinds.
const (
	Content         Kind = "content"
	ModifyDelete    Kind = "modify/delete"
	Rename          Kind = "rename"
	Mode            Kind = "mode"
	Binary          Kind = "binary"
	FileOrDirectory Kind = "file/directory"
	Submodule       Kind = "submodule"
	// YAML merged without a conflict and is no valid YAML any more, or no valid catalog.
	YAML Kind = "yaml"
	// Render merged without a conflict, and the addon does not render any more.
	Render Kind = "render"
)

// Conflict is a path that a person must decide about. For Render it is the addon's folder.
type Conflict struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// Message says more where there is more: git's words, or what the renderer said.
	Message string `json:"message,omitempty"`
}
