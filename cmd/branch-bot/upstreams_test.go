package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/script"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
)

// outside is a world that publishes versions, as a story writes it down. Names of servers become variables with their addresses.
type outside struct {
	// Helm are Helm repositories.
	Helm map[string]struct {
		Charts []published
		// Fails is how requests fail: gone, denied, down, truncated, html, link-local.
		Fails string
	}
	// Registries are OCI registries; charts lie below /charts.
	Registries map[string]struct {
		Charts []published
		Images []struct {
			Name, Tag string
			Labels    map[string]string
		}
		// Policies are images with policies. Digest is the variable that is set to the image's digest.
		Policies []struct {
			Name, Tag, Digest string
			Files             map[string]string
		}
	}
	// GitHub are forges with releases.
	GitHub map[string][]struct {
		Repository, Tag, Notes string
		PreRelease             bool
		Age                    string
		Assets                 map[string]string
		NoDigest               bool
	}
	// Git are hosts of Git repositories, with their tags.
	Git map[string]map[string][]string
	// Nobody are addresses at which nothing answers.
	Nobody []string
}

type published struct {
	upstreams.Chart
	// Age is how long ago it was published, such as 24h.
	Age string
}

// outsideCommands are what stories about newer versions have.
//
//	outside FILE               starts the servers of FILE, and sets variables to their addresses and to digests; once more, it changes what they publish
//	expand FILE…               puts addresses in place of ${NAME} in files
//	hidden FILE                writes what was printed last to FILE, with ${NAME} in place of addresses, and TIME in place of times
var outsideCommands = map[string]script.Command{"outside": startOutside, "expand": expand, "hidden": hidden}

var faults = map[string]upstreams.Fault{
	"": upstreams.Healthy, "gone": upstreams.Gone, "denied": upstreams.Denied, "down": upstreams.Down, "truncated": upstreams.Truncated, "html": upstreams.HTML,
	"link-local": upstreams.LinkLocal, "limited": upstreams.Limited("120"),
}

func startOutside(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: outside FILE")
	}
	var o outside
	ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(args[0])), &o))
	set := func(name, url string) {
		ts.Setenv(name, url)
		ts.Setenv("OUTSIDE", strings.TrimSpace(ts.Getenv("OUTSIDE")+" "+name))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Helm)) {
		h, err := upstreams.StartHelm()
		ts.Check(err)
		ts.Defer(h.Close)
		for _, c := range o.Helm[name].Charts {
			ts.Check(h.Add(c.chart(ts)))
		}
		fault, known := faults[o.Helm[name].Fails]
		if !known {
			ts.Fatalf("%s fails in no way that is called %q", name, o.Helm[name].Fails)
		}
		h.Fail("", fault)
		set(name, h.URL())
	}
	for _, name := range slices.Sorted(maps.Keys(o.Registries)) {
		r, err := upstreams.StartRegistry()
		ts.Check(err)
		ts.Defer(r.Close)
		for _, c := range o.Registries[name].Charts {
			_, err := r.PushChart("charts", c.chart(ts))
			ts.Check(err)
		}
		for _, i := range o.Registries[name].Images {
			_, err := r.PushImage(i.Name, i.Tag, i.Labels)
			ts.Check(err)
		}
		for _, p := range o.Registries[name].Policies {
			digest, err := r.PushBundle(p.Name, p.Tag, p.Files)
			ts.Check(err)
			ts.Setenv(p.Digest, digest)
		}
		set(name, r.Host())
	}
	for _, name := range slices.Sorted(maps.Keys(o.GitHub)) {
		set(name, publishReleases(ts, o, name))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Git)) {
		set(name, serveTags(ts, o.Git[name], name))
	}
	for i, name := range o.Nobody {
		// A port that a closed server had is soon another's. This one is given to nobody by itself.
		set(name, fmt.Sprintf("http://127.0.0.%d:9", 9+i))
	}
}

func (p published) chart(ts *testscript.TestScript) upstreams.Chart {
	c := p.Chart
	if p.Age != "" {
		age, err := time.ParseDuration(p.Age)
		ts.Check(err)
		c.Created = time.Now().Add(-age)
	}
	return c
}

func publishReleases(ts *testscript.TestScript, o outside, name string) (url string) {
	dir := ts.MkAbs(filepath.Join("github", name))
	ts.Check(os.MkdirAll(dir, 0o755))
	s, err := github.Start(dir, github.Options{})
	ts.Check(err)
	ts.Defer(s.Close)
	repositories := map[string]*github.Repository{}
	for _, r := range o.GitHub[name] {
		repo := repositories[r.Repository]
		if repo == nil {
			owner, base, _ := strings.Cut(r.Repository, "/")
			repo, err = s.AddRepository(owner, base, github.RepositoryOptions{})
			ts.Check(err)
			repositories[r.Repository] = repo
		}
		release := github.NewRelease{Tag: r.Tag, Name: r.Tag, Notes: r.Notes, PreRelease: r.PreRelease, Published: published{Age: r.Age}.chart(ts).Created}
		for _, file := range slices.Sorted(maps.Keys(r.Assets)) {
			release.Assets = append(release.Assets, github.Asset{Name: file, Data: []byte(r.Assets[file]), NoDigest: r.NoDigest})
		}
		ts.Check(repo.PublishRelease(release))
	}
	return s.APIURL()
}

func serveTags(ts *testscript.TestScript, repositories map[string][]string, name string) (url string) {
	dir := ts.MkAbs(filepath.Join("git", name))
	for repository, tags := range repositories {
		r, err := gitrepo.Create(filepath.Join(dir, repository+".git"))
		ts.Check(err)
		for _, tag := range tags {
			_, err := r.Commit("main", map[string]string{"version": tag}, "Release "+tag)
			ts.Check(err)
			ts.Check(r.AnnotatedTag(tag, "main", tag))
		}
	}
	h, err := githttp.Handler(dir, githttp.Options{})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	url, done, err := h.Serve(ctx, "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { cancel(); <-done })
	return url
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE…")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o644))
	}
}

func hidden(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hidden FILE")
	}
	text := ts.ReadFile("stdout")
	for name := range strings.FieldsSeq(ts.Getenv("OUTSIDE")) {
		text = strings.ReplaceAll(text, ts.Getenv(name), "${"+name+"}")
		text = strings.ReplaceAll(text, strings.TrimPrefix(ts.Getenv(name), "http://"), "${"+name+"}")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), moments.ReplaceAll([]byte(text), []byte("TIME")), 0o644))
}

var moments = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC`)
