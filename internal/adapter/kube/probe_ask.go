package kube

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// asker asks one cluster for its version.
type asker struct {
	config  ConfigOptions
	maxBody int64
	// abandoned counts the tries with a command that have not ended, which includes those left behind because it hangs.
	abandoned atomic.Int32
}

// maxAbandoned bounds them: two for every slot there is by default.
const maxAbandoned = 2 * defaultConcurrency

// ask connects anew each time: a thousand idle connections cost more than a thousand handshakes every few minutes. timeout bounds all of
// it. Errors are of type *ProbeError.
func (a *asker) ask(ctx context.Context, data map[string][]byte, timeout time.Duration) (version.Kubernetes, error) {
	cfg, err := ConfigFromSecret(data, a.config)
	if err != nil {
		return version.Kubernetes{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if cfg.ExecProvider == nil {
		return a.get(ctx, cfg)
	}
	// A command that hangs cannot be cancelled; leave it behind rather than let it hold a slot.
	if a.abandoned.Load() >= maxAbandoned {
		return version.Kubernetes{}, probeErrorf(CodeTimeout, "%d credential commands of cluster Secrets have not ended; no other is started until one does", maxAbandoned)
	}
	type answer struct {
		version version.Kubernetes
		err     error
	}
	answers := make(chan answer, 1)
	a.abandoned.Add(1)
	go func() {
		defer a.abandoned.Add(-1)
		v, err := a.get(ctx, cfg)
		answers <- answer{v, err}
	}()
	select {
	case got := <-answers:
		return got.version, got.err
	case <-ctx.Done():
		return version.Kubernetes{}, probeErrorf(CodeTimeout, "the credential command in data.config or the API server does not answer in time")
	}
}

func (a *asker) get(ctx context.Context, cfg *rest.Config) (version.Kubernetes, error) {
	u, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return version.Kubernetes{}, probeErrorf(CodeInvalidCredentials, "data.server is not an address")
	}
	host := u.Host
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return version.Kubernetes{}, probeErrorf(CodeInvalidCredentials, "data.config holds credentials that cannot be used")
	}
	defer utilnet.CloseIdleConnectionsFor(client.Transport)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(u.String(), "/")+"/version", nil)
	if err != nil {
		return version.Kubernetes{}, probeErrorf(CodeInvalidCredentials, "data.server is not an address")
	}
	req.Close = true
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return version.Kubernetes{}, explain(err, host, ctx.Err() != nil)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return version.Kubernetes{}, statusFault(resp.StatusCode, host)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, a.maxBody+1))
	if err != nil {
		return version.Kubernetes{}, explain(err, host, ctx.Err() != nil)
	}
	if int64(len(body)) > a.maxBody {
		return version.Kubernetes{}, probeErrorf(CodeNotKubernetes, "%s answers /version with more than %d bytes, not like a Kubernetes API server", host, a.maxBody)
	}
	v, why := parseVersion(body)
	if why != "" {
		return version.Kubernetes{}, probeErrorf(CodeNotKubernetes, "%s answers /version with %s", host, why)
	}
	return v, nil
}

// parseVersion reads the body of /version, and says what it is if it is none.
//
// gitVersion is what the API server calls itself; where a vendor writes something else there, major and minor (`31+`) remain. A
// server that emulates an older minor (--emulated-version) serves that minor's API, whatever its binary is: the emulated minor
// decides. Its patch is then unknown, so the result is `v1.31`, unless gitVersion is of that minor itself.
func parseVersion(body []byte) (v version.Kubernetes, why string) {
	var info struct {
		Major          string `json:"major"`
		Minor          string `json:"minor"`
		EmulationMajor string `json:"emulationMajor"`
		EmulationMinor string `json:"emulationMinor"`
		GitVersion     string `json:"gitVersion"`
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return v, "something that is not a Kubernetes version document"
	}
	v, err := version.ParseKubernetes(info.GitVersion)
	if err != nil {
		v, err = version.ParseKubernetes(info.Major + "." + info.Minor)
	}
	emulated, notEmulated := version.ParseKubernetes("v" + info.EmulationMajor + "." + info.EmulationMinor)
	switch {
	case notEmulated == nil && (err != nil || emulated.Minor != v.Minor):
		return emulated, ""
	case err != nil:
		return version.Kubernetes{}, "a document in which no Kubernetes version can be read"
	}
	return v, ""
}
