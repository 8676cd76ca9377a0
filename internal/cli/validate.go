package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// NewValidate is the validate command of both programs.
func NewValidate() *cobra.Command {
	var (
		repository  Repository
		ref, output string
	)
	cmd := &cobra.Command{
		Use:   "validate --repository DIR|URL [--ref REF]",
		Short: "Check the catalog and every addon folder",
		Long: "Checks catalog.yaml and every addon's folder as a release is checked before it is delivered.\n" +
			"Without --ref, a folder is checked as it lies on disk and a remote repository at its default branch.\n" +
			"The catalog of a release branch or release tag may leave out kubernetes.minors; any other must have it.\n" +
			"Exits with 3 when something is wrong.",
		Args: NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := show.ParseFormat(output)
			if err != nil {
				return UsageError{err}
			}
			tree, name, done, err := repository.tree(cmd.Context(), ref)
			if err != nil {
				return err
			}
			defer done()
			c, problems, err := validate(tree, ref)
			if err != nil {
				return err
			}
			return printValidation(cmd, format, name, c, problems)
		},
	}
	repository.Add(cmd)
	cmd.Flags().StringVar(&ref, "ref", "", "branch, tag or commit to check")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

// validate reads the catalog and checks it against its files. Its error means that the catalog could not be read at all.
func validate(tree fs.FS, ref string) (catalog.Catalog, []fault.Problem, error) {
	data, err := fs.ReadFile(tree, catalog.File)
	if errors.Is(err, fs.ErrNotExist) {
		return catalog.Catalog{}, []fault.Problem{{Code: "CatalogMissing", Where: catalog.File, Message: "there is no such file at the root of the repository"}}, nil
	}
	if err != nil {
		return catalog.Catalog{}, []fault.Problem{{Code: catalog.CatalogInvalid, Where: catalog.File, Message: err.Error()}}, nil
	}
	_, isBranch := release.ParseBranch(ref)
	_, notTag := release.ParseTag(ref)
	c, problems := catalog.Validate(catalog.File, data, tree, catalog.Options{Main: !isBranch && notTag != nil})
	return c, problems, nil
}

// validation is what -o json prints.
type validation struct {
	Addons   int             `json:"addons"`
	Problems []fault.Problem `json:"problems"`
}

func printValidation(cmd *cobra.Command, format show.Format, name string, c catalog.Catalog, problems []fault.Problem) error {
	out := cmd.OutOrStdout()
	if format != show.Table {
		if problems == nil {
			problems = []fault.Problem{}
		}
		if err := show.Encode(out, format, validation{Addons: len(c.Addons), Problems: problems}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(out, p.Error())
		}
	}
	if len(problems) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d problem(s) in %s\n", len(problems), name)
		return ErrFinding
	}
	if format == show.Table {
		fmt.Fprintf(out, "%s: %d addons, all fine\n", name, len(c.Addons))
	}
	return nil
}
