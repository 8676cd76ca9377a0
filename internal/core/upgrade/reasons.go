package upgrade

import (
	"fmt"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// refuse says why a version is not proposed for a slot, empty when it is fine. Known is false when that cannot be said before the version is described.
func (d *decider) refuse(s *slot, v upstream.Version) (r Refused, known bool) {
	r = Refused{Version: v.Name}
	if r.Reason = d.unwanted(s, v); r.Reason != "" {
		r.Person = r.Reason == d.ignoredBy(s, v)
		return r, true
	}
	if !v.Described && s.asksFor() {
		return r, false
	}
	switch {
	case v.Deprecated:
		r.Reason = "it is deprecated by its owner"
	case s.pin.Source.Kind == upstream.Image && s.pin.Digest != "" && v.Digest == "":
		r.Reason = "its digest is not known"
	case s.pin.App:
		_, r.Reason = s.writes(v)
	}
	if r.Reason == "" {
		r.Reason = d.cannotRun(s, v)
	}
	if r.Reason == "" {
		r.Reason, r.Until = d.young(s, v)
	}
	return r, true
}

// unwanted is what the name alone tells.
func (d *decider) unwanted(s *slot, v upstream.Version) string {
	switch {
	case s.offer.doubled[v.Name]:
		return "its source has it twice, with different contents"
	case s.rules.Ignore != "" && d.holds(s.rules.Ignore, v.Name):
		return "ignored by the catalog (" + s.rules.Ignore + ")"
	case s.rules.Only != "" && !d.holds(s.rules.Only, v.Name):
		return "the catalog wants only " + s.rules.Only
	}
	if v.Described && s.pin.Source.Kind == upstream.GitHub && s.pin.Source.Name != "" && asset(v, s.pin.Source.Name) == nil {
		return "the release has no file " + bare(s.pin.Source.Name)
	}
	return d.ignoredBy(s, v)
}

// ignoredBy names the person who does not want a version.
func (d *decider) ignoredBy(s *slot, v upstream.Version) string {
	for _, i := range d.ignored[ignoredOn{s.branch.Name, s.pin.Source}] {
		if i.Version == v.Name {
			return fmt.Sprintf("%s does not want it%s", bare(i.By), where(i.Pull))
		}
		if i.Major && sameMajor(i.Version, v.Name) {
			return fmt.Sprintf("%s does not want this major version%s", bare(i.By), where(i.Pull))
		}
	}
	return ""
}

func where(pull int) string {
	if pull == 0 {
		return ""
	}
	return fmt.Sprintf(" (#%d)", pull)
}

// sameMajor tells whether a version is of the major version of another.
func sameMajor(a, b string) bool {
	order, comparable := upstream.Compare(a, b)
	if !comparable {
		return false
	}
	if order > 0 {
		a, b = b, a
	}
	return upstream.Step(a, b) != upstream.Major
}

func asset(v upstream.Version, name string) *upstream.Asset {
	for i := range v.Assets {
		if v.Assets[i].Name == name {
			return &v.Assets[i]
		}
	}
	return nil
}

// cannotRun says why a version runs on none of a slot's minors.
func (d *decider) cannotRun(s *slot, v upstream.Version) string {
	var reasons []string
	var chart []string
	for _, m := range s.minors {
		if r, says := s.rules.Support[m]; says {
			if d.holds(r, v.Name) {
				return ""
			}
			reasons = append(reasons, fmt.Sprintf("the catalog's support table has %s for %s", r, m))
			continue
		}
		if v.Kubernetes == "" || d.runs(v.Kubernetes, m) {
			return ""
		}
		chart = append(chart, m.String())
	}
	switch {
	case len(chart) == 0:
	case d.constraint(v.Kubernetes) == nil:
		reasons = append(reasons, fmt.Sprintf("its chart is for Kubernetes %s, which is no range of versions", quote(v.Kubernetes)))
	case len(chart) == 1:
		reasons = append(reasons, fmt.Sprintf("its chart is for Kubernetes %s, and %s is not", bare(v.Kubernetes), chart[0]))
	default:
		reasons = append(reasons, fmt.Sprintf("its chart is for Kubernetes %s, and none of %s is", bare(v.Kubernetes), strings.Join(chart, ", ")))
	}
	return strings.Join(reasons, "; ")
}

// runs tells whether a chart's kubeVersion holds a minor. It answers as rendering does, where Helm is given the minor alone and takes it for its patch 0.
func (d *decider) runs(kubeVersion string, m version.Minor) bool {
	c := d.constraint(kubeVersion)
	return c != nil && c.Check(version.Kubernetes{Minor: m}.Semver())
}

// holds tells whether a range of the catalog holds a version. A pre-release is in it when the version that it leads to is, or when the range names it.
func (d *decider) holds(rangeText, name string) bool {
	c := d.constraint(rangeText)
	core, ok := upstream.Core(name)
	if c == nil || !ok {
		return false
	}
	v, err := semver.NewVersion(core)
	if err != nil {
		return false
	}
	return c.Check(v) || c.Check(semver.New(v.Major(), v.Minor(), v.Patch(), "", ""))
}

// maxRange bounds what is read of a chart's kubeVersion: the parser behind it is a regular expression.
const maxRange = 1024

// constraint reads a range, nil when it is none.
func (d *decider) constraint(text string) *semver.Constraints {
	c, known := d.constraints[text]
	if !known {
		if len(text) <= maxRange {
			c, _ = semver.NewConstraint(text)
		}
		d.constraints[text] = c
	}
	return c
}

// young says of a version how old it is, when that is not enough. Security fixes wait as well: who publishes an attack calls it one.
func (d *decider) young(s *slot, v upstream.Version) (reason string, until time.Time) {
	least := d.Rules.MinimumAge
	if s.rules.MinimumAge != nil {
		least = *s.rules.MinimumAge
	}
	if least <= 0 {
		return "", until
	}
	since, told := v.Created, !v.Created.IsZero()
	if !told {
		since = d.Seen[Release{s.pin.Source, v.Name}]
	}
	if since.IsZero() || since.After(d.Now) {
		since = d.Now
	}
	age := d.Now.Sub(since)
	switch {
	case age >= least:
		return "", until
	case told && age < time.Minute:
		reason = "published just now"
	case told:
		reason = span(age) + " old"
	case age < time.Minute:
		reason = "seen for the first time now"
	default:
		reason = "first seen " + span(age) + " ago"
	}
	verb := "are"
	if strings.HasPrefix(span(least), "1 ") {
		verb = "is"
	}
	return fmt.Sprintf("%s, at least %s %s asked for", reason, span(least), verb), since.Add(least)
}

// span writes how long something is, as people say it: 36 hours are not yet two days.
func span(t time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch n := t / unit.length; {
		case n == 1 && t%unit.length == 0:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", t/time.Second)
}
