package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/addon-manager/addon-manager/internal/manager/gather/delivered"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// connection says which management cluster a command talks to.
type connection struct {
	kubeconfig, context string
	namespace           string
	qps                 float32
	burst               int
}

func (c *connection) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig of the management cluster (default: $KUBECONFIG, ~/.kube/config, or the Pod's own account)")
	cmd.Flags().StringVar(&c.context, "context", "", "context of the kubeconfig")
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "argocd", "Argo CD's namespace")
	c.qps, c.burst = 50, 100
}

func (c *connection) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context}).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("which management cluster? There is no kubeconfig: name one by --kubeconfig or $KUBECONFIG")
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the management cluster: %w", err)
	}
	cfg.QPS, cfg.Burst, cfg.UserAgent = c.qps, c.burst, "addon-manager/"+cli.Version
	return cfg, nil
}

func (c *connection) client() (client.Client, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	scheme, err := manager.Scheme()
	if err != nil {
		return nil, err
	}
	connected, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the management cluster: %w", err)
	}
	return connected, nil
}

func liveFleet(ctx context.Context, c *connection) (gather.Fleet, error) {
	connected, err := c.client()
	if err != nil {
		return gather.Fleet{}, err
	}
	return delivered.Live(ctx, connected, c.namespace)
}
