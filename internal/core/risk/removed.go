package risk

import (
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

const syncOptions = "argocd.argoproj.io/sync-options"

// removal flags what Argo CD deletes. What the catalog says by pruneCRDs is about an addon that is switched off, not about what a release drops.
func (x *finder) removal(c diff.Change) {
	switch {
	case c.Kind == diff.Removed:
		weight, loss := lost(c.Before)
		switch {
		case c.Before.Hook != "":
			x.flag(ObjectRemoved, c.Object, "", "the %s hook is gone: it no longer runs", c.Before.Hook)
		case kept(c.Before):
			x.flag(ObjectRemoved, c.Object, "", "leaves the release, and stays on the clusters because of its sync option Prune=false: nobody looks after it any more")
		case x.untracked(c.Before):
			x.weigh(1, ObjectRemoved, c.Object, "", "leaves the release, and stays on the clusters: Argo CD puts its mark on no CustomResourceDefinition, and deletes only what has it; nobody looks after it any more")
		default:
			x.weigh(weight, ObjectRemoved, c.Object, "", "Argo CD deletes it with this release%s", loss)
		}
	case c.Kind == diff.Renamed && c.From.Namespace != c.Object.Namespace:
		weight, loss := lost(c.Before)
		x.weigh(weight, NamespaceChanged, c.Object, "/metadata/namespace", "moves from namespace %s to %s: %s is deleted there%s, and made anew here",
			quote(c.From.Namespace), quote(c.Object.Namespace), quote(c.From.Name), loss)
	case c.Kind == diff.Renamed && !generated(*c.From, c.Object) && c.Before.Hook == "":
		weight, loss := lost(c.Before)
		x.weigh(weight, ObjectRemoved, c.Object, "/metadata/name", "is %s under a new name: the old one is deleted%s, and this one made anew", quote(c.From.Name), loss)
	}
}

// instanceLabel is how Argo CD knows its objects, where it is not configured otherwise: by the name of the Application.
const instanceLabel = "app.kubernetes.io/instance"

// untracked tells that Argo CD does not know an object as its own: it marks no CustomResourceDefinition. Charts that label them with the
// name of the release, which is the Application's, make it believe so all the same.
func (x *finder) untracked(o *manifest.Object) bool {
	return isDefinition(o) && manifest.Text(o.Content, "metadata", "labels", instanceLabel) != x.facts.Addon.Name
}

func isDefinition(o *manifest.Object) bool {
	return o.GroupKind() == "CustomResourceDefinition.apiextensions.k8s.io"
}

func kept(o *manifest.Object) bool {
	return option(o.Content, "Prune=false")
}

// option reports whether an object has a sync option of Argo CD.
func option(content map[string]any, want string) bool {
	options := strings.Split(manifest.Text(content, "metadata", "annotations", syncOptions), ",")
	return slices.ContainsFunc(options, func(s string) bool { return strings.TrimSpace(s) == want })
}

var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// generated reports whether kustomize gave a new name to new content: what uses it names the new one, and rolls out with it.
func generated(from, to manifest.ID) bool {
	return to.Group == "" && (to.Kind == "ConfigMap" || to.Kind == "Secret") && from.Name != to.Name &&
		hashed.MatchString(from.Name) && hashed.ReplaceAllString(from.Name, "") == hashed.ReplaceAllString(to.Name, "")
}

// losses are what goes with an object of a kind, from bad to worse.
var losses = map[string]struct {
	weight int
	text   string
}{
	"Namespace":             {9, ", and everything in the namespace, whoever made it, volumes included"},
	"PersistentVolumeClaim": {8, ", and the data of the volume with it unless the volume is retained"},
	"PersistentVolume":      {8, ": the volume, and the data unless it is retained"},
	"StatefulSet.apps":      {7, ", and stops its pods; the volumes of its claims stay behind"},
	"ValidatingWebhookConfiguration.admissionregistration.k8s.io":   {6, ": what it refused is let through from then on"},
	"MutatingWebhookConfiguration.admissionregistration.k8s.io":     {6, ": what it changed or filled in goes in as written from then on"},
	"ValidatingAdmissionPolicy.admissionregistration.k8s.io":        {6, ": what it refused is let through from then on"},
	"ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": {6, ": what it refused is let through from then on"},
	"APIService.apiregistration.k8s.io":                             {6, ": its API is gone for all who use it"},
	"DaemonSet.apps":                                                {5, ", and stops its pods on every node"},
	"Deployment.apps":                                               {5, ", and stops its pods"},
	"Service":                                                       {4, ": its address is gone, and a load balancer with it"},
	"Ingress.networking.k8s.io":                                     {4, ": what reached it from outside does no longer"},
	"StorageClass.storage.k8s.io":                                   {4, ": claims that name it stay pending"},
	"CSIDriver.storage.k8s.io":                                      {4, ": its volumes can no longer be mounted"},
	"PriorityClass.scheduling.k8s.io":                               {4, ": pods that name it are refused at creation"},
	"IngressClass.networking.k8s.io":                                {4, ": Ingresses that name it are served by nobody"},
	"RuntimeClass.node.k8s.io":                                      {4, ": pods that name it are refused"},
	"ClusterRole.rbac.authorization.k8s.io":                         {3, ": whoever was bound to it loses these rights"},
	"ClusterRoleBinding.rbac.authorization.k8s.io":                  {3, ": its subjects lose these rights"},
	"Role.rbac.authorization.k8s.io":                                {3, ": whoever was bound to it loses these rights"},
	"RoleBinding.rbac.authorization.k8s.io":                         {3, ": its subjects lose these rights"},
	"ServiceAccount":                                                {3, ": pods that run as it cannot be made, and its tokens end"},
	"Secret":                                                        {2, ": pods that need it cannot start"},
	"ConfigMap":                                                     {1, ": pods that need it cannot start"},
}

// lost says how bad it is that an object goes, and what goes with it.
func lost(o *manifest.Object) (weight int, text string) {
	if isDefinition(o) {
		kind := manifest.Text(o.Content, "spec", "names", "kind")
		return 10, ", and Kubernetes with it every " + kind + " on the cluster, whoever made it: unless nobody has any, give it the sync option Prune=false one release earlier"
	}
	l := losses[o.GroupKind()]
	return l.weight, l.text
}
