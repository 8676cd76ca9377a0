package diff

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

func TestImmutable(t *testing.T) {
	for line := range strings.Lines(`
yes apps/Deployment /spec/selector
yes apps/Deployment /spec/selector/matchLabels/app
no  apps/Deployment /spec/selectors
no  apps/Deployment /spec/template/spec/containers/0/image
yes apps/DaemonSet /spec/selector
yes apps/StatefulSet /spec/serviceName
yes apps/StatefulSet /spec/podManagementPolicy
yes apps/StatefulSet /spec/volumeClaimTemplates/0/metadata/labels/helm.sh~1chart
no  apps/StatefulSet /spec/replicas
no  apps/StatefulSet /spec/template/spec
no  apps/StatefulSet /spec/revisionHistoryLimit
no  apps/StatefulSet /metadata/labels/a
yes batch/Job /spec/template/spec/containers/0/image
no  batch/Job /spec/ttlSecondsAfterFinished
no  batch/CronJob /spec/jobTemplate/spec/template
yes /Pod /spec/containers/0/env
no  /Pod /spec/containers/0/image
no  /Pod /spec/tolerations/0
yes /Service /spec/clusterIP
yes /Service /spec/clusterIPs/0
no  /Service /spec/clusterIPs/1
no  /Service /spec/selector/app
yes /PersistentVolumeClaim /spec/storageClassName
yes /PersistentVolumeClaim /spec/resources/limits/storage
no  /PersistentVolumeClaim /spec/resources/requests/storage
no  /PersistentVolumeClaim /spec/volumeAttributesClassName
yes /PersistentVolume /spec/csi/driver
no  /PersistentVolume /spec/capacity/storage
yes /Secret /type
no  /Secret /data/a
no  /ConfigMap /data/a
yes storage.k8s.io/StorageClass /parameters/type
no  storage.k8s.io/StorageClass /allowVolumeExpansion
no  storage.k8s.io/StorageClass /metadata/annotations/storageclass.kubernetes.io~1is-default-class
yes storage.k8s.io/CSIDriver /spec/attachRequired
no  storage.k8s.io/CSIDriver /spec/podInfoOnMount
yes rbac.authorization.k8s.io/RoleBinding /roleRef/name
yes rbac.authorization.k8s.io/ClusterRoleBinding /roleRef
no  rbac.authorization.k8s.io/ClusterRoleBinding /subjects/0
yes scheduling.k8s.io/PriorityClass /value
no  scheduling.k8s.io/PriorityClass /globalDefault
yes networking.k8s.io/IngressClass /spec/controller
yes apiextensions.k8s.io/CustomResourceDefinition /spec/scope
no  apiextensions.k8s.io/CustomResourceDefinition /spec/names/shortNames/0
no  example.org/Deployment /spec/selector
`) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		group, kind, _ := strings.Cut(f[1], "/")
		if got := Immutable(manifest.ID{Group: group, Version: "v1", Kind: kind}, f[2]); got != (f[0] == "yes") {
			t.Errorf("Immutable(%s, %s) = %v", f[1], f[2], got)
		}
	}
}

// TestRefused changes objects, and says which fields the API server refuses.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after string
		want          []string
	}{
		"a selector":                       {"apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1, selector: {matchLabels: {a: b}}}", "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 2, selector: {matchLabels: {a: c}}}", []string{"/spec/selector/matchLabels/a"}},
		"a spec that holds a selector":     {"apiVersion: apps/v1\nkind: Deployment\nspec: {selector: {}}", "apiVersion: apps/v1\nkind: Deployment", []string{"/spec"}},
		"a spec without one":               {"apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1}", "apiVersion: apps/v1\nkind: Deployment", nil},
		"an address that was chosen":       {"apiVersion: v1\nkind: Service\nspec: {ports: []}", "apiVersion: v1\nkind: Service\nspec: {ports: [], clusterIP: None}", []string{"/spec/clusterIP"}},
		"an address that is chosen now":    {"apiVersion: v1\nkind: Service\nspec: {clusterIP: None}", "apiVersion: v1\nkind: Service\nspec: {clusterIP: null, ports: []}", nil},
		"another address":                  {"apiVersion: v1\nkind: Service\nspec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1]}", "apiVersion: v1\nkind: Service\nspec: {clusterIP: 10.0.0.2, clusterIPs: [10.0.0.2]}", []string{"/spec/clusterIP", "/spec/clusterIPs/0"}},
		"a second address":                 {"apiVersion: v1\nkind: Service\nspec: {clusterIPs: [10.0.0.1]}", "apiVersion: v1\nkind: Service\nspec: {clusterIPs: [10.0.0.1, 'fd::1']}", nil},
		"an address for another type":      {"apiVersion: v1\nkind: Service\nspec: {type: ExternalName}", "apiVersion: v1\nkind: Service\nspec: {type: ClusterIP, clusterIP: None}", nil},
		"a class of load balancers":        {"apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, loadBalancerClass: a}", "apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, loadBalancerClass: b}", []string{"/spec/loadBalancerClass"}},
		"no load balancer before":          {"apiVersion: v1\nkind: Service\nspec: {type: ClusterIP}", "apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, loadBalancerClass: b}", nil},
		"a ConfigMap":                      {"apiVersion: v1\nkind: ConfigMap\ndata: {a: b}", "apiVersion: v1\nkind: ConfigMap\ndata: {a: c}", nil},
		"an immutable ConfigMap":           {"apiVersion: v1\nkind: ConfigMap\nimmutable: true\ndata: {a: b}", "apiVersion: v1\nkind: ConfigMap\ndata: {a: c}\nmetadata: {labels: {a: b}}", []string{"/data/a", "/immutable"}},
		"a ConfigMap that becomes so":      {"apiVersion: v1\nkind: ConfigMap\ndata: {a: b}", "apiVersion: v1\nkind: ConfigMap\nimmutable: true\ndata: {a: c}", nil},
		"an immutable Secret":              {"apiVersion: v1\nkind: Secret\nimmutable: true\nstringData: {a: b}", "apiVersion: v1\nkind: Secret\nimmutable: true\nstringData: {a: c}\ntype: x", []string{"/stringData/a", "/type"}},
		"a Job":                            {"apiVersion: batch/v1\nkind: Job\nspec: {completions: 1, template: {a: b}}", "apiVersion: batch/v1\nkind: Job\nspec: {completions: 2, template: {a: c}}", []string{"/spec/completions", "/spec/template/a"}},
		"an indexed Job":                   {"apiVersion: batch/v1\nkind: Job\nspec: {completions: 1, completionMode: Indexed}", "apiVersion: batch/v1\nkind: Job\nspec: {completions: 2, completionMode: Indexed}", nil},
		"a Job that is replaced":           {"apiVersion: batch/v1\nkind: Job\nspec: {template: {a: b}}", "apiVersion: batch/v1\nkind: Job\nmetadata: {annotations: {argocd.argoproj.io/sync-options: 'Force=true, Replace=true'}}\nspec: {template: {a: c}}", nil},
		"where a volume may be used":       {"apiVersion: v1\nkind: PersistentVolume\nspec: {csi: {a: b}}", "apiVersion: v1\nkind: PersistentVolume\nspec: {csi: {a: c}, nodeAffinity: {}}", []string{"/spec/csi/a"}},
		"where a volume may be used, anew": {"apiVersion: v1\nkind: PersistentVolume\nspec: {nodeAffinity: {a: b}}", "apiVersion: v1\nkind: PersistentVolume\nspec: {nodeAffinity: {a: c}}", []string{"/spec/nodeAffinity/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Compare(parse(t, tc.before), parse(t, tc.after), Options{})
			var got []string
			for _, c := range r.Changes {
				for _, f := range c.Fields {
					if Refused(c.Before, c.After, f) {
						got = append(got, f.Path)
					}
				}
			}
			slices.Sort(got)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRefusedHook changes a Job that Argo CD deletes before each sync.
func TestRefusedHook(t *testing.T) {
	job := parse(t, "apiVersion: batch/v1\nkind: Job\nspec: {}")[0]
	hook := job
	hook.Hook = "PreSync"
	renamed := job
	renamed.Name = "other"
	f := Field{Path: "/spec/template/a"}
	if Refused(&hook, &hook, f) || !Refused(&job, &hook, f) || !Refused(&job, &job, f) || Refused(nil, &job, f) {
		t.Error("a hook is created anew, anything else is not")
	}
	if Refused(&job, &renamed, f) {
		t.Error("another name is another object")
	}
}

// TestNoise changes labels and annotations in many places, and says which are hidden.
func TestNoise(t *testing.T) {
	const chart, other = "helm.sh/chart: a-1", "helm.sh/chart: a-2"
	for name, tc := range map[string]struct {
		object string
		hidden bool
	}{
		"a label":                         {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {%}}", true},
		"a label of pods":                 {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {%}}}}", true},
		"a label of pods of pods":         {"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {metadata: {labels: {%}}}}}}", true},
		"a selector":                      {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {%}}}", false},
		"a label that the selector wants": {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {helm.sh/chart: a-1}}, template: {metadata: {labels: {%}}}}", false},
		"the selector of a Service":       {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {%}}", false},
		"a volume claim":                  {"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a}\nspec: {volumeClaimTemplates: [{metadata: {name: v, labels: {%}}}]}", false},
		"the template of a Job":           {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {%}}}}", false},
		"data":                            {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {%}", false},
		"an annotation of that name":      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {%}}", false},
		"a selector of namespaces":        {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {matchLabels: {%}}}", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := Compare(parse(t, strings.ReplaceAll(tc.object, "%", chart)), parse(t, strings.ReplaceAll(tc.object, "%", other)), Options{})
			if len(r.Changes) != 1 || len(r.Changes[0].Hidden)+len(r.Changes[0].Fields) != 1 {
				t.Fatalf("%q", show(r))
			}
			if got := r.Hidden() == 1; got != tc.hidden {
				t.Errorf("hidden: %v", got)
			}
		})
	}
	for key, hidden := range map[string]bool{
		"labels/chart": true, "labels/heritage": true, "labels/app.kubernetes.io~1version": true, "labels/app.kubernetes.io~1managed-by": true,
		"labels/app.kubernetes.io~1instance": false, "labels/version": false, "labels": false, "labels/chart/x": false,
		"annotations/checksum~1secret": true, "annotations/checksum": false, "annotations/rollme": true, "annotations/meta.helm.sh~1release-name": true,
		"annotations/argocd.argoproj.io~1tracking-id": true, "annotations/argocd.argoproj.io~1sync-wave": false,
		"annotations/controller-gen.kubebuilder.io~1version": true, "annotations/helm.sh~1hook": false, "finalizers/chart": false,
	} {
		if got := (noise{}).hides(Field{Path: "/metadata/" + key}); got != hidden {
			t.Errorf("%s hidden: %v", key, got)
		}
	}
}
