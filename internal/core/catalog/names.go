package catalog

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The longest names. An addon's name is the name part of a label key, which holds 63 bytes.
const (
	maxLabel = 63
	maxName  = 253
)

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func checkLabel(s, what string) error {
	if len(s) > maxLabel {
		return fmt.Errorf("%s is too long: at most %d bytes are allowed", quote(s), maxLabel)
	}
	if !dnsLabel.MatchString(s) {
		return fmt.Errorf("%s is not %s: want lower-case letters, digits and inner dashes, such as cert-manager", quote(s), what)
	}
	return nil
}

func checkAddonName(s string) error {
	if slices.Contains(Reserved, s) {
		return fmt.Errorf("%q is reserved, %s%s means something else: choose another name", s, LabelPrefix, s)
	}
	return checkLabel(s, "an addon's name")
}

func checkNamespace(s string) error { return checkLabel(s, "a namespace") }

// maxPath leaves room for the files inside.
const maxPath = 512

// A path's letters are few on purpose: what needs no quoting anywhere cannot be quoted wrongly.
var pathElement = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func checkPath(s string) error {
	if len(s) > maxPath {
		return fmt.Errorf("%s is too long: at most %d bytes are allowed", quote(s), maxPath)
	}
	if strings.HasPrefix(s, "/") {
		return fmt.Errorf("%s is absolute: want a folder inside the repository, such as addons/cert-manager", quote(s))
	}
	if strings.Contains(s, `\`) {
		return fmt.Errorf("%s has a backslash: divide folders by /", quote(s))
	}
	for element := range strings.SplitSeq(s, "/") {
		switch {
		case element == "..":
			return fmt.Errorf("%s leaves its folder with ..: write the folder's own path", quote(s))
		case strings.EqualFold(element, ".git"):
			return fmt.Errorf("%s goes through .git, which is never delivered: choose another folder", quote(s))
		case element != "" && !pathElement.MatchString(element):
			return fmt.Errorf("%s is not a folder's path: want letters, digits, dots, dashes and underscores, divided by /", quote(s))
		}
	}
	if s == "." {
		return fmt.Errorf("%q is the whole repository: want a folder inside it, such as addons/cert-manager", s)
	}
	if clean := path.Clean(s); clean != s {
		return fmt.Errorf("%s is not the shortest form: write %s", quote(s), quote(clean))
	}
	return nil
}

// A parameter's name is a Helm values path and, for kustomize, a ConfigMap key.
var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$`)

func checkParameterName(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("%s is too long: at most %d bytes are allowed", quote(s), maxName)
	}
	if !parameterName.MatchString(s) {
		return fmt.Errorf("%s is not a parameter's name: want words of letters, digits, - and _, divided by dots, such as cluster.name", quote(s))
	}
	return nil
}

var (
	keyName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	keyPrefix = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
)

// checkKey checks the key of a label or annotation as Kubernetes does.
func checkKey(s string) error {
	name := s
	if prefix, rest, ok := strings.Cut(s, "/"); ok {
		if len(prefix) > maxName || !keyPrefix.MatchString(prefix) {
			return fmt.Errorf("%s is not a key: the part before / must be a DNS name, such as topology.kubernetes.io", quote(s))
		}
		name = rest
	}
	if len(name) > maxLabel || !keyName.MatchString(name) {
		return fmt.Errorf("%s is not a key: its name must be 1 to %d letters, digits, dots, dashes and underscores, a letter or digit at both ends", quote(s), maxLabel)
	}
	return nil
}

var syncOption = regexp.MustCompile(`^([A-Za-z]{1,63})=[A-Za-z0-9,._-]{1,255}$`)

func checkSyncOption(s string) (key string, err error) {
	m := syncOption.FindStringSubmatch(s)
	if m == nil {
		return "", fmt.Errorf("%s is not a sync option: want the form ServerSideApply=true", quote(s))
	}
	return m[1], nil
}

func checkPointer(s string) error {
	if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("%s is not a JSON pointer: it starts with /, such as /spec/replicas", quote(s))
	}
	return nil
}

// schemes are those that new versions are looked for with. Everything else is a way to read local files or run programs.
var schemes = []string{"https", "http", "oci"}

func checkURL(s string) error { return checkAddress(s, schemes) }

// checkGit checks the URL of a Git repository. Git's own ways to name one run programs (ext::) or need a key that nobody gave.
func checkGit(s string) error { return checkAddress(s, []string{"https", "http"}) }

func checkAddress(s string, schemes []string) error {
	u, err := url.Parse(s)
	if err != nil {
		// The error of net/url quotes the URL, and a URL may hold a password.
		return fmt.Errorf("not a URL: want the form https://charts.example.com")
	}
	if u.User != nil {
		return fmt.Errorf("the URL holds a user or password: remove it, credentials belong in a Secret")
	}
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("%s has the scheme %s: want one of %s", quote(s), quote(u.Scheme), strings.Join(schemes, ", "))
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return fmt.Errorf("%s names no host: want the form https://charts.example.com", quote(s))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s has a query or fragment: remove it", quote(s))
	}
	if strings.ContainsAny(s, " \t\n") {
		return fmt.Errorf("%s holds a space: remove it", quote(s))
	}
	return checkHost(u.Hostname())
}

// metadataHosts answer with a cloud machine's credentials.
var metadataHosts = []string{"metadata", "metadata.google.internal", "instance-data"}

// checkHost refuses hosts that give away a machine's credentials, in every notation that some resolver reads as an address.
func checkHost(host string) error {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if slices.Contains(metadataHosts, host) {
		return fmt.Errorf("the host %s is a cloud's metadata service: name another", quote(host))
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		last := host[strings.LastIndexByte(host, '.')+1:]
		if last == "" || last[0] >= '0' && last[0] <= '9' {
			return fmt.Errorf("the host %s is neither a name nor an address: write it in full", quote(host))
		}
		return nil
	}
	ip = ip.Unmap()
	if ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.MustParseAddr("fd00:ec2::254") {
		return fmt.Errorf("the host %s is link-local or no single machine: name another", quote(host))
	}
	return nil
}

var chart = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)

func checkChart(s string) error {
	if len(s) > maxName || !chart.MatchString(s) {
		return fmt.Errorf("%s is not a chart's name: want letters, digits, dots, dashes and underscores", quote(s))
	}
	return nil
}

var github = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`)

func checkGitHub(s string) error {
	if !github.MatchString(s) || strings.HasSuffix(s, "/.") || strings.HasSuffix(s, "/..") {
		return fmt.Errorf("%s is not a GitHub repository: want the form owner/name", quote(s))
	}
	return nil
}

var asset = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$`)

func checkAsset(s string) error {
	if !asset.MatchString(s) {
		return fmt.Errorf("%s is not the name of a release's file: want letters, digits, dots, dashes, + and _", quote(s))
	}
	return nil
}

var image = regexp.MustCompile(`^(?:([A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$`)

func checkImage(s string) error {
	m := image.FindStringSubmatch(s)
	if len(s) > maxName || m == nil {
		return fmt.Errorf("%s is not an image: want its name without tag or digest, such as registry.k8s.io/pause", quote(s))
	}
	if strings.ContainsAny(m[1], ".[") {
		return checkHost(strings.Trim(m[1], "[]"))
	}
	return nil
}
