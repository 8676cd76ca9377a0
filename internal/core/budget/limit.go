package budget

import (
	"fmt"
	"strconv"
	"strings"
)

// maxNumber is the largest limit that is no percentage.
const maxNumber = 100_000

// Limit is a number, or a percentage of a total. Its zero value is none.
type Limit struct {
	Value   int  `json:"value"`
	Percent bool `json:"percent,omitempty"`
}

// ParseLimit reads a limit such as 5 or 10%.
func ParseLimit(s string) (Limit, error) {
	digits, percent := strings.CutSuffix(s, "%")
	top := maxNumber
	if percent {
		top = 100
	}
	n, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(n) != digits {
		return Limit{}, fmt.Errorf("%.40q is not a limit; write a number such as 5, or a percentage such as 10%%", s)
	}
	if n < 0 || n > top {
		return Limit{}, fmt.Errorf("the limit %q is out of range; write a number from 0 to %d, or a percentage from 0%% to 100%%", s, maxNumber)
	}
	return Limit{Value: n, Percent: percent}, nil
}

// Of is what the limit allows of a total. A percentage is rounded down, but allows at least 1 unless it is 0%.
func (l Limit) Of(total int) int {
	if !l.Percent || l.Value == 0 {
		return l.Value
	}
	return max(1, max(0, total)*l.Value/100)
}

func (l Limit) String() string {
	if l.Percent {
		return strconv.Itoa(l.Value) + "%"
	}
	return strconv.Itoa(l.Value)
}
