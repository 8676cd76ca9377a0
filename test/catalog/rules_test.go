package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// into decodes an object whose form TestBuiltInKinds has checked.
func into[T any](t *testing.T, o object) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &typed); err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return typed
}

// workload is what runs pods.
type workload struct {
	id       identity
	selector *metav1.LabelSelector
	pods     corev1.PodTemplateSpec
}

// workloads are those of one build.
func (b build) workloads(t *testing.T) []workload {
	t.Helper()
	var all []workload
	for _, o := range b.objects {
		w := workload{id: b.identify(o)}
		switch o.GetKind() {
		case "Deployment":
			d := into[appsv1.Deployment](t, o)
			w.selector, w.pods = d.Spec.Selector, d.Spec.Template
		case "DaemonSet":
			d := into[appsv1.DaemonSet](t, o)
			w.selector, w.pods = d.Spec.Selector, d.Spec.Template
		case "StatefulSet":
			d := into[appsv1.StatefulSet](t, o)
			w.selector, w.pods = d.Spec.Selector, d.Spec.Template
		case "Job":
			w.pods = into[batchv1.Job](t, o).Spec.Template
		case "CronJob":
			w.pods = into[batchv1.CronJob](t, o).Spec.JobTemplate.Spec.Template
		default:
			continue
		}
		all = append(all, w)
	}
	return all
}

func TestPods(t *testing.T) {
	c := load(t)
	all := builds(t, c, tokyo)
	for _, b := range all {
		for _, w := range b.workloads(t) {
			if w.selector != nil && !selects(w.selector, w.pods.Labels) {
				t.Errorf("%s: %s: its selector does not match its pods' labels %v", b, w.id, w.pods.Labels)
			}
			for _, container := range slices.Concat(w.pods.Spec.InitContainers, w.pods.Spec.Containers) {
				if err := imageError(container.Image); err != nil {
					t.Errorf("%s: %s: container %s: %v", b, w.id, container.Name, err)
				}
				if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: %s: container %s needs a CPU request and a memory limit", b, w.id, container.Name)
				}
				if container.SecurityContext == nil {
					t.Errorf("%s: %s: container %s needs a securityContext", b, w.id, container.Name)
				}
			}
			if w.pods.Spec.SecurityContext == nil || w.pods.Spec.SecurityContext.SeccompProfile == nil {
				t.Errorf("%s: %s: its pods need a seccomp profile", b, w.id)
			}
			class := w.pods.Spec.PriorityClassName
			switch owner := classOwner(all, b, class); {
			case class == "" || strings.HasPrefix(class, "system-"):
			case owner == "":
				t.Errorf("%s: %s: no addon brings the priority class %q", b, w.id, class)
			case owner != b.addon.Name && !dependsOn(c, b.addon.Name, owner):
				t.Errorf("%s: %s: the priority class %q comes from the addon %q, which is not in its dependsOn", b, w.id, class, owner)
			}
			for _, missing := range b.missing(w) {
				t.Errorf("%s: %s: %s", b, w.id, missing)
			}
		}
	}
}

// classOwner finds the addon that brings a priority class to the cluster where a build goes; "" is none.
func classOwner(all []build, user build, class string) string {
	for _, b := range all {
		for _, o := range b.objects {
			if b.minor == user.minor && b.addon.Placement == user.addon.Placement && o.GetKind() == "PriorityClass" && o.GetName() == class {
				return b.addon.Name
			}
		}
	}
	return ""
}

// fromOutside are Secrets that the platform, not an addon, puts into a cluster.
var fromOutside = regexp.MustCompile(`^(cloud-config|external-dns-tsig|.*-kubeconfig)$`)

// missing lists what a workload's pods refer to and their addon does not render.
func (b build) missing(w workload) []string {
	have := map[string]bool{}
	for _, o := range b.objects {
		have[o.GetKind()+" "+o.GetName()] = true
	}
	var out []string
	need := func(kind, name string) {
		if name != "" && !have[kind+" "+name] && (kind != "Secret" || !fromOutside.MatchString(name)) {
			out = append(out, fmt.Sprintf("refers to %s %q, which the addon does not render", kind, name))
		}
	}
	need("ServiceAccount", w.pods.Spec.ServiceAccountName)
	volumes := map[string]bool{}
	for _, v := range w.pods.Spec.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap != nil {
			need("ConfigMap", v.ConfigMap.Name)
		}
		if v.Secret != nil {
			need("Secret", v.Secret.SecretName)
		}
	}
	for _, c := range slices.Concat(w.pods.Spec.InitContainers, w.pods.Spec.Containers) {
		ports := map[string]bool{}
		for _, p := range c.Ports {
			ports[p.Name] = true
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				out = append(out, fmt.Sprintf("container %s mounts %q, which is no volume", c.Name, m.Name))
			}
		}
		for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if p != nil && p.HTTPGet != nil && p.HTTPGet.Port.StrVal != "" && !ports[p.HTTPGet.Port.StrVal] {
				out = append(out, fmt.Sprintf("container %s is probed at port %q, which it does not name", c.Name, p.HTTPGet.Port.StrVal))
			}
		}
		env := map[string]bool{}
		for _, e := range c.Env {
			env[e.Name] = true
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				need("Secret", e.ValueFrom.SecretKeyRef.Name)
			}
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				need("ConfigMap", e.ValueFrom.ConfigMapKeyRef.Name)
			}
		}
		for _, arg := range slices.Concat(c.Command, c.Args) {
			for _, m := range reference.FindAllStringSubmatch(arg, -1) {
				if !env[m[1]] {
					out = append(out, fmt.Sprintf("container %s uses $(%s) in %q, which is not in its env", c.Name, m[1], arg))
				}
			}
		}
	}
	return out
}

var reference = regexp.MustCompile(`\$\(([A-Z_]+)\)`)

// imageError wants a registry and a version: the same manifest must run the same program tomorrow.
func imageError(image string) error {
	name, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	switch {
	case strings.Contains(name, "@"):
		return nil
	case !tagged || tag == "" || tag == "latest":
		return fmt.Errorf("image %q: name a tag other than latest", image)
	case !strings.ContainsAny(strings.SplitN(image, "/", 2)[0], ".:"):
		return fmt.Errorf("image %q: name its registry", image)
	}
	return nil
}

func selects(s *metav1.LabelSelector, set map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(set))
}

// TestReferences checks what points at other objects of the same addon: Services and budgets at pods, bindings at roles
// and accounts.
func TestReferences(t *testing.T) {
	for _, b := range builds(t, load(t), tokyo) {
		have := map[string]bool{}
		for _, o := range b.objects {
			have[o.GetKind()+" "+o.GetName()] = true
		}
		anyPods := func(s *metav1.LabelSelector) bool {
			return slices.ContainsFunc(b.workloads(t), func(w workload) bool { return selects(s, w.pods.Labels) })
		}
		binding := func(id identity, role rbacv1.RoleRef, subjects []rbacv1.Subject) {
			// Roles that every cluster has.
			system := strings.HasPrefix(role.Name, "system:") || role.Name == "extension-apiserver-authentication-reader"
			if !system && !have[role.Kind+" "+role.Name] {
				t.Errorf("%s: %s binds %s %q, which the addon does not render", b, id, role.Kind, role.Name)
			}
			for _, s := range subjects {
				// Left out is right in a RoleBinding alone, where it means the binding's namespace.
				ok := s.Namespace == namespaceOf(b.addon, tokyo) || s.Namespace == "" && id.Kind == "RoleBinding"
				if !ok || !have["ServiceAccount "+s.Name] {
					t.Errorf("%s: %s names the subject %s/%s, which is no account of the addon", b, id, s.Namespace, s.Name)
				}
			}
		}
		for _, o := range b.objects {
			id := b.identify(o)
			switch o.GetKind() {
			case "Service":
				s := into[corev1.Service](t, o)
				if !anyPods(&metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
					t.Errorf("%s: %s selects none of the addon's pods", b, id)
				}
			case "PodDisruptionBudget":
				if !anyPods(into[policyv1.PodDisruptionBudget](t, o).Spec.Selector) {
					t.Errorf("%s: %s selects none of the addon's pods", b, id)
				}
			case "RoleBinding":
				r := into[rbacv1.RoleBinding](t, o)
				binding(id, r.RoleRef, r.Subjects)
			case "ClusterRoleBinding":
				r := into[rbacv1.ClusterRoleBinding](t, o)
				binding(id, r.RoleRef, r.Subjects)
			}
		}
	}
}

// TestLeastPrivilege refuses the rights that would make an addon cluster-admin by another name.
func TestLeastPrivilege(t *testing.T) {
	for _, b := range builds(t, load(t), tokyo) {
		for _, o := range b.objects {
			if k := o.GetKind(); k != "ClusterRole" && k != "Role" {
				continue
			}
			for _, rule := range into[rbacv1.ClusterRole](t, o).Rules {
				all := slices.Concat(rule.APIGroups, rule.Verbs)
				wildcard := slices.Contains(all, "*") || slices.Contains(rule.Resources, "*") && slices.Contains(rule.APIGroups, "")
				raise := slices.Contains(rule.Verbs, "escalate") || slices.Contains(rule.Verbs, "bind") || slices.Contains(rule.Verbs, "impersonate")
				if wildcard || raise {
					t.Errorf("%s: %s grants %v on %v of %q: name what it needs", b, b.identify(o), rule.Verbs, rule.Resources, rule.APIGroups)
				}
			}
		}
	}
}

// TestNothingBlocksTheCluster refuses webhooks that fail closed: with its pods gone, such an addon would stop the very
// deliveries that could bring it back.
func TestNothingBlocksTheCluster(t *testing.T) {
	for _, b := range builds(t, load(t), tokyo) {
		for _, o := range b.objects {
			if !strings.HasSuffix(o.GetKind(), "WebhookConfiguration") {
				continue
			}
			hooks, ok := o.Object["webhooks"].([]any)
			if !ok {
				t.Errorf("%s: %s has no webhooks", b, b.identify(o))
			}
			for _, h := range hooks {
				if h, ok := h.(map[string]any); !ok || h["failurePolicy"] != "Ignore" {
					t.Errorf("%s: %s: set failurePolicy: Ignore on every webhook", b, b.identify(o))
				}
			}
		}
	}
}

// TestDefinitionsAreRetained holds that switching an addon off never deletes a CRD, and with it every object of its kind.
func TestDefinitionsAreRetained(t *testing.T) {
	for _, b := range builds(t, load(t), tokyo) {
		for _, o := range b.objects {
			switch o.GetKind() {
			case "CustomResourceDefinition", "CSIDriver", "StorageClass":
				if b.addon.OnDisable != "retain" {
					t.Errorf("%s renders %s: say onDisable: retain", b, b.identify(o))
				}
			}
		}
	}
}
