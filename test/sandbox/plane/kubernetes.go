package main

import (
	"os"
	"runtime/debug"
	"sync/atomic"
	_ "unsafe" // for go:linkname

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // workqueue and client metrics, as the real binaries have
	_ "k8s.io/component-base/version"                     // owner of dynamicGitVersion
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// versionEnv names the Kubernetes version that /version shows as gitVersion. Without it, it is that of the built-in module.
const versionEnv = "PLANE_KUBERNETES_VERSION"

// dynamicGitVersion is what a Kubernetes component believes to be its own version. Its setter only accepts the version the
// build was stamped with, and that stamp also moves the range of --emulated-version; a cluster that emulates 1.31 should
// say v1.31 all the same, because that is where everybody looks.
//
//go:linkname dynamicGitVersion k8s.io/component-base/version.dynamicGitVersion
var dynamicGitVersion atomic.Value

func setKubernetesVersion() {
	if v := os.Getenv(versionEnv); v != "" {
		dynamicGitVersion.Store(v)
		return
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, dep := range info.Deps {
		if dep.Path == "k8s.io/kubernetes" {
			dynamicGitVersion.Store(dep.Version)
			return
		}
	}
}

func etcd() int {
	etcdmain.Main(os.Args)
	return 0
}

func kubeAPIServer() int         { return component(apiserver.NewAPIServerCommand) }
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
