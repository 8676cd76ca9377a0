package git

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Auth is how to prove who we are to a server, and how the server proves who it is.
type Auth struct {
	Username, Password string
	// BearerToken is sent instead of user and password.
	BearerToken string
	// SSHPrivateKey is a private key without passphrase, PEM or OpenSSH format.
	SSHPrivateKey []byte
	// KnownHosts is the content of a known_hosts file. Without it SSH is refused, unless Insecure.
	KnownHosts []byte
	// ClientCert and ClientKey are a PEM pair for TLS.
	ClientCert, ClientKey []byte
	// CA is PEM of certificates to trust besides the system's.
	CA []byte
	// Insecure trusts any TLS certificate and any SSH host key.
	Insecure bool
	// Proxy is the URL of an HTTP or SOCKS5 proxy (SSH: SOCKS5 only), NoProxy the hosts that do without. Empty means
	// what the environment says, for SSH none.
	Proxy, NoProxy string
}

// String keeps credentials out of whatever is printed.
func (Auth) String() string { return "git credentials [redacted]" }

// GoString keeps credentials out of whatever is printed.
func (Auth) GoString() string { return "git.Auth{[redacted]}" }

// ParseSecret reads the fields of a Secret in Argo CD's repository format. A field that would make Argo CD use the
// repository otherwise than we can is an error.
func ParseSecret(data map[string][]byte) (repository string, auth Auth, err error) {
	get := func(field string) string { return string(data[field]) }
	if t := get("type"); t != "" && !strings.EqualFold(t, "git") {
		return "", Auth{}, fmt.Errorf("field type is %q; a config repository is of type git", t)
	}
	for _, field := range []string{
		"githubAppID", "githubAppInstallationID", "githubAppPrivateKey", "githubAppEnterpriseBaseUrl", "gcpServiceAccountKey",
	} {
		if get(field) != "" {
			return "", Auth{}, fmt.Errorf("field %s is not supported; use username and password, bearerToken, sshPrivateKey or a client certificate", field)
		}
	}
	yes := map[string]bool{}
	for _, field := range []string{"insecure", "insecureIgnoreHostKey", "useAzureWorkloadIdentity", "enableOCI"} {
		if get(field) == "" {
			continue
		}
		if yes[field], err = strconv.ParseBool(get(field)); err != nil {
			return "", Auth{}, fmt.Errorf("field %s is %q; it must be true or false", field, get(field))
		}
	}
	for _, field := range []string{"useAzureWorkloadIdentity", "enableOCI"} {
		if yes[field] {
			return "", Auth{}, fmt.Errorf("field %s is not supported", field)
		}
	}
	repository = strings.TrimSpace(get("url"))
	if repository == "" {
		return "", Auth{}, fmt.Errorf("field url is empty; it must be the config repository's URL")
	}
	if (get("tlsClientCertData") == "") != (get("tlsClientCertKey") == "") {
		return "", Auth{}, fmt.Errorf("fields tlsClientCertData and tlsClientCertKey go together, and one is empty")
	}
	if proxy := get("proxy"); proxy != "" {
		if u, err := url.Parse(proxy); err != nil || u.Host == "" {
			return "", Auth{}, fmt.Errorf("field proxy is not a URL such as http://proxy:3128")
		}
	}
	return repository, Auth{
		Username:      get("username"),
		Password:      get("password"),
		BearerToken:   get("bearerToken"),
		SSHPrivateKey: data["sshPrivateKey"],
		ClientCert:    data["tlsClientCertData"],
		ClientKey:     data["tlsClientCertKey"],
		// Argo CD takes either flag for both kinds of server, and so do we.
		Insecure: yes["insecure"] || yes["insecureIgnoreHostKey"],
		Proxy:    get("proxy"),
		NoProxy:  get("noProxy"),
	}, nil
}

// with fills in the credentials that stand in the URL.
func (a Auth) with(loc location) Auth {
	if a.Username == "" && a.Password == "" {
		a.Username, a.Password = loc.user, loc.password
	}
	return a
}

// secrets lists what must never be printed, longest first so that none is left in pieces.
func (a Auth) secrets() []string {
	list := []string{a.Password, a.BearerToken, string(a.SSHPrivateKey), string(a.ClientKey)}
	if a.Password != "" {
		list = append(list, url.QueryEscape(a.Password), url.PathEscape(a.Password),
			base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)))
	} else if a.Username != "" && a.Username != "git" {
		// A token may be given as the user alone.
		list = append(list, a.Username)
	}
	if u, err := url.Parse(a.Proxy); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			list = append(list, password, u.User.String())
		}
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(list)
}
