package upgrading_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// releases are the releases of a repository, with the tags as notes.
func releases(tags ...string) (all []upstream.Version) {
	for _, tag := range tags {
		all = append(all, upstream.Version{Name: tag, Notes: "notes of " + tag, URL: "https://example.com/" + tag, Described: true})
	}
	return all
}

func TestNotes(t *testing.T) {
	helm := upstream.Source{Kind: upstream.Helm, Repository: repository, Name: "metrics"}
	image := upstream.Source{Kind: upstream.Image, Repository: "registry.example.com/web"}
	hub := upstream.Source{Kind: upstream.GitHub, Repository: "acme/crds", Name: "install.yaml"}
	git := upstream.Source{Kind: upstream.Git, Repository: "https://github.com/acme/rules"}
	version := func(name, app string, links ...string) upstream.Version {
		return upstream.Version{Name: name, App: app, Links: links, Described: true}
	}
	for name, tc := range map[string]struct {
		source    upstream.Source
		from, to  string
		listed    []upstream.Version
		histories map[string][]upstream.Version
		want      []string
		// asked are the addresses whose history was asked for.
		asked []string
	}{
		"a chart among others, and its application elsewhere": {
			source: helm, from: "1.0.0", to: "1.2.0", listed: []upstream.Version{version("1.0.0", "v5.0.0"), version("1.2.0", "v5.1.0", "https://metrics.example.com", "https://github.com/acme/charts", "https://github.com/acme/metrics")},
			histories: map[string][]upstream.Version{
				"https://github.com/acme/charts":  releases("metrics-1.2.0", "metrics-1.1.0", "other-5.1.0", "metrics-1.0.0", "other-5.0.0", "other-1.2.0"),
				"https://github.com/acme/metrics": releases("v5.2.0", "v5.1.0", "v5.0.0"),
			},
			want:  []string{"chart metrics-1.2.0", "chart metrics-1.1.0", "application v5.1.0"},
			asked: []string{"https://github.com/acme/charts", "https://github.com/acme/metrics", "https://metrics.example.com"},
		},
		"a chart that counts as its application": {
			source: helm, from: "v1.16.2", to: "v1.17.0", listed: []upstream.Version{version("v1.16.2", "v1.16.2"), version("v1.17.0", "v1.17.0", "https://github.com/acme/metrics")},
			histories: map[string][]upstream.Version{"https://github.com/acme/metrics": releases("v1.17.0", "v1.16.3", "v1.16.2")},
			want:      []string{"application v1.17.0", "application v1.16.3"}, asked: []string{"https://github.com/acme/metrics"},
		},
		"a chart whose index has the notes": {
			source: helm, from: "1.0.0", to: "1.1.0", listed: append(releases("1.1.0"), version("1.0.0", "")), want: []string{"chart 1.1.0"},
		},
		"a chart that names too many repositories": {
			source: helm, from: "1.0.0", to: "1.1.0", listed: []upstream.Version{version("1.0.0", ""), version("1.1.0", "", "a", "b", "c", "d", "e")},
			histories: map[string][]upstream.Version{"a": releases("v9"), "b": releases("v9"), "c": releases("v9"), "d": releases("v1.1.0")}, asked: []string{"a", "b", "c"},
		},
		"a chart whose number was its application's long ago": {
			source: helm, from: "1.0.0", to: "1.1.0", listed: []upstream.Version{version("1.0.0", "v2.0.0"), version("1.1.0", "v2.1.0", "https://github.com/acme/metrics")},
			histories: map[string][]upstream.Version{"https://github.com/acme/metrics": releases("v2.1.0", "v2.0.0", "v1.1.0", "v1.0.0")},
			want:      []string{"application v2.1.0"}, asked: []string{"https://github.com/acme/metrics"},
		},
		"a chart beside its application": {
			source: helm, from: "4.11.2", to: "4.11.3", listed: []upstream.Version{version("4.11.2", "1.11.2"), version("4.11.3", "1.11.3", "https://github.com/acme/metrics")},
			histories: map[string][]upstream.Version{"https://github.com/acme/metrics": releases("controller-v1.11.3", "helm-chart-4.11.3", "controller-v1.11.2", "helm-chart-4.11.2")},
			want:      []string{"chart helm-chart-4.11.3", "application controller-v1.11.3"}, asked: []string{"https://github.com/acme/metrics"},
		},
		"an image's variant": {
			source: image, from: "1.27.0-alpine", to: "1.27.3-alpine", listed: []upstream.Version{version("1.27.3-alpine", "", "https://github.com/acme/web")},
			histories: map[string][]upstream.Version{"https://github.com/acme/web": releases("v1.27.3", "v1.27.0")},
			want:      []string{"application v1.27.3"}, asked: []string{"https://github.com/acme/web"},
		},
		"releases on GitHub": {source: hub, from: "v1.0.0", to: "v1.2.0", listed: releases("v1.3.0", "v1.2.0", "v1.1.0", "v1.0.0"), want: []string{"application v1.2.0", "application v1.1.0"}},
		"tags of a repository on GitHub": {
			source: git, from: "v1.0.0", to: "v1.1.0", histories: map[string][]upstream.Version{git.Repository: releases("v1.1.0")}, want: []string{"application v1.1.0"},
			asked: []string{git.Repository},
		},
		"other content under the same tag": {source: image, from: "1.0.0", to: "1.0.0"},
		"nothing to be found":              {source: image, from: "1.0.0", to: "1.1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			w.listings[tc.source] = upstream.Listing{Versions: tc.listed}
			w.histories = tc.histories
			all, err := upgrading.Notes(t.Context(), w.o, upgrade.Proposal{Changes: []upgrade.Change{{Pin: upstream.Pin{Source: tc.source}, From: tc.from, To: tc.to}}})
			if err != nil || len(all) != 1 {
				t.Fatalf("%v, %v", all, err)
			}
			var got []string
			for _, n := range all[0] {
				got = append(got, n.Of+" "+n.Version)
				if n.Text != "notes of "+n.Version {
					t.Errorf("%s says %q", n.Version, n.Text)
				}
			}
			var asked []string
			for _, what := range slices.Sorted(maps.Keys(w.asked)) {
				if address, is := strings.CutPrefix(what, "history "); is {
					asked = append(asked, address)
				}
			}
			if !slices.Equal(got, tc.want) || !slices.Equal(asked, tc.asked) {
				t.Errorf("got  %q, asked %q\nwant %q, asked %q", got, asked, tc.want, tc.asked)
			}
		})
	}
}

// TestNotesGiveUp ends with its context.
func TestNotesGiveUp(t *testing.T) {
	w := newWork(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := upgrade.Proposal{Changes: []upgrade.Change{{Pin: upstream.Pin{Source: upstream.Source{Kind: upstream.Git, Repository: "https://github.com/acme/rules"}}, From: "v1", To: "v2"}}}
	if notes, err := upgrading.Notes(ctx, w.o, p); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", notes, err)
	}
}
