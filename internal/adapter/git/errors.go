package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// What can be wrong with a repository; errors.Is tells which. Each error says in one line what happened and what to do.
var (
	// ErrUnreachable means that no answer or no complete answer came: the server is down, too slow, or in trouble.
	ErrUnreachable = errors.New("cannot be reached")
	// ErrAuth means that the server refused the credentials, or asks for some.
	ErrAuth = errors.New("refuses the credentials")
	// ErrNotFound means that the server has no such repository, or hides it from these credentials.
	ErrNotFound = errors.New("not found")
	// ErrTLS means that the server could not prove that it is the right one: its certificate or host key.
	ErrTLS = errors.New("the server's identity is not proven")
	// ErrNotGit means that what answers is no Git server: a login page, for one.
	ErrNotGit = errors.New("does not answer as a Git server")
	// ErrCorrupt means that the data is damaged or incomplete.
	ErrCorrupt = errors.New("damaged or incomplete data")
	// ErrEmpty means that the repository has no branch at all. It is an error because a repository that lost
	// everything must not look like one that switched everything off.
	ErrEmpty = errors.New("has no branches")
	// ErrShallow means that the history ends before the answer.
	ErrShallow = errors.New("is a shallow clone")
	// ErrRefused means that the URL, a redirect or the credentials' kind is not allowed.
	ErrRefused = errors.New("not allowed")
	// ErrNotFetched means that nothing was fetched yet.
	ErrNotFetched = errors.New("not fetched yet")
	// ErrUnknownRevision means that the repository has no such branch, tag or commit.
	ErrUnknownRevision = errors.New("no such branch, tag or commit")
	// ErrDisk means that the mirror's folder cannot be used.
	ErrDisk = errors.New("the mirror's folder cannot be used")
)

// kinds is what is known about each kind: a code for machines and what a person can do. Where an error is of several
// kinds, the first here counts.
var kinds = []struct {
	kind error
	code fault.Code
	hint string
}{
	{ErrDisk, "GitMirrorUnusable", "check free space and permissions, and that no other process uses it"},
	{ErrRefused, "GitRefused", ""},
	{ErrAuth, "GitAuthFailed", "check the repository's credentials and that they may read it"},
	{ErrNotFound, "GitRepositoryNotFound", "check the URL, and that the credentials may read it"},
	{ErrTLS, "GitServerNotTrusted", "check the CA certificate or the SSH known hosts"},
	{ErrEmpty, "GitRepositoryEmpty", "push at least one branch; the state known before is kept"},
	{ErrShallow, "GitShallow", "fetch its whole history with git fetch --unshallow"},
	{ErrNotFetched, "GitNotFetched", "fetch it first"},
	{ErrUnknownRevision, "GitUnknownRevision", ""},
	{ErrUnreachable, "GitUnreachable", "check the address, the server and the network"},
	{ErrNotGit, "GitNotAServer", "check the URL"},
	{ErrCorrupt, "GitCorrupt", "if fetching again does not help, run git fsck in the repository"},
}

// Error is a failure of a repository.
type Error struct {
	// Kind is one of the errors of this package.
	Kind error
	// URL names the repository, without credentials.
	URL string
	// Detail says what happened, without credentials.
	Detail string
	// cause is the context's error when that ended it.
	cause error
}

// Error is one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "git repository %s: %v", e.URL, e.Kind)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, k := range kinds {
		if k.kind == e.Kind && k.hint != "" {
			b.WriteString("; " + k.hint)
		}
	}
	return b.String()
}

// Unwrap gives the kind, and the context's error when that ended it.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// ReasonOf gives an error of this package as a reason for people and machines, and whether trying again can help.
func ReasonOf(err error) (fault.Reason, fault.Class) {
	code, class := fault.Code("GitFailed"), fault.Retry
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			code = k.code
			break
		}
	}
	switch {
	case errors.Is(err, ErrRefused), errors.Is(err, ErrUnknownRevision), errors.Is(err, ErrShallow):
		class = fault.Terminal
	case errors.Is(err, ErrNotFetched):
		class = fault.Waiting
	}
	return fault.Reasonf(code, "%v", err), class
}

// timeoutError is what ends a Fetch that takes too long.
type timeoutError time.Duration

func (t timeoutError) Error() string { return "no complete answer within " + time.Duration(t).String() }
func (t timeoutError) Unwrap() error { return context.DeadlineExceeded }

// classify finds out what an error means. Only here is the text of other people's errors looked at.
func classify(name string, err error, secrets []string) error {
	var done *Error
	if errors.As(err, &done) {
		if done.URL == "" {
			done.URL = name
		}
		return done
	}
	e := &Error{URL: name, Kind: kindOf(err), Detail: detail(err, secrets)}
	for _, c := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, c) {
			e.cause = c
		}
	}
	return e
}

func kindOf(err error) error {
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.kind
		}
	}
	var (
		status   *githttp.Err
		hostKey  *knownhosts.KeyError
		revoked  *knownhosts.RevokedError
		invalid  *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		cert     x509.CertificateInvalidError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		network  net.Error
		said     *pktline.ErrorLine
	)
	err = unwrapClient(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ErrUnreachable
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return ErrAuth
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return ErrNotFound
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return ErrEmpty
	case errors.As(err, &hostKey), errors.As(err, &revoked), errors.As(err, &invalid), errors.As(err, &unknown),
		errors.As(err, &hostname), errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert):
		return ErrTLS
	case errors.As(err, &status), errors.As(err, &said):
		return ErrUnreachable
	case strings.Contains(err.Error(), "http redirect:"):
		return ErrRefused
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrUnreachable
	default:
		return ErrCorrupt
	}
}

// unwrapClient takes off the wrappers of the Git client, which errors.Is cannot look through.
func unwrapClient(err error) error {
	for {
		var unexpected *plumbing.UnexpectedError
		var permanent *plumbing.PermanentError
		switch {
		case errors.As(err, &unexpected) && unexpected != nil:
			err = unexpected.Err
		case errors.As(err, &permanent) && permanent != nil:
			err = permanent.Err
		default:
			return err
		}
	}
}

// detail is the text of an error in one line, cut to a sensible length, without credentials.
func detail(err error, secrets []string) string {
	var (
		status  *githttp.Err
		wrapped *url.Error
		hostKey *knownhosts.KeyError
		said    *pktline.ErrorLine
		text    string
	)
	inner := unwrapClient(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		text = err.Error()
	case errors.As(inner, &status):
		text = fmt.Sprintf("the server answers %d %s", status.StatusCode(), http.StatusText(status.StatusCode()))
	case errors.Is(inner, transport.ErrAuthenticationRequired):
		text = "the server asks for authentication (401)"
	case errors.Is(inner, transport.ErrAuthorizationFailed):
		text = "the server forbids it (403)"
	case errors.Is(inner, transport.ErrRepositoryNotFound):
		text = "the server knows no such repository"
	case errors.Is(inner, transport.ErrEmptyRemoteRepository):
	case errors.As(inner, &hostKey) && len(hostKey.Want) == 0:
		text = "the server's host key is not among the known hosts"
	case errors.As(inner, &hostKey):
		text = "the server's host key differs from the one among the known hosts"
	case errors.As(inner, &wrapped):
		text = wrapped.Err.Error()
	case errors.As(inner, &said):
		text = fmt.Sprintf("the server says %q", said.Text)
	default:
		text = inner.Error()
	}
	// The kind is said already.
	for _, k := range kinds {
		text = strings.ReplaceAll(text, k.kind.Error()+": ", "")
		if text == k.kind.Error() {
			text = ""
		}
	}
	return scrub(text, secrets)
}

// maxDetail bounds text that a server may have chosen.
const maxDetail = 300

func scrub(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}
