package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// asker asks one cluster for its version, and for those of its nodes.
type asker struct {
	config  ConfigOptions
	maxBody int64
	// abandoned counts the tries with a command that have not ended, which includes those left behind because it hangs.
	abandoned atomic.Int32
}

// maxAbandoned bounds them: two for every slot there is by default.
const maxAbandoned = 2 * defaultConcurrency

// question says what a try asks, and how long it may take.
type question struct {
	// version bounds the try for the version.
	version time.Duration
	// nodes bounds the one for the nodes, which follows; they are not asked when it is zero.
	nodes time.Duration
}

// reply is what a try found out.
type reply struct {
	version version.Kubernetes
	// nodes is nil when they were not asked.
	nodes *Nodes
}

// ask asks for the version, and then for the nodes, whose absence is no error. Errors are of type *ProbeError.
func (a *asker) ask(ctx context.Context, data map[string][]byte, q question) (reply, error) {
	cfg, err := ConfigFromSecret(data, a.config)
	if err != nil {
		return reply{}, err
	}
	c, err := open(cfg)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	var r reply
	r.version, err = within(ctx, a, cfg, q.version, func(ctx context.Context) (version.Kubernetes, error) { return c.version(ctx, a.maxBody) })
	if err != nil {
		return reply{}, err
	}
	if q.nodes > 0 {
		r.nodes = a.nodes(ctx, cfg, c, q.nodes)
	}
	return r, nil
}

func (c *conn) version(ctx context.Context, limit int64) (version.Kubernetes, error) {
	const path = "/version"
	status, body, err := c.do(ctx, request{method: http.MethodGet, path: path, accept: "application/json", max: limit})
	switch {
	case err != nil:
		return version.Kubernetes{}, err
	case status != http.StatusOK:
		return version.Kubernetes{}, statusFault(status, c.host, path, "read "+path)
	case int64(len(body)) > limit:
		return version.Kubernetes{}, probeErrorf(CodeNotKubernetes, "%s answers /version with more than %d bytes, not like a Kubernetes API server", c.host, limit)
	}
	v, why := parseVersion(body)
	if why != "" {
		return version.Kubernetes{}, probeErrorf(CodeNotKubernetes, "%s answers /version with %s", c.host, why)
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
