package deploy_test

import (
	"context"
	"fmt"
	"os"
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
	"delete applicationsets.argoproj.io",
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
	"delete catalogsources.addons.kaas.dev",
	"delete leases.coordination.k8s.io addon-manager.addons.kaas.dev",
	"delete secrets",
	"deletecollection applications.argoproj.io",
	"deletecollection applicationsets.argoproj.io",
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
	"delete validatingadmissionpolicies.admissionregistration.k8s.io addon-manager-deliveries",
	"delete validatingadmissionpolicybindings.admissionregistration.k8s.io addon-manager-deliveries",
	"get nodes/proxy node-1",
	"get secrets",
	"impersonate groups system:masters",
	"impersonate users admin",
	"list applications.argoproj.io",
	"list secrets",
	"patch clusterroles.rbac.authorization.k8s.io addon-manager-view",
	"patch clusteraddons.addons.kaas.dev",
	"patch validatingadmissionpolicies.admissionregistration.k8s.io addon-manager-deliveries",
	"watch secrets",
}

// operators is what release managers may do in the manager's namespace once they are bound to its Role: read and write what people order.
var operators = []string{
	"get catalogsources.addons.kaas.dev",
	"get clusteraddons.addons.kaas.dev",
	"list catalogsources.addons.kaas.dev",
	"list clusteraddons.addons.kaas.dev",
	"patch catalogsources.addons.kaas.dev",
	"patch clusteraddons.addons.kaas.dev",
	"update catalogsources.addons.kaas.dev",
	"update clusteraddons.addons.kaas.dev",
	"watch catalogsources.addons.kaas.dev",
	"watch clusteraddons.addons.kaas.dev",
}

// notForOperators is what release managers must not be able to do by that Role.
var notForOperators = []string{
	"create catalogsources.addons.kaas.dev",
	"create clusteraddons.addons.kaas.dev",
	"delete applications.argoproj.io",
	"delete applicationsets.argoproj.io",
	"delete catalogsources.addons.kaas.dev",
	"delete clusteraddons.addons.kaas.dev",
	"get secrets",
	"list secrets",
	"patch applications.argoproj.io",
	"patch applicationsets.argoproj.io",
	"patch catalogsources.addons.kaas.dev/status",
	"patch clusteraddons.addons.kaas.dev/status",
	"patch secrets",
	"update catalogsources.addons.kaas.dev/status",
	"update clusteraddons.addons.kaas.dev/status",
}

// viewers is what everybody sees who may view a namespace.
var viewers = []string{
	"get catalogsources.addons.kaas.dev",
	"get clusteraddons.addons.kaas.dev",
	"list catalogsources.addons.kaas.dev",
	"list clusteraddons.addons.kaas.dev",
	"watch catalogsources.addons.kaas.dev",
	"watch clusteraddons.addons.kaas.dev",
}

func TestRulesGrantExactlyWhatIsNeeded(t *testing.T) {
	manager, people := map[string]bool{}, map[string][]string{}
	for _, o := range build(t, "deploy") {
		if strings.HasSuffix(o.GetKind(), "RoleBinding") {
			role, _, _ := unstructured.NestedStringMap(o.Object, "roleRef")
			if o.GetKind() != "RoleBinding" || role["kind"] != "Role" {
				t.Errorf("%s %q binds a %s: the manager's rights end at its namespace", o.GetKind(), o.GetName(), role["kind"])
			}
			manager[role["name"]] = true // Nobody else is bound to anything: see TestOnlyTheManagerIsBound.
		}
	}
	var granted []string
	for _, o := range build(t, "deploy") {
		switch {
		case o.GetKind() == "Role" && manager[o.GetName()]:
			granted = append(granted, expand(t, o)...)
		case o.GetKind() == "Role" || o.GetKind() == "ClusterRole":
			people[o.GetKind()+" "+o.GetName()] = slices.Sorted(slices.Values(expand(t, o)))
		}
	}
	slices.Sort(granted)
	if diff := cmp.Diff(needed, granted); diff != "" {
		t.Errorf("rights of the manager's Roles in deploy/ (-needed +granted):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"ClusterRole addon-manager-view": viewers, "Role addon-manager-operator": operators}, people); diff != "" {
		t.Errorf("Roles in deploy/ that are for people (-want +granted):\n%s", diff)
	}
}

// TestOnlyTheManagerIsBound leaves it to whoever installs deploy/ to say who the people are.
func TestOnlyTheManagerIsBound(t *testing.T) {
	want := []any{object{"kind": "ServiceAccount", "name": "addon-manager", "namespace": namespace}}
	for _, o := range build(t, "deploy") {
		if o.GetKind() != "RoleBinding" {
			continue
		}
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		if diff := cmp.Diff(want, subjects); diff != "" {
			t.Errorf("subjects of RoleBinding %q (-want +got):\n%s", o.GetName(), diff)
		}
	}
}

// components are the folders of deploy/components, and the rights beyond Argo CD's namespace that each adds to the manager's.
var components = map[string][]string{
	"cluster-api": {"list clusters.cluster.x-k8s.io", "get kubeadmcontrolplanes.controlplane.cluster.x-k8s.io"},
	"prune-crds":  {"get customresourcedefinitions.apiextensions.k8s.io", "delete customresourcedefinitions.apiextensions.k8s.io"},
}

func TestComponentsGrantExactlyWhatTheySay(t *testing.T) {
	folders, err := os.ReadDir(root + "/deploy/components")
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string][]string{}
	for _, folder := range folders {
		granted[folder.Name()] = nil
		for _, o := range build(t, "deploy/components/"+folder.Name()) {
			switch o.GetKind() {
			case "ClusterRole":
				granted[folder.Name()] = append(granted[folder.Name()], expand(t, o)...)
			case "ClusterRoleBinding":
				subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
				if diff := cmp.Diff([]any{object{"kind": "ServiceAccount", "name": "addon-manager", "namespace": namespace}}, subjects); diff != "" {
					t.Errorf("%s: subjects of ClusterRoleBinding %q (-want +got):\n%s", folder.Name(), o.GetName(), diff)
				}
			default:
				t.Errorf("%s has a %s: components add rights only", folder.Name(), o.GetKind())
			}
		}
	}
	if diff := cmp.Diff(components, granted); diff != "" {
		t.Errorf("rights that components add (-want +granted):\n%s", diff)
	}
}

func TestNoRuleHasAWildcard(t *testing.T) {
	all := build(t, "deploy")
	for component := range components {
		all = append(all, build(t, "deploy/components/"+component)...)
	}
	for _, o := range all {
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

// asked answers whether somebody may do what a line of the tables above says.
func asked(t *testing.T, user string, groups ...string) (may func(ctx context.Context, right, namespace string) error) {
	t.Helper()
	kube, err := kubernetes.NewForConfig(cluster.Get(t).Config)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, right, in string) error {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user, Groups: append(groups, "system:authenticated"), ResourceAttributes: attributes(right, in),
		}}
		got, err := kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !got.Status.Allowed {
			err = fmt.Errorf("%s in namespace %q: not allowed", right, in)
		}
		return err
	}
}

// checkRights wants everything of allowed to be possible in the manager's namespace, and nothing of refused.
func checkRights(t *testing.T, may func(ctx context.Context, right, namespace string) error, allowed, refused []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, right := range allowed {
		// The authorizer learns of new bindings from a watch.
		if err := plane.Until(ctx, func(ctx context.Context) error { return may(ctx, right, namespace) }); err != nil {
			t.Error(err)
		}
	}
	for _, right := range refused {
		if may(t.Context(), right, namespace) == nil {
			t.Errorf("%s in namespace %q: allowed, and must not be", right, namespace)
		}
	}
}

func TestServiceAccountMayDoWhatIsNeededAndNothingDangerous(t *testing.T) {
	installed(t)
	may := asked(t, "system:serviceaccount:"+namespace+":addon-manager", "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	checkRights(t, may, needed, dangerous)
	for _, right := range elsewhere {
		for _, in := range []string{"", "kube-system"} {
			if may(t.Context(), right, in) == nil {
				t.Errorf("%s in namespace %q: allowed, and must not be", right, in)
			}
		}
	}
}

func TestReleaseManagersMaySteerAndNothingElse(t *testing.T) {
	c := installed(t)
	create(t, c, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "release-managers", Namespace: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "addon-manager-operator"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "release-managers"}},
	})
	may := asked(t, "rita", "release-managers")
	checkRights(t, may, operators, notForOperators)
	for _, right := range operators {
		if may(t.Context(), right, "kube-system") == nil {
			t.Errorf("%s in namespace kube-system: allowed, and must not be", right)
		}
	}
}
