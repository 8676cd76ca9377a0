package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alicebob/miniredis/v2"
	applicationset "github.com/argoproj/argo-cd/v2/cmd/argocd-applicationset-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v2/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

func argocdApplicationSetController() int { return argocd(applicationset.NewCommand()) }
func argocdRepoServer() int               { return argocd(reposerver.NewCommand()) }

func argocd(command *cobra.Command) int {
	if err := command.Execute(); err != nil {
		return 1
	}
	return 0
}

// redis serves Argo CD's cache from memory until it is told to stop.
func redis() int {
	flags := flag.NewFlagSet("redis", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:6379", "address to listen on")
	_ = flags.Parse(os.Args[1:]) // exits on error
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(*addr); err != nil {
		fmt.Fprintf(os.Stderr, "redis: listen on %s: %v\n", *addr, err)
		return 1
	}
	defer server.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	return 0
}
