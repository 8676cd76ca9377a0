package resolve

import (
	"fmt"
	"strings"
	"time"
)

// SyncedAtRevision reports whether Argo CD shows the pair Synced at exactly the revision it is told to have: a report about
// another revision, or from before the revision was written, is no evidence.
func (p *Pair) SyncedAtRevision() bool {
	return p.Element != nil && !p.Element.Finalize && p.Status.Sync == "Synced" && p.names(p.Status.Revision) && p.fresh()
}

// Ready reports whether the pair is synced at its revision and healthy, and no sync runs or failed there.
func (p *Pair) Ready() bool {
	return p.SyncedAtRevision() && p.Status.Health == "Healthy" && p.settled()
}

// Outdated reports whether Argo CD shows the pair at the revision it is told to have, as found before that was written: so it is when two
// releases are of one commit. When Argo CD looks again, nothing changes but the time of that.
func (p *Pair) Outdated() bool {
	return p.Element != nil && p.names(p.Status.Revision) && !p.fresh()
}

// names reports whether a revision is the one the pair is told to have.
func (p *Pair) names(revision string) bool {
	return revision != "" && (revision == p.Element.Commit || revision == p.Revision)
}

// moved is when the pair's revision was written.
func (p *Pair) moved() time.Time { return parseTime(p.Element.Moved) }

// fresh reports whether what Argo CD says was found after the revision was written. An addon whose manifests are the same in both releases
// is never synced anew; then Argo CD's comparison has to be from afterwards.
func (p *Pair) fresh() bool {
	moved, st := p.moved(), &p.Status
	switch {
	case !st.Reconciled.IsZero():
		return !st.Reconciled.Before(moved)
	case !st.Operation.Finished.IsZero() && (st.Operation.Revision == "" || p.names(st.Operation.Revision)):
		return !st.Operation.Finished.Before(moved)
	}
	return true // It says nothing of times; the revision is what counts.
}

// settled reports whether no sync runs and none failed at the revision.
func (p *Pair) settled() bool {
	op := &p.Status.Operation
	switch op.Phase {
	case "Running", "Terminating":
		return false
	case "Failed", "Error":
		return !p.names(op.Revision) || op.Finished.Before(p.moved())
	}
	return true
}

// readySince is since when a pair that is Ready has been.
func (p *Pair) readySince() time.Time {
	since := p.moved()
	if since.Before(p.Status.HealthSince) {
		since = p.Status.HealthSince
	}
	if since.Before(p.Status.Operation.Finished) {
		since = p.Status.Operation.Finished
	}
	return since
}

// failed says what Argo CD reports to have failed at the pair's revision; "" when nothing did.
func (p *Pair) failed() string {
	st := &p.Status
	switch {
	case p.Element == nil || !p.fresh() || p.Action == Install || p.Action == Move: // What is not written yet cannot have failed.
	case st.Health == "Degraded" && p.names(st.Revision):
		return p.Addon + " is Degraded" + because(st.Message)
	case p.unrendered():
		return p.Addon + " cannot be rendered" + because(st.Message)
	case (st.Operation.Phase == "Failed" || st.Operation.Phase == "Error") && p.names(st.Operation.Revision) && !st.Operation.Finished.Before(p.moved()):
		return p.Addon + ": the sync failed" + because(st.Message)
	}
	return ""
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// silent says why no evidence can come from a pair now: Argo CD cannot compare it, mostly because the cluster does not answer. That the release
// itself cannot be rendered is another matter: then a better one must still reach the cluster.
func (p *Pair) silent() string {
	if p.Status.Sync != "Unknown" || p.unrendered() {
		return ""
	}
	return fmt.Sprintf("Argo CD cannot compare %s with its cluster%s", p.Addon, because(p.Status.Message))
}

// unrendered tells that Argo CD could not make manifests of the pair's revision.
func (p *Pair) unrendered() bool {
	return p.Status.Sync == "Unknown" && strings.Contains(p.Status.Message, "target state")
}

// state is where a pair stands, for those who wait for it.
func (p *Pair) state() string {
	switch {
	case p.Delivered == "":
		return "not there yet"
	case p.Element != nil && p.Status.Revision != "" && !p.names(p.Status.Revision):
		return fmt.Sprintf("%s at %s", word(p.Status.Sync), p.Delivered)
	case p.Status.Sync != "Synced":
		return word(p.Status.Sync)
	case p.Status.Health != "Healthy":
		return word(p.Status.Health)
	case !p.settled():
		return "syncing"
	}
	return "not reported on since it moved"
}

func word(s string) string {
	if s == "" {
		return "not reported on"
	}
	return s
}

// parseTime reads a time that an Element holds; what is not one is long ago.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
