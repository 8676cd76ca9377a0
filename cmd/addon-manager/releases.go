package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// parseRelease reads a release that somebody typed.
func parseRelease(text string) (release.Tag, error) {
	tag, err := release.ParseTag(text)
	if err != nil {
		return tag, cli.Usagef("%w", err)
	}
	return tag, nil
}

// releasesOf are the releases that the source knows of a minor, the newest first.
func releasesOf(s *v1alpha1.CatalogSource, minor string) []v1alpha1.ReleaseStatus {
	for _, m := range s.Status.Minors {
		if m.Minor == minor {
			return m.Releases
		}
	}
	return nil
}

// knownRelease finds a release in the status of the source; its error lists those there are.
func knownRelease(s *v1alpha1.CatalogSource, tag release.Tag) (v1alpha1.ReleaseStatus, error) {
	releases := releasesOf(s, tag.Minor.String())
	var names []string
	for _, r := range releases {
		if r.Tag == tag.String() {
			return r, nil
		}
		names = append(names, r.Tag)
	}
	if len(names) > 0 {
		return v1alpha1.ReleaseStatus{}, fmt.Errorf("there is no release %s; known for Kubernetes %s: %s", tag, tag.Minor, listed(names))
	}
	var minors []string
	for _, m := range s.Status.Minors {
		minors = append(minors, m.Minor)
	}
	if len(minors) == 0 {
		return v1alpha1.ReleaseStatus{}, fmt.Errorf("CatalogSource %q knows no release yet; `kubectl get catalogsource -o wide` says why", s.Name)
	}
	return v1alpha1.ReleaseStatus{}, fmt.Errorf("there is no release %s: no release for Kubernetes %s is known, only for %s", tag, tag.Minor, listed(minors))
}

// rollingOut is the release that the clusters of a minor are to have: the newest that is neither refused nor rolled back; "" when there is none.
func rollingOut(s *v1alpha1.CatalogSource, minor string) string {
	for _, r := range releasesOf(s, minor) {
		if r.Refused == "" && !rolledBack(s, r.Tag) {
			return r.Tag
		}
	}
	return ""
}

// before is the release that clusters go back to from another: the newest usable older one of the same distribution. Where there is none,
// why says what is wrong with the older ones.
func before(s *v1alpha1.CatalogSource, from release.Tag) (to string, why []string) {
	for _, r := range releasesOf(s, from.Minor.String()) {
		older, err := release.ParseTag(r.Tag)
		if err != nil || older.Distribution != from.Distribution || older.N >= from.N {
			continue
		}
		switch {
		case r.Refused != "":
			why = append(why, r.Tag+" is refused")
		case rolledBack(s, r.Tag):
			why = append(why, r.Tag+" is rolled back")
		default:
			return r.Tag, nil
		}
	}
	return "", why
}

func rolledBack(s *v1alpha1.CatalogSource, tag string) bool {
	return s.Spec.Rollout != nil && slices.Contains(s.Spec.Rollout.RolledBack, v1alpha1.ReleaseName(tag))
}

// rolloutOf is what the status says of the rollout of a release; nil when that release does not roll out.
func rolloutOf(s *v1alpha1.CatalogSource, tag string) *v1alpha1.RolloutStatus {
	for i := range s.Status.Rollouts {
		if s.Status.Rollouts[i].Release == tag {
			return &s.Status.Rollouts[i]
		}
	}
	return nil
}

// quarantineOf is the list of deletions that waits for approval; nil when none does.
func quarantineOf(s *v1alpha1.CatalogSource) *v1alpha1.Quarantine {
	if s.Status.Deletions == nil {
		return nil
	}
	return s.Status.Deletions.Quarantine
}

// maxNames is how many names a line lists.
const maxNames = 10

// listed joins names for a line, and counts those that it leaves out.
func listed(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}

// counted is a number of things: 1 cluster, 2 clusters.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
