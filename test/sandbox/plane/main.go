// Command plane is every program of the sandbox in one file: etcd, the Kubernetes components, a stand-in for kubelet, kubectl,
// and Argo CD's controllers, each from its own Go module and unchanged. The first argument says which one to be:
//
//	plane kube-apiserver --etcd-servers=…
//	plane kubectl --kubeconfig=… get nodes
//
// A link named like the program works too. Each of them keeps state in global variables (flags, metrics, feature gates), so
// they cannot share a process; they can share a file, which is built once and lies in memory once.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// programs maps a name to its main function. The function sees its own name as os.Args[0].
var programs = map[string]func() int{
	"etcd":                             etcd,
	"redis":                            redis,
	"kube-apiserver":                   kubeAPIServer,
	"kube-controller-manager":          kubeControllerManager,
	"kube-scheduler":                   kubeScheduler,
	"kubelet":                          kubelet,
	"kubectl":                          kubectl,
	"argocd-application-controller":    argocdApplicationController,
	"argocd-applicationset-controller": argocdApplicationSetController,
	"argocd-repo-server":               argocdRepoServer,
}

func main() {
	if run, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	if len(os.Args) > 1 {
		if run, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			os.Exit(run())
		}
	}
	names := make([]string, 0, len(programs))
	for name := range programs {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: plane PROGRAM ARGUMENTS…\nprograms: %s\n", strings.Join(names, " "))
	os.Exit(2)
}
