package proposing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// versions are what a proposal proposes, as its marker has them.
func versions(p upgrade.Proposal) (all []proposal.Proposed) {
	for _, c := range p.Changes {
		all = append(all, proposal.Proposed{Source: c.Pin.Source, From: c.From, To: c.To})
	}
	return all
}

// told is a digest of what the text says beside versions and manifests. How many days a version is old is not in it: it would be another one every day.
func told(p upgrade.Proposal) string {
	return digest(func(out io.Writer) {
		for _, c := range p.Changes {
			fmt.Fprintf(out, "%q %q %q %q %q %v\n", c.Addon, c.Pin.Source, c.To, c.Digest, c.Size, c.Security)
			for _, r := range p.Refused[c.Addon] {
				why := r.Reason
				if !r.Until.IsZero() {
					why = "young"
				}
				fmt.Fprintf(out, "refused %q %q\n", r.Version, why)
			}
		}
		fmt.Fprintf(out, "%q %q %v %v\n", p.Comes, p.Not, p.Major, p.Security)
	})
}

// content is a digest of the versions and of what they change in the manifests. Commits are not in it, so that it stays as the branch moves on; nor are minors, so that
// what a person closed stays closed when one more is offered; nor are the placeholders of secrets, which are others in each run.
func content(p upgrade.Proposal, r report.Report) string {
	return digest(func(out io.Writer) {
		for _, v := range versions(p) {
			fmt.Fprintf(out, "%q %q %q\n", v.Source, v.From, v.To)
		}
		for _, result := range r.Results {
			fmt.Fprintf(out, "addon %q\n", result.Addon)
			for _, c := range result.Changes {
				fmt.Fprintf(out, "%s %v\n", c.Kind, c.Object)
				if c.From != nil {
					fmt.Fprintf(out, "from %v\n", *c.From)
				}
				if c.Kind == diff.Added && c.After != nil {
					fmt.Fprintf(out, "%s\n", plain(c.After.Content))
				}
				for _, f := range c.Fields {
					fmt.Fprintf(out, "%q %v %s %v %s\n", f.Path, f.HadBefore, plain(f.Before), f.HasAfter, plain(f.After))
				}
			}
		}
		failing := map[string]bool{}
		for _, problem := range r.Problems {
			failing[fmt.Sprintf("problem %q %q %v\n", problem.Addon, problem.Side, problem.Next)] = true
		}
		for _, line := range slices.Sorted(maps.Keys(failing)) {
			io.WriteString(out, line)
		}
	})
}

var placeholder = regexp.MustCompile(`<secret:[0-9a-f]{8}>`)

// plain is a value as text: maps are printed in the order of their keys.
func plain(value any) string {
	return placeholder.ReplaceAllString(fmt.Sprintf("%#v", value), "<secret>")
}

func digest(write func(out io.Writer)) string {
	h := sha256.New()
	write(h)
	return hex.EncodeToString(h.Sum(nil))[:16]
}
