package branches_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// TestOneChange follows a change from its merge to both release branches.
func TestOneChange(t *testing.T) {
	town := newTown(t, github.Options{})
	town.expect(town.run())
	n := town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	t.Log(n)
	for _, l := range town.run() {
		t.Log(l)
	}
	t.Log(town.state())
	town.expect(town.run())
}
