package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// What can be wrong with a chart; errors.Is tells which.
var (
	// ErrUnreachable means that no answer or no complete answer came. It may go away by itself.
	ErrUnreachable = errors.New("cannot be reached")
	// ErrLimited means that the server is asked too much. It goes away by itself.
	ErrLimited = errors.New("asked too much")
	// ErrAuth means that the server refused the credentials, or asks for some.
	ErrAuth = errors.New("refuses the credentials")
	// ErrNotFound means that the repository has no such chart or version.
	ErrNotFound = errors.New("not found")
	// ErrRefused means that the repository, the version or a redirect is not allowed.
	ErrRefused = errors.New("not allowed")
	// ErrTooLarge means that more came than is read.
	ErrTooLarge = errors.New("too large")
	// ErrDigest means that the repository does not say what the archive is, or gave another.
	ErrDigest = errors.New("not what it should be")
	// ErrInvalid means that what answers is no Helm repository, or offers something else than a chart.
	ErrInvalid = errors.New("not a chart repository")
)

// Error is a chart that could not be had.
type Error struct {
	// Kind is one of the errors of this package.
	Kind error
	// Chart names it, with version and repository; Detail says what happened and what to do. Neither holds a credential.
	Chart, Detail string
}

func (e *Error) Error() string {
	if e.Chart == "" {
		return e.Detail
	}
	return e.Chart + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Kind }

func failf(kind error, format string, args ...any) error {
	return &Error{Kind: kind, Detail: cut(fmt.Sprintf(format, args...), 600)}
}

// wrap says which chart an error is about.
func (k chart) wrap(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: ErrUnreachable, Detail: cut(err.Error(), 300)}
	}
	return &Error{Kind: e.Kind, Chart: k.String(), Detail: e.Detail}
}

// failed says why a server gave no complete answer. The URL is named without its query, which may be a key.
func failed(u *url.URL, err error) error {
	var (
		e        *Error
		wrapped  *url.Error
		answer   *errcode.ErrorResponse
		unproven *tls.CertificateVerificationError
		name     *net.DNSError
		slow     net.Error
		where    = u.Scheme + "://" + u.Host
	)
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &answer):
		return refused(answer.URL, "token", answer.StatusCode)
	case errors.As(err, &unproven):
		return failf(ErrUnreachable, "%s does not prove its identity: %s", where, unprovenBecause(unproven.Err, u.Hostname()))
	case errors.Is(err, http.ErrSchemeMismatch):
		return failf(ErrUnreachable, "%s answers without TLS: check the address and the port", where)
	case errors.As(err, &name) && name.IsNotFound:
		return failf(ErrUnreachable, "%s cannot be reached: nobody knows a host of the name %.200s; check the address", where, name.Name)
	case errors.As(err, &name):
		return failf(ErrUnreachable, "%s cannot be reached: the name servers do not answer for %.200s; check the network", where, name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return failf(ErrUnreachable, "%s cannot be reached: nobody listens there; check the address, and that the server runs", where)
	case errors.Is(err, syscall.ECONNRESET):
		return failf(ErrUnreachable, "%s broke off the connection; try again", where)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return failf(ErrUnreachable, "%s broke off in the middle of its answer; try again", where)
	case errors.As(err, &slow) && slow.Timeout():
		return failf(ErrUnreachable, "%s does not answer in time; check the address, the server and the network", where)
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	return failf(ErrUnreachable, "%s cannot be reached: %v; check the address, the server and the network", where, err)
}

// unprovenBecause says what is wrong with a certificate, and what to do.
func unprovenBecause(err error, host string) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		other   x509.HostnameError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return fmt.Sprintf("its certificate is valid from %s to %s only; let its owner renew it, and check the clock here",
			invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	case errors.As(err, &other) && other.Certificate != nil:
		names := slices.Clone(other.Certificate.DNSNames)
		for _, ip := range other.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("its certificate is for %s, and not for %s; check the address", cut(cmp.Or(strings.Join(names, ", "), "nobody"), 200), host)
	case errors.As(err, &unknown):
		return "its certificate is signed by a CA that is not trusted here; check the address, or trust that CA"
	}
	return fmt.Sprintf("%v; check its certificate", err)
}

// timedOut replaces what a deadline made of the last request by the deadline.
func timedOut(ctx context.Context, limit time.Duration, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failf(ErrUnreachable, "it did not come within %s; check the server and the network", limit)
	}
	return err
}

// refused says what a status means that is not 200. What is the thing asked for.
func refused(u *url.URL, what string, status int) error {
	where := u.Scheme + "://" + u.Host
	switch {
	case status == http.StatusUnauthorized && u.Scheme == "http":
		return failf(ErrAuth, "%s asks for credentials for %s, which are only sent over https: name https in the source", where, what)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return failf(ErrAuth, "%s answers %d for %s: check the credentials for it, and that they may read it", where, status, what)
	case status == http.StatusNotFound, status == http.StatusGone:
		return failf(ErrNotFound, "%s has no %s (%d): check the repository, the name and the version", where, what, status)
	case status >= 500:
		return failf(ErrUnreachable, "%s answers %d for %s; try again later", where, status, what)
	}
	return failf(ErrInvalid, "%s answers %d for %s: check the repository's URL", where, status, what)
}

// cut makes one bounded line of text.
func cut(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + " …"
	}
	return s
}
