package rollout_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]struct {
		limit rollout.Limit
		err   string
	}{
		"0":                    {limit: rollout.Limit{}},
		"3":                    {limit: rollout.Limit{Value: 3}},
		"100000":               {limit: rollout.Limit{Value: 100_000}},
		"0%":                   {limit: rollout.Limit{Percent: true}},
		"25%":                  {limit: rollout.Limit{Value: 25, Percent: true}},
		"100%":                 {limit: rollout.Limit{Value: 100, Percent: true}},
		"100001":               {err: `"100001" is out of range: write a number from 0 to 100000 such as 3`},
		"-1":                   {err: `"-1" is out of range: write a number from 0 to 100000 such as 3`},
		"101%":                 {err: `"101%" is out of range: write a percentage from 0% to 100% such as 25%`},
		"":                     {err: `"" is no limit: write a number such as 3, or a percentage such as 25%`},
		"%":                    {err: `"%" is no limit: write a number such as 3, or a percentage such as 25%`},
		"12.5%":                {err: `"12.5%" is no limit: write a number such as 3, or a percentage such as 25%`},
		"03":                   {err: `"03" is no limit: write a number such as 3, or a percentage such as 25%`},
		"+3":                   {err: `"+3" is no limit: write a number such as 3, or a percentage such as 25%`},
		"3 ":                   {err: `"3 " is no limit: write a number such as 3, or a percentage such as 25%`},
		"three":                {err: `"three" is no limit: write a number such as 3, or a percentage such as 25%`},
		"1e3":                  {err: `"1e3" is no limit: write a number such as 3, or a percentage such as 25%`},
		"99999999999999999999": {err: `"99999999999999999999" is no limit: write a number such as 3, or a percentage such as 25%`},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := rollout.ParseLimit(text)
			if message(err) != want.err || got != want.limit {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, err, want.limit, want.err)
			}
			if err == nil && got.String() != text {
				t.Errorf("it is written %q", got)
			}
		})
	}
}

func TestLimitOf(t *testing.T) {
	for name, tc := range map[string]struct {
		limit       rollout.Limit
		total, want int
	}{
		"a number is a number":                {rollout.Limit{Value: 3}, 10, 3},
		"and stays one when it is more":       {rollout.Limit{Value: 3}, 2, 3},
		"nothing is nothing":                  {rollout.Limit{}, 10, 0},
		"no percentage is nothing":            {rollout.Limit{Percent: true}, 10, 0},
		"all":                                 {rollout.Limit{Value: 100, Percent: true}, 7, 7},
		"even":                                {rollout.Limit{Value: 25, Percent: true}, 200, 50},
		"up":                                  {rollout.Limit{Value: 25, Percent: true}, 201, 51},
		"a percentage of a few is one":        {rollout.Limit{Value: 1, Percent: true}, 3, 1},
		"of none, none":                       {rollout.Limit{Value: 50, Percent: true}, 0, 0},
		"exact where a fraction would not be": {rollout.Limit{Value: 7, Percent: true}, 100, 7},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.limit.Of(tc.total); got != tc.want {
				t.Errorf("%s of %d is %d, want %d", tc.limit, tc.total, got, tc.want)
			}
		})
	}
}

// FuzzParseLimit: a limit has exactly one way to be written, and none is more than all.
func FuzzParseLimit(f *testing.F) {
	for _, s := range []string{"0", "3", "25%", "100%", "101%", "-1", "", "%", "1 %"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := rollout.ParseLimit(s)
		if err != nil {
			if (l != rollout.Limit{}) || len(err.Error()) > 500 {
				t.Errorf("%+v came with an error of %d bytes", l, len(err.Error()))
			}
			return
		}
		if l.String() != s || l.Percent && l.Of(10) > 10 || l.Of(10) < 0 {
			t.Errorf("%q is %+v, %d of 10", s, l, l.Of(10))
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
