package cluster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Secret is a cluster Secret as it comes from the API server or from a file. Read does not change it.
type Secret struct {
	Name, Namespace, UID string
	Labels, Annotations  map[string]string
	Data                 map[string][]byte
	// Deleting is set once the Secret has a deletion timestamp.
	Deleting bool
}

const (
	// project is the AppProject of all our Applications (DESIGN: What the manager writes).
	project = "addons"
	// localName is the name that Argo CD gives the cluster it runs in.
	localName = "in-cluster"
	// LocalServer is the address under which Argo CD knows the cluster it runs in.
	LocalServer = "https://kubernetes.default.svc"
	// maxObjectName is what an API server accepts as the name of an object.
	maxObjectName = 253
	// maxListed bounds how many problems of one kind, or how many names, are spelled out.
	maxListed = 10
)

// objectName is a DNS-1123 subdomain.
var objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// Read turns a Secret into facts. It always answers: what is wrong becomes a problem, and what makes it unsafe to change anything
// becomes the hold; the first of several, in the order in which they are checked. The hold is listed among the problems
// too, unless it is an ordinary state such as a deletion. No message quotes data that may be a credential.
func Read(s Secret) Facts {
	r := reader{
		secret: s,
		facts:  Facts{Name: s.Name, Labels: s.Labels, Annotations: s.Annotations},
		where:  "Secret " + plain(s.Namespace) + "/" + plain(s.Name),
	}
	r.object()
	r.text()
	r.server()
	r.config()
	r.name()
	r.scope()
	r.version()
	r.pause()
	r.onDisable()
	r.unknownAnnotations()
	return r.facts
}

// reader collects the facts of one Secret.
type reader struct {
	secret Secret
	facts  Facts
	where  string
}

func (r *reader) problem(code fault.Code, format string, args ...any) {
	r.facts.Problems = append(r.facts.Problems, fault.Problem{Code: code, Where: r.where, Message: fmt.Sprintf(format, args...)})
}

// hold reports a problem that stops every change on the cluster.
func (r *reader) hold(code fault.Code, format string, args ...any) {
	reason := fault.Reasonf(code, format, args...)
	r.facts.Problems = append(r.facts.Problems, fault.Problem{Code: code, Where: r.where, Message: reason.Message})
	if r.facts.Hold == nil {
		r.facts.Hold = &reason
	}
}

func (r *reader) data(key string) string { return string(r.secret.Data[key]) }

// object looks at what the API server knows about the Secret. A name that no API server accepts can only come from a file.
func (r *reader) object() {
	if n := r.secret.Name; len(n) > maxObjectName || !objectName.MatchString(n) {
		r.hold(CodeInvalidObjectName, "metadata.name %s is not a name that an API server accepts; use lower case letters, digits, - and ., at most %d", quote(n), maxObjectName)
	}
	if r.secret.Deleting {
		if r.facts.Hold == nil {
			r.facts.Hold = &fault.Reason{Code: CodeDeleting, Message: "the cluster Secret is being deleted; what was delivered to the cluster stays as it is"}
		}
	}
	if t := r.secret.Labels[SecretTypeLabel]; t != SecretType {
		r.hold(CodeNotACluster, "label %s is %s, so Argo CD does not take this Secret for a cluster; set it to %q, or decommission the cluster by name", SecretTypeLabel, quote(t), SecretType)
	}
}

// text reports data that Argo CD will read differently from how it was written, since it replaces what is not UTF-8.
func (r *reader) text() {
	for _, key := range []string{"name", "server", "config", "namespaces", "clusterResources", "project", "shard"} {
		if !utf8.Valid(r.secret.Data[key]) {
			r.problem(CodeInvalidText, "data.%s is not valid UTF-8; write it again as UTF-8", key)
		}
	}
}

// name looks at the display name. It is shown to people and passed as a parameter; it identifies nothing.
func (r *reader) name() {
	name := strings.ToValidUTF8(r.data("name"), string(utf8.RuneError))
	r.facts.DisplayName = name
	switch {
	case name == "":
		r.hold(CodeNoName, "data.name is missing; Argo CD 2.14 then reports the cluster as one that does not exist and refuses its Applications; add a name that no other cluster has")
	case len(name) > maxObjectName:
		r.problem(CodeUnusualName, "data.name %s is longer than %d bytes; it is only shown, but choose a shorter one", quote(name), maxObjectName)
	case strings.ContainsFunc(name, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsGraphic(c) }):
		r.problem(CodeUnusualName, "data.name %s has spaces or invisible characters; it is only shown, but choose one without", quote(name))
	case name == localName && r.facts.Server != LocalServer:
		r.problem(CodeReservedName, "data.name is %q, which Argo CD uses for the cluster it runs in (%s); choose another", localName, LocalServer)
	}
}

// scope looks at what limits Argo CD's use of the cluster.
func (r *reader) scope() {
	if p := r.data("project"); p != "" && p != project {
		r.problem(CodeForeignProject, "data.project is %s: the cluster is scoped to that Argo CD project; if AppProject %q sets permitOnlyProjectScopedClusters, Argo CD refuses the addons here; set data.project to %q or remove it", quote(p), project, project)
	}
	if shard, set := r.secret.Data["shard"]; set && shard != nil {
		if _, err := strconv.Atoi(string(shard)); err != nil {
			r.problem(CodeInvalidShard, "data.shard %s is not a number; Argo CD ignores it and chooses a shard itself; write a number or remove it", quote(string(shard)))
		}
	}
	limited := strings.ContainsFunc(r.data("namespaces"), func(c rune) bool { return c != ',' && !unicode.IsSpace(c) })
	if limited && r.data("clusterResources") != "true" {
		r.problem(CodeNamespaced, "data.namespaces limits Argo CD to some namespaces, and data.clusterResources is not \"true\"; addons with cluster-wide objects such as CRDs cannot be delivered; remove data.namespaces or set data.clusterResources to \"true\"")
	}
}

func (r *reader) version() {
	text, set := r.secret.Annotations[VersionAnnotation]
	if !set {
		return
	}
	v, err := version.ParseKubernetes(text)
	if err != nil {
		r.hold(CodeInvalidVersion, "annotation %s: %v; correct it, or remove it so that the version is detected", VersionAnnotation, err)
		return
	}
	r.facts.ReportedVersion = v
}

// pause takes every value that is not clearly "no pause" for a pause: who writes `True` or `yes` wants nothing to change.
func (r *reader) pause() {
	text := r.secret.Annotations[PausedAnnotation]
	r.facts.Paused = text != "" && text != "false"
	if r.facts.Paused && text != "true" {
		r.problem(CodeInvalidPause, "annotation %s is %s, which is taken for a pause; write \"true\" or \"false\"", PausedAnnotation, quote(text))
	}
}

// annotations are those of ours that mean something on a cluster Secret.
var annotations = []string{VersionAnnotation, PausedAnnotation, OnDisableAnnotation}

// unknownAnnotations finds slips such as `addons.kaas.dev/pause` or a switch that was written as an annotation.
func (r *reader) unknownAnnotations() {
	var keys []string
	for key := range r.secret.Annotations {
		if strings.HasPrefix(key, catalog.LabelPrefix) && !slices.Contains(annotations, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for i, key := range keys {
		if i == maxListed {
			r.problem(CodeUnknownAnnotation, "%d more annotations starting with %s have no meaning", len(keys)-i, catalog.LabelPrefix)
			break
		}
		r.problem(CodeUnknownAnnotation, "annotation %s has no meaning; known are %s; addons are switched by labels", plain(key), strings.Join(annotations, ", "))
	}
}

// maxQuoted is how many characters of a value a message repeats.
const maxQuoted = 40

// quote makes a short, printable form of a value that is no credential.
func quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.QuoteToGraphic(s)
	}
	cut := s[:maxQuoted]
	for len(cut) > 0 && !utf8.RuneStart(s[len(cut)]) {
		cut = cut[:len(cut)-1]
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.QuoteToGraphic(cut), len(s))
}

// plain is a name as it is, and quoted when it is none.
func plain(s string) string {
	if s == "" || len(s) > maxObjectName+len(catalog.LabelPrefix) || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return quote(s)
	}
	return s
}
