package plane

import (
	"fmt"
	"path/filepath"
	"time"
)

// answerLimit is how long one readiness question may take, so that a stuck answer does not become a stuck start.
const answerLimit = 5 * time.Second

func (cp *ControlPlane) etcdArgs() []string {
	client, peer := "http://"+cp.ports.etcd.Addr(), "http://"+cp.ports.peer.Addr()
	return []string{
		"--data-dir=" + filepath.Join(cp.Dir, "etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		"--socket-reuse-port",
		"--unsafe-no-fsync", // survives a killed process, not a power cut; nobody keeps this data
		"--log-level=warn",
	}
}

func (cp *ControlPlane) apiServerArgs() []string {
	args := []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + cp.ports.apiserver.String(),
		"--permit-port-sharing",
		"--advertise-address=192.0.2.1", // must not be loopback, and is used for nothing: there is no endpoint reconciler
		"--endpoint-reconciler-type=none",
		"--etcd-servers=http://" + cp.ports.etcd.Addr(),
		"--cert-dir=" + filepath.Join(cp.Dir, "certs"),
		"--tls-cert-file=" + cp.file("apiserver.crt"),
		"--tls-private-key-file=" + cp.file("apiserver.key"),
		"--client-ca-file=" + cp.file("ca.crt"),
		"--token-auth-file=" + cp.file("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-key-file=" + cp.file("service-account.key"),
		"--service-account-signing-key-file=" + cp.file("service-account.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--allow-privileged",
		"--enable-priority-and-fairness=false", // a load test should meet its own limits, not the bootstrap ones
	}
	if !cp.options.ControllerManager {
		// Nobody makes the default service accounts, so no pod would be admitted.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return append(append(args, cp.emulation()...), cp.options.APIServerArgs...)
}

func (cp *ControlPlane) controllerManagerArgs() []string {
	return append([]string{
		"--kubeconfig=" + cp.Kubeconfig,
		"--secure-port=0",
		"--leader-elect=false",
		"--cert-dir=" + filepath.Join(cp.Dir, "certs"),
		"--root-ca-file=" + cp.file("ca.crt"),
		"--service-account-private-key-file=" + cp.file("service-account.key"),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}, cp.emulation()...)
}

func (cp *ControlPlane) schedulerArgs() []string {
	return append([]string{
		"--kubeconfig=" + cp.Kubeconfig,
		"--secure-port=0",
		"--leader-elect=false",
		"--cert-dir=" + filepath.Join(cp.Dir, "certs"),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}, cp.emulation()...)
}

func (cp *ControlPlane) kubeletArgs() []string {
	return []string{
		"--kubeconfig=" + cp.Kubeconfig,
		"--node-prefix=" + cp.Name,
		fmt.Sprintf("--nodes=%d", cp.options.Nodes),
	}
}

func (cp *ControlPlane) emulation() []string {
	if cp.options.Minor == "" {
		return nil
	}
	return []string{"--emulated-version=kube=" + cp.options.Minor}
}

func (cp *ControlPlane) file(name string) string { return filepath.Join(cp.Dir, name) }
