package github_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/test/github"
	"github.com/addon-manager/addon-manager/test/github/contract"
)

// TestTheDescriptionCostsLittle says what validating costs; the bound is far above it, for machines under load.
func TestTheDescriptionCostsLittle(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(20)
	bob := w.server.AddToken("bob")
	_, _, one := w.ask(bob, "GET", "repos/acme/config/pulls/1", "")
	_, _, many := w.ask(bob, "GET", "repos/acme/config/pulls?per_page=100", "")
	for name, tc := range map[string]struct{ path, body string }{
		"one pull request": {"/repos/acme/config/pulls/1", one}, "a list of 20": {"/repos/acme/config/pulls", many},
	} {
		operation, _, err := contract.Find("GET", tc.path)
		w.must(err)
		const times = 20
		begin := time.Now()
		for i := range times {
			// Each is different, so that nothing is remembered.
			w.must(operation.CheckAnswer(200, []byte(strings.ReplaceAll(tc.body, "Change fix", fmt.Sprintf("Change %d", i)))))
		}
		each := time.Since(begin) / times
		t.Logf("%s, %d bytes: %v", name, len(tc.body), each)
		if each > 500*time.Millisecond {
			t.Errorf("%s: validating takes %v", name, each)
		}
	}
	begin := time.Now()
	for range 50 {
		w.ask(bob, "GET", "repos/acme/config/pulls/1", "")
	}
	t.Logf("a whole request: %v", time.Since(begin)/50)
	begin = time.Now()
	for range 50 {
		w.ask(bob, "GET", "repos/acme/config/pulls?per_page=100", "")
	}
	t.Logf("a whole list: %v", time.Since(begin)/50)
}
