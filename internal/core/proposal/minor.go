package proposal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// LabelMinor is the label of pull requests that offer one more Kubernetes minor.
const LabelMinor = "kubernetes-minor"

// State says whether an addon is ready for a minor.
type State string

// The states.
const (
	// Ready renders, and the minor serves all that it renders to.
	Ready State = "ready"
	// Breaks does not render, or has objects that the minor does not serve.
	Breaks State = "breaks"
	// OutOfRange is not offered: its range in the catalog ends before.
	OutOfRange State = "out-of-range"
	// Unknown is what nobody can tell.
	Unknown State = "unknown"
)

// AddonReadiness is what is known of one addon.
type AddonReadiness struct {
	Name  string
	State State
	// Why are sentences; Fix is a newer version that would help, or empty.
	Why []string
	Fix string
}

// Readiness is what is known of a minor that is not offered yet.
type Readiness struct {
	Minor version.Minor
	// From is the newest minor that is offered, whose rendering is compared with.
	From   version.Minor
	Addons []AddonReadiness
	// Report says what the step from From to Minor changes; nil when that failed, and Unrendered says why.
	Report     *report.Report
	Unrendered string
	// Released and EndOfLife are Kubernetes' own dates; zero where they are not known.
	Released, EndOfLife time.Time
}

// MinorRequest is what the pull request that offers a minor is written from.
type MinorRequest struct {
	// Repository is owner/name, URL its page, Branch the one that the minor is added to: main.
	Repository, URL, Branch string
	Readiness
	Marker Marker
}

// WriteMinor writes the pull request that adds a minor to main's catalog, at most report.Limit bytes. What is not ready comes first.
func WriteMinor(r MinorRequest) Text {
	t := Text{Title: "Offer Kubernetes " + r.Minor.String(), Labels: []string{LabelMinor}}
	end := r.next()
	hidden := len(Hide("x", r.Marker))
	for _, size := range sizes {
		w := &writer{size: size}
		r.verdict(w)
		r.table(w)
		room := report.Limit - w.Len() - len(end) - hidden
		if room < report.Limit/3 && size != sizes[len(sizes)-1] {
			continue
		}
		w.Report, w.Unrendered = r.Report, r.Unrendered
		fmt.Fprintf(w, "\n## What %s changes in the rendered manifests\n\n", r.Minor)
		if r.Report != nil {
			w.WriteString(report.Markdown(*r.Report, room-200))
		} else {
			w.WriteString(w.unrendered() + "\n")
		}
		t.Body = Hide(markdown.Cut(w.String()+end, report.Limit-hidden), r.Marker)
		break
	}
	return t
}

// count is how many addons are in a state.
func (r MinorRequest) count(s State) (n int) {
	for _, a := range r.Addons {
		if a.State == s {
			n++
		}
	}
	return n
}

func (r MinorRequest) verdict(w *writer) {
	all, ready := len(r.Addons), r.count(Ready)
	switch {
	case all == 0:
		w.printf("**There are no addons that could be ready for Kubernetes %s.**\n\n", r.Minor)
	case ready == all && all == 1:
		w.printf("**The only addon is ready for Kubernetes %s.**\n\n", r.Minor)
	case ready == all:
		w.printf("**All %d addons are ready for Kubernetes %s.**\n\n", all, r.Minor)
	default:
		w.printf("**%d of %s %s ready for Kubernetes %s.**\n\n", ready, markdown.Count(all, "addon"), verb(ready, "is", "are"), r.Minor)
	}
	var rest []string
	for _, s := range []struct {
		state State
		one   string
		more  string
	}{{Breaks, "breaks", "break"}, {OutOfRange, "is not offered for it", "are not offered for it"}, {Unknown, "could not be checked", "could not be checked"}} {
		if n := r.count(s.state); n > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", n, verb(n, s.one, s.more)))
		}
	}
	if len(rest) > 0 {
		w.printf("- **Not ready**: %s.\n", and(rest))
	}
	if n := r.fixable(); n > 0 {
		w.printf("- **Newer versions** would make %d of them ready: merge those upgrades first.\n", n)
	}
	if !r.Released.IsZero() {
		w.printf("- **Kubernetes %s** came out on %s", r.Minor, r.Released.UTC().Format("2006-01-02"))
		if !r.EndOfLife.IsZero() {
			w.printf(", and is maintained until %s", r.EndOfLife.UTC().Format("2006-01-02"))
		}
		w.printf(".\n")
	}
	if r.Report != nil {
		w.printf("- **Rendered**, from %s to %s: %s.\n", r.From, r.Minor, report.Verdict(*r.Report))
	} else {
		w.printf("- **Not rendered**: nobody knows what %s changes on clusters. The reason is below.\n", r.Minor)
	}
}

func (r MinorRequest) fixable() (n int) {
	for _, a := range r.Addons {
		if a.State != Ready && a.Fix != "" {
			n++
		}
	}
	return n
}

// table adds what is known of each addon: what is not ready first, what is ready in one line.
func (r MinorRequest) table(w *writer) {
	rank := map[State]int{Breaks: 0, Unknown: 1, OutOfRange: 2, Ready: 3}
	said := map[State]string{Breaks: "**breaks**", Unknown: "unknown", OutOfRange: "not offered"}
	addons := slices.Clone(r.Addons)
	slices.SortFunc(addons, func(a, b AddonReadiness) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Name, b.Name))
	})
	ready := slices.IndexFunc(addons, func(a AddonReadiness) bool { return a.State == Ready })
	if ready < 0 {
		ready = len(addons)
	}
	if ready > 0 {
		w.WriteString("\n### Not ready\n\n| addon | state | why | what would help |\n| --- | --- | --- | --- |\n")
		for i, a := range addons[:ready] {
			if w.more(i, ready, "addon") {
				break
			}
			w.printf("| %s | %s | %s | %s |\n", w.prose(a.Name), said[a.State], r.why(w, a), r.fix(w, a))
		}
	}
	if ready == len(addons) {
		return
	}
	w.WriteString("\n### Ready\n\n")
	var names []string
	for i, a := range addons[ready:] {
		if i == w.rows {
			names = append(names, fmt.Sprintf("%d more", len(addons)-ready-i))
			break
		}
		names = append(names, w.prose(a.Name))
	}
	w.WriteString(strings.Join(names, ", ") + "\n")
}

// why gives the first reasons: of a chart with many objects each may be one.
func (r MinorRequest) why(w *writer, a AddonReadiness) string {
	const most = 3
	var parts []string
	for i, s := range a.Why {
		if i == most {
			parts = append(parts, "and "+markdown.Count(len(a.Why)-most, "more reason"))
			break
		}
		parts = append(parts, w.prose(s))
	}
	return strings.Join(parts, "<br>")
}

func (r MinorRequest) fix(w *writer, a AddonReadiness) string {
	switch {
	case a.Fix != "":
		return "upgrade to " + w.code(a.Fix)
	case a.State == OutOfRange:
		return "widen `kubernetes` in the catalog, once it was tried"
	case a.State == Breaks:
		return "no newer version is known: change it, or end its range before " + r.Minor.String()
	}
	return ""
}

// next says what comes of what a person does now.
func (r MinorRequest) next() string {
	branch := markdown.Code(release.Branch(r.Minor))
	return fmt.Sprintf("\n## What you can do\n\n"+
		"- **Merge** it to offer %[1]s: the bot then cuts %[2]s from %[3]s, and clusters on %[1]s get addons once its first release is tagged. "+
		"As long as an addon does not render for %[1]s, there is no branch; what %[1]s does not serve fails on clusters. An addon whose range in the catalog ends before %[1]s is left out.\n"+
		"- **Close** it to refuse it. It is not opened again; the minor can be added to the catalog by hand at any time.\n"+
		"- **Push** to its branch what else %[1]s needs. From then on the branch is yours.\n\n", r.Minor, branch, markdown.Code(markdown.Clip(r.Branch, 100)))
}

// minorOf is the minor of a release branch; zero for any other.
func minorOf(branch string) version.Minor {
	m, _ := release.ParseBranch(branch)
	return m
}
