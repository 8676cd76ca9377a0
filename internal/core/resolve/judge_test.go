package resolve_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// TestJudge holds tags against what they were, and against their branch.
func TestJudge(t *testing.T) {
	const a, b = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	ref := func(tag, commit string) resolve.Ref {
		return resolve.Ref{Tag: mustTag(tag), Commit: commit, OnBranch: true}
	}
	off := func(tag, commit string) resolve.Ref { return resolve.Ref{Tag: mustTag(tag), Commit: commit} }
	first := func(tag, commit string) map[release.Tag]resolve.Seen {
		return map[release.Tag]resolve.Seen{mustTag(tag): {Commit: commit}}
	}
	const moved = " TagMoved: tag v1.31-ake.1 moved from aaaaaaaaaaaa to bbbbbbbbbbbb; releases never change: the commit first seen stays delivered. Move the tag back, or tag a new release"
	const gone = " TagGone: tag v1.31-ake.1 is gone from the repository; what has it keeps commit aaaaaaaaaaaa. Push the tag again, or tag a new release"
	for name, tc := range map[string]struct {
		refs  []resolve.Ref
		first map[release.Tag]resolve.Seen
		want  []string
	}{
		"nothing": {},
		"newest first, minors in order, 10 above 9": {
			refs: []resolve.Ref{ref("v1.32-ake.1", a), ref("v1.31-ake.9", a), ref("v1.31-ake.10", b), ref("v1.9-ake.3", a)},
			want: []string{"v1.9-ake.3 " + a, "v1.31-ake.10 " + b, "v1.31-ake.9 " + a, "v1.32-ake.1 " + a},
		},
		"as it was":     {refs: []resolve.Ref{ref("v1.31-ake.1", a)}, first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.1 " + a}},
		"moved":         {refs: []resolve.Ref{ref("v1.31-ake.1", b)}, first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.1 " + a + moved}},
		"moved off":     {refs: []resolve.Ref{off("v1.31-ake.1", b)}, first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.1 " + a + moved}},
		"off branch":    {refs: []resolve.Ref{off("v1.31-ake.1", a)}, want: []string{"v1.31-ake.1 " + a + " TagNotOnBranch: tag v1.31-ake.1 names commit aaaaaaaaaaaa, which is not on branch release-1.31; tag a commit of that branch"}},
		"gone":          {first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.1 " + a + gone}},
		"gone, no heir": {refs: []resolve.Ref{ref("v1.32-ake.2", a)}, first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.1 " + a + gone, "v1.32-ake.2 " + a}},
		"gone, replaced by a newer one and delivered nowhere": {
			refs: []resolve.Ref{ref("v1.31-ake.2", b)}, first: first("v1.31-ake.1", a), want: []string{"v1.31-ake.2 " + b},
		},
		"gone and delivered": {
			refs: []resolve.Ref{ref("v1.31-ake.2", b)}, first: map[release.Tag]resolve.Seen{mustTag("v1.31-ake.1"): {Commit: a, Delivered: true}},
			want: []string{"v1.31-ake.2 " + b, "v1.31-ake.1 " + a + gone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range resolve.Judge(tc.refs, tc.first) {
				line := r.Tag.String() + " " + r.Commit
				if r.Refused != nil {
					line += fmt.Sprintf(" %s: %s", r.Refused.Code, r.Refused.Message)
				}
				got = append(got, line)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Judge (-want +got):\n%s", d)
			}
			slices.Reverse(tc.refs)
			again := resolve.Judge(tc.refs, tc.first)
			if len(again) != len(got) {
				t.Errorf("in another order: %d releases", len(again))
			}
		})
	}
}
