package proposal

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

func TestTitle(t *testing.T) {
	a, b := chart("node-exporter", "1.8.2", "1.9.0", upstream.Minor), chart("kube-state-metrics", "2.14.0", "2.15.0", upstream.Minor)
	image := chart("velero", "1.2.0", "1.3.0", upstream.Minor)
	image.Pin.Source = upstream.Source{Kind: upstream.Image, Repository: "docker.io/velero/velero-plugin-for-aws"}
	digest := chart("x", "1.0", "1.0", upstream.Digest)
	var many []upgrade.Change
	for i := range 40 {
		many = append(many, chart(fmt.Sprintf("addon-%02d", i), "1.0.0", "1.1.0", upstream.Minor))
	}
	for _, tc := range []struct {
		p    upgrade.Proposal
		want string
	}{
		{upgrade.Proposal{Unit: "node-exporter", Branch: "main", Changes: []upgrade.Change{a}}, "Upgrade node-exporter from 1.8.2 to 1.9.0"},
		{upgrade.Proposal{Unit: "node-exporter", Branch: "release-1.31", Changes: []upgrade.Change{a}}, "Upgrade node-exporter from 1.8.2 to 1.9.0 on release-1.31"},
		{upgrade.Proposal{Unit: "node-exporter", Branch: "release-1.31", Major: true, Changes: []upgrade.Change{a}}, "Upgrade node-exporter from 1.8.2 to 1.9.0 on release-1.31 (major)"},
		{upgrade.Proposal{Unit: "monitoring", Branch: "main", Changes: []upgrade.Change{a, b}}, "Upgrade monitoring: node-exporter to 1.9.0, kube-state-metrics to 2.15.0"},
		{upgrade.Proposal{Unit: "velero", Branch: "main", Changes: []upgrade.Change{chart("velero", "8.0.0", "8.1.0", upstream.Minor), image}}, "Upgrade velero: velero to 8.1.0, velero-plugin-for-aws to 1.3.0"},
		{upgrade.Proposal{Unit: "x", Branch: "main", Changes: []upgrade.Change{digest}}, "Upgrade x 1.0 to its new digest"},
		{upgrade.Proposal{Unit: "monitoring", Branch: "main", Changes: []upgrade.Change{a, digest}}, "Upgrade monitoring: node-exporter to 1.9.0, x to a new digest"},
		{
			upgrade.Proposal{Unit: "many", Branch: "main", Major: true, Changes: many},
			"Upgrade many: addon-00 to 1.1.0, addon-01 to 1.1.0, addon-02 to 1.1.0, addon-03 to 1.1.0, addon-04 to 1.1.0, addon-05 to 1.1.0, addon-06 to 1.1.0, addon-07 to 1.1.0 and 32 more (major)",
		},
		{upgrade.Proposal{Unit: strings.Repeat("ä", 300), Branch: "release-1.31", Changes: []upgrade.Change{a}}, "Upgrade " + strings.Repeat("ä", 175) + "… on release-1.31"},
	} {
		if got := title(tc.p); got != tc.want || utf8.RuneCountInString(got) > maxTitle {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

// TestLabels has one for each branch that cannot run what main gets.
func TestLabels(t *testing.T) {
	p := upgrade.Proposal{Major: true, Security: true, Not: []upgrade.Not{{Branch: "release-1.30"}, {Branch: "release-1.31"}, {Branch: "elsewhere"}}}
	if got, want := fmt.Sprint(labels(p)), "[upgrade major security no-cherry-pick/1.30 no-cherry-pick/1.31]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestHints reads what release notes warn of.
func TestHints(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"Breaking changes":                    "**breaking changes** (`v1`)",
		"## :warning: BREAKING CHANGE: x":     "**breaking changes** (`v1`)",
		"feat!: x (breaking)":                 "**breaking changes** (`v1`)",
		"This is a breaking change of x":      "**breaking changes** (`v1`)",
		"No breaking changes.":                "",
		"There are no known breaking changes": "",
		"Non-breaking change":                 "",
		"groundbreaking changes":              "",
		"Action required: migrate":            "**steps to take** (`v1`)",
		"fixes CVE-2024-45338, cve-2024-45337 and CVE-2024-45338": "`CVE-2024-45338` and `CVE-2024-45337`",
		"Breaking: x\nAction required\nGHSA-2h4x-2qrr-9x3v":       "**breaking changes** (`v1`) · **steps to take** (`v1`) · `GHSA-2h4x-2qrr-9x3v`",
	} {
		if got := hints([][]Note{{{Version: "v1", Text: text}}}); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
