package native

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// Annotated is what an annotated tag says. All of it may come from outside.
type Annotated struct {
	Tagger  change.Person
	Message string
	// Signed tells that there is a signature, not that it is good: Verify does.
	Signed bool
}

// maxTag bounds the tags that are read.
const maxTag = 1 << 20

// Annotated reads a tag; ok is false for a lightweight one.
func (m *Mirror) Annotated(_ context.Context, t Tag) (a Annotated, ok bool, err error) {
	if t.Object == t.Commit {
		return Annotated{}, false, nil
	}
	data, err := m.read(t.Object, plumbing.TagObject, maxTag)
	if err != nil {
		return Annotated{}, false, fmt.Errorf("read a tag: %w", err)
	}
	header, message, _ := strings.Cut(string(data), "\n\n")
	for line := range strings.SplitSeq(header, "\n") {
		if who, is := strings.CutPrefix(line, "tagger "); is {
			var s object.Signature
			s.Decode([]byte(who))
			a.Tagger = change.Person{Name: s.Name, Email: s.Email, When: s.When}
		}
	}
	a.Message = message
	for _, begin := range []string{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN PGP SIGNATURE-----\n"} {
		if text, _, found := strings.Cut("\n"+message, "\n"+begin); found {
			a.Message, a.Signed = strings.TrimPrefix(text, "\n")+"\n", true
		}
	}
	return a, true, nil
}
