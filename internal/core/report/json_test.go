package report

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// TestJSON is what other programs rely on: the names of the keys, that lists are never null, and that null is a value while a missing side has
// no key.
func TestJSON(t *testing.T) {
	id := manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "n", Name: "a"}
	from := manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "n", Name: "b"}
	quiet := diff.Change{Object: id, Kind: diff.Changed, Hidden: []diff.Field{field("/metadata/labels/chart", "metadata.labels.chart", "a-1", "a-2")}}
	renamed := diff.Change{Object: id, From: &from, Kind: diff.Renamed, Fields: []diff.Field{
		{Path: "/a", Shown: "a", HadBefore: true, HasAfter: true, After: "<&>"},
		{Path: "/b", Shown: "b", HasAfter: true, After: []any{int64(9007199254740993), 1.5, math.Inf(1)}},
		{Path: "/c", Shown: "c", HadBefore: true, Before: map[string]any{"z": true, "a": map[string]any{}}},
	}}
	r := Report{Base: "b", Head: "h", Results: []Result{{Addon: "x", Minors: three[:1], Result: diff.Result{Changes: []diff.Change{quiet, renamed}}}}}
	const head = `{
  "base": "b",
  "head": "h",
  "minors": [],
  "same": 0,
`
	const change = `        {
          "object": "apps/v1/Deployment/n/a",
          "from": "apps/v1/Deployment/n/b",
          "change": "renamed",
          "fields": [
            {
              "path": "/a",
              "shown": "a",
              "before": null,
              "after": "<&>"
            },
            {
              "path": "/b",
              "shown": "b",
              "after": [
                9007199254740993,
                1.5,
                "+Inf"
              ]
            },
            {
              "path": "/c",
              "shown": "c",
              "before": {
                "a": {},
                "z": true
              }
            }
          ]
        }
      ],
      "images": [],
      "unstable": []
    }
  ],
  "flags": [],
  "problems": []
}
`
	result := func(hidden, objects string) string {
		return head + `  "results": [
    {
      "addon": "x",
      "minors": [
        "1.31"
      ],
      "hidden": ` + hidden + `,
      "objects": [
` + objects + change
	}
	shown := `        {
          "object": "apps/v1/Deployment/n/a",
          "change": "changed",
          "fields": [
            {
              "path": "/metadata/labels/chart",
              "shown": "metadata.labels.chart",
              "before": "a-1",
              "after": "a-2"
            }
          ]
        },
`
	for name, tc := range map[string]struct {
		report Report
		want   string
	}{
		"nothing":        {Report{Base: "b", Head: "h"}, head + "  \"results\": [],\n  \"flags\": [],\n  \"problems\": []\n}\n"},
		"hidden":         {r, result("1", "")},
		"with hidden":    {r.WithHidden(), result("0", shown)},
		"hidden as ever": {r, result("1", "")},
		"next minor": {
			Report{Base: "b", Head: "h", Next: m134, Problems: []Problem{{Addon: "x", Minor: m134, Message: "m", Next: true}, {Message: "all"}}},
			head + `  "results": [],
  "flags": [],
  "problems": [
    {
      "addon": "",
      "minor": "",
      "message": "all"
    }
  ],
  "next": {
    "minor": "1.34",
    "flags": [],
    "problems": [
      {
        "addon": "x",
        "minor": "1.34",
        "message": "m"
      }
    ]
  }
}
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := JSON(tc.report)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, string(got)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
