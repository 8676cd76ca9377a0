package main

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func newRun() *cobra.Command {
	var (
		connect connection
		o       manager.Options
		debug   bool
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the controller",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := connect.config()
			if err != nil {
				return err
			}
			var logger logr.Logger = zap.New(zap.UseDevMode(false), zap.WriteTo(cmd.ErrOrStderr()), zap.Level(level(debug)))
			ctrl.SetLogger(logger)
			o.Namespace = connect.namespace
			return manager.Run(ctrl.LoggerInto(cmd.Context(), logger), cfg, o)
		},
	}
	connect.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.MetricsAddress, "metrics-address", ":8080", "where Prometheus metrics are served; 0 for nowhere")
	flags.StringVar(&o.ProbeAddress, "probe-address", ":8081", "where /healthz and /readyz are served; 0 for nowhere")
	flags.StringVar(&o.WebhookAddress, "webhook-address", "", "where POST /webhook wakes the manager after a push (default: nowhere)")
	flags.BoolVar(&o.LeaderElection, "leader-elect", true, "let only one of several managers work")
	flags.DurationVar(&o.LeaseDuration, "lease-duration", 0, "how long a dead manager keeps the next from working (default 15s)")
	flags.StringVar(&o.CacheDir, "cache-dir", "", "folder for the mirror of the config repository (default: a temporary one)")
	flags.DurationVar(&o.GitTimeout, "git-timeout", 0, "how long a fetch may take (default 60s)")
	flags.IntVar(&o.Workers, "workers", 0, "how many clusters are worked on at once (default 8)")
	flags.DurationVar(&o.ProbeInterval, "probe-interval", 0, "how often a cluster that reports no Kubernetes version is asked (default 60s)")
	flags.DurationVar(&o.UnlistWait, "unlist-wait", 2*time.Second, "how long after taking an Application off its list to delete it: Argo CD may still be at the list before")
	flags.BoolVar(&o.AllowExec, "allow-exec-credentials", false, "let version probes run the credential programs that cluster Secrets name")
	flags.Float32Var(&connect.qps, "kube-api-qps", 200, "requests a second to the management cluster")
	flags.IntVar(&connect.burst, "kube-api-burst", 400, "requests at once to the management cluster")
	flags.BoolVar(&debug, "debug", false, "log more")
	return cmd
}

// level is zap's level for logr's V(0) or V(1).
func level(debug bool) zapcore.Level {
	if debug {
		return -1
	}
	return 0
}
