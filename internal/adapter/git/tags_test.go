package git_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func tagsAt(t *testing.T, r git.Remotes, url string) string {
	t.Helper()
	found, err := r.RemoteTags(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b upstream.Version) int { return strings.Compare(a.Name, b.Name) })
	var all []string
	for _, v := range found {
		all = append(all, fmt.Sprintf("%s %.7s %v", v.Name, v.Digest, v.Described))
	}
	return strings.Join(all, ", ")
}

// TestRemoteTags lists tags with their commits, also those of annotated tags, and transfers nothing.
func TestRemoteTags(t *testing.T) {
	r := serve(t, githttp.Options{Username: "u", Password: "s3cret%/@"})
	first := r.Commit("main", nil, "first")
	runIn(t, r.Dir, "", "tag", "v1.0.0")
	second := r.Commit("main", nil, "second")
	runIn(t, r.Dir, "", "tag", "--annotate", "--message", "two", "charts/v2.0.0", "main")
	want := fmt.Sprintf("charts/v2.0.0 %.7s true, v1.0.0 %.7s true", second, first)
	var hosts []string
	byHost := git.Remotes{Auth: func(host string) git.Auth {
		hosts = append(hosts, host)
		return git.Auth{Username: "u", Password: "s3cret%/@"}
	}}
	if got := tagsAt(t, byHost, r.url); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if host := strings.Split(r.url, "/")[2]; !slices.Equal(hosts, []string{host}) {
		t.Errorf("asked for the credentials of %v", hosts)
	}
	if got := tagsAt(t, git.Remotes{}, strings.Replace(r.url, "://", "://u:s3cret%25%2F%40@", 1)); got != want {
		t.Errorf("with credentials in the address: %s", got)
	}
	if r.server.Packs() != 0 {
		t.Errorf("%d transfers", r.server.Packs())
	}
}

// TestRemoteTagsThatCannotBeListed: one sentence each, without credentials.
func TestRemoteTagsThatCannotBeListed(t *testing.T) {
	r := serve(t, githttp.Options{Username: "u", Password: "s3cret"})
	r.Commit("main", nil, "first")
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>Please sign in</html>")
	}))
	t.Cleanup(login.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	asUser := strings.Replace(r.url, "://", "://u:s3cret@", 1)
	for name, tc := range map[string]struct {
		url   string
		fault githttp.Fault
		kind  error
		want  string
	}{
		"wrong password": {
			url: strings.Replace(r.url, "://", "://u:s3cret-wrong@", 1), kind: git.ErrAuth,
			want: "git repository URL: refuses the credentials: the server asks for authentication (401); check the repository's credentials and that they may read it",
		},
		"no repository": {
			url: strings.Replace(asUser, ".git", "-gone.git", 1), kind: git.ErrNotFound,
			want: "git repository " + strings.Replace(r.url, ".git", "-gone.git", 1) + ": not found: the server knows no such repository; check the URL, and that the credentials may read it",
		},
		"in trouble": {
			url: asUser, fault: githttp.Down(), kind: git.ErrUnreachable,
			want: "git repository URL: cannot be reached: the server answers 503 Service Unavailable; check the address, the server and the network",
		},
		"another host (fault 74)": {
			url: asUser, fault: githttp.Fault{Redirect: "http://169.254.169.254"}, kind: git.ErrRefused,
			want: "git repository URL: not allowed: a redirect from HOST to 169.254.169.254; give the new address as the URL",
		},
		"a login page": {
			url: login.URL + "/x", kind: git.ErrNotGit,
			want: "git repository " + login.URL + "/x: does not answer as a Git server: list refs: invalid pkt-len found; check the URL",
		},
		"no answer (fault 77)": {
			url: silent.URL + "/x", kind: git.ErrUnreachable,
			want: "git repository " + silent.URL + "/x: cannot be reached: no complete answer within 50ms; check the address, the server and the network",
		},
		"metadata service": {
			url: "http://169.254.169.254/x", kind: git.ErrRefused,
			want: `git repository "http://169.254.169.254/x": not allowed: 169.254.169.254 is a link-local address, where metadata services live`,
		},
		"metadata service, IPv6": {
			url: "http://[fd00:ec2::254]/x", kind: git.ErrRefused,
			want: `git repository "http://[fd00:ec2::254]/x": not allowed: fd00:ec2::254 is a link-local address, where metadata services live`,
		},
		"a folder":        {url: "/etc", kind: git.ErrRefused, want: "git repository /etc: not allowed: a folder on disk is not asked for versions; give an https:// or ssh:// URL"},
		"a folder as URL": {url: "file:///etc", kind: git.ErrRefused, want: "git repository /etc: not allowed: a folder on disk is not asked for versions; give an https:// or ssh:// URL"},
		"a program":       {url: "ext::sh -c date", kind: git.ErrRefused, want: `git repository "ext::sh -c date": not allowed: transport helpers such as ext:: are not used; give an https:// or ssh:// URL`},
		"SSH without a key": {
			url: "git@git.example.com:x.git", kind: git.ErrAuth,
			want: "git repository git.example.com:x.git: refuses the credentials: SSH needs a private key (sshPrivateKey); check the repository's credentials and that they may read it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.server.SetFault(tc.fault)
			defer r.server.SetFault(githttp.Fault{})
			remotes := git.Remotes{}
			if strings.HasPrefix(name, "no answer") {
				remotes.Timeout = 50 * time.Millisecond
			}
			_, err := remotes.RemoteTags(t.Context(), tc.url)
			want := strings.NewReplacer("URL: ", r.url+": ", "HOST", strings.Split(r.url, "/")[2]).Replace(tc.want)
			if !errors.Is(err, tc.kind) || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := (git.Remotes{}).RemoteTags(ctx, asUser); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func TestRemoteTagsBySSH(t *testing.T) {
	s := serveSSH(t, &sshServer{})
	r := gitrepo.New(t)
	first := r.Commit("main", nil, "first")
	runIn(t, r.Dir, "", "tag", "--annotate", "--message", "one", "v1.0.0", "main")
	remotes := git.Remotes{Auth: func(host string) git.Auth {
		if host != s.address {
			return git.Auth{}
		}
		return git.Auth{SSHPrivateKey: s.userKey, KnownHosts: s.knownHosts()}
	}}
	if got, want := tagsAt(t, remotes, "ssh://git@"+s.address+r.Dir), fmt.Sprintf("v1.0.0 %.7s true", first); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRemotesWithoutTags are no failure.
func TestRemotesWithoutTags(t *testing.T) {
	r := serve(t, githttp.Options{})
	for range 2 {
		if got := tagsAt(t, git.Remotes{}, r.url); got != "" {
			t.Errorf("tags %s", got)
		}
		r.Commit("main", nil, "first") // It was empty the first time.
	}
}
