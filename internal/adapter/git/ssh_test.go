package git_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// newKey makes a private key and its PEM.
func newKey() (ssh.Signer, []byte) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		panic(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		panic(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// sshServer runs git-upload-pack for whoever has the key, as a Git host does.
type sshServer struct {
	address  string
	hostKey  ssh.PublicKey
	userKey  []byte
	commands chan string
	// cut ends the connection after so many bytes of a command's output.
	cut int64
	// mute accepts connections and says nothing.
	mute bool
}

func serveSSH(t *testing.T, s *sshServer) *sshServer {
	t.Helper()
	host, _ := newKey()
	user, private := newKey()
	s.hostKey, s.userKey, s.commands = host.PublicKey(), private, make(chan string, 100)
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(user.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s.address = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if s.mute {
				t.Cleanup(func() { _ = conn.Close() })
				continue
			}
			go s.handle(conn, config)
		}
	}()
	return s
}

func (s *sshServer) handle(conn net.Conn, config *ssh.ServerConfig) {
	defer func() { _ = conn.Close() }()
	c, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for incoming := range channels {
		channel, requests, err := incoming.Accept()
		if err != nil {
			return
		}
		for request := range requests {
			_ = request.Reply(request.Type == "exec", nil)
			if request.Type == "exec" {
				s.run(c, channel, string(request.Payload[4:]))
				break
			}
		}
	}
}

func (s *sshServer) run(conn ssh.Conn, channel ssh.Channel, command string) {
	s.commands <- command
	cmd := exec.Command("sh", "-c", command)
	cmd.Env, cmd.Stderr = gitrepo.Env(), channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(in, channel)
		_ = in.Close()
	}()
	if err := cmd.Start(); err != nil {
		return
	}
	if s.cut > 0 {
		_, _ = io.CopyN(channel, out, s.cut)
		_ = conn.Close()
		_ = cmd.Process.Kill()
	} else {
		_, _ = io.Copy(channel, out)
	}
	_ = cmd.Wait()
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(max(cmd.ProcessState.ExitCode(), 0))}))
	_ = channel.Close()
}

func (s *sshServer) knownHosts() []byte {
	return []byte(knownhosts.Line([]string{s.address}, s.hostKey) + "\n")
}

func TestSSH(t *testing.T) {
	s := serveSSH(t, &sshServer{})
	r := gitrepo.New(t)
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	auth := git.Auth{SSHPrivateKey: s.userKey, KnownHosts: s.knownHosts()}
	url := "ssh://git@" + s.address + r.Dir

	repo := open(t, git.Options{URL: url, Auth: auth, Dir: t.TempDir()})
	fetch(t, repo, true)
	fetch(t, repo, false)
	second := r.Commit("main", map[string]string{"catalog.yaml": "2"}, "second")
	fetch(t, repo, true)
	wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": second}})
	if got := readFile(t, repo, second, "catalog.yaml") + readFile(t, repo, first, "catalog.yaml"); got != "21" {
		t.Errorf("catalogs: %q", got)
	}
	if got, want := <-s.commands, "git-upload-pack '"+r.Dir+"'"; got != want {
		t.Errorf("command %q, want %q", got, want)
	}

	// What the path says is one word, whatever it holds.
	odd := open(t, git.Options{URL: "ssh://" + s.address + "/nowhere'; echo $(id)!", Auth: auth})
	_, err := odd.Fetch(t.Context())
	wantError(t, err, git.ErrNotFound, "git repository "+odd.URL()+": not found: the server knows no such repository; check the URL, and that the credentials may read it")
}

func TestSSHFaults(t *testing.T) {
	r := gitrepo.New(t)
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	_, otherUser := newKey()
	otherHost, _ := newKey()
	for name, tc := range map[string]struct {
		server  *sshServer
		auth    func(s *sshServer) git.Auth
		timeout time.Duration
		kind    error
		text    string
	}{
		"insecure": {server: &sshServer{}, auth: func(s *sshServer) git.Auth { return git.Auth{SSHPrivateKey: s.userKey, Insecure: true} }},
		"another key": {
			server: &sshServer{}, auth: func(s *sshServer) git.Auth { return git.Auth{SSHPrivateKey: otherUser, KnownHosts: s.knownHosts()} },
			kind: git.ErrAuth,
			text: "refuses the credentials: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain; " +
				"check the repository's credentials and that they may read it",
		},
		"unknown host": {
			server: &sshServer{}, auth: func(s *sshServer) git.Auth {
				return git.Auth{SSHPrivateKey: s.userKey, KnownHosts: []byte(knownhosts.Line([]string{"example.com"}, s.hostKey))}
			},
			kind: git.ErrTLS,
			text: "the server's identity is not proven: the server's host key is not among the known hosts; check the CA certificate or the SSH known hosts",
		},
		"another host's key": {
			server: &sshServer{}, auth: func(s *sshServer) git.Auth {
				return git.Auth{SSHPrivateKey: s.userKey, KnownHosts: []byte(knownhosts.Line([]string{s.address}, otherHost.PublicKey()))}
			},
			kind: git.ErrTLS,
			text: "the server's identity is not proven: the server's host key differs from the one among the known hosts; check the CA certificate or the SSH known hosts",
		},
		"says nothing": {
			server: &sshServer{mute: true}, timeout: 200 * time.Millisecond, kind: git.ErrUnreachable,
			auth: func(s *sshServer) git.Auth { return git.Auth{SSHPrivateKey: s.userKey, KnownHosts: s.knownHosts()} },
			text: "cannot be reached: no complete answer within 200ms; check the address, the server and the network",
		},
		"cut off in the pack": {
			server: &sshServer{cut: 460}, kind: git.ErrCorrupt,
			auth: func(s *sshServer) git.Auth { return git.Auth{SSHPrivateKey: s.userKey, KnownHosts: s.knownHosts()} },
			text: "damaged or incomplete data: receive objects: unexpected EOF; if fetching again does not help, run git fsck in the repository",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveSSH(t, tc.server)
			repo := open(t, git.Options{URL: "ssh://git@" + s.address + r.Dir, Auth: tc.auth(s), Timeout: tc.timeout})
			_, err := repo.Fetch(t.Context())
			if tc.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": first}})
				return
			}
			wantError(t, err, tc.kind, "git repository "+repo.URL()+": "+tc.text)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		repo := open(t, git.Options{URL: "git@127.0.0.1:r", Auth: git.Auth{SSHPrivateKey: otherUser, Insecure: true}})
		if _, err := repo.Fetch(t.Context()); !errors.Is(err, git.ErrUnreachable) && !errors.Is(err, git.ErrAuth) {
			t.Errorf("error %v is not %q", err, git.ErrUnreachable)
		}
	})
	t.Run("known hosts that cannot be read", func(t *testing.T) {
		_, err := git.Open(t.Context(), git.Options{URL: "git@h:r", Auth: git.Auth{SSHPrivateKey: otherUser, KnownHosts: []byte("h ssh-rsa")}})
		if !errors.Is(err, git.ErrTLS) || strings.Contains(err.Error(), "/tmp") {
			t.Errorf("error %v", err)
		}
	})
}
