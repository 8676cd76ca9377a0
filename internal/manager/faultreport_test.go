package manager_test

import (
	"testing"
	"time"
)

// TestReportCatchesUp lets the manager's memory of its own reports lag while a report changes and changes back: what it compares with is
// older than what it wrote, so it seems to have nothing to say. Once it sees what it wrote, it says the last word.
func TestReportCatchesUp(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t)
	var s scenario
	for _, s = range scenarios {
		if s.name == "change a parameter" {
			break
		}
	}
	stop := w.begin(s, reference, "c001")
	s.do(w, reference, 1)
	w.reaches(reference, s.want(1)...)
	w.quiet()
	resume := w.proxy.StallWatches("clusteraddons")
	s.do(w, "c001", 1)
	w.quiet()
	resume()
	if err := w.same(reference, "c001", time.Now().Add(30*time.Second)); err != nil {
		t.Error(err)
	}
	w.restIsSilence(stop)
}
