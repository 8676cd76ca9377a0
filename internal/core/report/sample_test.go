package report

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

var (
	m131, m132, m133, m134 = minor(31), minor(32), minor(33), minor(34)
	three                  = []version.Minor{m131, m132, m133}
)

func minor(n int) version.Minor { return version.Minor{Major: 1, Minor: n} }

// object reads a manifest.
func object(text string) *manifest.Object {
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		panic(err)
	}
	group, v, ok := strings.Cut(manifest.Text(content, "apiVersion"), "/")
	if !ok {
		group, v = "", group
	}
	return &manifest.Object{Content: content, ID: manifest.ID{
		Group: group, Version: v, Kind: manifest.Text(content, "kind"),
		Namespace: manifest.Text(content, "metadata", "namespace"), Name: manifest.Text(content, "metadata", "name"),
	}}
}

func field(path, shown string, before, after any) diff.Field {
	return diff.Field{Path: path, Shown: shown, Before: before, After: after, HadBefore: before != nil, HasAfter: after != nil}
}

func changed(id manifest.ID, fields ...diff.Field) diff.Change {
	return diff.Change{Object: id, Kind: diff.Changed, Fields: fields}
}

func risky(code, addon, object, path, message string, minors ...version.Minor) Flag {
	return Flag{Flag: risk.Flag{Code: fault.Code(code), Object: object, Path: path, Message: message}, Addon: addon, Minors: minors}
}

// sample is a pull request that moves cert-manager from 1.14 to 1.15, and one setting of another addon.
func sample() Report {
	chartLabel := field("/metadata/labels/helm.sh~1chart", "metadata.labels[helm.sh/chart]", "cert-manager-v1.14.5", "cert-manager-v1.15.1")
	versionLabel := field("/metadata/labels/app.kubernetes.io~1version", "metadata.labels[app.kubernetes.io/version]", "v1.14.5", "v1.15.1")
	deployment := func(name, image string, more ...diff.Field) diff.Change {
		c := changed(manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "cert-manager", Name: name}, append([]diff.Field{
			field("/spec/template/spec/containers/0/image", "spec.template.spec.containers[name="+name+"].image",
				"quay.io/jetstack/"+image+":v1.14.5", "quay.io/jetstack/"+image+":v1.15.1"),
		}, more...)...)
		c.Hidden = []diff.Field{chartLabel, versionLabel}
		return c
	}
	role := changed(manifest.ID{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole", Name: "cert-manager-controller-issuers"},
		field("/rules/3", `rules[apiGroups="",resources=secrets]`,
			map[string]any{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"get", "list", "watch"}},
			map[string]any{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"get", "list", "watch", "create", "update", "delete"}}))
	role.Hidden = []diff.Field{chartLabel, versionLabel}
	service := object(`
apiVersion: v1
kind: Service
metadata: {name: cert-manager-legacy-metrics, namespace: cert-manager}
spec:
  ports: [{name: http-metrics, port: 9402, targetPort: 9402}]
  selector: {app.kubernetes.io/name: cert-manager}
`)
	pdb := object(`
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: cert-manager, namespace: cert-manager, labels: {app: cert-manager}}
spec:
  minAvailable: 1
  selector: {matchLabels: {app.kubernetes.io/name: cert-manager}}
`)
	crd := func(stored, more string) *manifest.Object {
		return object(fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: certificates.cert-manager.io}
spec:
  group: cert-manager.io
  names: {kind: Certificate, plural: certificates}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: %s, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {secretName: {type: string}%s}}}}}}
`, stored, more))
	}
	certificates := changed(crd("true", "").ID,
		field("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/privateKey/properties/size/description",
			"spec.versions[name=v1].schema.openAPIV3Schema.properties.spec.properties.privateKey.properties.size.description", "The size.", "The key size."),
		field("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/nameConstraints",
			"spec.versions[name=v1].schema.openAPIV3Schema.properties.spec.properties.nameConstraints", nil,
			map[string]any{"type": "object", "properties": map[string]any{"critical": map[string]any{"type": "boolean"}}}),
		field("/spec/versions/0/schema/openAPIV3Schema/properties/spec/required", "spec.versions[name=v1].schema.openAPIV3Schema.properties.spec.required",
			[]any{"issuerRef", "secretName"}, []any{"issuerRef", "secretName", "usages"}))
	certificates.Before, certificates.After = crd("true", ""), crd("true", ", nameConstraints: {type: object}")
	config := changed(manifest.ID{Version: "v1", Kind: "ConfigMap", Namespace: "cert-manager", Name: "cert-manager"},
		field("/data/config.yaml", "data[config.yaml]",
			"apiVersion: controller.config.cert-manager.io/v1alpha1\nkind: ControllerConfiguration\nlogging:\n  verbosity: 2\nleaderElectionConfig:\n  namespace: kube-system\n",
			"apiVersion: controller.config.cert-manager.io/v1alpha1\nkind: ControllerConfiguration\nlogging:\n  verbosity: 2\nleaderElectionConfig:\n  namespace: cert-manager\n"))
	admission := object(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: cert-manager-approver}
spec:
  failurePolicy: Fail
`)
	changes := []diff.Change{
		{Object: pdb.ID, Kind: diff.Added, After: pdb},
		{Object: service.ID, Kind: diff.Removed, Before: service},
		config,
		deployment("cert-manager", "cert-manager-controller",
			field("/spec/template/spec/containers/0/args/6", "spec.template.spec.containers[name=cert-manager].args[6]", nil, "--enable-certificate-owner-ref=true")),
		deployment("cert-manager-cainjector", "cert-manager-cainjector"),
		deployment("cert-manager-webhook", "cert-manager-webhook", field("/spec/replicas", "spec.replicas", int64(1), int64(2))),
		role, certificates,
	}
	quiet := changed(manifest.ID{Version: "v1", Kind: "ServiceAccount", Namespace: "cert-manager", Name: "cert-manager"})
	quiet.Hidden = []diff.Field{chartLabel, versionLabel}
	changes = append(changes, quiet)
	images := []diff.Image{
		{Before: "quay.io/jetstack/cert-manager-cainjector:v1.14.5", After: "quay.io/jetstack/cert-manager-cainjector:v1.15.1"},
		{Before: "quay.io/jetstack/cert-manager-controller:v1.14.5", After: "quay.io/jetstack/cert-manager-controller:v1.15.1"},
		{Before: "quay.io/jetstack/cert-manager-webhook:v1.14.5", After: "quay.io/jetstack/cert-manager-webhook:v1.15.1"},
	}
	metrics := changed(manifest.ID{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "kube-system", Name: "metrics-server"},
		field("/spec/template/spec/containers/0/resources/requests/memory",
			"spec.template.spec.containers[name=metrics-server].resources.requests.memory", "200Mi", "300Mi"))
	unstable := []diff.Unstable{{Object: manifest.ID{Version: "v1", Kind: "Secret", Namespace: "cert-manager", Name: "webhook-ca"}, Path: "/data/tls.crt"}}
	const certificate, clusterRole = "apiextensions.k8s.io/v1/CustomResourceDefinition/certificates.cert-manager.io",
		"rbac.authorization.k8s.io/v1/ClusterRole/cert-manager-controller-issuers"
	return Report{
		Base: "3f2a9c1b7d5e4f60718293a4b5c6d7e8f9012345", BaseName: "main",
		Head: "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", HeadName: "cert-manager-1.15",
		Minors: three, Next: m134, Same: 16,
		Results: []Result{
			{Addon: "cert-manager", Minors: three[:2], Result: diff.Result{Changes: changes, Images: images, Unstable: unstable}},
			{Addon: "cert-manager", Minors: three[2:], Result: diff.Result{
				Changes: append(changes[:len(changes):len(changes)], diff.Change{Object: admission.ID, Kind: diff.Added, After: admission}),
				Images:  images, Unstable: unstable,
			}},
			{Addon: "metrics-server", Minors: three, Result: diff.Result{Changes: []diff.Change{metrics}}},
		},
		Flags: []Flag{
			risky("ObjectRemoved", "cert-manager", service.String(), "", "The Service is deleted: whatever scrapes it by name finds nothing.", three...),
			risky("CRDFieldRequired", "cert-manager", certificate,
				"/spec/versions/0/schema/openAPIV3Schema/properties/spec/required", "Certificate v1 now requires spec.usages: objects without it can no longer be written.", three...),
			risky("RBACWider", "cert-manager", clusterRole, "/rules/3", "May now create, update and delete secrets in all namespaces.", three...),
			risky("ImageNoDigest", "cert-manager", "apps/v1/Deployment/cert-manager/cert-manager", "/spec/template/spec/containers/0/image",
				"quay.io/jetstack/cert-manager-controller:v1.15.1 has a tag and no digest: what runs can change without a commit.", three...),
			risky("WebhookChanged", "cert-manager", admission.String(), "", "A new policy with failurePolicy Fail holds for all namespaces.", m133),
		},
		NextFlags: []Flag{
			risky("APIDeprecated", "cert-manager", "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema/cert-manager", "",
				"v1beta3 of FlowSchema is no longer served by 1.34: use flowcontrol.apiserver.k8s.io/v1.", m134),
		},
		Problems: []Problem{
			{Addon: "log-forwarder", Minor: m133, Side: "head", Message: "helm template: execution error at (log-forwarder/templates/daemonset.yaml:14:3):\n  output.host is required"},
			{Addon: "csi-cinder", Minor: m134, Side: "head", Next: true, Message: "chart requires kubeVersion: <1.34.0 which is incompatible with Kubernetes v1.34.0"},
		},
		Clusters: &Clusters{Total: 312, Touched: 47, Groups: []Group{
			{Name: "canary", Clusters: clusters("canary", 3)}, {Name: "prod-eu", Clusters: clusters("prod-eu", 44)},
		}},
		Page: "https://ci.example.com/artifacts/4711/diff.html",
	}
}

func clusters(name string, n int) (out []Cluster) {
	for i := range n {
		out = append(out, Cluster{Name: fmt.Sprintf("%s-%02d", name, i+1), Minor: three[i%3], Addons: []string{"cert-manager"}})
	}
	return out
}

// unchanged is a pull request that only reformats.
func unchanged() Report {
	r := sample()
	r.Results, r.Flags, r.Problems, r.NextFlags, r.Clusters, r.Same = nil, nil, nil, nil, &Clusters{Total: 312}, 18
	return r
}

// noise is a pull request that changes nothing but a chart's label.
func noise() Report {
	r := unchanged()
	full := sample()
	r.Results = []Result{{Addon: "cert-manager", Minors: three, Result: diff.Result{Changes: full.Results[0].Changes[8:]}}}
	return r
}

// hostile is a report whose every text tries to be more than text.
func hostile() Report {
	const evil = "a`b``c|d</code></details><script>alert(1)</script><!-- @org/team #1 [x](https://evil.example) www.evil.example https://evil.example\n\n# h\n```\n\x1b[31m\u202e\xff*_~$\\|"
	id := manifest.ID{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: evil}
	c := changed(id, field("/data/"+evil, "data."+evil, evil+"\nx\n", evil+"\ny\n"), field("/b", "", "````````", nil), field("/d", "d", "abc\u202edef", "abc\x1b[31m\u200bdef"), field("/c", evil, nil, map[string]any{evil: []any{evil}}))
	return Report{
		Base: evil, Head: evil, BaseName: evil, HeadName: evil, Minors: three, Next: m134, Page: "https://evil.example/\"><script>`|\n",
		Results:   []Result{{Addon: evil, Minors: three[:1], Result: diff.Result{Changes: []diff.Change{c}, Images: []diff.Image{{Before: evil, After: evil}, {After: "quay.io/a/b:" + evil}, {After: "ghcr.io/a/b@sha256:" + evil}}}}},
		Flags:     []Flag{risky(evil, evil, id.String(), evil, evil, m131)},
		NextFlags: []Flag{risky(evil, evil, id.String(), evil, evil, m131)},
		Problems:  []Problem{{Addon: evil, Minor: m132, Side: evil, Message: evil}, {Message: evil, Next: true}},
		Policies: &Policies{
			New: []Violation{found("deny", evil, evil, id, evil, m131)}, Old: []Violation{found("warn", evil, evil, id, evil, m131)},
			OptedOut: []Violation{found("deny", evil, evil, id, evil, m131)}, Problems: []string{evil},
		},
		Clusters: &Clusters{Total: 3, Touched: 1, Groups: []Group{{Name: evil, Clusters: []Cluster{{Name: evil, Minor: m131, Addons: []string{evil}}}}}},
	}
}
