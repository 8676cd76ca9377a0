package release_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

func TestNext(t *testing.T) {
	m131 := version.Minor{Major: 1, Minor: 31}
	for name, tc := range map[string]struct {
		distribution string
		known        []string
		want, err    string
	}{
		"the first":                       {distribution: "ake", want: "v1.31-ake.1"},
		"after nine comes ten":            {distribution: "ake", known: []string{"v1.31-ake.9", "v1.31-ake.8"}, want: "v1.31-ake.10"},
		"numbers compare as numbers":      {distribution: "ake", known: []string{"v1.31-ake.10", "v1.31-ake.9"}, want: "v1.31-ake.11"},
		"a gap stays":                     {distribution: "ake", known: []string{"v1.31-ake.1", "v1.31-ake.3"}, want: "v1.31-ake.4"},
		"another minor does not count":    {distribution: "ake", known: []string{"v1.32-ake.7", "v1.3-ake.9", "v1.31-ake.2"}, want: "v1.31-ake.3"},
		"nor does another distribution":   {distribution: "ake", known: []string{"v1.31-ake2.7", "v1.31-lab.4"}, want: "v1.31-ake.1"},
		"no distribution":                 {err: "the distribution is empty; want a short name such as ake"},
		"there is a last number":          {distribution: "ake", known: []string{"v1.31-ake.999999999"}, want: "v1.31-ake.1000000000"},
		"and none after the last number":  {distribution: "ake", known: []string{"v1.31-ake.1000000000"}, err: "the number after 1000000000 is more than the 1000000000 that a release can have: delete the tags that were made by mistake"},
		"a distribution with dashes, too": {distribution: "a-b", known: []string{"v1.31-a-b.1"}, want: "v1.31-a-b.2"},
	} {
		t.Run(name, func(t *testing.T) {
			var known []release.Tag
			for _, s := range tc.known {
				tag, err := release.ParseTag(s)
				if err != nil {
					t.Fatal(err)
				}
				known = append(known, tag)
			}
			got, err := release.Next(m131, tc.distribution, known)
			if said := message(err); got.String() != tc.want || said != tc.err {
				t.Errorf("got %q, %q, want %q, %q", got, said, tc.want, tc.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
