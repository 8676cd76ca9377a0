package proposal

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

var certManager = upstream.Source{Kind: upstream.Helm, Repository: "https://charts.jetstack.io", Name: "cert-manager"}

// aBoard has something in every section.
func aBoard() Board {
	refused := func(branch string, r ...upgrade.Refused) upgrade.Upgrade {
		return upgrade.Upgrade{Addon: "ingress", Branch: branch, Refused: r}
	}
	old := "its chart is for Kubernetes >=1.32.0-0, and 1.31 is not"
	return Board{
		Repository: "kaas/addons", URL: home,
		Open:     []Listed{{Proposal: secure().Proposal, Pull: 41}, {Proposal: lower().Proposal, Pull: 40, Why: "ada committed to it"}, {Proposal: minorStep().Proposal, Pull: 39}},
		Waiting:  []Listed{{Proposal: grouped().Proposal, Why: "5 upgrade pull requests are open for main, at most 5 are allowed by maxOpenPerBranch"}, {Proposal: contents().Proposal, Why: "the schedule: * 8-17 * * 1-5"}},
		Declined: []Listed{{Proposal: followed().Proposal, Pull: 12}},
		Plan: upgrade.Plan{
			Upgrades: []upgrade.Upgrade{refused("release-1.31", upgrade.Refused{Version: "5.0.1", Reason: old}, upgrade.Refused{Version: "5.0.0", Reason: old})},
			Held: []upgrade.Upgrade{refused("release-1.30", upgrade.Refused{Version: "5.0.1", Reason: old}, upgrade.Refused{Version: "4.9.0", Reason: "ignored by the catalog (>=4.5 <5)"},
				upgrade.Refused{Version: "4.8.5", Reason: "first seen 18 minutes ago, at least 3 days are asked for", Until: on(2026, 11, 13)},
				upgrade.Refused{Version: "4.8.0", Reason: "ada does not want it (#33)", Person: true})},
			Remarks: []upgrade.Problem{{Addon: "external-secrets", Message: "https://charts.old.example has moved to https://charts.new.example: name that in the catalog"}},
			Problems: []upgrade.Problem{
				{Addon: "velero", Branch: "release-1.31", Message: "chart velero 2.1.0 is not listed any more by https://charts.example.com: it was withdrawn"},
				{Addon: "velero", Branch: "main", Message: "chart velero 2.1.0 is not listed any more by https://charts.example.com: it was withdrawn"},
				{Addon: "coredns", Message: "https://charts.gone.example answers 404 Not Found: look for where the chart has gone"},
			},
		},
		Ignored: []upgrade.Ignored{
			{Branch: "release-1.31", Source: certManager, Version: "1.17.0", By: "ada", Pull: 33},
			{Branch: "main", Source: certManager, Version: "2.0.0", Major: true, By: "ada", Pull: 35},
		},
		Seen: map[upgrade.Release]time.Time{
			{Source: certManager, Version: "1.17.0"}: on(2026, 11, 10), {Source: certManager, Version: "1.16.9"}: on(2026, 11, 3),
			{Source: upstream.Source{Kind: upstream.Image, Repository: "quay.io/prometheus/node-exporter"}, Version: "v1.9.0"}: on(2026, 10, 1),
		},
	}
}

func TestDashboard(t *testing.T) {
	golden(t, "dashboard.md", Dashboard(aBoard()))
	golden(t, "dashboard-empty.md", Dashboard(Board{Repository: "kaas/addons", URL: home}))
}

// TestDashboardStays gives the same world in another order.
func TestDashboardStays(t *testing.T) {
	want := Dashboard(aBoard())
	other := aBoard()
	slices.Reverse(other.Open)
	slices.Reverse(other.Waiting)
	slices.Reverse(other.Plan.Problems)
	slices.Reverse(other.Ignored)
	for range 20 {
		if got := Dashboard(other); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// TestRemembered reads back what a dashboard remembers.
func TestRemembered(t *testing.T) {
	b := aBoard()
	seen, is := Remembered(Dashboard(b))
	if !is || !reflect.DeepEqual(seen, b.Seen) {
		t.Errorf("got %v, %v, want %v", seen, is, b.Seen)
	}
	if seen, is := Remembered("Somebody's text."); is || seen != nil {
		t.Errorf("nothing is remembered, got %v, %v", seen, is)
	}
	if seen, is := Remembered(Dashboard(Board{})); !is || len(seen) != 0 {
		t.Errorf("an empty dashboard remembers %v, %v", seen, is)
	}
}

// TestDashboardBounds lists more than fits.
func TestDashboardBounds(t *testing.T) {
	b := Board{Seen: map[upgrade.Release]time.Time{}}
	for i := range 3000 {
		p := lower().Proposal
		p.Unit = fmt.Sprintf("addon-%04d-%s", i, strings.Repeat("|", 200))
		b.Open = append(b.Open, Listed{Proposal: p, Pull: i + 1})
		b.Plan.Problems = append(b.Plan.Problems, upgrade.Problem{Addon: p.Unit, Message: strings.Repeat("@", 2000)})
		b.Seen[upgrade.Release{Source: certManager, Version: fmt.Sprintf("1.0.%d", i)}] = on(2020, 1, 1).Add(time.Duration(i) * time.Hour)
	}
	out := Dashboard(b)
	if len(out) > report.Limit {
		t.Errorf("%d bytes", len(out))
	}
	for _, want := range []string{"**3,000 open · 3,000 failing**\n", "\n… and 2,9", "addon-0000-"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%.2000s", want, out)
		}
	}
	seen, _ := Remembered(out)
	if len(seen) != maxSeen || seen[upgrade.Release{Source: certManager, Version: "1.0.2999"}].IsZero() || !seen[upgrade.Release{Source: certManager, Version: "1.0.2499"}].IsZero() {
		t.Errorf("%d are remembered, want the newest %d", len(seen), maxSeen)
	}
	b = Board{Seen: map[upgrade.Release]time.Time{}}
	for i := range 500 {
		b.Seen[upgrade.Release{Source: upstream.Source{Kind: upstream.Git, Repository: strings.Repeat("x", 1000) + fmt.Sprint(i)}, Version: "1"}] = on(2020, 1, 1)
	}
	if out := Dashboard(b); len(out) > maxMemory+1000 {
		t.Errorf("%d bytes of memory", len(out))
	}
}
