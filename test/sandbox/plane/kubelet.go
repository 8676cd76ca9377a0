package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// kubelet stands in for the kubelets of a few nodes: the nodes are Ready, what the scheduler puts on them runs at once (or
// completes, where it is not meant to go on), and what is deleted is gone at once. No container is ever started.
//
// One thing fails as on a real node, so that a bad rollout can be seen: an image from a registry under the reserved domain
// "invalid" (broken.invalid/app:1) cannot be pulled.
func kubelet() int {
	flags := flag.NewFlagSet("kubelet", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig with full rights")
	prefix := flags.String("node-prefix", "node", "nodes are named prefix-1, prefix-2 …")
	count := flags.Int("nodes", 1, "number of nodes")
	_ = flags.Parse(os.Args[1:]) // exits on error

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubelet: read %s: %v\n", *kubeconfig, err)
		return 1
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubelet: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	nodes := map[string]node{}
	for i := range *count {
		n := node{name: fmt.Sprintf("%s-%d", *prefix, i+1), ip: fmt.Sprintf("192.0.2.%d", i+10)}
		nodes[n.name] = n
	}
	var running sync.WaitGroup
	for _, n := range nodes {
		running.Go(func() { n.keepAlive(ctx, client) })
	}
	running.Go(func() { runPods(ctx, client, nodes) })
	running.Wait()
	return 0
}
