package upgrade

import (
	"regexp"
	"strings"
)

// Prefix starts the names of the branches of upgrades.
const Prefix = "upgrade/"

// major ends those of steps to a new major version. Names of addons and groups have no dots.
const major = ".major"

var unitName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseHead reads the name of a proposal's branch.
func ParseHead(head string) (branch, unit string, isMajor, ok bool) {
	rest, ok := strings.CutPrefix(head, Prefix)
	i := strings.LastIndexByte(rest, '/')
	if !ok || i <= 0 {
		return "", "", false, false
	}
	branch, unit = rest[:i], rest[i+1:]
	unit, isMajor = strings.CutSuffix(unit, major)
	if !unitName.MatchString(unit) {
		return "", "", false, false
	}
	return branch, unit, isMajor, true
}
