package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	core "github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/spf13/cobra"
)

func newPolicy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check manifests against Gatekeeper's policies",
		Long:  "Checks what kustomizations, charts and manifests render to against Gatekeeper's policies: ConstraintTemplates and Constraints. No cluster is asked.",
		Args:  cli.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyTest())
	return cmd
}

// policyTest is the policy test command.
type policyTest struct {
	repository cli.Repository
	rendering  rendering
	ref        string
	policies   string
	namespace  string
	minors     []string
	output     string
}

func newPolicyTest() *cobra.Command {
	var t policyTest
	cmd := &cobra.Command{
		Use:   "test [PATH…] --policies DIR|IMAGE@DIGEST",
		Short: "Render folders, charts and files, and say which objects the policies deny",
		Long: "Renders each PATH as Argo CD would and checks every object: a folder with a kustomization, a Helm chart, a folder of manifests, a file, or - for\n" +
			"standard input. With --repository, the addons of its catalog are checked, against the policies that the catalog names if --policies names none.\n\n" +
			"Policies are the YAML files of a folder, or of an OCI image that is pinned by its digest. Constraints with the enforcementAction warn or dryrun are\n" +
			"told of and fail nothing. Exits with 3 when an object is denied, or when not everything could be rendered and checked.",
		Example: "  branch-bot policy test addons/web --policies policies\n" +
			"  helm template . | branch-bot policy test - --policies registry.example.com/policies@sha256:…\n" +
			"  branch-bot policy test --repository . --ref release-1.31 -o json",
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, args []string) error { return t.run(cmd, args) },
	}
	t.repository.Add(cmd)
	t.rendering.add(cmd)
	f := cmd.Flags()
	f.StringVar(&t.ref, "ref", "", "with --repository, the branch, tag or commit to check (default: a folder as it lies on disk, and otherwise the default branch)")
	f.StringVar(&t.policies, "policies", "", "folder with policies, or image with them as host/path@sha256:…")
	f.StringVar(&t.namespace, "namespace", "default", "namespace of the objects of a PATH that name none")
	f.StringSliceVar(&t.minors, "minor", nil, "Kubernetes minors to render for, such as 1.31,1.32 (default: those of the branch or catalog, and for a PATH the newest that is known)")
	f.StringVarP(&t.output, "output", "o", "text", "text or json")
	return cmd
}

func (t *policyTest) run(cmd *cobra.Command, paths []string) error {
	var r bot.JudgeRequest
	switch {
	case t.output != "text" && t.output != "json":
		return cli.Usagef("-o %q is neither text nor json", t.output)
	case len(paths) == 0 && t.repository.URL == "":
		return cli.Usagef("there is nothing to check: name folders or files, - for standard input, or --repository")
	case len(paths) > 0 && t.repository.URL != "":
		return cli.Usagef("--repository checks the addons of its catalog: name no other paths with it")
	case len(paths) > 0 && t.policies == "":
		return cli.Usagef("--policies is missing: name a folder, or an image such as registry.example.com/policies@sha256:…")
	case t.ref != "" && t.repository.URL == "":
		return cli.Usagef("--ref goes with --repository")
	}
	for _, s := range t.minors {
		m, err := version.ParseMinor(s)
		if err != nil {
			return cli.Usagef("--minor: %w", err)
		}
		r.Minors = append(r.Minors, m)
	}
	slices.SortFunc(r.Minors, version.Minor.Compare)
	r.Minors = slices.Compact(r.Minors)
	o, done, err := t.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer done()
	if len(paths) > 0 {
		return t.each(cmd, o, r, paths)
	}
	closed, err := t.fromRepository(cmd.Context(), &r)
	if err != nil {
		return err
	}
	defer closed()
	return t.judge(cmd, o, []bot.JudgeRequest{r})
}

// fromRepository reads what to check of a config repository.
func (t *policyTest) fromRepository(ctx context.Context, r *bot.JudgeRequest) (closed func(), err error) {
	closed = func() {}
	if t.ref == "" && t.repository.IsDir() {
		r.Tree, err = git.WorkTree(t.repository.URL)
	} else {
		var repo *git.Repository
		if repo, err = t.repository.Open(ctx); err != nil {
			return nil, err
		}
		closed = func() { _ = repo.Close() }
		ref := t.ref
		if ref == "" {
			ref = "HEAD"
		}
		var commit string
		if commit, err = repo.Resolve(ref); err != nil {
			closed()
			return nil, fmt.Errorf("--ref: %w", err)
		}
		r.Tree, err = repo.Tree(commit)
	}
	if err == nil {
		err = t.catalog(r)
	}
	if err != nil {
		closed()
		return nil, err
	}
	return closed, nil
}

func (t *policyTest) catalog(r *bot.JudgeRequest) error {
	data, err := fs.ReadFile(r.Tree, catalog.File)
	if err != nil {
		return fmt.Errorf("read %s: %w", catalog.File, err)
	}
	if r.Catalog, err = catalog.Decode(catalog.File, data); err != nil {
		return err
	}
	if p := r.Catalog.Policies; p != nil {
		r.Namespaces = p.Namespaces
	} else if t.policies == "" {
		return cli.Usagef("the catalog names no policies: name them with --policies")
	}
	if len(r.Minors) > 0 {
		return nil
	}
	r.Minors = slices.Clone(r.Catalog.Minors)
	if m, is := release.ParseBranch(strings.TrimPrefix(t.ref, "origin/")); is {
		r.Minors = []version.Minor{m}
	} else if tag, err := release.ParseTag(t.ref); err == nil {
		r.Minors = []version.Minor{tag.Minor}
	}
	if len(r.Minors) == 0 {
		return cli.Usagef("the catalog names no Kubernetes minors: say --minor")
	}
	return nil
}

// each checks paths, which are not of one repository.
func (t *policyTest) each(cmd *cobra.Command, o bot.Options, r bot.JudgeRequest, paths []string) error {
	if len(r.Minors) == 0 {
		known := apis.Minors()
		r.Minors = known[len(known)-1:]
	}
	var all []bot.JudgeRequest
	for _, name := range paths {
		one, remove, err := t.source(cmd.InOrStdin(), r, name)
		if err != nil {
			return err
		}
		defer remove()
		all = append(all, one)
	}
	return t.judge(cmd, o, all)
}

// source makes an addon of a path.
func (t *policyTest) source(stdin io.Reader, r bot.JudgeRequest, name string) (one bot.JudgeRequest, remove func(), err error) {
	remove = func() {}
	a := catalog.Addon{Name: addonName(name), Namespace: t.namespace, Placement: catalog.Workload}
	root, inside := "", "."
	info, err := os.Stat(name)
	switch {
	case name != "-" && err != nil:
		return one, nil, err
	case name == "-" || !info.IsDir():
		if root, err = alone(stdin, name); err != nil {
			return one, nil, err
		}
		remove = func() { _ = os.RemoveAll(root) }
	default:
		if root, inside, err = rootOf(name); err != nil {
			return one, nil, err
		}
	}
	if r.Tree, err = git.WorkTree(root); err != nil {
		remove()
		return one, nil, err
	}
	a.Path = inside
	r.Catalog = catalog.Catalog{Addons: []catalog.Addon{a}}
	return r, remove, nil
}

// alone puts a file into a folder of its own.
func alone(stdin io.Reader, name string) (dir string, err error) {
	var data []byte
	file := filepath.Base(name)
	if name == "-" {
		file = "stdin.yaml"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "branch-bot-*"); err != nil {
		return "", err
	}
	if err = os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
		_ = os.RemoveAll(dir)
	}
	return dir, err
}

// rootOf is the folder that a kustomization may refer to files of: the work tree that it lies in, the current folder, or itself; and its place there.
func rootOf(dir string) (root, inside string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", "", err
	}
	root = dir
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			root = at
			break
		}
		if at == filepath.Dir(at) {
			if here, err := os.Getwd(); err == nil && strings.HasPrefix(dir, here+string(os.PathSeparator)) {
				root = here
			}
			break
		}
	}
	inside, err = filepath.Rel(root, dir)
	return root, filepath.ToSlash(inside), err
}

// addonName is what a path is called: it names the Helm release too.
func addonName(name string) string {
	if name == "-" {
		return "stdin"
	}
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	clean := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, base), "-")
	if clean == "" {
		return "path"
	}
	return clean[:min(len(clean), 50)]
}

// judge checks, prints and says how it ended.
func (t *policyTest) judge(cmd *cobra.Command, o bot.Options, all []bot.JudgeRequest) error {
	files, err := t.files(cmd.Context(), o, all[0])
	if err != nil {
		return err
	}
	set, err := o.Policies.Load(cmd.Context(), files)
	if err != nil {
		return fmt.Errorf("the policies cannot be used:\n%w", err)
	}
	for _, remark := range set.Remarks() {
		fmt.Fprintln(cmd.ErrOrStderr(), markdown.Clean(remark))
	}
	sum := policyResults{Constraints: len(set.Constraints())}
	for _, r := range all {
		r.Set = set
		out, err := bot.Judge(cmd.Context(), o, r)
		if err != nil {
			return err
		}
		sum.add(r, out)
	}
	if err := sum.print(cmd.OutOrStdout(), t.output); err != nil {
		return err
	}
	for _, p := range sum.Problems {
		fmt.Fprintln(cmd.ErrOrStderr(), markdown.Clean(strings.ReplaceAll(p, "\n", "; ")))
	}
	if sum.denied() > 0 || len(sum.Problems) > 0 {
		return cli.ErrFinding
	}
	return nil
}

// files are the policies that the flag names, or else the catalog.
func (t *policyTest) files(ctx context.Context, o bot.Options, r bot.JudgeRequest) ([]core.File, error) {
	switch p := r.Catalog.Policies; {
	case strings.Contains(t.policies, "@"):
		return o.Policies.Image(ctx, t.policies)
	case t.policies != "":
		if info, err := os.Stat(t.policies); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--policies: %s is no folder, and no image with a digest, such as registry.example.com/policies@sha256:…", t.policies)
		}
		tree, err := git.WorkTree(t.policies)
		if err != nil {
			return nil, fmt.Errorf("--policies: %w", err)
		}
		files, err := policy.Folder(tree, ".")
		if err != nil {
			return nil, fmt.Errorf("--policies: %s: %w", t.policies, err)
		}
		for i := range files {
			files[i].Name = path.Join(filepath.ToSlash(t.policies), files[i].Name)
		}
		return files, nil
	case p.Image != "":
		return o.Policies.Image(ctx, p.Image)
	default:
		return policy.Folder(r.Tree, p.Path)
	}
}
