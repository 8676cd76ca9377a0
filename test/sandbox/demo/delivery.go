package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// What follows writes by hand the ApplicationSets that addon-manager writes; it is the place to start `addon-manager run`.

var addons = []string{"priority-classes", "gateway-api-crds", "prometheus-operator-crds", "node-exporter"}

func deliver(ctx context.Context, d *demo) error {
	for _, c := range clusters {
		tag := "v" + c.Minor + "-" + sandbox.Distribution + ".1"
		if err := d.write(ctx, c, tag); err != nil {
			return err
		}
	}
	for _, c := range clusters {
		if err := d.await(ctx, c, ""); err != nil {
			return err
		}
	}
	return nil
}

func release(ctx context.Context, d *demo) error {
	c := clusters[0]
	commit, err := d.sandbox.Config.Commit(c.Minor, "Say hello", gitrepo.File("addons/priority-classes/hello.yaml", hello))
	if err != nil {
		return err
	}
	tag, err := d.sandbox.Config.Tag(c.Minor)
	if err != nil {
		return err
	}
	if err := d.write(ctx, c, tag); err != nil {
		return err
	}
	return d.await(ctx, c, commit)
}

const hello = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: kube-system}\n"

func (d *demo) write(ctx context.Context, c sandbox.Workload, revision string) error {
	var elements strings.Builder
	for _, addon := range addons {
		fmt.Fprintf(&elements, "\n      - {addon: %s}", addon)
	}
	set := fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s, namespace: argocd}
spec:
  goTemplate: true
  generators:
  - list:
      elements:%[2]s
  syncPolicy: {applicationsSync: create-update}
  template:
    metadata: {name: "%[1]s-{{.addon}}"}
    spec:
      project: default
      destination: {name: %[1]s, namespace: kube-system}
      source: {repoURL: %[3]q, targetRevision: %[4]s, path: "addons/{{.addon}}"}
      syncPolicy:
        automated: {prune: true, selfHeal: true}
        retry: {limit: 10, backoff: {duration: 1s, maxDuration: 10s}}
        syncOptions: [CreateNamespace=true, ServerSideApply=true]
`, c.Name, elements.String(), d.sandbox.Config.URL, revision)
	return sandbox.Apply(ctx, d.sandbox.Management.Config, strings.NewReader(set))
}

// await waits until every addon of the cluster is Synced and Healthy at the commit, if there is one.
func (d *demo) await(ctx context.Context, c sandbox.Workload, commit string) error {
	names := make([]string, len(addons))
	for i, addon := range addons {
		names[i] = c.Name + "-" + addon
	}
	return d.sandbox.AwaitHealthy(ctx, commit, names...)
}
