package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/version"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/spf13/cobra"
)

// rendering is the flags that say how addons are rendered.
type rendering struct {
	kustomize      string
	cache          string
	allowed        []string
	registryConfig string
	processes      int
	timeout        time.Duration
}

// add registers the flags.
func (r *rendering) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.kustomize, "kustomize-build-options", "--enable-helm", "the kustomize.buildOptions of your Argo CD")
	f.StringVar(&r.cache, "cache", "", "folder that remembers renders and charts; it holds secrets if the sources do")
	f.StringSliceVar(&r.allowed, "allow-repository", nil, "ask only these chart repositories and registries (https://…, oci://…), and what lies below them (default: all that the sources name)")
	f.StringVar(&r.registryConfig, "registry-config", "", "file with credentials for chart repositories, as docker login and helm registry login write it (default: Docker's, if there is one; a netrc file counts too)")
	f.IntVar(&r.processes, "processes", 0, "how many renders at a time (default: one for each processor)")
	f.DurationVar(&r.timeout, "render-timeout", 30*time.Second, "how long one render may take")
}

// check reads the flags, without doing anything yet.
func (r *rendering) check() (engine.Options, error) {
	o, err := engine.ParseOptions(r.kustomize)
	if err != nil {
		return o, cli.Usagef("--kustomize-build-options: %w", err)
	}
	return o, nil
}

// open makes what renders, without a repository. Done must be called in the end.
func (r *rendering) open(errs io.Writer) (o bot.Options, done func(), err error) {
	if o.Kustomize, err = r.check(); err != nil {
		return o, nil, err
	}
	charts, err := r.charts()
	if err != nil {
		return o, nil, err
	}
	o.Charts = charts
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return o, nil, err
	}
	o.Masker = mask.New(salt)
	pool := render.New(render.Options{
		Processes: r.processes, Time: r.timeout, Log: func(message string) { fmt.Fprintln(errs, message) },
	})
	cache, err := render.NewCache(pool, render.CacheOptions{Dir: r.folder("renders")})
	if err != nil {
		pool.Close()
		return o, nil, fmt.Errorf("--cache: %w", err)
	}
	policies := policy.New(policy.Options{Bundle: charts.Bundle})
	o.Renderer, o.Policies = cache, policies
	return o, func() { pool.Close(); policies.Close() }, nil
}

// folder is a part of the cache, empty when there is none.
func (r *rendering) folder(name string) string {
	if r.cache == "" {
		return ""
	}
	return filepath.Join(r.cache, name)
}

// charts fetches charts with the credentials that people have anyway.
func (r *rendering) charts() (*registry.Client, error) {
	o := registry.Options{Dir: r.folder("charts")}
	var err error
	if o.Credentials, err = registry.ReadCredentials(r.registryConfig); err != nil {
		return nil, err
	}
	if len(r.allowed) > 0 {
		o.Allow = func(repository string) error {
			for _, allowed := range r.allowed {
				allowed = strings.TrimSuffix(allowed, "/")
				if repository == allowed || strings.HasPrefix(repository, allowed+"/") {
					return nil
				}
			}
			return fmt.Errorf("--allow-repository does not name it")
		}
	}
	return registry.New(o), nil
}

// renders tells what stops addons of a tree from rendering, as picks ask it. That a chart cannot be fetched is an error, and no fault of the addon's.
func renders(o bot.Options) func(ctx context.Context, tree fs.FS, minor version.Minor, addons []string) (map[string]string, error) {
	return func(ctx context.Context, tree fs.FS, minor version.Minor, addons []string) (map[string]string, error) {
		checked, err := bot.Check(ctx, o, tree, minor, addons)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(checked.Unknown)) {
			err = errors.Join(err, fmt.Errorf("%s: %s", name, checked.Unknown[name]))
		}
		return checked.Broken, err
	}
}

// reports compares two commits, for the minors that the branch of a name is for.
func reports(o bot.Options, clusters *reaching) func(ctx context.Context, base, head, baseName string) (report.Report, error) {
	return func(ctx context.Context, base, head, baseName string) (report.Report, error) {
		r := bot.DiffRequest{Base: base, Head: head}
		if m, is := release.ParseBranch(baseName); is {
			r.Minors = []version.Minor{m}
		}
		out, err := bot.Diff(ctx, o, r)
		if err == nil {
			clusters.tell(ctx, base, head, &out)
		}
		out.BaseName = baseName
		return out, err
	}
}

// diffs renders what a pull request does to the manifests, as Markdown of at most limit bytes. Base and head are commits, baseName is the branch that the
// pull request is for.
func diffs(o bot.Options, clusters *reaching, limit int) func(ctx context.Context, base, head, baseName string) (string, error) {
	compare := reports(o, clusters)
	return func(ctx context.Context, base, head, baseName string) (string, error) {
		out, err := compare(ctx, base, head, baseName)
		if err != nil {
			return "", err
		}
		return report.Markdown(out, limit), nil
	}
}
