package change

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Subject is the first line of a message that says something.
func Subject(message string) string {
	subject, _, _ := strings.Cut(strings.TrimLeft(lines(message), "\n \t"), "\n")
	return strings.TrimSpace(subject)
}

var (
	mergeSubject  = regexp.MustCompile(`^Merge pull request #([0-9]{1,9}) from `)
	squashSubject = regexp.MustCompile(` \(#([0-9]{1,9})\)$`)
	revertLine    = regexp.MustCompile(`(?m)^This reverts commit ([0-9a-f]{40})\b`)
)

// Title is the subject, but for GitHub's merge commits: those name a branch first, and the pull request's title below it.
func Title(message string) string {
	subject := Subject(message)
	if !mergeSubject.MatchString(subject) {
		return subject
	}
	_, rest, _ := strings.Cut(lines(message), subject)
	if title := Subject(rest); title != "" {
		return title
	}
	return subject
}

// PullOf is the number of the pull request that GitHub names in the message of a squash or merge commit, 0 when it names none.
func PullOf(message string) int {
	subject := Subject(message)
	for _, form := range []*regexp.Regexp{mergeSubject, squashSubject} {
		if m := form.FindStringSubmatch(subject); m != nil {
			n, _ := strconv.Atoi(m[1]) // At most nine digits.
			return n
		}
	}
	return 0
}

// Reverts are the commits that a message says its commit reverts.
func Reverts(message string) (commits []string) {
	for _, m := range revertLine.FindAllStringSubmatch(lines(message), -1) {
		if !slices.Contains(commits, m[1]) {
			commits = append(commits, m[1])
		}
	}
	return commits
}

// lines ends lines as Git does. What comes after a NUL is not part of a message for Git either.
func lines(message string) string {
	message, _, _ = strings.Cut(message, "\x00")
	return strings.ReplaceAll(message, "\r\n", "\n")
}
