package version_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestPublished has versions as publishers write them (o6), and what somebody might write to be taken for one.
func TestPublished(t *testing.T) {
	for _, name := range []string{"1.2.3", "v1", "latest", "1.0.0+build", "2024.05.01", "1.0.0-rc.1", "1.0~beta", "1_2", strings.Repeat("1", 128)} {
		if !version.Published(name) {
			t.Errorf("%q is taken for no version", name)
		}
	}
	for _, name := range []string{"", "-1", ".1", "../1", "1/2", "1 2", "1\n", "1\n2", "$(id)", "1;id", "1@2", "1\x00", "١.٢", "1\u202e", strings.Repeat("1", 129)} {
		if version.Published(name) {
			t.Errorf("%q is taken for a version", name)
		}
	}
}
