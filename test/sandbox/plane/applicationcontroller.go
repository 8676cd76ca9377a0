package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/argoproj/argo-cd/v2/commitserver/apiclient"
	"github.com/argoproj/argo-cd/v2/common"
	"github.com/argoproj/argo-cd/v2/controller"
	"github.com/argoproj/argo-cd/v2/controller/sharding"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/pkg/client/clientset/versioned"
	"github.com/argoproj/argo-cd/v2/pkg/ratelimiter"
	reposerverclient "github.com/argoproj/argo-cd/v2/reposerver/apiclient"
	"github.com/argoproj/argo-cd/v2/util/argo"
	"github.com/argoproj/argo-cd/v2/util/argo/normalizers"
	cacheutil "github.com/argoproj/argo-cd/v2/util/cache"
	appstatecache "github.com/argoproj/argo-cd/v2/util/cache/appstate"
	kubeutil "github.com/argoproj/argo-cd/v2/util/kube"
	"github.com/argoproj/argo-cd/v2/util/settings"
	goredis "github.com/redis/go-redis/v9"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// applicationControllerOptions are the few settings the sandbox changes; the rest is what Argo CD's own command defaults to.
type applicationControllerOptions struct {
	kubeconfig, namespace, metricsAddr, redis, repoServer string
	resync, selfHeal                                      time.Duration
}

// What Argo CD's own command defaults to.
const (
	statusProcessors    = 20
	operationProcessors = 10
	kubectlParallelism  = 20
	repoServerSeconds   = 60
	cacheExpiration     = time.Hour
	memoryExpiration    = 10 * time.Minute
)

// argocdApplicationController runs Argo CD's application controller. Its own command opens the metrics port on every
// interface of the machine, with no flag against it; a sandbox listens on loopback only, so the wiring is done here.
func argocdApplicationController() int {
	var o applicationControllerOptions
	flags := flag.NewFlagSet("argocd-application-controller", flag.ExitOnError)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of the management cluster")
	flags.StringVar(&o.namespace, "namespace", "argocd", "namespace of Argo CD")
	flags.StringVar(&o.metricsAddr, "metrics-addr", "", "host:port for metrics and health")
	flags.StringVar(&o.redis, "redis", "", "host:port of redis")
	flags.StringVar(&o.repoServer, "repo-server", "", "host:port of repo-server")
	flags.DurationVar(&o.resync, "app-resync", 3*time.Minute, "how often to look at an unchanged Application")
	flags.DurationVar(&o.selfHeal, "self-heal-timeout", 5*time.Second, "how soon to undo a change made in the cluster")
	_ = flags.Parse(os.Args[1:]) // exits on error

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	c, err := newApplicationController(ctx, o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "argocd-application-controller: %v\n", err)
		return 1
	}
	go c.Run(ctx, statusProcessors, operationProcessors) // does not return when ctx ends
	<-ctx.Done()
	return 0
}

func newApplicationController(ctx context.Context, o applicationControllerOptions) (*controller.ApplicationController, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := v1alpha1.SetK8SConfigDefaults(config); err != nil {
		return nil, err
	}
	config.UserAgent = common.DefaultApplicationControllerName
	kubeClient, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	appClient, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	redisCache := cacheutil.NewRedisCache(goredis.NewClient(&goredis.Options{Addr: o.redis}), cacheExpiration, cacheutil.RedisCompressionGZip)
	cache := cacheutil.NewCache(cacheutil.NewTwoLevelClient(redisCache, memoryExpiration))

	var c *controller.ApplicationController
	settingsManager := settings.NewSettingsManager(ctx, kubeClient, o.namespace,
		settings.WithRepoOrClusterChangedHandler(func() { c.InvalidateProjectsCache() }))
	shards, err := sharding.GetClusterSharding(kubeClient, settingsManager, common.DefaultShardingAlgorithm, false)
	if err != nil {
		return nil, err
	}
	c, err = controller.NewApplicationController(
		o.namespace, settingsManager, kubeClient, appClient,
		reposerverclient.NewRepoServerClientset(o.repoServer, repoServerSeconds, reposerverclient.TLSConfiguration{DisableTLS: true}),
		apiclient.NewCommitServerClientset(common.DefaultCommitServerAddr), // used by the hydrator only, which is off
		appstatecache.NewCache(cache, cacheExpiration),
		kubeutil.NewKubectl(),
		o.resync,
		0, // hard resync
		0, // jitter
		o.selfHeal,
		nil, // self-heal backoff
		0,   // its cooldown
		0,   // sync timeout
		o.resync,
		0,        // metrics port, replaced below
		0,        // expiration of metrics
		nil, nil, // labels and conditions as metrics
		kubectlParallelism,
		true, // persist resource health
		shards,
		nil, // further namespaces
		ratelimiter.GetDefaultAppRateLimiterConfig(),
		false, // server-side diff
		false, // dynamic cluster distribution
		normalizers.IgnoreNormalizerOpts{},
		argo.DefaultEnableEventList(),
		false, // hydrator
	)
	if err != nil {
		return nil, err
	}
	c.GetMetricsServer().Addr = o.metricsAddr
	return c, nil
}
