package upstream

import (
	"cmp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Compare orders two versions as their publishers count, and tells whether they can be compared at all: semantic versions with or without a v or a
// prefix that both have (helm-chart-1.2.3), fewer or more numbers, builds (+1), dates. "latest" is comparable to nothing. Suffixes that are
// variants of an image (-alpine, -debian-12) are comparable only among themselves; in one that counts (-r3, -k3s1, -5) the higher number is
// the newer one.
//
// Among versions of which each can be compared with each, the order is one that can be sorted by. Versions that differ in nothing that counts,
// such as 1.0 and v1.0.0, are equal.
func Compare(a, b string) (order int, comparable bool) {
	x, ok := parse(a)
	if !ok {
		return 0, false
	}
	y, ok := parse(b)
	if !ok || x.prefix != y.prefix || x.variant != y.variant || x.counts != y.counts || x.dated != y.dated {
		return 0, false
	}
	for _, order := range []func(parsed) int{x.number, x.preRelease, func(y parsed) int { return cmp.Compare(x.count, y.count) }} {
		if c := order(y); c != 0 {
			return c, true
		}
	}
	return x.built(y)
}

func (x parsed) number(y parsed) int {
	for i := range max(len(x.numbers), len(y.numbers)) {
		if c := cmp.Compare(x.nth(i), y.nth(i)); c != 0 {
			return c
		}
	}
	return 0
}

// preRelease orders as semantic versions do, but for rc10, which comes after rc9.
func (x parsed) preRelease(y parsed) int {
	if x.pre == y.pre {
		return 0
	}
	return semver.New(0, 0, 0, identifiers(x.pre), "").Compare(semver.New(0, 0, 0, identifiers(y.pre), ""))
}

// built orders builds that differ in their numbers. Of other builds of the same version, such as those named after a commit, nobody knows
// which is the newer one.
func (x parsed) built(y parsed) (order int, comparable bool) {
	a, b := runs(x.build), runs(y.build)
	for i := range min(len(a), len(b)) {
		if a[i].digits != b[i].digits || !a[i].digits && a[i].text != b[i].text {
			return 0, false
		}
		if c := a[i].number(b[i]); c != 0 && order == 0 {
			order = c
		}
	}
	common := min(len(a), len(b))
	if slices.ContainsFunc(slices.Concat(a[common:], b[common:]), func(r run) bool { return !r.digits }) {
		return 0, false
	}
	return cmp.Or(order, cmp.Compare(len(a), len(b))), true
}

// Size is how large a step is.
type Size string

// The sizes. Below 1.0.0 a step of the second number counts as minor.
const (
	Major Size = "major"
	Minor Size = "minor"
	Patch Size = "patch"
	// Digest is another content under the same name.
	Digest Size = "digest"
)

// Step is the size of the step from one version to a newer one; Major where that cannot be said. Of dates, the year is the major version and
// the month the minor one.
func Step(from, to string) Size {
	if from == to {
		return Digest
	}
	x, ok := parse(from)
	y, also := parse(to)
	switch {
	case !ok || !also || x.prefix != y.prefix || x.variant != y.variant || x.counts != y.counts || x.dated != y.dated || x.nth(0) != y.nth(0):
		return Major
	case x.nth(1) != y.nth(1):
		return Minor
	}
	return Patch
}

// Alike tells whether an image's tag is written with as many numbers as another. A tag with fewer, such as 1.27, stands for the newest of many
// versions: who names one such tag wants another, and who names 1.27.0 does not want 1.28.
func Alike(a, b string) bool {
	x, ok := parse(a)
	y, also := parse(b)
	return ok && also && len(x.numbers) == len(y.numbers)
}

// IsPreRelease tells of a version whose name says that it is not finished: alpha, beta, rc, dev, nightly and the like.
func IsPreRelease(version string) bool {
	rest := version
	if p, ok := parse(version); ok {
		if p.pre != "" || describes(p.variant) {
			return true
		}
		rest = p.variant + "-" + p.build
		if p.dated {
			rest += "-" + p.prefix // Of nightly-20240501; of others, the prefix is mostly the name of a chart.
		}
	}
	return slices.ContainsFunc(runs(strings.ToLower(rest)), func(r run) bool { return !r.digits && unfinished[r.text] })
}

// Core is the version as semantic versions' ranges can be asked about: prefix and variant put aside. Ok is false where there is none.
func Core(version string) (semantic string, ok bool) {
	p, ok := parse(version)
	if !ok {
		return "", false
	}
	core := semver.New(p.nth(0), p.nth(1), p.nth(2), "", "")
	if with, err := core.SetPrerelease(p.pre); err == nil {
		return with.String(), true
	}
	with, err := core.SetPrerelease(identifiers(p.pre))
	return with.String(), err == nil
}
