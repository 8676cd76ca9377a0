package pick

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Prefix starts the names of the branches that picks are proposed from.
const Prefix = "pick/"

// Head is the branch from which a source is picked to a release branch, such as pick/release-1.31/pr-12. The same source has the same one.
func Head(branch string, s Source) string { return Prefix + branch + "/" + s.Key() }

// heads are how branches of picks are called: ours first, then those of other tools, which people know by heart. B is the release branch, N the
// pull request, C the commit.
var heads = compile(
	"pick/B/pr-N", "pick/B/c-C",
	"backport-N-to-B",
	"backport/B/pr-N", "backport/B/commit-C", "backport/B/N",
	"mergify/bp/B/pr-N",
	"cherry-pick-N-to-B", "cherry-pick/B/pr-N",
	// The script of Kubernetes names the remote too, and sometimes adds the time. Of several pull requests the first is read.
	"automated-cherry-pick-of-#N(?:-#[0-9]+)*-[A-Za-z0-9_.]+-B(?:-[0-9]{10})?",
)

func compile(patterns ...string) []*regexp.Regexp {
	parts := strings.NewReplacer(
		"/B", "/(?P<branch>(?:release-)?[0-9]+\\.[0-9]+)", "-B", "-(?P<branch>release-[0-9]+\\.[0-9]+)",
		"N", "(?P<pull>[1-9][0-9]{0,9})", "C", "(?P<commit>[0-9a-f]{7,40})",
	)
	var all []*regexp.Regexp
	for _, p := range patterns {
		all = append(all, regexp.MustCompile("^"+parts.Replace(p)+"$"))
	}
	return all
}

// ParseHead reads a branch's name: ours, and those that people and other bots give to hand-made picks. pull is 0 or commit is empty when the name has
// only the other.
func ParseHead(name string) (branch string, pull int, commit string, ok bool) {
	for _, h := range heads {
		m := h.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		for i, part := range h.SubexpNames() {
			switch part {
			case "branch":
				minor, err := version.ParseMinor(strings.TrimPrefix(m[i], "release-"))
				if err != nil {
					return "", 0, "", false
				}
				branch = release.Branch(minor)
			case "pull":
				n, err := strconv.ParseInt(m[i], 10, 32)
				if err != nil {
					return "", 0, "", false
				}
				pull = int(n)
			case "commit":
				commit = m[i]
			}
		}
		return branch, pull, commit, true
	}
	return "", 0, "", false
}
