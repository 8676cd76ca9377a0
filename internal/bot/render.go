package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// spec tells renders apart: two with the same give the same, but for what is random.
type spec struct {
	offered           bool
	digest            [32]byte
	charts, parameter string
	path, namespace   string
	source            catalog.SourceType
	// kubernetes is what the minor serves, empty where no template asks.
	kubernetes string
	failure    string
}

// spec is that of an addon on a minor; served is nil as long as only the built-in APIs are known.
func (a *addon) spec(m version.Minor, served *apis.Set) spec {
	s := spec{offered: true, digest: a.source.Digest, path: a.Path, namespace: a.Namespace, source: a.Source}
	if a.err != nil {
		s.failure = a.err.Error()
	}
	s.charts = fmt.Sprint(a.source.Charts)
	if len(a.Parameters) > 0 {
		sample, _ := resolve.SampleOf(a.Addon, m) // The render tells of an error.
		text, _ := json.Marshal(sample)
		s.parameter = string(text)
	}
	if a.source.Capabilities {
		s.kubernetes = m.String()
		if served != nil {
			s.kubernetes += served.Fingerprint()
		}
	}
	return s
}

// job is the render of an addon on a minor.
func (c *comparison) job(a *addon, m version.Minor, served *apis.Set) (engine.Job, error) {
	sample, err := resolve.SampleOf(a.Addon, m)
	if err != nil {
		return engine.Job{}, err
	}
	job := engine.Job{
		Files: a.source.Files, Path: a.Path, Type: a.Source, Release: a.Name, Namespace: a.Namespace,
		KubeVersion: m.String(), APIVersions: served.Versions(), Values: sample.Values, Options: c.Kustomize, Charts: a.archives,
	}
	for _, p := range sample.Patches {
		job.Patches = append(job.Patches, engine.Patch(p))
	}
	return job, nil
}

// fetch brings the charts that addons need from elsewhere.
func (c *comparison) fetch(ctx context.Context) {
	var wait sync.WaitGroup
	for _, s := range []*side{c.base, c.head} {
		for _, a := range s.addons {
			if a.err == nil && len(a.source.Charts) > 0 {
				wait.Go(func() {
					a.archives, a.err = c.archives(ctx, a)
					a.elsewhere = a.err != nil
				})
			}
		}
	}
	wait.Wait()
}

func (c *comparison) archives(ctx context.Context, a *addon) (map[engine.Chart][]byte, error) {
	fetched := make(map[engine.Chart][]byte, len(a.source.Charts))
	for _, needed := range slices.Clone(a.source.Charts) {
		archive, _, err := c.Charts.Chart(ctx, needed.Repository, needed.Name, needed.Version)
		if err != nil {
			return nil, err
		}
		if err := a.source.Add(needed, archive); err != nil {
			return nil, err
		}
		fetched[needed] = archive
	}
	return fetched, nil
}

// render renders an addon on a minor, with the namespaces that Argo CD would fill in. Templates see what the minor serves, and also these API
// versions.
func (c *comparison) render(ctx context.Context, s *side, a *addon, m version.Minor, how func(context.Context, render.Source, engine.Job) (engine.Output, error), also ...string) ([]manifest.Object, error) {
	if a.err != nil {
		return nil, a.err
	}
	served := s.served[m]
	if served == nil {
		var err error
		if served, err = apis.Of(m); err != nil {
			return nil, err
		}
	}
	job, err := c.job(a, m, served)
	if err != nil {
		return nil, err
	}
	job.APIVersions = slices.Concat(job.APIVersions, also)
	c.progress(0, 1)
	out, err := how(ctx, a.source, job)
	c.progress(1, 0)
	if err != nil {
		return nil, err
	}
	return manifest.Place(out.Objects, a.Namespace, served.Namespaced), nil
}

func (c *comparison) progress(done, more int) {
	if c.Progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.total = c.done+done, c.total+more
	c.Progress(c.done, c.total)
}

// sideOf renders one side of a pair. What two renders of the base fill differently is unstable.
func (c *comparison) sideOf(ctx context.Context, s *side, a *addon, m version.Minor, twice bool) (objects []manifest.Object, unstable []diff.Unstable, problems []problem) {
	if a == nil {
		return nil, nil, nil
	}
	objects, err := c.render(ctx, s, a, m, c.Renderer.Render)
	var again []manifest.Object
	if err == nil && twice && a.source.Unstable {
		again, err = c.render(ctx, s, a, m, c.Renderer.Fresh)
	}
	if err != nil {
		return nil, nil, []problem{{s.name, c.Masker.Text(err.Error()), true}}
	}
	if again != nil {
		unstable = diff.UnstableIn(objects, again)
	}
	for _, id := range manifest.Duplicates(objects) {
		problems = append(problems, problem{s.name, id.String() + " is there more than once: only the last one counts", false})
	}
	return objects, unstable, problems
}

// assumed is what a side's render of an addon becomes where Argo CD's helm assumes API versions that the minor does not serve.
func (c *comparison) assumed(ctx context.Context, s *side, a *addon, m version.Minor, objects []manifest.Object, unstable []diff.Unstable) diff.Result {
	if a == nil || !a.source.Capabilities {
		return diff.Result{}
	}
	other, err := c.render(ctx, s, a, m, c.Renderer.Render, engine.Assumed()...)
	if err != nil {
		return diff.Result{} // What was rendered without them says more.
	}
	r := diff.Compare(objects, other, diff.Options{Unstable: unstable})
	if a.source.Unstable { // Whether a value is random or another for this reason cannot be told.
		r.Changes = slices.DeleteFunc(r.Changes, func(c diff.Change) bool { return c.Kind == diff.Changed })
	}
	return r
}

// serve finds out what each minor serves with the CustomResourceDefinitions of each side. An addon that cannot be rendered brings none; that
// it cannot is told where it matters.
func (c *comparison) serve(ctx context.Context, minors []version.Minor) error {
	type result struct {
		side  *side
		minor version.Minor
		set   *apis.Set
		crds  []manifest.Object
	}
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		results []result
	)
	for _, s := range []*side{c.base, c.head} {
		for _, m := range minors {
			wait.Go(func() {
				set, err := apis.Of(m)
				if err != nil {
					return
				}
				crds := c.definitions(ctx, s, m)
				set = set.With(crds)
				mu.Lock()
				defer mu.Unlock()
				results = append(results, result{s, m, set, crds})
			})
		}
	}
	wait.Wait()
	for _, r := range results {
		r.side.served[r.minor], r.side.crds[r.minor] = r.set, r.crds
	}
	return ctx.Err()
}

// definitions are the CustomResourceDefinitions that a side installs on clusters of a minor.
func (c *comparison) definitions(ctx context.Context, s *side, m version.Minor) []manifest.Object {
	var crds []manifest.Object
	for _, name := range c.names() {
		a := s.addons[name]
		if !a.offers(m) || a.err != nil || !a.source.CRDs {
			continue
		}
		objects, err := c.render(ctx, s, a, m, c.Renderer.Render)
		if err != nil {
			continue
		}
		crds = append(crds, slices.DeleteFunc(slices.Clone(objects), func(o manifest.Object) bool {
			return o.Group != "apiextensions.k8s.io" || o.Kind != "CustomResourceDefinition"
		})...)
	}
	return crds
}
