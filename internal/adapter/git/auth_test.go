package git_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
)

func TestParseSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		data map[string]string
		url  string
		auth git.Auth
		err  string
	}{
		"public":            {data: map[string]string{"url": " https://h/r.git\n", "type": "git", "name": "x", "project": "p", "enableLfs": "true"}, url: "https://h/r.git"},
		"user and password": {data: map[string]string{"url": "https://h/r", "username": "u", "password": "p"}, url: "https://h/r", auth: git.Auth{Username: "u", Password: "p"}},
		"token":             {data: map[string]string{"url": "https://h/r", "bearerToken": "t"}, url: "https://h/r", auth: git.Auth{BearerToken: "t"}},
		"ssh": {
			data: map[string]string{"url": "git@h:r", "sshPrivateKey": "k", "insecureIgnoreHostKey": "true"}, url: "git@h:r",
			auth: git.Auth{SSHPrivateKey: []byte("k"), Insecure: true},
		},
		"client certificate": {
			data: map[string]string{"url": "https://h/r", "tlsClientCertData": "c", "tlsClientCertKey": "k", "insecure": "false"}, url: "https://h/r",
			auth: git.Auth{ClientCert: []byte("c"), ClientKey: []byte("k")},
		},
		"proxy": {
			data: map[string]string{"url": "https://h/r", "proxy": "http://p:3128", "noProxy": "x"}, url: "https://h/r",
			auth: git.Auth{Proxy: "http://p:3128", NoProxy: "x"},
		},
		"nothing":              {err: "field url is empty; it must be the config repository's URL"},
		"helm":                 {data: map[string]string{"url": "https://h/r", "type": "helm"}, err: `field type is "helm"; a config repository is of type git`},
		"GitHub app":           {data: map[string]string{"url": "https://h/r", "githubAppID": "1"}, err: "field githubAppID is not supported; use username and password, bearerToken, sshPrivateKey or a client certificate"},
		"Google":               {data: map[string]string{"url": "https://h/r", "gcpServiceAccountKey": "{}"}, err: "field gcpServiceAccountKey is not supported; use username and password, bearerToken, sshPrivateKey or a client certificate"},
		"Azure":                {data: map[string]string{"url": "https://h/r", "useAzureWorkloadIdentity": "true"}, err: "field useAzureWorkloadIdentity is not supported"},
		"bad flag":             {data: map[string]string{"url": "https://h/r", "insecure": "yes"}, err: `field insecure is "yes"; it must be true or false`},
		"certificate, no key":  {data: map[string]string{"url": "https://h/r", "tlsClientCertData": "c"}, err: "fields tlsClientCertData and tlsClientCertKey go together, and one is empty"},
		"proxy without scheme": {data: map[string]string{"url": "https://h/r", "proxy": "u:s3cret@p:3128"}, err: "field proxy is not a URL such as http://proxy:3128"},
	} {
		t.Run(name, func(t *testing.T) {
			data := map[string][]byte{}
			for k, v := range tc.data {
				data[k] = []byte(v)
			}
			url, auth, err := git.ParseSecret(data)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil || url != tc.url || !reflect.DeepEqual(auth, tc.auth) {
				type plain git.Auth // prints what it holds
				t.Errorf("ParseSecret = %q, %+v, %v, want %q, %+v", url, plain(auth), err, tc.url, plain(tc.auth))
			}
		})
	}
}

func TestAuthIsNotPrinted(t *testing.T) {
	auth := git.Auth{Username: "u", Password: "s3cret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{auth, &auth, git.Options{Auth: auth}} {
			if got := fmt.Sprintf(format, value); contains(got, "s3cret") {
				t.Errorf("%s of %T prints %s", format, value, got)
			}
		}
	}
}

func TestURLs(t *testing.T) {
	for raw, tc := range map[string]struct{ name, err string }{
		"https://user:s3cret@example.com/a/b.git":     {name: "https://example.com/a/b.git"},
		"https://s3cret@example.com:8443/a/b.git?t=1": {name: "https://example.com:8443/a/b.git"},
		"http://10.0.0.1/r":                           {name: "http://10.0.0.1/r"},
		"http://[::1]:80/r":                           {name: "http://[::1]:80/r"},
		"ssh://git@example.com:2222/r":                {name: "ssh://example.com:2222/r"},
		"git@example.com:org/r.git":                   {name: "example.com:org/r.git"},
		"example.com:r":                               {name: "example.com:r"},
		"":                                            {err: `git repository "": not allowed: the URL is empty`},
		"https://example.com/\x00":                    {err: `git repository "https://example.com/\x00": not allowed: the URL holds a control character`},
		"ext::sh -c id":                               {err: `git repository "ext::sh -c id": not allowed: transport helpers such as ext:: are not used; give an https:// or ssh:// URL`},
		"ext::https://u:s3cret@h/r":                   {err: `git repository "ext::https://h/r": not allowed: transport helpers such as ext:: are not used; give an https:// or ssh:// URL`},
		"git://example.com/r":                         {err: `git repository "git://example.com/r": not allowed: scheme "git"; use https, ssh or http`},
		"ftp://u:s3cret@example.com/r":                {err: `git repository "ftp://example.com/r": not allowed: scheme "ftp"; use https, ssh or http`},
		"https://u:s3cret%@example.com/r":             {err: `git repository "https://example.com/r": not allowed: it is not a URL`},
		"https://u:s3cr/et@example.com:x/r":           {err: `git repository "https://example.com:x/r": not allowed: it is not a URL`},
		"https:///r":                                  {err: `git repository "https:///r": not allowed: it needs a host and a path`},
		"https://example.com":                         {err: `git repository "https://example.com": not allowed: it needs a host and a path`},
		"ssh://-oProxyCommand=id/r":                   {err: `git repository "ssh://-oProxyCommand=id/r": not allowed: host "-oProxyCommand=id"`},
		"http://169.254.169.254/r":                    {err: `git repository "http://169.254.169.254/r": not allowed: 169.254.169.254 is a link-local address, where metadata services live`},
		"http://[fe80::1%25eth0]/r":                   {err: `git repository "http://[fe80::1%25eth0]/r": not allowed: fe80::1%eth0 is a link-local address, where metadata services live`},
		"http://[::ffff:169.254.169.254]/r":           {err: `git repository "http://[::ffff:169.254.169.254]/r": not allowed: ::ffff:169.254.169.254 is a link-local address, where metadata services live`},
		"git@[fe80::1]:r":                             {err: `git repository "[redacted]@[fe80::1]:r": not allowed: fe80::1 is a link-local address, where metadata services live`},
		"file:///etc":                                 {err: `git repository /etc: not allowed: a folder on disk is not allowed here`},
		"/etc":                                        {err: `git repository /etc: not allowed: a folder on disk is not allowed here`},
		"file://host/etc":                             {err: `git repository "file://host/etc": not allowed: a file:// URL with a host`},
	} {
		r, err := git.Open(t.Context(), git.Options{URL: raw, Auth: git.Auth{SSHPrivateKey: testKey, Insecure: true}})
		switch {
		case tc.err != "":
			wantError(t, err, git.ErrRefused, tc.err)
		case err != nil:
			t.Errorf("%q: %v", raw, err)
		default:
			if r.URL() != tc.name || git.RedactURL(raw) != tc.name {
				t.Errorf("%q: URL %q, RedactURL %q, want %q", raw, r.URL(), git.RedactURL(raw), tc.name)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if contains(git.RedactURL(raw), "s3cret") {
			t.Errorf("RedactURL(%q) = %q", raw, git.RedactURL(raw))
		}
	}
}

func TestUnusableCredentials(t *testing.T) {
	for name, tc := range map[string]struct {
		url  string
		auth git.Auth
		kind error
		err  string
	}{
		"ssh without key": {
			url: "git@h:r", kind: git.ErrAuth,
			err: "git repository h:r: refuses the credentials: SSH needs a private key (sshPrivateKey); check the repository's credentials and that they may read it",
		},
		"ssh with a bad key": {
			url: "git@h:r", auth: git.Auth{SSHPrivateKey: []byte("s3cret")}, kind: git.ErrAuth,
			err: "git repository h:r: refuses the credentials: the SSH private key cannot be read; it must be PEM or OpenSSH format, without passphrase; check the repository's credentials and that they may read it",
		},
		"ssh without known hosts": {
			url: "git@h:r", auth: git.Auth{SSHPrivateKey: testKey}, kind: git.ErrTLS,
			err: "git repository h:r: the server's identity is not proven: no SSH known hosts are given, and insecureIgnoreHostKey is not set; check the CA certificate or the SSH known hosts",
		},
		"bad client certificate": {
			url: "https://h/r", auth: git.Auth{ClientCert: []byte("x"), ClientKey: []byte("s3cret")}, kind: git.ErrAuth,
			err: "git repository https://h/r: refuses the credentials: the TLS client certificate and key are no PEM pair; check the repository's credentials and that they may read it",
		},
		"bad CA": {
			url: "https://h/r", auth: git.Auth{CA: []byte("x")}, kind: git.ErrTLS,
			err: "git repository https://h/r: the server's identity is not proven: the CA holds no PEM certificate; check the CA certificate or the SSH known hosts",
		},
		"ssh by an HTTP proxy": {
			url: "git@h:r", auth: git.Auth{SSHPrivateKey: testKey, Insecure: true, Proxy: "http://u:s3cret@p:1"}, kind: git.ErrRefused,
			err: "git repository h:r: not allowed: SSH goes through a socks5:// proxy only",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := git.Open(t.Context(), git.Options{URL: tc.url, Auth: tc.auth})
			wantError(t, err, tc.kind, tc.err)
			var e *git.Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *git.Error", err)
			}
		})
	}
}
