package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
	"github.com/addon-manager/addon-manager/internal/bot/serve"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

// envWebhookSecret is what GitHub signs deliveries with: a flag would show it to everybody on the machine.
const envWebhookSecret = "BRANCH_BOT_WEBHOOK_SECRET"

// nowhere is the address that says not to listen.
const nowhere = "0"

// serving is the serve command.
type serving struct {
	keep                            keeping
	webhookAddress, metricsAddress  string
	secretFile, certificate, tlsKey string
	interval                        time.Duration
	// settle is for tests.
	settle time.Duration
}

func newServe() *cobra.Command {
	s := &serving{}
	s.keep.plan = s.keep.reconcile
	return s.command()
}

func (s *serving) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve --repository URL [--apply]",
		Short: "Reconcile for as long as it runs: when GitHub says so, and by the clock",
		Long: "Does what reconcile does: at the start, every --interval, and a few seconds after a webhook says that something happened. Deliveries\n" +
			"come to POST /webhook, signed with one of the secrets in " + envWebhookSecret + " or --webhook-secret-file, each on a line of its own. An event only\n" +
			"says when to look: one that is lost costs time, nothing else. With --webhook-address=0, only the clock counts.\n\n" +
			"GET /metrics, /healthz and /readyz are answered at --metrics-address. Without --apply, it only says what it would do.",
		Example: "  branch-bot serve --repository https://github.com/acme/addons --app-id 1234 --app-installation 5678 --app-key app.pem --mirror /var/lib/branch-bot --apply\n" +
			"  branch-bot serve --repository https://github.com/acme/addons --webhook-address=0 --interval 5m",
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.keep.add(cmd)
	f := cmd.Flags()
	f.StringVar(&s.webhookAddress, "webhook-address", ":8082", "where POST /webhook takes GitHub's deliveries; 0 for nowhere")
	f.StringVar(&s.secretFile, "webhook-secret-file", "", "file with the webhook's secret, or several, one a line (default: what "+envWebhookSecret+" says)")
	f.StringVar(&s.certificate, "tls-cert", "", "file with the certificate for the webhook address; it may be renewed while the program runs (default: no TLS)")
	f.StringVar(&s.tlsKey, "tls-key", "", "file with the key of --tls-cert")
	f.StringVar(&s.metricsAddress, "metrics-address", ":8080", "where /metrics, /healthz and /readyz are served; 0 for nowhere")
	f.DurationVar(&s.interval, "interval", serve.DefaultInterval, "time between passes when nothing happens")
	return cmd
}

func (s *serving) run(cmd *cobra.Command) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	if err := s.keep.check(); err != nil {
		return err
	}
	s.keep.errs = cmd.ErrOrStderr()
	// Other commands are short and never free memory; this one is not.
	debug.SetGCPercent(100)
	k, err := s.keep.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer k.close()
	if err := s.listen(&o); err != nil {
		return err
	}
	o.Reconcile, o.Repositories, o.Login, o.Spent, o.Log = k.pass, k.names, k.login, k.spent, k.log
	o.Interval, o.Settle = s.interval, s.settle
	for what, l := range map[string]net.Listener{"webhooks": o.WebhookListener, "metrics": o.MetricsListener} {
		if l != nil {
			k.log("listening", "for", what, "address", l.Addr())
		}
	}
	return serve.Run(cmd.Context(), o)
}

// options reads the flags.
func (s *serving) options() (o serve.Options, err error) {
	switch {
	case s.keep.forge.repository == "":
		return o, cli.Usagef("--repository is missing: name the repository's URL")
	case s.interval < 30*time.Second:
		return o, cli.Usagef("--interval %v is too short: GitHub asks not to be asked more often than every 30s", s.interval)
	case s.keep.reach.clusters == "-":
		return o, cli.Usagef("--clusters - can be read only once: name a file, or use --fleet")
	case (s.certificate == "") != (s.tlsKey == ""):
		return o, cli.Usagef("--tls-cert and --tls-key belong together")
	}
	o.Certificate, o.Key = s.certificate, s.tlsKey
	if s.webhookAddress == nowhere {
		return o, nil
	}
	secrets, err := s.secrets()
	if err != nil {
		return o, err
	}
	if o.Webhooks, err = webhook.New(secrets...); err != nil {
		return o, cli.Usagef("%w; %s or --webhook-secret-file holds it, and --webhook-address=0 does without webhooks", err, envWebhookSecret)
	}
	return o, nil
}

// secrets are the webhook's, one a line.
func (s *serving) secrets() (all []string, err error) {
	text := os.Getenv(envWebhookSecret)
	if s.secretFile != "" {
		data, err := os.ReadFile(s.secretFile)
		if err != nil {
			return nil, cli.Usagef("--webhook-secret-file: %w", err)
		}
		text = string(data)
	}
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, l)
		}
	}
	return all, nil
}

func (s *serving) listen(o *serve.Options) error {
	for _, l := range []struct {
		flag, address string
		wanted        bool
		into          *net.Listener
	}{
		{"--webhook-address", s.webhookAddress, o.Webhooks != nil, &o.WebhookListener},
		{"--metrics-address", s.metricsAddress, s.metricsAddress != nowhere, &o.MetricsListener},
	} {
		if !l.wanted {
			continue
		}
		listener, err := net.Listen("tcp", l.address)
		if err != nil {
			return fmt.Errorf("%s: %w", l.flag, err)
		}
		*l.into = listener
	}
	return nil
}

// until is a context that ends with ctx, or when stop is closed.
func until(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
