package git

import (
	"fmt"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// TestTagsWithoutEnd (fault 71): a server that lists more tags than any repository has is not believed; branches, and names that are none, are no tags.
func TestTagsWithoutEnd(t *testing.T) {
	listed := packp.NewAdvRefs()
	for i := range maxTags {
		listed.References[fmt.Sprintf("refs/tags/v%d", i)] = plumbing.Hash{1}
	}
	for _, name := range []string{"refs/heads/main", "refs/pull/1/head", "refs/tags/a..b", "refs/tags/a b", "refs/tags/"} {
		listed.References[name] = plumbing.Hash{1}
	}
	if found, err := tagsOf(listed); err != nil || len(found) != maxTags {
		t.Errorf("%d tags, %v", len(found), err)
	}
	listed.References["refs/tags/one-more"] = plumbing.Hash{1}
	if _, err := tagsOf(listed); err == nil || err.Error() != "git repository : not allowed: it has more than 50000 tags" {
		t.Errorf("one more: %v", err)
	}
}
