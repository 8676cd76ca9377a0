package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// TestServing chooses the source as the manager does.
func TestServing(t *testing.T) {
	source := func(name string, age int, deleting bool) v1alpha1.CatalogSource {
		s := v1alpha1.CatalogSource{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: at(-age)}}
		if deleting {
			now := at(0)
			s.DeletionTimestamp = &now
		}
		return s
	}
	for name, tc := range map[string]struct {
		all  []v1alpha1.CatalogSource
		want string
	}{
		"none":                          {},
		"the oldest":                    {[]v1alpha1.CatalogSource{source("a", 1, false), source("b", 3, false), source("c", 2, false)}, "b"},
		"of two as old, by name":        {[]v1alpha1.CatalogSource{source("b", 1, false), source("a", 1, false)}, "a"},
		"not one that is deleted":       {[]v1alpha1.CatalogSource{source("a", 3, true), source("b", 1, false)}, "b"},
		"none, when all are deleted":    {all: []v1alpha1.CatalogSource{source("a", 3, true)}},
		"the only one, of whatever age": {[]v1alpha1.CatalogSource{source("a", 0, false)}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if s := serving(tc.all); s != nil {
				got = s.Name
			}
			if got != tc.want {
				t.Errorf("serving %q, want %q", got, tc.want)
			}
		})
	}
}

// meddling changes an object by other means right before an order writes it, as often as there are changes.
func (p *place) meddling(changes ...func()) client.Client {
	meddle := func() {
		if len(changes) > 0 {
			next := changes[0]
			changes = changes[1:]
			next()
		}
	}
	return interceptor.NewClient(p.client, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			meddle()
			return c.Patch(ctx, o, patch, options...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			meddle()
			return c.Create(ctx, o, options...)
		},
	})
}

func tagOf(t *testing.T, text string) release.Tag {
	t.Helper()
	tag, err := release.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// haltOrder is what `rollout halt` runs.
func haltOrder(t *testing.T, tag string) decision[*v1alpha1.CatalogSource] {
	return aboutSource(func(s *v1alpha1.CatalogSource) (said, error) { return halt(s, tagOf(t, tag)) })
}

const twoReleases = `apiVersion: addons.kaas.dev/v1alpha1
kind: CatalogSource
metadata: {name: fleet}
spec: {url: "https://git.example.com/addons.git"}
status:
  clusters: 0
  pairs: 0
  holds: 0
  minors:
  - minor: "1.31"
    releases: [{tag: v1.31-ake.2, commit: "2222222222222222222222222222222222222222"}, {tag: v1.31-ake.1, commit: "1111111111111111111111111111111111111111"}]
`

// TestAnOrderKeepsWhatOthersWroteMeanwhile halts a release while somebody else changes the same list, and the settings beside it.
func TestAnOrderKeepsWhatOthersWroteMeanwhile(t *testing.T) {
	p := newPlace(t)
	p.apply([]byte(twoReleases))
	o := order{connect: connection{namespace: p.namespace}}
	c := p.meddling(
		func() { // Another release manager.
			_, err := carryOut(p.Context(), p.client, false, o.source, haltOrder(t, "v1.31-ake.1"))
			p.must(err)
		},
		func() { // The platform team, with kubectl.
			s, err := o.source(p.Context(), p.client)
			p.must(err)
			s.Spec.PollInterval, s.Spec.Project = &metav1.Duration{Duration: time.Hour}, "other"
			p.must(p.client.Update(p.Context(), s))
		},
		func() { // The manager.
			s, err := o.source(p.Context(), p.client)
			p.must(err)
			s.Status.Clusters = 7
			p.must(p.client.Status().Update(p.Context(), s))
		},
	)
	got, err := carryOut(p.Context(), c, false, o.source, haltOrder(t, "v1.31-ake.2"))
	p.must(err)
	if !got.Changed || !strings.HasPrefix(got.Message, "halted v1.31-ake.2: ") {
		t.Errorf("answer %+v", got)
	}
	s, err := o.source(p.Context(), p.client)
	p.must(err)
	want := v1alpha1.CatalogSourceSpec{
		URL: "https://git.example.com/addons.git", PollInterval: &metav1.Duration{Duration: time.Hour}, Revision: "commit", Project: "other",
		Deletion: v1alpha1.Deletion{Grace: &metav1.Duration{Duration: 10 * time.Minute}},
		Rollout:  &v1alpha1.Rollout{Halted: []v1alpha1.ReleaseName{"v1.31-ake.1", "v1.31-ake.2"}},
	}
	if d := cmp.Diff(want, s.Spec); d != "" || s.Status.Clusters != 7 {
		t.Errorf("status.clusters %d, spec (-want +got):\n%s", s.Status.Clusters, d)
	}
	var owners []string
	for _, m := range s.ManagedFields {
		if m.Manager == fieldOwner {
			owners = append(owners, string(m.FieldsV1.Raw))
		}
	}
	if d := cmp.Diff([]string{`{"f:spec":{"f:rollout":{".":{},"f:halted":{".":{},"v:\"v1.31-ake.1\"":{},"v:\"v1.31-ake.2\"":{}}}}}`}, owners); d != "" {
		t.Errorf("fields that the orders own (-want +got):\n%s", d)
	}
}

// TestAnOrderDecidesAnewWhatItReadAnew finds the list of deletions changed when it comes to write the approval: nothing is approved.
func TestAnOrderDecidesAnewWhatItReadAnew(t *testing.T) {
	p := newPlace(t)
	p.apply([]byte(twoReleases))
	o := order{connect: connection{namespace: p.namespace}}
	quarantine := func(hash string) {
		s, err := o.source(p.Context(), p.client)
		p.must(err)
		s.Status.Deletions = &v1alpha1.DeletionStatus{Quarantine: &v1alpha1.Quarantine{Hash: hash, Count: 2}}
		p.must(p.client.Status().Update(p.Context(), s))
	}
	quarantine("0123456789ab")
	_, err := carryOut(p.Context(), p.meddling(func() { quarantine("ba9876543210") }), false, o.source,
		aboutSource(func(s *v1alpha1.CatalogSource) (said, error) { return approve(s, "0123456789ab") }))
	want := "hash 0123456789ab does not name the list that waits now; that one has 2 deletions and the hash ba9876543210: look at it with `addon-manager plan` before you approve it"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	s, err := o.source(p.Context(), p.client)
	p.must(err)
	if s.Spec.Deletion.Approved != nil {
		t.Errorf("approved %q", s.Spec.Deletion.Approved)
	}
}

// TestAnOrderGivesUp says so when others write the object at every try.
func TestAnOrderGivesUp(t *testing.T) {
	p := newPlace(t)
	p.apply([]byte(twoReleases))
	o := order{connect: connection{namespace: p.namespace}}
	n := 0
	always := make([]func(), 100)
	for i := range always {
		always[i] = func() {
			n++
			s, err := o.source(p.Context(), p.client)
			p.must(err)
			s.Annotations = map[string]string{"n": fmt.Sprint(n)}
			p.must(p.client.Update(p.Context(), s))
		}
	}
	_, err := carryOut(p.Context(), p.meddling(always...), false, o.source, haltOrder(t, "v1.31-ake.2"))
	if err == nil || !strings.HasPrefix(err.Error(), `CatalogSource "fleet" was changed by others at each of 8 tries, and nothing was set; try again: `) || !apierrors.IsConflict(err) || n != 8 {
		t.Errorf("error after %d tries: %v", n, err)
	}
	stopped, cancel := context.WithCancel(p.Context())
	_, err = carryOut(stopped, p.meddling(cancel), false, o.source, haltOrder(t, "v1.31-ake.2"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestAnOrderMeetsTheManagersFirstReport freezes a cluster that the manager reports on for the first time in the same moment.
func TestAnOrderMeetsTheManagersFirstReport(t *testing.T) {
	p := newPlace(t)
	p.must(p.client.Create(p.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "tokyo-1", Namespace: p.namespace, Labels: map[string]string{"argocd.argoproj.io/secret-type": "cluster"},
	}}))
	o := order{connect: connection{namespace: p.namespace}}
	freeze := &v1alpha1.Freeze{Reason: "fair", Owner: "sales", Until: at(24)}
	c := p.meddling(func() {
		p.apply([]byte("apiVersion: addons.kaas.dev/v1alpha1\nkind: ClusterAddons\nmetadata: {name: tokyo-1, labels: {by: manager}}\nstatus: {minor: \"1.31\"}\n"))
	})
	_, err := carryOut(p.Context(), c, false, o.cluster("tokyo-1"), aboutCluster(func(ca *v1alpha1.ClusterAddons) (said, error) { return setFreeze(ca, freeze), nil }))
	p.must(err)
	ca := &v1alpha1.ClusterAddons{}
	p.must(p.client.Get(p.Context(), client.ObjectKey{Namespace: p.namespace, Name: "tokyo-1"}, ca))
	if d := cmp.Diff(v1alpha1.ClusterAddonsSpec{Freeze: freeze}, ca.Spec); d != "" || ca.Labels["by"] != "manager" || ca.Status.Minor != "1.31" {
		t.Errorf("labels %v, minor %q, spec (-want +got):\n%s", ca.Labels, ca.Status.Minor, d)
	}
}

// TestOrdersByReleaseManagers runs orders with no rights but those to CatalogSources and ClusterAddons: what they may not read, the report
// tells.
func TestOrdersByReleaseManagers(t *testing.T) {
	p := newPlace(t)
	p.apply([]byte(strings.ReplaceAll(`apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: release-managers}
rules:
- {apiGroups: [addons.kaas.dev], resources: [catalogsources, clusteraddons], verbs: [get, list, watch, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: release-managers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: release-managers}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ROSA}]
`, "ROSA", "rosa-"+p.namespace)))
	p.apply([]byte(twoReleases + `---
apiVersion: v1
kind: Secret
metadata: {name: tokyo-1, labels: {argocd.argoproj.io/secret-type: cluster}}
---
apiVersion: addons.kaas.dev/v1alpha1
kind: ClusterAddons
metadata: {name: tokyo-1}
status:
  minor: "1.31"
  addons:
  - {name: autoscaler, application: tokyo-1-autoscaler, placement: management, action: keep, delivered: v1.31-ake.1, synced: true, healthy: true}
  - {name: cert-manager, application: tokyo-1-cert-manager, placement: workload, action: keep, delivered: v1.31-ake.1, synced: true, healthy: true}
  - {name: csi, application: tokyo-1-csi, placement: workload, action: install, synced: false, healthy: false}
  released: [{name: loki, since: "2026-01-01T00:00:00Z"}]
---
apiVersion: addons.kaas.dev/v1alpha1
kind: ClusterAddons
metadata: {name: osaka-1}
status:
  reasons: [{code: ClusterGone, message: its Secret is gone}]
  addons:
  - {name: csi, application: osaka-1-csi, placement: workload, action: hold, delivered: v1.31-ake.1, synced: true, healthy: true}
`))
	rosa, err := p.plane.User("rosa-" + p.namespace)
	p.must(err)
	kubeconfig := t.TempDir() + "/kubeconfig"
	p.must(plane.WriteKubeconfig(kubeconfig, "rosa", rosa))
	p.kubeconfig = kubeconfig
	const want = `$ addon-manager rollout halt v1.31-ake.2
halted v1.31-ake.2: no further cluster moves to it
  to let it go on: addon-manager rollout resume v1.31-ake.2
  to take it back: addon-manager rollout rollback v1.31-ake.2
$ addon-manager decommission tokyo-1 --mode=prune
decommissioned tokyo-1 (prune): 2 Applications go
  their objects on the cluster are deleted: cert-manager
  their objects in the management cluster are deleted: autoscaler
  what is not deleted by 2026-03-02T13:00:00Z stays
  left on the cluster earlier, and not touched: loki
  to take it back before a deletion begins: addon-manager decommission --undo tokyo-1
$ addon-manager decommission --undo tokyo-1
tokyo-1 is not decommissioned any more: its 2 Applications stay
$ addon-manager decommission osaka-1 --mode=prune
decommissioned osaka-1 (prune): 1 Application goes
  the cluster has no Secret any more, so nothing can be pruned
  their objects stay on the cluster: csi
  to take it back before a deletion begins: addon-manager decommission --undo osaka-1
$ addon-manager adopt tokyo-1 loki
adopted loki on tokyo-1: it is delivered again, and its objects are taken over as they are
  it was left on the cluster since 2026-01-01T00:00:00Z
  to let the labels alone decide again: addon-manager adopt --undo tokyo-1 loki
  your rights do not show whether a label switches it off
`
	if d := cmp.Diff(want, p.play(want, nil)); d != "" {
		t.Errorf("transcript (-want +got):\n%s", d)
	}
}

// TestTermTexts bounds what people write to what fits the API and one line of a terminal.
func TestTermTexts(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, owner, want string
	}{
		"as long as may be": {reason: strings.Repeat("ü", 256), owner: strings.Repeat("ü", 128)},
		"reason too long":   {strings.Repeat("ü", 257), "me", "--reason has 257 characters, at most 256 allowed"},
		"owner too long":    {"x", strings.Repeat("ü", 129), "--owner has 129 characters, at most 128 allowed"},
		"two lines":         {"a\nb", "me", `--reason "a\nb" has a line break or another control character: write one line`},
		"an escape":         {"a", "me\x1b[2J", `--owner "me\x1b[2J" has a line break or another control character: write one line`},
	} {
		t.Run(name, func(t *testing.T) {
			terms := term{reason: tc.reason, owner: tc.owner, length: time.Hour}
			end, err := terms.end(noon)
			got := ""
			if err != nil {
				got = err.Error()
			} else if want := noon.Add(time.Hour); !end.Equal(want) {
				t.Errorf("ends at %s, want %s", end, want)
			}
			if got != tc.want {
				t.Errorf("error %q, want %q", got, tc.want)
			}
		})
	}
}
