package budget_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/budget"
)

func TestParseLimit(t *testing.T) {
	for in, want := range map[string]budget.Limit{
		"0": {}, "5": {Value: 5}, "100000": {Value: 100_000}, "0%": {Percent: true}, "10%": {Value: 10, Percent: true}, "100%": {Value: 100, Percent: true},
	} {
		got, err := budget.ParseLimit(in)
		if err != nil || got != want {
			t.Errorf("ParseLimit(%q) = %+v, %v, want %+v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("ParseLimit(%q) is printed as %q", in, got)
		}
	}
	const form, bounds = "is not a limit; write a number such as 5, or a percentage such as 10%", "is out of range; write a number from 0 to 100000, or a percentage from 0% to 100%"
	for in, want := range map[string]string{
		"": form, "%": form, "x": form, "05": form, "+5": form, "5 %": form, "1.5%": form, "10%%": form, "99999999999999999999": form,
		"-1": bounds, "-1%": bounds, "101%": bounds, "100001": bounds, strings.Repeat("9", 10_000): form,
	} {
		if _, err := budget.ParseLimit(in); err == nil || !strings.HasSuffix(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("ParseLimit(%.20q): %v, want … %s", in, err, want)
		}
	}
}

func TestLimitOf(t *testing.T) {
	percent := func(n int) budget.Limit { return budget.Limit{Value: n, Percent: true} }
	for _, tc := range []struct {
		limit       budget.Limit
		total, want int
	}{
		{budget.Limit{}, 100, 0},
		{budget.Limit{Value: 7}, 3, 7},
		{percent(0), 100, 0},
		{percent(10), -5, 1},
		{percent(10), 0, 1},
		{percent(10), 1, 1},
		{percent(10), 19, 1},
		{percent(10), 20, 2},
		{percent(33), 1_000, 330},
		{percent(99), 10, 9},
		{percent(100), 10, 10},
	} {
		if got := tc.limit.Of(tc.total); got != tc.want {
			t.Errorf("%v of %d is %d, want %d", tc.limit, tc.total, got, tc.want)
		}
	}
}
