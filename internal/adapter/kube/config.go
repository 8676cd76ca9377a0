package kube

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/addon-manager/addon-manager/internal/core/cluster"
)

// ConfigOptions are what ConfigFromSecret needs beside the Secret.
type ConfigOptions struct {
	// AllowExec runs the command that a Secret names to get credentials (execProviderConfig, awsAuthConfig). Who may write a
	// cluster Secret can then run commands as this process, and what they write to standard error goes to ours.
	AllowExec bool
	// InCluster connects to the cluster this process runs in; nil when it runs in none.
	InCluster *rest.Config
}

// userAgent is what API servers log of us.
const userAgent = "addon-manager"

// ConfigFromSecret makes the connection that Argo CD 2.14 would make from the data of a cluster Secret, with two differences:
// commands run only when allowed, and link-local addresses are never dialled, whatever name leads to them. Its errors are
// of type *ProbeError and repeat no credential.
func ConfigFromSecret(data map[string][]byte, opts ConfigOptions) (*rest.Config, error) {
	server := strings.TrimRight(string(data["server"]), "/")
	if server == "" {
		return nil, probeErrorf(CodeInvalidCredentials, "data.server is missing")
	}
	u, err := cluster.ParseServer(server)
	if err != nil {
		return nil, probeErrorf(CodeInvalidCredentials, "data.server %v", err)
	}
	if isLinkLocal(u.Hostname()) {
		return nil, errLinkLocal
	}
	c, err := cluster.DecodeConfig(data["config"])
	if err != nil {
		return nil, probeErrorf(CodeInvalidCredentials, "data.config cannot be read: %v", err)
	}
	if faults := c.Faults(); len(faults) > 0 {
		return nil, probeErrorf(CodeInvalidCredentials, "data.config: %s", strings.Join(faults, "; "))
	}
	cfg, err := restConfig(server, c, opts)
	if err != nil {
		return nil, err
	}
	// client-go keeps a transport for ever for each connection without a proxy function of its own; with one it keeps none.
	cfg.Proxy = http.ProxyFromEnvironment
	if c.ProxyURL != "" {
		proxy, err := url.Parse(c.ProxyURL)
		if err != nil {
			return nil, probeErrorf(CodeInvalidCredentials, "data.config: proxyUrl is not a URL")
		}
		cfg.Proxy = http.ProxyURL(proxy)
	}
	cfg.Dial = (&net.Dialer{Control: refuseLinkLocal}).DialContext
	cfg.DisableCompression = c.DisableCompression
	cfg.UserAgent = userAgent
	if _, err := rest.TLSConfigFor(cfg); err != nil {
		// Its message can quote the certificate.
		return nil, probeErrorf(CodeInvalidCredentials, "data.config: tlsClientConfig holds a certificate or key that cannot be used")
	}
	return cfg, nil
}

// restConfig chooses the credentials in the order in which Argo CD does.
func restConfig(server string, c cluster.Config, opts ConfigOptions) (*rest.Config, error) {
	if server == cluster.LocalServer {
		return localConfig(c, opts.InCluster)
	}
	cfg := &rest.Config{Host: server, TLSClientConfig: rest.TLSClientConfig{
		Insecure: c.TLS.Insecure, ServerName: c.TLS.ServerName,
		CertData: c.TLS.CertData, KeyData: c.TLS.KeyData, CAData: c.TLS.CAData,
	}}
	field := "awsAuthConfig"
	switch {
	case c.AWS != nil:
		cfg.ExecProvider = awsExec(c.AWS)
	case c.Exec != nil:
		field = "execProviderConfig"
		cfg.ExecProvider = commandExec(c.Exec)
	default:
		cfg.Username, cfg.Password, cfg.BearerToken = c.Username, c.Password, c.BearerToken
		return cfg, nil
	}
	if !opts.AllowExec {
		return nil, probeErrorf(CodeExecNotAllowed, "data.config has %s, a command that prints credentials, and running commands is off; start the manager with --allow-exec-credentials, or set annotation %s", field, cluster.VersionAnnotation)
	}
	return cfg, nil
}

func localConfig(c cluster.Config, inCluster *rest.Config) (*rest.Config, error) {
	if inCluster == nil {
		return nil, probeErrorf(CodeInvalidCredentials, "data.server is %s, the cluster that Argo CD runs in, and the manager does not run in it; set annotation %s", cluster.LocalServer, cluster.VersionAnnotation)
	}
	cfg := rest.CopyConfig(inCluster)
	if c.Username != "" || c.Password != "" || c.BearerToken != "" {
		cfg.Username, cfg.Password, cfg.BearerToken, cfg.BearerTokenFile = c.Username, c.Password, c.BearerToken, ""
	}
	return cfg, nil
}

func awsExec(c *cluster.AWSConfig) *clientcmdapi.ExecConfig {
	args := []string{"aws", "--cluster-name", c.ClusterName}
	if c.RoleARN != "" {
		args = append(args, "--role-arn", c.RoleARN)
	}
	if c.Profile != "" {
		args = append(args, "--profile", c.Profile)
	}
	return &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1beta1", Command: "argocd-k8s-auth", Args: args,
		InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}
}

func commandExec(c *cluster.ExecProviderConfig) *clientcmdapi.ExecConfig {
	e := &clientcmdapi.ExecConfig{
		APIVersion: c.APIVersion, Command: c.Command, Args: c.Args, InstallHint: c.InstallHint,
		InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}
	for name, value := range c.Env {
		e.Env = append(e.Env, clientcmdapi.ExecEnvVar{Name: name, Value: value})
	}
	// client-go keeps one authenticator per configuration, order included.
	slices.SortFunc(e.Env, func(a, b clientcmdapi.ExecEnvVar) int { return strings.Compare(a.Name, b.Name) })
	return e
}
