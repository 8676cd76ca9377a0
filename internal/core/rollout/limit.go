package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// Limit is a number of clusters or a percentage of a group. The zero value is 0.
type Limit struct {
	Value   int
	Percent bool
}

// maxLimit bounds a number: more clusters than any fleet has.
const maxLimit = 100_000

// ParseLimit reads a number such as 3 or a percentage such as 25%.
func ParseLimit(s string) (Limit, error) {
	digits, percent := strings.CutSuffix(s, "%")
	most, kind := maxLimit, "a number from 0 to 100000 such as 3"
	if percent {
		most, kind = 100, "a percentage from 0% to 100% such as 25%"
	}
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || strconv.Itoa(n) != digits:
		return Limit{}, fmt.Errorf("%s is no limit: write a number such as 3, or a percentage such as 25%%", quote(s))
	case n < 0 || n > most:
		return Limit{}, fmt.Errorf("%s is out of range: write %s", quote(s), kind)
	}
	return Limit{Value: n, Percent: percent}, nil
}

// String writes what ParseLimit reads.
func (l Limit) String() string {
	if l.Percent {
		return strconv.Itoa(l.Value) + "%"
	}
	return strconv.Itoa(l.Value)
}

// Of is the limit for a group of total clusters. A percentage is rounded up, as Open Cluster Management rounds both concurrency and
// failures: 10% of three clusters is one, so that no group is too small to move, and a small group tolerates one failure unless the limit
// is 0 or the group mandatory. Unlike there, a number above total is not taken for a limit that is missing.
func (l Limit) Of(total int) int {
	if l.Percent {
		return (l.Value*total + 99) / 100
	}
	return l.Value
}

// quote cuts what comes from outside before it lands in a message.
func quote(s string) string { return strconv.Quote(cut(s, 64)) }
