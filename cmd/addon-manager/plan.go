package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func newPlan() *cobra.Command {
	var (
		in           inputs
		now, output  string
		url, project string
	)
	cmd := &cobra.Command{
		Use:   "plan [--repository DIR|URL] [--clusters FILE [--current FILE]]",
		Short: "Show what would be done to every pair, and why",
		Long: "Decides about every addon on every cluster as the controller does, and changes nothing.\n\n" +
			"With --clusters it needs no cluster: FILE holds cluster Secrets as YAML, --current what exists (ApplicationSets, Applications,\n" +
			"ClusterAddons and CatalogSources), both as kubectl get -o yaml prints them. A cluster is not asked for its version then: give it in\n" +
			"the annotation addons.kaas.dev/kubernetes-version.\n" +
			"Rollout groups, grace and budget are those of the CatalogSource in --current; without one, the defaults.\n" +
			"Without --clusters it reads the fleet of the current kubeconfig, with the versions that the controller found, and the\n" +
			"repository that the CatalogSource names, unless --repository names another.\n\n" +
			"-o yaml prints the ApplicationSets that would be applied.\n" +
			"A private repository's credentials are read from " + cli.EnvUser + " and " + cli.EnvPassword + ".",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := show.ParseFormat(output)
			if err != nil {
				return cli.Usagef("%w", err)
			}
			if err := in.check(); err != nil {
				return err
			}
			at := time.Now()
			if now != "" {
				if at, err = time.Parse(time.RFC3339, now); err != nil {
					return cli.Usagef("--now %q is no RFC 3339 time, such as 2026-01-31T12:00:00Z", now)
				}
			}
			fleet, err := in.fleet(cmd)
			if err != nil {
				return err
			}
			src, err := in.source(cmd.Context(), &fleet)
			if err != nil {
				return err
			}
			plan := resolve.Make(resolve.Input{
				Source: src, Policy: fleet.Policy, Clusters: fleet.Clusters, Delivered: fleet.Delivered, Ledger: fleet.Ledger, Now: at,
			})
			if url == "" {
				url = in.repository.URL
			}
			return printPlan(cmd, format, plan, argocd.Delivery{Namespace: in.connect.namespace, URL: url, Project: project})
		},
	}
	in.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&now, "now", "", "time of the plan in RFC 3339 (default: the current time)")
	flags.StringVar(&url, "source-url", "", "repository URL in the ApplicationSets of -o yaml (default: --repository)")
	flags.StringVar(&project, "project", manager.DefaultProject, "AppProject in the ApplicationSets of -o yaml")
	flags.StringVarP(&output, "output", "o", "table", "table, json, or yaml for the ApplicationSets")
	return cmd
}

func printPlan(cmd *cobra.Command, format show.Format, plan resolve.Plan, delivery argocd.Delivery) error {
	out := cmd.OutOrStdout()
	switch format {
	case show.JSON:
		return show.Encode(out, format, plan)
	case show.Table:
		return show.Plan(out, plan)
	}
	var text bytes.Buffer
	for _, c := range plan.Clusters {
		elements, exists := []resolve.Element{}, false
		for _, p := range c.Pairs {
			exists = exists || p.Element != nil || p.Delivered != ""
			if p.Element != nil {
				elements = append(elements, *p.Element)
			}
		}
		if !exists {
			continue
		}
		set, err := delivery.Compile(c.Name, c.Admitted, elements)
		if err != nil {
			return err
		}
		manifest, err := argocd.Manifest(set)
		if err != nil {
			return err
		}
		raw, err := yaml.Marshal(manifest)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", raw)
	}
	if _, err := out.Write(text.Bytes()); err != nil {
		return err
	}
	return show.Problems(cmd.ErrOrStderr(), plan.Problems)
}
