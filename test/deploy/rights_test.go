package deploy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// needed is everything that the manager does to the API of the management cluster: verb, resource with its group, and the
// name where only one object is meant.
var needed = []string{
	"create applicationsets.argoproj.io",
	"create clusteraddons.addons.kaas.dev",
	"create events",
	"create events.events.k8s.io",
	"create leases.coordination.k8s.io",
	"delete applications.argoproj.io",
	"delete clusteraddons.addons.kaas.dev",
	"get applications.argoproj.io",
	"get applicationsets.argoproj.io",
	"get catalogsources.addons.kaas.dev",
	"get clusteraddons.addons.kaas.dev",
	"get configmaps argocd-ssh-known-hosts-cm",
	"get leases.coordination.k8s.io addon-manager.addons.kaas.dev",
	"get secrets",
	"list applications.argoproj.io",
	"list applicationsets.argoproj.io",
	"list catalogsources.addons.kaas.dev",
	"list clusteraddons.addons.kaas.dev",
	"list secrets",
	"patch applications.argoproj.io",
	"patch applicationsets.argoproj.io",
	"patch catalogsources.addons.kaas.dev/status",
	"patch clusteraddons.addons.kaas.dev",
	"patch clusteraddons.addons.kaas.dev/status",
	"patch events",
	"patch events.events.k8s.io",
	"patch leases.coordination.k8s.io addon-manager.addons.kaas.dev",
	"update leases.coordination.k8s.io addon-manager.addons.kaas.dev",
	"watch applications.argoproj.io",
	"watch applicationsets.argoproj.io",
	"watch catalogsources.addons.kaas.dev",
	"watch clusteraddons.addons.kaas.dev",
	"watch secrets",
}

// dangerous is what the manager must never be able to do, in its own namespace.
var dangerous = []string{
	"bind roles.rbac.authorization.k8s.io",
	"create applications.argoproj.io",
	"create pods",
	"create pods/exec argocd-server-0",
	"create rolebindings.rbac.authorization.k8s.io",
	"create secrets",
	"create serviceaccounts/token argocd-server",
	"delete applicationsets.argoproj.io",
	"delete catalogsources.addons.kaas.dev",
	"delete leases.coordination.k8s.io addon-manager.addons.kaas.dev",
	"delete secrets",
	"deletecollection applications.argoproj.io",
	"deletecollection clusteraddons.addons.kaas.dev",
	"escalate roles.rbac.authorization.k8s.io",
	"get configmaps argocd-cm",
	"impersonate serviceaccounts argocd-server",
	"patch appprojects.argoproj.io",
	"patch catalogsources.addons.kaas.dev",
	"patch deployments.apps addon-manager",
	"patch roles.rbac.authorization.k8s.io addon-manager",
	"patch secrets",
	"update leases.coordination.k8s.io somebody-else",
	"update secrets",
}

// elsewhere is what it must not be able to do outside its namespace, or to what has none.
var elsewhere = []string{
	"create clusterrolebindings.rbac.authorization.k8s.io",
	"create subjectaccessreviews.authorization.k8s.io",
	"create tokenreviews.authentication.k8s.io",
	"delete customresourcedefinitions.apiextensions.k8s.io",
	"delete namespaces",
	"get nodes/proxy node-1",
	"get secrets",
	"impersonate groups system:masters",
	"impersonate users admin",
	"list applications.argoproj.io",
	"list secrets",
	"patch clusterroles.rbac.authorization.k8s.io addon-manager-view",
	"patch clusteraddons.addons.kaas.dev",
	"watch secrets",
}

func TestRulesGrantExactlyWhatIsNeeded(t *testing.T) {
	var granted []string
	for _, o := range build(t, "deploy") {
		switch {
		case strings.HasSuffix(o.GetKind(), "Binding"):
			role, _, _ := unstructured.NestedString(o.Object, "roleRef", "kind")
			if o.GetKind() != "RoleBinding" || role != "Role" {
				t.Errorf("%s %q binds a %s: the manager's rights end at its namespace", o.GetKind(), o.GetName(), role)
			}
		case o.GetKind() == "Role":
			granted = append(granted, expand(t, o)...)
		}
	}
	slices.Sort(granted)
	if diff := cmp.Diff(needed, granted); diff != "" {
		t.Errorf("rights of the Roles in deploy/ (-needed +granted):\n%s", diff)
	}
}

func TestClusterAPIGrantsReadingOnly(t *testing.T) {
	var granted []string
	for _, o := range build(t, "deploy/components/cluster-api") {
		if o.GetKind() == "ClusterRole" {
			granted = append(granted, expand(t, o)...)
		}
	}
	want := []string{"list clusters.cluster.x-k8s.io", "get kubeadmcontrolplanes.controlplane.cluster.x-k8s.io"}
	if diff := cmp.Diff(want, granted); diff != "" {
		t.Errorf("rights that the component adds (-want +granted):\n%s", diff)
	}
}

func TestNoRuleHasAWildcard(t *testing.T) {
	for _, o := range append(build(t, "deploy"), build(t, "deploy/components/cluster-api")...) {
		if o.GetKind() != "Role" && o.GetKind() != "ClusterRole" {
			continue
		}
		for _, right := range expand(t, o) {
			if strings.Contains(right, "*") {
				t.Errorf("%s %q: %s", o.GetKind(), o.GetName(), right)
			}
		}
	}
}

// expand writes every right of a Role out.
func expand(t *testing.T, o *unstructured.Unstructured) (rights []string) {
	t.Helper()
	role := &rbacv1.Role{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role); err != nil {
		t.Fatal(err)
	}
	for _, rule := range role.Rules {
		for _, url := range rule.NonResourceURLs {
			rights = append(rights, "url "+url)
		}
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						resource, subresource, _ := strings.Cut(resource, "/")
						rights = append(rights, rightText(verb, group, resource, subresource, name))
					}
				}
			}
		}
	}
	return rights
}

// rightText writes one right as the tables above do.
func rightText(verb, group, resource, subresource, name string) string {
	text := verb + " " + resource
	if group != "" {
		text += "." + group
	}
	if subresource != "" {
		text += "/" + subresource
	}
	if name != "" {
		text += " " + name
	}
	return text
}

// attributes reads one line of the tables above.
func attributes(right, namespace string) *authorizationv1.ResourceAttributes {
	fields := strings.Fields(right)
	a := &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: fields[0]}
	if len(fields) > 2 {
		a.Name = fields[2]
	}
	resource, subresource, _ := strings.Cut(fields[1], "/")
	a.Resource, a.Group, _ = strings.Cut(resource, ".")
	a.Subresource = subresource
	return a
}

func TestServiceAccountMayDoWhatIsNeededAndNothingDangerous(t *testing.T) {
	installed(t)
	kube, err := kubernetes.NewForConfig(cluster.Get(t).Config)
	if err != nil {
		t.Fatal(err)
	}
	account := "system:serviceaccount:" + namespace + ":addon-manager"
	may := func(ctx context.Context, right, in string) error {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: account, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
			ResourceAttributes: attributes(right, in),
		}}
		got, err := kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !got.Status.Allowed {
			err = fmt.Errorf("%s in namespace %q: not allowed", right, in)
		}
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, right := range needed {
		// The authorizer learns of new bindings from a watch.
		if err := plane.Until(ctx, func(ctx context.Context) error { return may(ctx, right, namespace) }); err != nil {
			t.Error(err)
		}
	}
	for _, right := range dangerous {
		if may(t.Context(), right, namespace) == nil {
			t.Errorf("%s in namespace %q: allowed, and must not be", right, namespace)
		}
	}
	for _, right := range elsewhere {
		for _, in := range []string{"", "kube-system"} {
			if may(t.Context(), right, in) == nil {
				t.Errorf("%s in namespace %q: allowed, and must not be", right, in)
			}
		}
	}
}
