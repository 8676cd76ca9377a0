// Package change is what Git says of commits, and what commit messages say of each other: which change a commit is a pick of, which it
// reverts, which pull request it came from. Messages come from outside: what they say is a claim until the commits bear it out.
package change

import "time"

// Person is an author or committer as the commit has it, which may be anything.
type Person struct {
	Name, Email string
	When        time.Time
}

// Commit is one commit, and what it changes against its first parent.
type Commit struct {
	// Hash and Tree are 40 lower-case hexadecimal digits, as are Parents.
	Hash, Tree string
	Parents    []string
	// Message is the whole message.
	Message           string
	Author, Committer Person
	// Files are sorted by path. Renames are a removal and an addition.
	Files []File
	// PatchID is Git's stable patch-id of the change against the first parent. It is empty where nobody asked for it, and for a commit that
	// changes nothing.
	PatchID string
}

// File is what a commit does to one path.
type File struct {
	Path string
	Old  Entry
	New  Entry
}

// Entry is a path in a tree; the zero value is a path that is not there.
type Entry struct {
	// Mode is octal, such as 100644, 100755, 120000 (symbolic link) or 160000 (submodule).
	Mode string
	// Blob is the hash of the content.
	Blob string
}
