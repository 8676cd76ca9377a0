package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // workqueue and client metrics, as the real binaries have
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func etcd() int {
	etcdmain.Main(os.Args)
	return 0
}

func kubeAPIServer() int {
	setKubernetesVersion()
	if err := poseAs(os.Getenv(versionEnv)); err != nil {
		fmt.Fprintf(os.Stderr, "kube-apiserver: %s: %v\n", versionEnv, err)
		return 2
	}
	return cli.Run(apiserver.NewAPIServerCommand())
}

func kubeControllerManager() int { return component(controllermanager.NewControllerManagerCommand) }

func kubeScheduler() int {
	return component(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
}

func component(command func() *cobra.Command) int {
	setKubernetesVersion()
	return cli.Run(command())
}

func kubectl() int {
	setKubernetesVersion()
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints and exits as kubectl does
		return 1
	}
	return 0
}
