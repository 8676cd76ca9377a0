// Package source gathers what the config repository offers: it reads branches, tags and catalogs from Git and turns them into a
// resolve.Source. Whatever cannot be read becomes a reason, never a shorter list.
package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// CodeDistributionUnknown says that tags of several distributions exist and nothing says which one counts.
const CodeDistributionUnknown fault.Code = "DistributionUnknown"

// CodeOtherDistribution says that a release is of another distribution than the one that main names now.
const CodeOtherDistribution fault.Code = "OtherDistribution"

// CodeNoReleaseYet says that a minor is offered and nothing is released for it.
const CodeNoReleaseYet fault.Code = "NoReleaseYet"

// repository is what is needed of Git.
type repository interface {
	Refs() (git.Refs, error)
	Contains(tip, commit string) (bool, error)
	Tree(commit string) (fs.FS, error)
}

// fallbacks is how many releases of a minor are tried, from the newest, until one has a catalog that reads.
const fallbacks = 10

// Loader reads sources from one repository. Commits never change, so each catalog is read once.
type Loader struct {
	mu       sync.Mutex
	catalogs map[string]loaded
}

type loaded struct {
	catalog  *catalog.Catalog
	problems []fault.Problem
}

// Options are what a source depends on beside the repository.
type Options struct {
	// FirstSeen are the commits that tags named when first seen.
	FirstSeen map[release.Tag]resolve.Seen
	// RevisionTag makes Applications name tags in place of commits.
	RevisionTag bool
	// Wanted are releases whose catalogs are needed beside the newest and those that are delivered; RolledBack are those that serve nobody new.
	Wanted, RolledBack map[string]bool
}

// Load reads the repository as it was last fetched. An error means that nothing is known; the caller keeps what it knew.
func (l *Loader) Load(ctx context.Context, repo repository, o Options) (resolve.Source, error) {
	refs, err := repo.Refs()
	if err != nil {
		return resolve.Source{}, fmt.Errorf("list branches and tags: %w", err)
	}
	s := resolve.Source{RevisionTag: o.RevisionTag}
	head, distribution := l.main(repo, refs, &s)
	if distribution == "" {
		distribution = only(o.FirstSeen)
	}
	tags, ignored, err := l.releaseTags(repo, refs, distribution)
	if err != nil {
		return resolve.Source{}, err
	}
	if distribution == "" && severalDistributions(tags) {
		s.Unavailable = &fault.Reason{Code: CodeDistributionUnknown, Message: fmt.Sprintf(
			"tags of several distributions exist, and %s on branch %s, which would say which one counts, cannot be read", catalog.File, refs.Head)}
		return s, nil
	}
	s.Problems = append(s.Problems, ignoredProblem(ignored, distribution)...)
	s.Problems = append(s.Problems, refs.Problems...)
	s.Releases = resolve.Judge(tags, o.FirstSeen)
	otherDistribution(s.Releases, refs, distribution)
	keep := map[string]bool{head: true}
	if err := l.fill(ctx, repo, s.Releases, o, keep); err != nil {
		return resolve.Source{}, err
	}
	s.Problems = append(s.Problems, unreleased(s)...)
	l.forget(keep)
	return s, nil
}

// main reads what only the default branch says: the distribution and the minors offered.
func (l *Loader) main(repo repository, refs git.Refs, s *resolve.Source) (commit, distribution string) {
	where := refs.Head + ":" + catalog.File
	commit, ok := refs.Branches[refs.Head]
	if !ok {
		s.Problems = append(s.Problems, fault.Problem{Code: resolve.CodeCatalogInvalid, Where: where, Message: "the repository has no default branch, so the minors offered are not known; releases are delivered all the same"})
		return "", ""
	}
	got := l.catalog(repo, commit, catalog.Options{Main: true})
	for _, p := range got.problems {
		p.Where = refs.Head + ":" + p.Where
		s.Problems = append(s.Problems, p)
	}
	if got.catalog == nil {
		return commit, ""
	}
	s.Offered = got.catalog.Minors
	return commit, got.catalog.Distribution
}

func only(firstSeen map[release.Tag]resolve.Seen) string {
	found := ""
	for tag := range firstSeen {
		if found != "" && found != tag.Distribution {
			return ""
		}
		found = tag.Distribution
	}
	return found
}

func severalDistributions(tags []resolve.Ref) bool {
	return slices.ContainsFunc(tags, func(r resolve.Ref) bool { return r.Tag.Distribution != tags[0].Tag.Distribution })
}

// releaseTags tells the releases among the tags, and whether each lies on its branch.
func (l *Loader) releaseTags(repo repository, refs git.Refs, distribution string) (tags []resolve.Ref, ignored []string, err error) {
	for name, commit := range refs.Tags {
		tag, err := release.ParseTag(name)
		if err != nil || distribution != "" && tag.Distribution != distribution {
			ignored = append(ignored, name)
			continue
		}
		ref := resolve.Ref{Tag: tag, Commit: commit}
		if tip, ok := refs.Branches[release.Branch(tag.Minor)]; ok {
			if ref.OnBranch, err = repo.Contains(tip, commit); err != nil {
				return nil, nil, fmt.Errorf("look for tag %s on branch %s: %w", tag, release.Branch(tag.Minor), err)
			}
		}
		tags = append(tags, ref)
	}
	slices.Sort(ignored)
	return tags, ignored, nil
}

// otherDistribution rewords the refusal of releases whose tags are there, and count no more since main names another distribution.
func otherDistribution(releases []resolve.SourceRelease, refs git.Refs, distribution string) {
	for i := range releases {
		r := &releases[i]
		if _, there := refs.Tags[r.Tag.String()]; there && r.Tag.Distribution != distribution && distribution != "" {
			r.Refused = &fault.Reason{Code: CodeOtherDistribution, Message: fmt.Sprintf(
				"tag %s counts no more: %s on branch %s names distribution %q; what has it keeps commit %.12s until there is a release of that one", r.Tag, catalog.File, refs.Head, distribution, r.Commit)}
		}
	}
}

func ignoredProblem(ignored []string, distribution string) []fault.Problem {
	if len(ignored) == 0 {
		return nil
	}
	const most = 5
	shown := make([]string, 0, most)
	for _, name := range ignored[:min(most, len(ignored))] {
		shown = append(shown, fmt.Sprintf("%.64q", name))
	}
	if len(ignored) > most {
		shown = append(shown, "…")
	}
	if distribution == "" {
		distribution = "<distribution>"
	}
	return []fault.Problem{{Code: resolve.CodeTagsIgnored, Where: "tags", Message: fmt.Sprintf("%d tag(s) are no releases v<minor>-%s.<n> and are ignored: %s", len(ignored), distribution, strings.Join(shown, ", "))}}
}

// fill reads the catalogs that are needed: of each minor those of the newest release that can serve and of the one before it, which clusters
// go back to, refusing releases whose catalog does not read; and those of every release that some cluster has or is pinned to.
func (l *Loader) fill(ctx context.Context, repo repository, releases []resolve.SourceRelease, o Options, keep map[string]bool) error {
	serving, tried := map[version.Minor]int{}, map[version.Minor]int{}
	for i := range releases {
		r := &releases[i]
		m, tag := r.Tag.Minor, r.Tag.String()
		newest := serving[m] < spares && tried[m] < fallbacks
		if r.Refused != nil || !newest && !o.Wanted[tag] && !o.FirstSeen[r.Tag].Delivered {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		keep[r.Commit] = true
		got := l.catalog(repo, r.Commit, catalog.Options{})
		switch {
		case len(got.problems) > 0:
			r.Refused = refusal(got.problems)
		case got.catalog.Distribution != r.Tag.Distribution:
			r.Refused = &fault.Reason{Code: resolve.CodeCatalogInvalid, Message: fmt.Sprintf("%s: distribution: %q does not match the tag's %q", catalog.File, got.catalog.Distribution, r.Tag.Distribution)}
		default:
			r.Catalog = got.catalog
		}
		if newest && r.Catalog != nil && !o.RolledBack[tag] {
			serving[m]++
		} else if newest {
			tried[m]++
		}
	}
	return nil
}

// spares is how many releases of a minor are kept ready: the newest, and the one before.
const spares = 2

func refusal(problems []fault.Problem) *fault.Reason {
	r := &fault.Reason{Code: resolve.CodeCatalogInvalid, Message: problems[0].Error()}
	if more := len(problems) - 1; more > 0 {
		r.Message += fmt.Sprintf(" (and %d more)", more)
	}
	return r
}

// catalog reads the catalog of a commit, with every addon's folder checked.
func (l *Loader) catalog(repo repository, commit string, o catalog.Options) loaded {
	key := commit
	if o.Main {
		key = "main " + commit
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, ok := l.catalogs[key]; ok {
		return got
	}
	got, transient := read(repo, commit, o)
	if l.catalogs == nil {
		l.catalogs = map[string]loaded{}
	}
	if !transient {
		l.catalogs[key] = got
	}
	return got
}

func read(repo repository, commit string, o catalog.Options) (got loaded, transient bool) {
	fail := func(err error) loaded {
		return loaded{problems: []fault.Problem{{Code: resolve.CodeCatalogInvalid, Where: catalog.File, Message: err.Error()}}}
	}
	tree, err := repo.Tree(commit)
	if err != nil {
		return fail(err), true
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(errors.New("the file does not exist at this commit")), false
	}
	if err != nil {
		return fail(err), true
	}
	c, problems := catalog.Validate(catalog.File, data, tree, o)
	if len(problems) > 0 && len(c.Addons) == 0 {
		return loaded{problems: problems}, false
	}
	return loaded{catalog: &c, problems: problems}, false
}

// forget drops the catalogs of commits that nothing needs any more.
func (l *Loader) forget(keep map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.catalogs, func(key string, _ loaded) bool { return !keep[strings.TrimPrefix(key, "main ")] })
}

// unreleased tells of minors that are offered and have nothing to deliver.
func unreleased(s resolve.Source) (problems []fault.Problem) {
	usable := map[version.Minor]bool{}
	for _, r := range s.Releases {
		usable[r.Tag.Minor] = usable[r.Tag.Minor] || r.Catalog != nil
	}
	for _, m := range s.Offered {
		if !usable[m] {
			problems = append(problems, fault.Problem{Code: CodeNoReleaseYet, Where: catalog.File, Message: fmt.Sprintf("kubernetes.minors offers %s, which has no usable release; tag one on branch %s", m, release.Branch(m))})
		}
	}
	return problems
}
