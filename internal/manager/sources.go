package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/source"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// sources follows the config repository: it fetches, reads catalogs, remembers what each tag named first, and publishes the
// result to the cluster reconciler.
type sources struct {
	client    client.Client
	live      client.Reader
	namespace string
	cacheDir  string
	timeout   time.Duration
	published *atomic.Pointer[published]
	// wake queues clusters once a new view is published.
	wake     chan<- event.GenericEvent
	fleet    *fleet
	counters *counters
	events   record.EventRecorder
	now      func() time.Time

	// poke queues a reconcile from outside.
	poke chan event.GenericEvent

	// The rest is used by one reconcile at a time.
	repo    *git.Repository
	opened  openKey
	loader  source.Loader
	last    resolve.Source
	loaded  bool
	nextTry time.Time
	demand  atomic.Bool
}

// openKey tells whether the repository must be opened anew.
type openKey struct{ url, secret string }

// Demand asks for a fetch at the next reconcile, however recent the last.
func (r *sources) Demand() { r.demand.Store(true) }

// Reconcile implements reconcile.Reconciler; whatever CatalogSource is named, the oldest is served.
func (r *sources) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	active, err := r.active(ctx, req)
	if err != nil || active == nil {
		return ctrl.Result{}, err
	}
	poll := time.Minute
	if interval := active.Spec.PollInterval; interval != nil && interval.Duration > 0 {
		poll = interval.Duration
	}
	fetchErr := r.fetch(ctx, active, poll)
	loadErr := fetchErr
	if r.repo != nil {
		loadErr = r.load(ctx, active)
	}
	if err := r.report(ctx, active, fetchErr, loadErr); err != nil {
		return ctrl.Result{}, err
	}
	if !r.loaded {
		r.publishUnavailable(ctx, active, errors.Join(loadErr))
	}
	return ctrl.Result{RequeueAfter: max(r.nextTry.Sub(r.now()), time.Second)}, nil
}

// active finds the CatalogSource that counts, and tells all others that they do not.
func (r *sources) active(ctx context.Context, req ctrl.Request) (*v1alpha1.CatalogSource, error) {
	var list v1alpha1.CatalogSourceList
	if err := r.client.List(ctx, &list, client.InNamespace(r.namespace)); err != nil {
		return nil, fmt.Errorf("list CatalogSources: %w", err)
	}
	list.Items = slices.DeleteFunc(list.Items, func(s v1alpha1.CatalogSource) bool { return s.DeletionTimestamp != nil })
	if len(list.Items) == 0 {
		return nil, nil // What was published stays: a source that vanishes is no reason to change anything.
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.CatalogSource) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	active := &list.Items[0]
	for i := range list.Items[1:] {
		other := &list.Items[i+1]
		if other.Name != req.Name {
			continue
		}
		status := other.Status.DeepCopy()
		status.ObservedGeneration = other.Generation
		setCondition(&status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "NotServed",
			Message: fmt.Sprintf("CatalogSource %q is older and serves the fleet; delete one of the two", active.Name),
		}, other.Generation)
		if err := r.write(ctx, other, *status); err != nil {
			return nil, err
		}
	}
	return active, nil
}

// fetch brings the mirror up to date when it is time to. Its error means only that the repository could not be reached now.
func (r *sources) fetch(ctx context.Context, active *v1alpha1.CatalogSource, poll time.Duration) error {
	options, key, err := r.options(ctx, active)
	if err != nil {
		r.nextTry = r.now().Add(min(poll, 10*time.Second))
		return err
	}
	demanded := r.demand.Swap(false)
	if r.repo != nil && key == r.opened && !demanded && r.now().Before(r.nextTry) {
		return nil
	}
	started := r.now()
	r.nextTry = started.Add(poll)
	if r.repo == nil || key != r.opened {
		repo, err := git.Open(ctx, options)
		if err != nil {
			r.counters.gitFailures.Inc()
			r.nextTry = started.Add(min(poll, 10*time.Second))
			return err
		}
		if r.repo != nil {
			_ = r.repo.Close()
		}
		r.repo, r.opened = repo, key
	}
	_, err = r.repo.Fetch(ctx)
	r.counters.gitFetch.Observe(r.now().Sub(started).Seconds())
	if err != nil {
		r.counters.gitFailures.Inc()
	}
	return err
}

// options are how to reach the repository, with the credentials of the Secret.
func (r *sources) options(ctx context.Context, active *v1alpha1.CatalogSource) (git.Options, openKey, error) {
	o := git.Options{URL: active.Spec.URL, Dir: r.cacheDir, Timeout: r.timeout}
	key := openKey{url: active.Spec.URL}
	if ref := active.Spec.SecretRef; ref != nil {
		secret := &corev1.Secret{}
		if err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: ref.Name}, secret); err != nil {
			return o, key, fmt.Errorf("spec.secretRef: get Secret %q: %w", ref.Name, err)
		}
		_, auth, err := git.ParseSecret(secret.Data)
		if err != nil {
			return o, key, fmt.Errorf("spec.secretRef: Secret %q: %w", ref.Name, err)
		}
		o.Auth, key.secret = auth, string(secret.UID)+"/"+secret.ResourceVersion
	}
	hosts := &corev1.ConfigMap{}
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: knownHostsConfigMap}, hosts); {
	case err == nil:
		o.Auth.KnownHosts = []byte(hosts.Data[knownHostsKey])
		key.secret += "/" + hosts.ResourceVersion
	case !apierrors.IsNotFound(err):
		return o, key, fmt.Errorf("get ConfigMap %q: %w", knownHostsConfigMap, err)
	}
	return o, key, nil
}

// Argo CD keeps the SSH host keys that it trusts here.
const (
	knownHostsConfigMap = "argocd-ssh-known-hosts-cm"
	knownHostsKey       = "ssh_known_hosts"
)

// load reads the mirror and publishes what is new. What tags name for the first time is written down before anything is delivered from
// it, so that no crash forgets it.
func (r *sources) load(ctx context.Context, active *v1alpha1.CatalogSource) error {
	seen, err := r.firstSeen(ctx, active)
	if err != nil {
		return err
	}
	s, err := r.loader.Load(ctx, r.repo, source.Options{FirstSeen: seen, RevisionTag: active.Spec.Revision == v1alpha1.RevisionTag})
	if err != nil {
		return err
	}
	delivery := argocd.Delivery{Namespace: r.namespace, URL: active.Spec.URL, Project: active.Spec.Project}
	if view := r.published.Load(); r.loaded && view != nil && view.delivery == delivery && equality.Semantic.DeepEqual(plainSource(s), plainSource(r.last)) {
		return nil
	}
	if err := r.write(ctx, active, r.statusFor(active, s)); err != nil {
		return err
	}
	r.last, r.loaded = s, true
	return r.publish(ctx, delivery, s)
}

// plainSource is a source without the catalogs, which their commits stand for and which hold what cannot be compared.
func plainSource(s resolve.Source) resolve.Source {
	s.Releases = slices.Clone(s.Releases)
	for i := range s.Releases {
		s.Releases[i].Catalog = nil
	}
	return s
}

// publish makes a view current and queues every cluster.
func (r *sources) publish(ctx context.Context, delivery argocd.Delivery, s resolve.Source) error {
	names, err := r.names(ctx)
	if err != nil {
		return err
	}
	r.published.Store(&published{snapshot: resolve.Prepare(s, names), delivery: delivery})
	r.counters.releasesRefused.Reset()
	for _, rel := range s.Releases {
		if rel.Refused != nil {
			r.counters.releasesRefused.WithLabelValues(rel.Tag.Minor.String()).Inc()
		}
	}
	logf.FromContext(ctx).Info("published releases", "releases", len(s.Releases), "problems", len(s.Problems))
	r.wake <- event.GenericEvent{Object: &v1alpha1.CatalogSource{}}
	return nil
}

// publishUnavailable lets clusters say why nothing happens, when the repository has not been read since the start.
func (r *sources) publishUnavailable(ctx context.Context, active *v1alpha1.CatalogSource, err error) {
	if r.published.Load() != nil || err == nil {
		return
	}
	why := fault.Reasonf(resolve.CodeSourceUnavailable, "the config repository has not been read: %v; everything stays as it is until it can be", err)
	delivery := argocd.Delivery{Namespace: r.namespace, URL: active.Spec.URL, Project: active.Spec.Project}
	if err := r.publish(ctx, delivery, resolve.Source{Unavailable: &why}); err != nil {
		logf.FromContext(ctx).Error(err, "publish")
	}
}

// firstSeen is what tags named first: as the status remembers it, and for what it forgot, as it is delivered.
func (r *sources) firstSeen(ctx context.Context, active *v1alpha1.CatalogSource) (map[release.Tag]resolve.Seen, error) {
	seen := map[release.Tag]resolve.Seen{}
	var sets argocd.ApplicationSetList
	if err := r.client.List(ctx, &sets, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list ApplicationSets: %w", err)
	}
	for i := range sets.Items {
		elements, err := argocd.Elements(&sets.Items[i])
		if err != nil {
			continue // The cluster's own reconcile reports it.
		}
		for _, e := range elements {
			if tag, err := release.ParseTag(e.Release); err == nil && release.IsCommit(e.Commit) {
				seen[tag] = resolve.Seen{Commit: e.Commit, Delivered: true}
			}
		}
	}
	for _, m := range active.Status.Minors {
		for _, rel := range m.Releases {
			if tag, err := release.ParseTag(rel.Tag); err == nil && release.IsCommit(rel.Commit) {
				seen[tag] = resolve.Seen{Commit: rel.Commit, Delivered: seen[tag].Delivered}
			}
		}
	}
	return seen, nil
}

// names indexes the Applications that exist. It answers from the cache as it is when asked, not as it was when built.
func (r *sources) names(ctx context.Context) (resolve.Names, error) {
	var apps argocd.ApplicationList
	if err := r.client.List(ctx, &apps, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Applications: %w", err)
	}
	addons := map[string]bool{}
	for i := range apps.Items {
		addons[apps.Items[i].Labels[argocd.LabelAddon]] = true
	}
	return cachedNames{reader: r.client, namespace: r.namespace, addons: slices.Sorted(maps.Keys(addons))}, nil
}

type cachedNames struct {
	reader    client.Reader
	namespace string
	addons    []string
}

func (n cachedNames) Addons() []string { return n.addons }

func (n cachedNames) Owner(application string) (resolve.PairKey, bool) {
	app := &argocd.Application{}
	// The reader is the cache: it does not block, and an error other than "not found" cannot come from memory.
	if err := n.reader.Get(context.Background(), client.ObjectKey{Namespace: n.namespace, Name: application}, app); err != nil {
		return resolve.PairKey{}, false
	}
	name, ok := argocd.ClusterOf(app.Labels, app.Annotations)
	return resolve.PairKey{Cluster: name, Addon: app.Labels[argocd.LabelAddon]}, ok
}

// maxReleases is how many releases of a minor the status remembers beyond those delivered.
const maxReleases = 50

// statusFor lists the releases of a source.
func (r *sources) statusFor(active *v1alpha1.CatalogSource, s resolve.Source) v1alpha1.CatalogSourceStatus {
	status := *active.Status.DeepCopy()
	status.Minors = nil
	at := map[version.Minor]int{}
	releases := slices.Clone(s.Releases)
	resolve.SortReleases(releases)
	for _, rel := range releases {
		i, known := at[rel.Tag.Minor]
		if !known {
			i = len(status.Minors)
			at[rel.Tag.Minor] = i
			status.Minors = append(status.Minors, v1alpha1.MinorStatus{Minor: rel.Tag.Minor.String()})
		}
		m := &status.Minors[i]
		if m.Release == "" && rel.Refused == nil && rel.Catalog != nil {
			m.Release = rel.Tag.String()
		}
		if len(m.Releases) < maxReleases {
			entry := v1alpha1.ReleaseStatus{Tag: rel.Tag.String(), Commit: rel.Commit}
			if rel.Refused != nil {
				entry.Refused = cut(rel.Refused.Message, 1000)
			}
			m.Releases = append(m.Releases, entry)
		}
	}
	return status
}

// report writes the status, if anything in it changed.
func (r *sources) report(ctx context.Context, active *v1alpha1.CatalogSource, fetchErr, loadErr error) error {
	status := *active.Status.DeepCopy()
	if r.loaded {
		status = r.statusFor(active, r.last)
	}
	status.ObservedGeneration = active.Generation
	if err := r.count(ctx, &status); err != nil {
		return err
	}
	for _, c := range sourceConditions(r.last, r.loaded, fetchErr, loadErr, status.Blocking) {
		setCondition(&status.Conditions, c, active.Generation)
	}
	if before, after := conditionOf(active.Status.Conditions), conditionOf(status.Conditions); before != after {
		kind := corev1.EventTypeNormal
		if after.Status != metav1.ConditionTrue {
			kind = corev1.EventTypeWarning
		}
		r.events.Event(active, kind, after.Reason, cut(after.Message, maxMessage))
	}
	return r.write(ctx, active, status)
}

// count sums up the fleet. Right after a start the totals are of a part of it; until every cluster has been seen, the old ones stand.
func (r *sources) count(ctx context.Context, status *v1alpha1.CatalogSourceStatus) error {
	var reports v1alpha1.ClusterAddonsList
	if err := r.client.List(ctx, &reports, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list ClusterAddons: %w", err)
	}
	names := make([]string, len(reports.Items))
	for i := range reports.Items {
		names[i] = reports.Items[i].Name
	}
	if !r.fleet.knows(names) {
		return nil
	}
	t := r.fleet.totals()
	status.Clusters, status.Pairs, status.Holds = int32(t.clusters), int32(t.pairs), int32(t.actions[resolve.Hold])
	status.Blocking = t.blocking[:min(len(t.blocking), maxListed)]
	return nil
}

// conditionOf is the Ready condition without its times.
func conditionOf(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionReady {
			return metav1.Condition{Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return metav1.Condition{}
}

// sourceConditions is the one place where a source's outcome becomes conditions.
func sourceConditions(s resolve.Source, loaded bool, fetchErr, loadErr error, blocking []string) []metav1.Condition {
	fetched := metav1.Condition{Type: v1alpha1.ConditionFetched, Status: metav1.ConditionTrue, Reason: "Fetched", Message: "the repository was read"}
	if err := errors.Join(fetchErr, loadErr); fetchErr != nil || loadErr != nil {
		if fetchErr != nil {
			err = fetchErr
		}
		fetched.Status, fetched.Reason, fetched.Message = metav1.ConditionFalse, "FetchFailed", cut(err.Error(), maxMessage)
	}
	valid := metav1.Condition{Type: v1alpha1.ConditionReleasesValid, Status: metav1.ConditionTrue, Reason: "Valid", Message: "no release is refused"}
	for _, rel := range slices.Backward(s.Releases) {
		if rel.Refused != nil {
			valid.Status, valid.Reason = metav1.ConditionFalse, string(rel.Refused.Code)
			valid.Message = cut(rel.Tag.String()+" is refused: "+rel.Refused.Message, maxMessage)
		}
	}
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Serving", Message: "every minor offered has a release"}
	switch {
	case len(blocking) > 0:
		ready.Status, ready.Reason = metav1.ConditionFalse, "ClusterSecretBlocksArgoCD"
		ready.Message = fmt.Sprintf("Argo CD cannot read cluster Secret %q; until it is corrected, it reconciles no ApplicationSet of any cluster", blocking[0])
	case s.Unavailable != nil:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, string(s.Unavailable.Code), cut(s.Unavailable.Message, maxMessage)
	case !loaded:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, fetched.Reason, fetched.Message
	case len(s.Problems) > 0 && slices.ContainsFunc(s.Problems, notIgnored):
		p := s.Problems[slices.IndexFunc(s.Problems, notIgnored)]
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, string(p.Code), cut(p.Error(), maxMessage)
	case valid.Status != metav1.ConditionTrue:
		ready.Message += "; some releases are refused"
	}
	return []metav1.Condition{ready, fetched, valid}
}

func notIgnored(p fault.Problem) bool { return p.Code != resolve.CodeTagsIgnored }

// write patches a status that differs from what is there.
func (r *sources) write(ctx context.Context, cs *v1alpha1.CatalogSource, status v1alpha1.CatalogSourceStatus) error {
	if equality.Semantic.DeepEqual(cs.Status, status) {
		return nil
	}
	out := &v1alpha1.CatalogSource{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CatalogSource"},
		ObjectMeta: metav1.ObjectMeta{Name: cs.Name, Namespace: cs.Namespace}, Status: status,
	}
	cs.Status = status
	// Only the status subresource is written; the empty spec of the patch is not looked at.
	if err := applyStatus(ctx, r.client, out, &status); err != nil {
		return fmt.Errorf("apply status of CatalogSource: %w", err)
	}
	r.counters.writes.WithLabelValues("CatalogSource").Inc()
	return nil
}
