package change

// Subject is the first line of a message.
func Subject(message string) string { panic("todo") }

// Claims are the commits that a message says its commit is a pick of, in the order in which it says so: lines of `git cherry-pick -x`, and our
// trailer. Of lines that follow each other only the last counts, since git adds a line with every further pick.
func Claims(message string) []string { panic("todo") }

// Reverts are the commits that a message says its commit reverts.
func Reverts(message string) []string { panic("todo") }

// PullOf is the number of the pull request that GitHub names in the message of a squash or merge commit, 0 when it names none.
func PullOf(message string) int { panic("todo") }

// Pick is what the message of a pick says.
type Pick struct {
	// Message is the message of the commit that is picked, Commit its hash, Pull the pull request that brought it (0: not known).
	Message string
	Commit  string
	Pull    int
	// Unresolved are paths that a person must still decide about; each with the kind of its conflict.
	Unresolved []Unresolved
	// CoAuthors are further authors of what is picked.
	CoAuthors []Person
}

// Unresolved is a path whose conflict was left to a person.
type Unresolved struct{ Kind, Path string }

// Picked is the message of a pick: the original's subject, body and trailers, the line of `git cherry-pick -x`, and our trailers. What the
// original says in lines like ours cannot be mistaken for them.
func Picked(p Pick) string { panic("todo") }

// UnresolvedIn are the paths that a message of Picked leaves to a person.
func UnresolvedIn(message string) []Unresolved { panic("todo") }
