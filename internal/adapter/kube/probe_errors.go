package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Why a cluster did not tell its version.
const (
	CodeUnreachable      fault.Code = "ClusterUnreachable"
	CodeTimeout          fault.Code = "ClusterTimeout"
	CodeTLS              fault.Code = "ClusterTLS"
	CodeUnauthorized     fault.Code = "ClusterUnauthorized"
	CodeForbidden        fault.Code = "ClusterForbidden"
	CodeNotKubernetes    fault.Code = "NotKubernetes"
	CodeExecNotAllowed   fault.Code = "ExecNotAllowed"
	CodeSecretUnreadable fault.Code = "SecretUnreadable"
	// CodeClusterAPIUnreadable says that Cluster API has the cluster and its version cannot be read there.
	CodeClusterAPIUnreadable fault.Code = "ClusterAPIUnreadable"
	CodeInvalidCredentials              = cluster.CodeInvalidCredentials
	CodeLinkLocal                       = cluster.CodeLinkLocal
)

// ProbeError says why a cluster did not tell its version. The message is the same for the same cause (no times, no ports of our own), so
// that a status made from it does not change with every try, and it repeats no credential.
type ProbeError struct{ fault.Reason }

func (e *ProbeError) Error() string { return e.Message }

func probeErrorf(code fault.Code, format string, args ...any) *ProbeError {
	return &ProbeError{fault.Reasonf(code, format, args...)}
}

var errLinkLocal = probeErrorf(CodeLinkLocal, "the address in data.server, or the proxy's, leads to a link-local address, where cloud providers serve machine credentials; it is never asked")

// refuseLinkLocal runs after names are resolved and before a connection is made, so that no DNS answer gets around it.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if isLinkLocal(host) {
		return errLinkLocal
	}
	return nil
}

func isLinkLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && cluster.LinkLocal(addr)
}

// explain turns what a connection ended with into what a person can act on.
func explain(err error, host string, deadline bool) *ProbeError {
	var (
		probe *ProbeError
		dns   *net.DNSError
		op    *net.OpError
	)
	switch isOp := errors.As(err, &op); {
	case errors.As(err, &probe):
		return probe
	case strings.Contains(err.Error(), "getting credentials: "): // client-go wraps the failure of a command in text only.
		return probeErrorf(CodeInvalidCredentials, "the credential command in data.config fails; its own words are on the manager's standard error")
	case deadline, errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return probeErrorf(CodeTimeout, "%s does not answer in time", host)
	case isOp && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")):
		return probeErrorf(CodeUnreachable, "the proxy in data.config does not connect to %s", host)
	case errors.As(err, &dns):
		return probeErrorf(CodeUnreachable, "the name of %s is not found", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return probeErrorf(CodeUnreachable, "%s refuses connections", host)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return probeErrorf(CodeUnreachable, "there is no route to %s", host)
	case isOp && op.Op == "remote error":
		return probeErrorf(CodeTLS, "%s refuses the TLS connection; is a client certificate missing or refused?", host)
	case errors.Is(err, http.ErrSchemeMismatch):
		return probeErrorf(CodeTLS, "%s speaks HTTP, not HTTPS", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return probeErrorf(CodeUnreachable, "%s closes the connection without an answer", host)
	}
	if why := certificateFault(err); why != "" {
		return probeErrorf(CodeTLS, "the certificate of %s %s", host, why)
	}
	return probeErrorf(CodeUnreachable, "the connection to %s fails", host)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func certificateFault(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority):
		return "is not signed by the authority in tlsClientConfig.caData"
	case errors.As(err, &hostname):
		return "is for other names; set tlsClientConfig.serverName to one of them"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "has expired or is not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "is not valid"
	}
	return ""
}

// statusFault says what an answer other than 200 means. path is what was asked for, right what the credentials must be allowed to do for it.
func statusFault(code int, host, path, right string) *ProbeError {
	switch {
	case code == http.StatusUnauthorized:
		return probeErrorf(CodeUnauthorized, "%s does not accept the credentials in data.config (401)", host)
	case code == http.StatusForbidden:
		return probeErrorf(CodeForbidden, "%s does not allow the credentials in data.config to %s (403)", host, right)
	case code >= 300 && code < 400:
		return probeErrorf(CodeNotKubernetes, "%s answers %s with a redirect (%d), which is not followed; data.server must be the API server itself", host, path, code)
	case code >= 500 || code == http.StatusTooManyRequests:
		return probeErrorf(CodeUnreachable, "%s answers %s with %s", host, path, statusText(code))
	}
	return probeErrorf(CodeNotKubernetes, "%s answers %s with %s, not like a Kubernetes API server", host, path, statusText(code))
}

func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}
