package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/net/proxy"
)

// newSSH connects by SSH with what it is given and nothing else: no agent, no configuration of the user. The Git
// library's own SSH client reads both, and cannot be stopped in the middle of a handshake.
func newSSH(loc location, auth Auth) (*remote, error) {
	config := &ssh.ClientConfig{User: orDefault(orDefault(loc.user, auth.Username), "git"), Timeout: dialTimeout}
	if len(auth.SSHPrivateKey) > 0 {
		signer, err := ssh.ParsePrivateKey(auth.SSHPrivateKey)
		if err != nil {
			return nil, &Error{Kind: ErrAuth, Detail: "the SSH private key cannot be read; it must be PEM or OpenSSH format, without passphrase"}
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(signer))
	}
	if auth.Password != "" {
		config.Auth = append(config.Auth, ssh.Password(auth.Password))
	}
	if len(config.Auth) == 0 {
		return nil, &Error{Kind: ErrAuth, Detail: "SSH needs a private key (sshPrivateKey)"}
	}
	address := loc.address("22")
	switch {
	case auth.Insecure:
		config.HostKeyCallback = ssh.InsecureIgnoreHostKey() //nolint:gosec // asked for by the person
	case len(auth.KnownHosts) == 0:
		return nil, &Error{Kind: ErrTLS, Detail: "no SSH known hosts are given, and insecureIgnoreHostKey is not set"}
	default:
		check, err := hostKeys(auth.KnownHosts)
		if err != nil {
			return nil, err
		}
		config.HostKeyCallback, config.HostKeyAlgorithms = check, algorithms(check, address)
	}
	dial := dialer().DialContext
	if auth.Proxy != "" {
		u, err := url.Parse(auth.Proxy)
		if err != nil || !strings.HasPrefix(u.Scheme, "socks5") {
			return nil, &Error{Kind: ErrRefused, Detail: "SSH goes through a socks5:// proxy only"}
		}
		d, err := proxy.FromURL(u, dialer())
		if err != nil {
			return nil, &Error{Kind: ErrRefused, Detail: "the proxy cannot be used"}
		}
		through, ok := d.(proxy.ContextDialer)
		if !ok {
			return nil, &Error{Kind: ErrRefused, Detail: "the proxy cannot be used"}
		}
		dial = through.DialContext
	}
	path := loc.path
	if rest, home := strings.CutPrefix(path, "/~"); home {
		path = "~" + rest
	}
	return &remote{connect: func(ctx context.Context) (session, error) {
		return connectSSH(ctx, dial, address, config, "git-upload-pack "+quoteShell(path))
	}}, nil
}

// quoteShell makes one word of any text, for the shell that may run on the other side.
func quoteShell(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}

// hostKeys reads the content of a known_hosts file.
func hostKeys(content []byte) (check ssh.HostKeyCallback, err error) {
	// The library reads files only.
	f, err := os.CreateTemp("", "known-hosts-")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	check, err = knownhosts.New(f.Name())
	if err != nil {
		return nil, &Error{Kind: ErrTLS, Detail: "the SSH known hosts cannot be read: " + strings.ReplaceAll(err.Error(), f.Name(), "line ")}
	}
	return check, nil
}

// algorithms asks only for the kinds of host key that are known for the server. It would otherwise choose one that is
// not, and look like an impostor.
func algorithms(check ssh.HostKeyCallback, address string) []string {
	var known *knownhosts.KeyError
	if err := check(address, &net.TCPAddr{}, noKey{}); !errors.As(err, &known) {
		return nil
	}
	var list []string
	for _, k := range known.Want {
		if k.Key.Type() == ssh.KeyAlgoRSA {
			list = append(list, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			list = append(list, k.Key.Type())
		}
	}
	return list
}

// noKey is a host key that nobody has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// sshSession is one run of git-upload-pack on a server.
type sshSession struct {
	client *ssh.Client
	run    *ssh.Session
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *firstBytes
	stop   func() bool
}

func connectSSH(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), address string,
	config *ssh.ClientConfig, command string,
) (_ session, err error) {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// Whatever SSH is busy with ends when the connection does.
	s := &sshSession{stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	defer func() {
		if err != nil {
			s.stop()
			_ = conn.Close()
		}
	}()
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		return nil, err
	}
	s.client = ssh.NewClient(c, channels, requests)
	if s.run, err = s.client.NewSession(); err != nil {
		return nil, err
	}
	if s.in, err = s.run.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.run.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out, s.stderr = bufio.NewReader(out), &firstBytes{}
	s.run.Stderr = s.stderr
	return s, s.run.Start(command)
}

// AdvertisedReferencesContext reads the refs that the server lists first of all.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(io.LimitReader(s.out, maxListing))
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && adv.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		// Servers say on standard error what is wrong, in words of their own, and end.
		_ = s.in.Close()
		_ = s.run.Wait()
		said := s.stderr.String()
		for _, words := range []string{"not found", "does not exist", "does not appear to be a git repository", "not a git repository"} {
			if strings.Contains(strings.ToLower(said), words) {
				return nil, &Error{Kind: ErrNotFound, Detail: "the server knows no such repository"}
			}
		}
		if said != "" {
			return nil, fmt.Errorf("%w: the server says %q", ErrUnreachable, said)
		}
		return nil, err
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// UploadPack asks for objects.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if err := req.UploadRequest.Encode(s.in); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(s.in, false); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(s.in).EncodeString("done\n"); err != nil {
		return nil, err
	}
	response := packp.NewUploadPackResponse(req)
	if err := response.Decode(io.NopCloser(s.out)); err != nil {
		return nil, err
	}
	return response, nil
}

// Close ends the connection.
func (s *sshSession) Close() error {
	s.stop()
	return s.client.Close()
}

// firstBytes keeps the beginning of what a server says.
type firstBytes struct {
	b []byte
}

func (f *firstBytes) Write(p []byte) (int, error) {
	if room := maxDetail - len(f.b); room > 0 {
		f.b = append(f.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (f *firstBytes) String() string { return strings.TrimSpace(string(f.b)) }
