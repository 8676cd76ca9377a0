package report

import "strings"

// Verdict is what a report comes to, in one line. It holds numbers and minors, nothing from outside.
func Verdict(r Report) string {
	v := newView(r)
	return strings.Join(v.verdict(), " · ")
}

// ImageParts are the repository of an image, and what names a version in it: tag, shortened digest, or nothing.
func ImageParts(image string) (repository, version string) { return imageParts(image) }
