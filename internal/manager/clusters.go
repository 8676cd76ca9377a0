package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/adapter/kube"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// published is what the source reconciler hands to the cluster reconciler: one consistent view.
type published struct {
	// source is the CatalogSource that it is from.
	source   client.ObjectKey
	snapshot *resolve.Snapshot
	delivery argocd.Delivery
}

// versions tells a cluster's Kubernetes version where its Secret does not.
type versions interface {
	// Version never blocks. pending is set while a first answer is on its way; the cluster is queued again when it arrives.
	// A cluster is asked anew when its server or the digest of its credentials changes.
	Version(name, server, digest string) (v version.Kubernetes, why string, pending bool)
	// Nodes is what the nodes of a cluster run; unknown for one that is not asked.
	Nodes(name string) kube.Nodes
	// Forget drops a cluster that is gone.
	Forget(name string)
}

// clusters reconciles one cluster at a time: it gathers what is known of it, decides, and writes what differs.
type clusters struct {
	client    client.Client
	conductor *conductor
	// live reads past the cache, where acting on a stale read would cost something.
	live      client.Reader
	foreign   *foreign
	namespace string
	published *atomic.Pointer[published]
	versions  versions
	crds      crdRemover
	fleet     *fleet
	counters  *counters
	events    record.EventRecorder
	// clock is the time that decisions are made by, now measures intervals.
	clock, now func() time.Time

	unlistWait time.Duration
	// unlisted is since when this process knows Applications to be deleted that are on no list any more: for each cluster, by UID.
	unlisted sync.Map
}

// Reconcile implements reconcile.Reconciler; the request names a cluster.
func (r *clusters) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	view := r.published.Load()
	if view == nil {
		return ctrl.Result{}, nil // The first view queues every cluster.
	}
	have, err := r.gather(ctx, req.Name)
	if err != nil && r.fleet.unreadable(req.Name, err) {
		r.conductor.Poke()
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if have.pending {
		// The fleet need not wait for it; it is in nobody's way, and nobody gets past it.
		if r.fleet.pending(resolve.PendingStanding(have.cluster, have.delivered)) {
			r.conductor.Poke()
		}
		return ctrl.Result{}, nil
	}
	if have.nothing() {
		return ctrl.Result{}, r.forget(ctx, have)
	}
	permit, decided := r.conductor.permit(req.Name)
	if !decided {
		// Nothing is written before the fleet was seen whole; once it is, the cluster is queued again.
		r.stand(view.snapshot.Cluster(have.cluster, have.delivered, view.snapshot.Stay(have.cluster, have.delivered), r.clock()))
		return ctrl.Result{}, nil
	}
	plan := view.snapshot.Cluster(have.cluster, have.delivered, permit, r.clock())
	if err := r.refuseForeign(ctx, have, &plan); errors.Is(err, errStaleCache) {
		return ctrl.Result{RequeueAfter: catchUp}, nil
	} else if err != nil {
		return ctrl.Result{}, err
	}
	r.stand(plan)
	if since, running := r.fleet.followed(req.Name); running {
		if caughtUp(have.delivered) {
			r.counters.argocdDelay.Observe(r.now().Sub(since).Seconds())
		} else {
			r.fleet.wrote(req.Name, since)
		}
	}
	applyErr := r.apply(ctx, view.delivery, have, plan)
	_, late := r.patience(req.Name, applyErr)
	if r.fleet.fails(req.Name, applyErr != nil && !late, r.now()) {
		plan.Problems = append(slices.Clip(plan.Problems), fault.Problem{
			Code: CodeWriteFailed, Where: "cluster " + req.Name, Message: "what was decided cannot be written: " + applyErr.Error(),
		})
	}
	r.fleet.set(req.Name, summarize(plan, have.cluster))
	reportErr := r.report(ctx, view.snapshot, have, plan)
	return r.after(plan, applyErr, reportErr)
}

// CodeWriteFailed says that the API server has refused for a while what the manager writes about a cluster.
const CodeWriteFailed fault.Code = "WriteFailed"

// patience is how long to wait for what an error says is only late; false for one that is a failure.
func (r *clusters) patience(cluster string, err error) (time.Duration, bool) {
	switch {
	case errors.Is(err, errStaleCache):
		return catchUp, true
	case errors.Is(err, errUnlisted):
		return max(r.unlistWait/4, catchUp), true
	case errors.Is(err, errReportLater):
		return r.fleet.mayReport(cluster, r.now()) + time.Millisecond, true
	}
	return 0, false
}

// stand tells the conductor where a cluster stands, if that is news.
func (r *clusters) stand(plan resolve.ClusterPlan) {
	if r.fleet.stand(plan.Standing) {
		r.conductor.Poke()
	}
}

// after is when the cluster is looked at again. An error that is one comes first; a cache that lags and a report that came too soon are none.
func (r *clusters) after(plan resolve.ClusterPlan, errs ...error) (ctrl.Result, error) {
	var failures []error
	var wait time.Duration
	soon := func(d time.Duration) {
		if d = max(d, time.Millisecond); wait == 0 || d < wait {
			wait = d
		}
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		if d, late := r.patience(plan.Name, err); late {
			soon(d)
		} else {
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return ctrl.Result{}, errors.Join(failures...)
	}
	if slices.ContainsFunc(plan.Pairs, nameTaken) {
		soon(askAgain)
	}
	if slices.ContainsFunc(plan.Pairs, func(p resolve.Pair) bool { return p.Outdated() }) {
		soon(lookAgain)
	}
	if !plan.Next.IsZero() {
		soon(max(plan.Next.Sub(r.clock()), catchUp))
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// caughtUp reports whether every Application says what the ApplicationSet lists.
func caughtUp(delivered []resolve.Delivered) bool {
	return !slices.ContainsFunc(delivered, func(d resolve.Delivered) bool {
		return d.Listed && (!d.Exists || d.Status.Release != d.Release || d.Finalizer != d.Finalize)
	})
}

// gathered is everything known of one cluster.
type gathered struct {
	cluster   resolve.Cluster
	set       *argocd.ApplicationSet
	delivered []resolve.Delivered
	uids      map[string]types.UID
	// kept are Applications that are gone but for the CustomResourceDefinitions that have to go with them.
	kept []*argocd.Application
	// secretVersion is the version of the cluster Secret that the facts are from; empty when there is none.
	secretVersion string
	status        *v1alpha1.ClusterAddons
	pending       bool
}

// nothing reports whether the cluster is gone and left nothing behind.
func (g *gathered) nothing() bool {
	return g.cluster.Gone && g.set == nil && len(g.delivered) == 0
}

func (r *clusters) gather(ctx context.Context, name string) (*gathered, error) {
	g := &gathered{uids: map[string]types.UID{}}
	key := client.ObjectKey{Namespace: r.namespace, Name: name}

	set := &argocd.ApplicationSet{}
	switch err := r.client.Get(ctx, key, set); {
	case err == nil:
		g.set = set
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("get ApplicationSet: %w", err)
	}
	var apps argocd.ApplicationList
	if err := r.client.List(ctx, &apps, client.InNamespace(r.namespace), client.MatchingFields{indexCluster: name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Applications: %w", err)
	}
	for i := range apps.Items {
		app := &apps.Items[i]
		g.uids[app.Name] = app.UID
		if _, waits := argocd.CRDsLeft(app); waits && app.DeletionTimestamp != nil && !argocd.Prunes(app) {
			g.kept = append(g.kept, app)
		}
	}
	var err error
	if g.delivered, err = argocd.Delivered(g.set, apps.Items); err != nil {
		return nil, err
	}
	status := &v1alpha1.ClusterAddons{}
	switch err := r.client.Get(ctx, key, status); {
	case err == nil:
		g.status = status
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("get ClusterAddons: %w", err)
	}
	if err := r.facts(ctx, key, g); err != nil {
		return nil, err
	}
	g.cluster.Admitted = argocd.Admitted(g.set)
	settings.Recall(&g.cluster, g.status)
	return g, nil
}

// facts reads the cluster's Secret, what others it clashes with, and its version.
func (r *clusters) facts(ctx context.Context, key client.ObjectKey, g *gathered) error {
	secret := &corev1.Secret{}
	if err := r.client.Get(ctx, key, secret); err != nil {
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("get cluster Secret: %w", err)
		}
		r.versions.Forget(key.Name)
		g.cluster = resolve.GoneCluster(key.Name)
		return nil
	}
	g.cluster.Facts, g.secretVersion = factsOf(secret), secret.ResourceVersion
	same, err := r.clashing(ctx, g.cluster.Facts)
	if err != nil {
		return err
	}
	if d, ok := cluster.Duplicates(same)[key.Name]; ok {
		g.cluster.Duplicate = &d
	}
	if !g.cluster.ReportedVersion.Minor.IsZero() || g.cluster.Hold != nil {
		r.versions.Forget(key.Name)
	} else {
		g.cluster.Detected, g.cluster.Undetected, g.pending = r.versions.Version(key.Name, g.cluster.Server, string(secret.Data[digestKey]))
	}
	return nil
}

// clashing lists the clusters that share this one's name or server, itself included.
func (r *clusters) clashing(ctx context.Context, f cluster.Facts) ([]cluster.Facts, error) {
	found := map[string]cluster.Facts{f.Name: f}
	for index, value := range map[string]string{indexServer: f.ServerKey(), indexDisplayName: f.DisplayName} {
		if value == "" {
			continue
		}
		var list corev1.SecretList
		if err := r.client.List(ctx, &list, client.InNamespace(r.namespace), client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list cluster Secrets with the same %s: %w", index, err)
		}
		for i := range list.Items {
			found[list.Items[i].Name] = factsOf(&list.Items[i])
		}
	}
	all := make([]cluster.Facts, 0, len(found))
	for _, f := range found {
		all = append(all, f)
	}
	return all, nil
}

// forget drops the report about a cluster that is gone and left nothing behind.
func (r *clusters) forget(ctx context.Context, g *gathered) error {
	r.fleet.forget(g.cluster.Name)
	r.conductor.Poke()
	if g.status == nil {
		return nil
	}
	r.counters.writes.WithLabelValues("ClusterAddons").Inc()
	return client.IgnoreNotFound(r.client.Delete(ctx, g.status))
}

// refuseForeign holds what would take over an object that is not ours: an Application or ApplicationSet of somebody else with the
// same name. It asks past the cache, which holds only our own.
func (r *clusters) refuseForeign(ctx context.Context, g *gathered, plan *resolve.ClusterPlan) error {
	hold := func(p *resolve.Pair, kind, name string) {
		plan.Refuse(p, fault.Reasonf(resolve.CodeNameTaken, "%s %q exists and is not managed by addon-manager; rename or remove it", kind, name))
	}
	if g.set == nil && !plan.Held && len(plan.Pairs) > 0 {
		set := &argocd.ApplicationSet{}
		err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: plan.Name}, set)
		switch {
		case err == nil && set.Labels[argocd.LabelManagedBy] == argocd.Manager:
			return errStaleCache
		case err == nil:
			for i := range plan.Pairs {
				hold(&plan.Pairs[i], "ApplicationSet", plan.Name)
			}
			plan.Held = true
			return nil
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("look for a foreign ApplicationSet: %w", err)
		}
	}
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		if p.Action != resolve.Install || p.Delivered != "" {
			continue
		}
		taken, err := r.foreign.has(ctx, p.Application)
		if err != nil {
			return err
		}
		if taken {
			hold(p, "Application", p.Application)
		}
	}
	return nil
}

// errStaleCache asks for another try, once the cache has caught up. Nothing is wrong, so it is not logged as an error.
var errStaleCache = errors.New("the cache lags behind the API server")

// errUnlisted asks for another try, once Argo CD knows the list that is without what is to be deleted.
var errUnlisted = errors.New("what is to be deleted has just been taken off the list")

// askAgain is how soon a name that somebody else has is tried again: what is not ours is not watched.
const askAgain = 30 * time.Second

// lookAgain is how soon an outdated report of Argo CD is looked at again: no event tells of a report that differs in its time alone.
const lookAgain = 2 * time.Second

func nameTaken(p resolve.Pair) bool {
	return p.Action == resolve.Hold && codeOf(p.Reasons) == resolve.CodeNameTaken
}

// catchUp is how long a cache is given to catch up.
const catchUp = 200 * time.Millisecond

// apply writes the ApplicationSet if it differs, then deletes what may go now.
func (r *clusters) apply(ctx context.Context, delivery argocd.Delivery, g *gathered, plan resolve.ClusterPlan) error {
	if plan.Held {
		return nil
	}
	elements := make([]resolve.Element, 0, len(plan.Pairs))
	for i := range plan.Pairs {
		if e := plan.Pairs[i].Element; e != nil {
			elements = append(elements, *e)
		}
	}
	if g.set == nil && len(elements) == 0 && !slices.ContainsFunc(plan.Pairs, func(p resolve.Pair) bool { return p.Delete }) {
		return r.dropCRDs(ctx, g, plan)
	}
	if plan.DeleteSet {
		return r.dropSet(ctx, g)
	}
	set, err := delivery.Compile(plan.Name, plan.Admitted, elements)
	if err != nil {
		return err
	}
	if differs, err := argocd.Differs(g.set, set, elements); err != nil {
		return err
	} else if differs {
		if err := r.stillThere(ctx, g, elements); err != nil {
			return err
		}
		if g.set != nil {
			// What was decided by an older state than the last, by a manager that lost its lease or a cache that lags, must not undo it.
			set.ResourceVersion = g.set.ResourceVersion
		}
		err := r.client.Patch(ctx, set, client.Apply, client.FieldOwner(argocd.Manager), client.ForceOwnership)
		if apierrors.IsConflict(err) {
			return errStaleCache
		}
		if err != nil {
			return fmt.Errorf("apply ApplicationSet: %w", err)
		}
		r.counters.writes.WithLabelValues("ApplicationSet").Inc()
		r.fleet.wrote(plan.Name, r.now())
		logf.FromContext(ctx).Info("applied", "cluster", plan.Name, "release", plan.Release, "addons", len(elements))
	}
	return errors.Join(r.removeAll(ctx, g, plan), r.dropCRDs(ctx, g, plan))
}

// dropSet deletes the ApplicationSet of a cluster that was given up and has nothing left.
func (r *clusters) dropSet(ctx context.Context, g *gathered) error {
	if g.set == nil || g.set.DeletionTimestamp != nil {
		return nil
	}
	err := r.client.Delete(ctx, g.set, client.Preconditions{UID: &g.set.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ApplicationSet: %w", err)
	}
	r.counters.writes.WithLabelValues("ApplicationSet").Inc()
	logf.FromContext(ctx).Info("deleted ApplicationSet of a cluster that was given up", "cluster", g.cluster.Name)
	return nil
}

// stillThere makes sure that an Application that is listed again is there now: one that was just deleted, by another manager or before the
// cache knows, would come back.
func (r *clusters) stillThere(ctx context.Context, g *gathered, elements []resolve.Element) error {
	for i := range g.delivered {
		have := &g.delivered[i]
		again := func(e resolve.Element) bool { return e.Application == have.Application }
		if have.Listed || !have.Exists || have.Deleting || !slices.ContainsFunc(elements, again) {
			continue
		}
		app := &argocd.Application{}
		err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: have.Application}, app)
		switch {
		case client.IgnoreNotFound(err) != nil:
			return fmt.Errorf("read Application %q before it is listed again: %w", have.Application, err)
		case err != nil, app.UID != g.uids[have.Application], app.DeletionTimestamp != nil:
			return errStaleCache
		}
	}
	return nil
}

// removeAll deletes what may go now. A cache can lag behind, after a restart of the API server even by a lot, and show labels as they once
// were; so nothing is deleted unless the cluster Secret still is the one that was decided by.
func (r *clusters) removeAll(ctx context.Context, g *gathered, plan resolve.ClusterPlan) error {
	since := r.unlistedSince(g, plan)
	if len(since) == 0 {
		return nil
	}
	if err := r.stillSo(ctx, g, plan); err != nil {
		return err
	}
	var errs []error
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		if !p.Delete {
			continue
		}
		uid := g.uids[p.Application]
		if r.now().Sub(since[uid]) < r.unlistWait {
			errs = append(errs, errUnlisted)
			continue
		}
		errs = append(errs, r.remove(ctx, p, uid))
	}
	return errors.Join(errs...)
}

// unlistedSince is since when each Application that goes is known to be on no list any more. No cluster is worked on twice at once.
func (r *clusters) unlistedSince(g *gathered, plan resolve.ClusterPlan) map[types.UID]time.Time {
	since := map[types.UID]time.Time{}
	before, _ := r.unlisted.Load(plan.Name)
	known, _ := before.(map[types.UID]time.Time)
	for i := range plan.Pairs {
		if p := &plan.Pairs[i]; p.Delete {
			uid := g.uids[p.Application]
			if at, ok := known[uid]; ok {
				since[uid] = at
			} else {
				since[uid] = r.now()
			}
		}
	}
	if len(since) == 0 {
		r.unlisted.Delete(plan.Name)
	} else {
		r.unlisted.Store(plan.Name, since)
	}
	return since
}

// stillSo makes sure that what deletions were decided by is so now.
func (r *clusters) stillSo(ctx context.Context, g *gathered, plan resolve.ClusterPlan) error {
	key := client.ObjectKey{Namespace: r.namespace, Name: plan.Name}
	if plan.Decommissioned {
		now := &v1alpha1.ClusterAddons{}
		if err := r.live.Get(ctx, key, now); err != nil {
			return fmt.Errorf("read the ClusterAddons again before deleting: %w", err)
		}
		if !equality.Semantic.DeepEqual(now.Spec.Decommission, g.status.Spec.Decommission) {
			return errStaleCache
		}
	}
	now := &corev1.Secret{}
	switch err := r.live.Get(ctx, key, now); {
	case apierrors.IsNotFound(err) && g.cluster.Gone && plan.Decommissioned:
		return nil
	case err != nil:
		return fmt.Errorf("read the cluster Secret again before deleting: %w", err)
	case now.ResourceVersion != g.secretVersion:
		return errStaleCache
	}
	return nil
}

// remove deletes the Application of a pair that is listed no more. What it is about to delete is read afresh: another object under the
// same name, or one whose finalizer does not match the promise, is left for the next pass.
func (r *clusters) remove(ctx context.Context, p *resolve.Pair, uid types.UID) error {
	app := &argocd.Application{}
	if err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: p.Application}, app); err != nil {
		return client.IgnoreNotFound(err)
	}
	owner, ours := argocd.ClusterOf(app.Labels, app.Annotations)
	prunes := argocd.Prunes(app)
	if !ours || owner != p.Cluster || app.UID != uid || app.DeletionTimestamp != nil && !(p.Orphan && prunes) {
		return nil
	}
	switch {
	case p.Orphan && prunes:
		err := r.patchApplication(ctx, app, func() { app.Finalizers = argocd.WithoutFinalizer(app) })
		if err != nil || app.DeletionTimestamp != nil {
			return err
		}
	case p.Action == resolve.Remove && prunes && p.PruneCRDs && len(argocd.CRDsOf(app)) > 0:
		// Argo CD leaves them behind; the Application remembers them until they are gone.
		kept, err := argocd.WithCRDFinalizer(app)
		if err != nil {
			return err
		}
		if err := r.patchApplication(ctx, app, func() { app.Annotations, app.Finalizers = kept.Annotations, kept.Finalizers }); err != nil {
			return err
		}
	case p.Action == resolve.Release && prunes, p.Action == resolve.Remove && !prunes:
		return errStaleCache
	}
	err := r.client.Delete(ctx, app, client.Preconditions{UID: &app.UID, ResourceVersion: &app.ResourceVersion})
	if apierrors.IsConflict(err) {
		return errStaleCache // Somebody, mostly Argo CD, wrote it in between: look again.
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Application %q: %w", p.Application, err)
	}
	r.counters.deletions.WithLabelValues(string(p.Action)).Inc()
	logf.FromContext(ctx).Info("deleted Application", "cluster", p.Cluster, "addon", p.Addon, "action", p.Action, "reason", codeOf(p.Reasons))
	return nil
}

// patchApplication changes an Application that was read afresh, unless somebody else does in between.
func (r *clusters) patchApplication(ctx context.Context, app *argocd.Application, change func()) error {
	patch := client.MergeFromWithOptions(app.DeepCopy(), client.MergeFromWithOptimisticLock{})
	change()
	if err := r.client.Patch(ctx, app, patch); apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return errStaleCache
	} else if err != nil {
		return fmt.Errorf("change Application %q on its way out: %w", app.Name, err)
	}
	r.counters.writes.WithLabelValues("Application").Inc()
	return nil
}

func codeOf(reasons []fault.Reason) fault.Code {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[0].Code
}
