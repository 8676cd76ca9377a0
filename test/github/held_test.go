package github

import (
	"net/http"
	"strings"
	"testing"
)

// TestTheStandInIsHeldToo lets one operation answer wrongly: that must be found as well as a wrong request.
func TestTheStandInIsHeldToo(t *testing.T) {
	right := routes["rate-limit/get"]
	defer func() { routes["rate-limit/get"] = right }()
	s, err := Start(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tc := range []struct {
		answer answer
		want   string
	}{
		{ok(object{"rate": object{}}), `property "limit" is missing`},
		{failed(http.StatusTeapot, "no"), "answer 418 is not described"},
		{none(), "answer 204 is not described"},
		{failed(http.StatusNotFound, "no"), ""},
	} {
		s.ForgetProblems()
		routes["rate-limit/get"] = route{handle: func(*call) answer { return tc.answer }}
		response, err := http.Get(s.APIURL() + "rate_limit")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := strings.Join(s.Problems(), "\n"); !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("found %q, want %q", got, tc.want)
		}
	}
}
