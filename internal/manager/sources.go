package manager

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
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
	// conducts asks for another decision about the fleet.
	conducts func()
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
	ruled   v1alpha1.CatalogSourceSpec
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
		r.publishUnavailable(ctx, active, loadErr)
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
	policy, problems := settings.Policy(active.Spec)
	pinned, err := r.pinned(ctx)
	if err != nil {
		return err
	}
	s, err := r.loader.Load(ctx, r.repo, source.Options{
		FirstSeen: seen, RevisionTag: active.Spec.Revision == v1alpha1.RevisionTag, Wanted: pinned, RolledBack: policy.Rollout.RolledBack,
	})
	if err != nil {
		return err
	}
	s.Problems = slices.Concat(problems, s.Problems) // The condition tells the first: one that stops the fleet comes before one about a minor.
	delivery := argocd.Delivery{Namespace: r.namespace, URL: active.Spec.URL, Project: active.Spec.Project}
	if view := r.published.Load(); r.loaded && view != nil && view.delivery == delivery && view.source.Name == active.Name &&
		equality.Semantic.DeepEqual(active.Spec, r.ruled) && equality.Semantic.DeepEqual(plainSource(s), plainSource(r.last)) {
		return nil
	}
	if err := r.write(ctx, active, r.statusFor(active, s)); err != nil {
		return err
	}
	r.last, r.loaded, r.ruled = s, true, *active.Spec.DeepCopy()
	return r.publish(ctx, active, policy, s)
}

// plainSource is a source without what its catalogs say, which their commits stand for and which cannot be compared.
func plainSource(s resolve.Source) resolve.Source {
	s.Releases = slices.Clone(s.Releases)
	for i := range s.Releases {
		if s.Releases[i].Catalog != nil {
			s.Releases[i].Catalog = &catalog.Catalog{}
		}
	}
	return s
}

// pinned are the releases that people pinned something to.
func (r *sources) pinned(ctx context.Context) (map[string]bool, error) {
	var list v1alpha1.ClusterAddonsList
	if err := r.client.List(ctx, &list, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list ClusterAddons: %w", err)
	}
	names := map[string]bool{}
	for i := range list.Items {
		for _, pin := range list.Items[i].Spec.Pins {
			names[string(pin.Release)] = true
		}
	}
	return names, nil
}

// publish makes a view current and queues every cluster.
func (r *sources) publish(ctx context.Context, active *v1alpha1.CatalogSource, policy resolve.Policy, s resolve.Source) error {
	names, err := r.names(ctx)
	if err != nil {
		return err
	}
	r.published.Store(&published{
		source: client.ObjectKeyFromObject(active), snapshot: resolve.Prepare(s, policy, names),
		delivery: argocd.Delivery{Namespace: r.namespace, URL: active.Spec.URL, Project: active.Spec.Project},
	})
	r.counters.releasesRefused.Reset()
	for _, rel := range s.Releases {
		if rel.Refused != nil {
			r.counters.releasesRefused.WithLabelValues(rel.Tag.Minor.String()).Inc()
		}
	}
	logf.FromContext(ctx).Info("published releases", "releases", len(s.Releases), "problems", len(s.Problems))
	r.wake <- event.GenericEvent{Object: &v1alpha1.CatalogSource{}}
	r.conducts()
	return nil
}

// publishUnavailable lets clusters say why nothing happens, when the repository has not been read since the start.
func (r *sources) publishUnavailable(ctx context.Context, active *v1alpha1.CatalogSource, err error) {
	if r.published.Load() != nil || err == nil {
		return
	}
	why := fault.Reasonf(resolve.CodeSourceUnavailable, "the config repository has not been read: %v; everything stays as it is until it can be", err)
	policy, _ := settings.Policy(active.Spec)
	if err := r.publish(ctx, active, policy, resolve.Source{Unavailable: &why}); err != nil {
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
