package argocd

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Delivery is what all ApplicationSets of one source have in common.
type Delivery struct {
	// Namespace is Argo CD's.
	Namespace string
	// URL is the config repository's, Project the AppProject.
	URL, Project string
}

// element is a resolve.Element as a list generator holds it. Everything is a literal: the template only puts the values in place, and
// Argo CD never evaluates a value as a template.
type element struct {
	Application string            `json:"application"`
	Addon       string            `json:"addon"`
	Placement   catalog.Placement `json:"placement"`
	OnDisable   catalog.OnDisable `json:"onDisable"`
	Minor       string            `json:"minor"`
	Release     string            `json:"release"`
	Commit      string            `json:"commit"`
	Revision    string            `json:"revision"`
	Path        string            `json:"path"`
	Namespace   string            `json:"namespace"`
	Server      string            `json:"server"`
	Moved       string            `json:"moved,omitempty"`
	Disabled    string            `json:"disabled,omitempty"`
	Grace       string            `json:"grace,omitempty"`
	PruneCRDs   bool              `json:"pruneCRDs,omitempty"`
	// Patch is merged over the template: what differs between addons in shape, not only in value.
	Patch json.RawMessage `json:"patch"`
}

// Compile makes the ApplicationSet of a cluster. The same elements make the same bytes.
func (d Delivery) Compile(cluster string, at resolve.Admitted, elements []resolve.Element) (*ApplicationSet, error) {
	list := make([]apiextensions.JSON, len(elements))
	for i, e := range elements {
		raw, err := encode(e)
		if err != nil {
			return nil, fmt.Errorf("addon %q of cluster %q: %w", e.Addon, cluster, err)
		}
		list[i].Raw = raw
	}
	policy := argo.ApplicationsSyncPolicyCreateUpdate
	patch := `{{ toJson .patch }}`
	return &ApplicationSet{
		TypeMeta: metav1.TypeMeta{APIVersion: ApplicationSetGVK.GroupVersion().String(), Kind: ApplicationSetGVK.Kind},
		ObjectMeta: metav1.ObjectMeta{
			Name: cluster, Namespace: d.Namespace,
			Labels:      map[string]string{LabelManagedBy: Manager, LabelCluster: resolve.LabelValue(cluster)},
			Annotations: annotations(cluster, at),
			// With this finalizer and a policy that never deletes, Argo CD frees the Applications of a deleted ApplicationSet
			// from their owner before it goes, so that they stay.
			Finalizers: []string{resourcesFinalizer},
		},
		Spec: argo.ApplicationSetSpec{
			GoTemplate:        true,
			GoTemplateOptions: []string{"missingkey=error"},
			Generators:        []argo.ApplicationSetGenerator{{List: &argo.ListGenerator{Elements: list}}},
			SyncPolicy: &argo.ApplicationSetSyncPolicy{
				ApplicationsSync: &policy,
				// No resources finalizer: an Application that somebody deletes takes nothing along. The manager has one put on
				// before it prunes.
				PreserveResourcesOnDeletion: true,
			},
			// Or Argo CD would take it off again before the deletion that it is for.
			PreservedFields: &argo.ApplicationPreservedFields{Annotations: []string{AnnotationBreakGlass}},
			Template:        d.template(cluster),
			TemplatePatch:   &patch,
		},
	}, nil
}

func annotations(cluster string, at resolve.Admitted) map[string]string {
	a := map[string]string{AnnotationCluster: cluster}
	if at.Release != "" {
		a[AnnotationAdmitted] = at.Release
		if !at.Since.IsZero() {
			a[AnnotationAdmittedAt] = at.Since.UTC().Format(time.RFC3339)
		}
	}
	return a
}

// Admitted is the release that the cluster of an ApplicationSet was let to, and when; zero where it does not say.
func Admitted(set *ApplicationSet) (at resolve.Admitted) {
	if set == nil {
		return at
	}
	at.Release = set.Annotations[AnnotationAdmitted]
	if since, err := time.Parse(time.RFC3339, set.Annotations[AnnotationAdmittedAt]); err == nil && at.Release != "" {
		at.Since = since.UTC()
	}
	return at
}

// template is the part of an Application that all addons share.
func (d Delivery) template(cluster string) argo.ApplicationSetTemplate {
	factor := int64(2)
	return argo.ApplicationSetTemplate{
		ApplicationSetTemplateMeta: argo.ApplicationSetTemplateMeta{
			Name: "{{ .application }}", Namespace: d.Namespace,
			Labels: map[string]string{
				LabelManagedBy: Manager,
				LabelCluster:   resolve.LabelValue(cluster),
				LabelAddon:     "{{ .addon }}",
				LabelRelease:   "{{ .release }}",
				LabelMinor:     "{{ .minor }}",
				LabelPlacement: "{{ .placement }}",
			},
			Annotations: map[string]string{
				AnnotationCluster:   cluster,
				AnnotationCommit:    "{{ .commit }}",
				AnnotationOnDisable: "{{ .onDisable }}",
			},
		},
		Spec: argo.ApplicationSpec{
			Project:     d.Project,
			Source:      &argo.ApplicationSource{RepoURL: d.URL, TargetRevision: "{{ .revision }}", Path: "{{ .path }}"},
			Destination: argo.ApplicationDestination{Server: "{{ .server }}", Namespace: "{{ .namespace }}"},
			SyncPolicy: &argo.SyncPolicy{
				Automated: &argo.SyncPolicyAutomated{Prune: true, SelfHeal: true, AllowEmpty: false},
				// Without an end: an addon that fails while its dependency starts must not stay behind.
				Retry: &argo.RetryStrategy{Limit: -1, Backoff: &argo.Backoff{Duration: "5s", Factor: &factor, MaxDuration: "3m"}},
			},
			Info: []argo.Info{
				{Name: "Release", Value: "{{ .release }}"},
				{Name: "Kubernetes minor", Value: "{{ .minor }}"},
			},
		},
	}
}

// metadata opens the patch of an element that is on its way out: a finalizer to prune by, and what only the Application can still tell once it
// is listed no more.
type metadata struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Finalizers  []string          `json:"finalizers,omitempty"`
}

func metadataOf(e resolve.Element) (m metadata) {
	if e.Finalize {
		m.Finalizers = []string{resourcesFinalizer}
	}
	says := map[string]string{}
	if e.Disabled != "" {
		says[AnnotationDisabled] = e.Disabled
		if e.Grace != "" {
			says[AnnotationGrace] = e.Grace
		}
	}
	if e.PruneCRDs {
		says[AnnotationPruneCRDs] = "true"
	}
	if len(says) > 0 {
		m.Annotations = says
	}
	return m
}

// specPrefix starts every patch of the core.
const specPrefix = `{"spec":`

func encode(e resolve.Element) ([]byte, error) {
	tag, err := release.ParseTag(e.Release)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(e.Patch, specPrefix) {
		return nil, fmt.Errorf("patch %q is none of ours", e.Patch)
	}
	if e.Revision == "" {
		return nil, errors.New("the revision is empty, which Argo CD would read as the newest commit")
	}
	patch := e.Patch
	if e.Finalize || e.Disabled != "" {
		meta, err := json.Marshal(metadataOf(e))
		if err != nil {
			return nil, err
		}
		patch = `{"metadata":` + string(meta) + "," + patch[1:]
	}
	return json.Marshal(element{
		Application: e.Application, Addon: e.Addon, Placement: e.Placement, OnDisable: e.OnDisable, Minor: tag.Minor.String(), Release: e.Release,
		Commit: e.Commit, Revision: e.Revision, Path: e.Path, Namespace: e.Namespace, Server: e.Server,
		Moved: e.Moved, Disabled: e.Disabled, Grace: e.Grace, PruneCRDs: e.PruneCRDs, Patch: json.RawMessage(patch),
	})
}

// Elements reads what an ApplicationSet of ours lists. An element that cannot be read is an error for the whole set: to skip it would
// look as if its addon had never been delivered.
func Elements(set *ApplicationSet) ([]resolve.Element, error) {
	var elements []resolve.Element
	for _, g := range set.Spec.Generators {
		if g.List == nil {
			continue
		}
		for i, raw := range g.List.Elements {
			var e element
			if err := json.Unmarshal(raw.Raw, &e); err != nil {
				return nil, fmt.Errorf("ApplicationSet %q, spec.generators[0].list.elements[%d]: %w", set.Name, i, err)
			}
			if e.Application == "" || e.Addon == "" {
				return nil, fmt.Errorf("ApplicationSet %q, spec.generators[0].list.elements[%d]: application or addon is missing", set.Name, i)
			}
			patch, finalize := withoutMetadata(string(e.Patch))
			elements = append(elements, resolve.Element{
				Application: e.Application, Addon: e.Addon, Placement: e.Placement, OnDisable: e.OnDisable, Release: e.Release, Commit: e.Commit,
				Revision: e.Revision, Path: e.Path, Namespace: e.Namespace, Server: e.Server, Patch: patch, Finalize: finalize,
				Moved: e.Moved, Disabled: e.Disabled, Grace: e.Grace, PruneCRDs: e.PruneCRDs,
			})
		}
	}
	return elements, nil
}

// withoutMetadata takes off what encode put before the core's patch.
func withoutMetadata(patch string) (spec string, finalize bool) {
	if strings.HasPrefix(patch, specPrefix) {
		return patch, false
	}
	var m struct {
		Metadata metadata        `json:"metadata"`
		Spec     json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal([]byte(patch), &m); err != nil || m.Spec == nil {
		return patch, false // Somebody wrote it by hand; it differs from whatever is wanted.
	}
	return specPrefix + string(m.Spec) + "}", slices.Contains(m.Metadata.Finalizers, resourcesFinalizer)
}

// Differs reports whether writing desired, compiled from elements, would change existing, which may be nil. The lists are compared as
// elements and the rest as JSON, because Argo CD's types have unexported fields that no comparison may look at.
func Differs(existing, desired *ApplicationSet, elements []resolve.Element) (bool, error) {
	if existing == nil {
		return true, nil
	}
	listed, err := Elements(existing)
	if err != nil {
		return false, err
	}
	if !slices.Equal(listed, elements) || !slices.Contains(existing.Finalizers, resourcesFinalizer) ||
		!includes(existing.Labels, desired.Labels) || !includes(existing.Annotations, desired.Annotations) ||
		Admitted(existing) != Admitted(desired) {
		return true, nil
	}
	a, err := header(existing)
	if err != nil {
		return false, err
	}
	b, err := header(desired)
	return a != b, err
}

// header is the spec without its elements.
func header(set *ApplicationSet) (string, error) {
	spec := set.Spec
	spec.Generators = make([]argo.ApplicationSetGenerator, len(set.Spec.Generators))
	for i, g := range set.Spec.Generators {
		if g.List != nil {
			list := *g.List
			list.Elements = nil
			g.List = &list
		}
		spec.Generators[i] = g
	}
	raw, err := json.Marshal(spec)
	return string(raw), err
}

func includes(all, some map[string]string) bool {
	for k, v := range some {
		if all[k] != v {
			return false
		}
	}
	return true
}

// Manifest is an ApplicationSet as a person would write it: without status and empty fields.
func Manifest(set *ApplicationSet) (map[string]any, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(set)
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(m, "status")
	unstructured.RemoveNestedField(m, "metadata", "creationTimestamp")
	return m, nil
}

// SlimSet drops from an ApplicationSet what this package never reads.
func SlimSet(set *ApplicationSet) {
	set.ManagedFields = nil
	set.Status = argo.ApplicationSetStatus{}
}

// ClusterOf is the name of the cluster an object of ours belongs to; ok is false when it is none of ours.
func ClusterOf(labels, annotations map[string]string) (cluster string, ok bool) {
	if labels[LabelManagedBy] != Manager || labels[LabelCluster] == "" {
		return "", false
	}
	if name := annotations[AnnotationCluster]; name != "" {
		return name, true
	}
	return labels[LabelCluster], true
}
