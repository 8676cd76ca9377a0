// Package chance makes property tests give the same answer for the same code: whoever changes something is not stopped by a case that was
// always wrong. `make fuzz` goes on to look for those.
package chance

import (
	"flag"
	"testing"

	_ "pgregory.net/rapid" // It registers the flag.
)

// Main runs the tests of a package with the same random choices every time, unless -rapid.seed says otherwise; 0 means others each time.
func Main(m *testing.M) int {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
	return m.Run()
}
