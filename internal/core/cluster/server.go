package cluster

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

// maxServer bounds an address; it is copied into every Application of the cluster.
const maxServer = 2048

// server reads the address as Argo CD 2.14 does: as it stands, without trailing slashes. The value is copied to Applications,
// which more people may read than Secrets, so one that can carry a password is refused and never quoted.
func (r *reader) server() {
	text := strings.TrimRight(r.data("server"), "/")
	if text == "" {
		r.hold(CodeNoServer, "data.server is missing, so Argo CD cannot address the cluster; write the API server's URL, such as https://10.0.0.1:6443")
		return
	}
	u, err := ParseServer(text)
	if err != nil {
		r.hold(CodeInvalidServer, "data.server %v; write the API server's URL, such as https://10.0.0.1:6443", err)
		return
	}
	r.facts.Server = text
	if u.Scheme == "http" {
		r.problem(CodePlainHTTP, "data.server is an http:// address: credentials and manifests travel unencrypted; use https://")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && LinkLocal(addr) {
		r.problem(CodeLinkLocal, "data.server is the link-local address %s, where cloud providers serve machine credentials; the cluster is not asked for its version; use the API server's own address", addr)
	}
}

// ParseServer reads an address in the forms that client-go takes, a URL or host:port, and says why it is none. Its errors repeat
// nothing of the text, for it can hold a password.
func ParseServer(text string) (*url.URL, error) {
	if len(text) > maxServer {
		return nil, errors.New("is longer than an address can be")
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("is not valid UTF-8")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		if strings.Contains(text, "://") {
			return nil, errors.New("is not a URL with a host")
		}
		if u, err = url.Parse("https://" + text); err != nil || u.Path != "" {
			return nil, errors.New("is neither a URL nor host:port")
		}
	}
	switch {
	case u.User != nil:
		return nil, errors.New("contains a user name or password, which belong in data.config")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("has a query or fragment")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("has a scheme other than https")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.ContainsAny(u.Host, " \t{}$`\"'<>\\|^"):
		return nil, errors.New("has no usable host name")
	}
	return u, nil
}

// LinkLocal reports whether an address can only be a neighbour's or a cloud provider's metadata service, never an API server.
func LinkLocal(a netip.Addr) bool {
	return egress.Metadata(a) || a.IsLinkLocalMulticast()
}

// serverKey is equal for two spellings of one address.
func serverKey(server string) string {
	u, err := ParseServer(server)
	if err != nil {
		return server
	}
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host + strings.TrimRight(u.Path, "/")
}
