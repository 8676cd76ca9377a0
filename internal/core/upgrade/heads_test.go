package upgrade

import "testing"

func TestParseHead(t *testing.T) {
	type parts struct {
		branch, unit string
		major, ok    bool
	}
	for head, want := range map[string]parts{
		"upgrade/main/cert-manager":             {"main", "cert-manager", false, true},
		"upgrade/release-1.31/cert-manager":     {"release-1.31", "cert-manager", false, true},
		"upgrade/main/cert-manager.major":       {"main", "cert-manager", true, true},
		"upgrade/teams/a/main/cert-manager":     {"teams/a/main", "cert-manager", false, true},
		"upgrade/main/major":                    {"main", "major", false, true},
		"upgrade/main/cert-manager.major.major": {},
		"upgrade/main/cert.manager":             {},
		"upgrade/main/.major":                   {},
		"upgrade/main/":                         {},
		"upgrade/main":                          {},
		"upgrade//cert-manager":                 {},
		"upgrade/main/Cert-Manager":             {},
		"upgrades/main/cert-manager":            {},
		"cherry-pick/main/cert-manager":         {},
		"main":                                  {},
		"":                                      {},
	} {
		t.Run(head, func(t *testing.T) {
			var got parts
			if got.branch, got.unit, got.major, got.ok = ParseHead(head); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
