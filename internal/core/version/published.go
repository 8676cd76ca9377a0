package version

import "regexp"

var published = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$`)

// Published reports whether what a publisher calls a version is nothing but one: it goes into files, their names, commit messages and names of branches as it is.
func Published(name string) bool { return published.MatchString(name) }
