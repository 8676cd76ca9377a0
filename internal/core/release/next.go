package release

import (
	"fmt"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Next is the release of a minor and a distribution after all those that are known, and the first one where none is. A number between them that
// no tag has any more is not given again: it may have been delivered.
func Next(m version.Minor, distribution string, known []Tag) (Tag, error) {
	if err := CheckDistribution(distribution); err != nil {
		return Tag{}, err
	}
	next := Tag{Minor: m, Distribution: distribution, N: 1}
	for _, t := range known {
		if t.Minor == m && t.Distribution == distribution {
			next.N = max(next.N, t.N+1)
		}
	}
	if next.N > maxN {
		return Tag{}, fmt.Errorf("the number after %d is more than the %d that a release can have: delete the tags that were made by mistake", next.N-1, maxN)
	}
	return next, nil
}
