package budget

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// hashLength is how many hexadecimal digits name a list: few enough to type, and too many for two lists of one fleet to share.
const hashLength = 12

// HashOf names a list of deletions: the first 12 hexadecimal digits of the SHA-256 of its clusters, addons and actions. Order,
// repeats, times and explanations make no difference; one pair more or less, or another action, makes another hash.
func HashOf(deletions []Deletion) string { return hashOf(sorted(deletions), nil) }

// hashOf leaves out the hashes that are used: the list of a used one gets the next.
func hashOf(sorted []Deletion, used []string) string {
	var list strings.Builder
	for _, d := range sorted {
		// Quoted, so that no name can look like two.
		list.WriteString(strconv.Quote(d.Cluster) + " " + strconv.Quote(d.Addon) + " " + strconv.Quote(d.Action) + "\n")
	}
	hash := digest(list.String())
	for slices.Contains(used, hash) {
		hash = digest("after " + hash + "\n" + list.String())
	}
	return hash
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:hashLength]
}

// key is the identity of a deletion. The action belongs to it: leaving objects and deleting them are not the same to whom approved.
type key struct{ cluster, addon, action string }

func (d Deletion) key() key { return key{d.Cluster, d.Addon, d.Action} }

func (g Grant) key() key { return key{g.Cluster, g.Addon, g.Action} }

func (k key) compare(o key) int {
	return cmp.Or(strings.Compare(k.cluster, o.cluster), strings.Compare(k.addon, o.addon), strings.Compare(k.action, o.action))
}

// sorted is a copy in order, each deletion once.
func sorted(deletions []Deletion) []Deletion {
	list := slices.Clone(deletions)
	slices.SortStableFunc(list, func(a, b Deletion) int { return a.key().compare(b.key()) })
	return slices.CompactFunc(list, func(a, b Deletion) bool { return a.key() == b.key() })
}
