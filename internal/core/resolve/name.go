package resolve

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// maxName is what every name of ours fits: Argo CD writes an Application's name into a label.
const maxName = 63

// hashLen is how many hexadecimal digits distinguish names that would be too long or equal.
const hashLen = 10

var (
	dnsLabel   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	labelValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
)

// maxHelmRelease is the longest name that Helm lets a release have.
const maxHelmRelease = 53

// hashed cuts text and ends it in a digest of the parts, which no other parts share.
func hashed(text string, parts ...string) string { return cut(text, maxName, parts...) }

// cut is hashed for names of at most so many characters.
func cut(text string, longest int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	if most := longest - 1 - hashLen; len(text) > most {
		text = text[:most]
	}
	return strings.TrimRight(text, "-._") + "-" + hex.EncodeToString(sum[:])[:hashLen]
}

// LabelValue is the value under which a cluster is found by label: its name where that fits one, else a shortened, distinct form.
func LabelValue(cluster string) string {
	if len(cluster) <= maxName && labelValue.MatchString(cluster) {
		return cluster
	}
	return hashed(cluster, cluster)
}

// ManagementNamespace is where addons with placement management run on a cluster's behalf.
func ManagementNamespace(cluster string) string {
	name := "addons-" + cluster
	if len(name) <= maxName && dnsLabel.MatchString(name) {
		return name
	}
	return hashed(strings.ReplaceAll(name, ".", "-"), cluster)
}

// applicationName names a new pair's Application. `a-b` with `c` and `a` with `b-c` would both read a-b-c: the pair with the longest
// addon name that fits keeps the plain form, every other gets a hash. An existing Application's name is never computed again.
func (s *Snapshot) applicationName(cluster, addon string) string {
	plain := cluster + "-" + addon
	if len(plain) > maxName {
		return hashed(plain, cluster, addon)
	}
	for _, longer := range s.longer[addon] {
		if strings.HasSuffix(plain, "-"+longer) {
			return hashed(plain, cluster, addon)
		}
	}
	if owner, taken := s.names.Owner(plain); taken && owner != (PairKey{cluster, addon}) {
		return hashed(plain, cluster, addon)
	}
	return plain
}

// longerNames lists, for each addon, the known addons whose names end in its own.
func longerNames(addons map[string]bool) map[string][]string {
	longer := map[string][]string{}
	for name := range addons {
		for i := 0; i < len(name); i++ {
			if tail := name[i+1:]; name[i] == '-' && addons[tail] {
				longer[tail] = append(longer[tail], name)
			}
		}
	}
	return longer
}
