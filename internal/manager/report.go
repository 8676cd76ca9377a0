package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// errReportLater asks for another pass, for a report that would come too soon after the last.
var errReportLater = errors.New("the last report is too recent")

// report writes the cluster's ClusterAddons, if anything in it changed, and tells in events what did.
func (r *clusters) report(ctx context.Context, snapshot *resolve.Snapshot, g *gathered, plan resolve.ClusterPlan) error {
	old := g.status
	if old == nil {
		old = &v1alpha1.ClusterAddons{}
	}
	status := statusOf(plan, g.cluster.Facts, old.Status.Conditions, old.Generation)
	r.outlook(snapshot, g, &status)
	if g.status != nil && equality.Semantic.DeepEqual(status, old.Status) {
		return nil
	}
	if r.fleet.mayReport(plan.Name, r.now()) > 0 {
		return errReportLater
	}
	r.fleet.hasReported(plan.Name, r.now())
	subject := &v1alpha1.ClusterAddons{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterAddons"},
		ObjectMeta: metav1.ObjectMeta{Name: plan.Name, Namespace: r.namespace, UID: old.UID},
	}
	if g.status == nil {
		subject.Labels = map[string]string{argocd.LabelManagedBy: argocd.Manager, argocd.LabelCluster: resolve.LabelValue(plan.Name)}
		if err := r.client.Patch(ctx, subject, client.Apply, client.FieldOwner(argocd.Manager), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply ClusterAddons: %w", err)
		}
		r.counters.writes.WithLabelValues("ClusterAddons").Inc()
	}
	subject.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterAddons"}
	if err := applyStatus(ctx, r.client, subject, &status); err != nil {
		return fmt.Errorf("apply status of ClusterAddons: %w", err)
	}
	r.counters.writes.WithLabelValues("ClusterAddons").Inc()
	r.tell(subject, old.Status, status)
	return nil
}

// outlook adds what the cluster's nodes run, and what the next Kubernetes minor would bring.
func (r *clusters) outlook(snapshot *resolve.Snapshot, g *gathered, status *v1alpha1.ClusterAddonsStatus) {
	if n := r.versions.Nodes(g.cluster.Name); n.Known && n.Count > 0 {
		status.Nodes = &v1alpha1.NodesStatus{Oldest: n.Oldest.Raw, Newest: n.Newest.Raw, Count: int32(n.Count)}
	}
	if u, ok := snapshot.Outlook(g.cluster, g.delivered, r.clock()); ok {
		status.Upgrade = &v1alpha1.UpgradeStatus{To: u.To, Possible: u.Possible, Release: u.Release, Blockers: reasonsOf(u.Reasons())}
	}
}

// tell records what changed between two reports.
func (r *clusters) tell(subject *v1alpha1.ClusterAddons, old, now v1alpha1.ClusterAddonsStatus) {
	before := make(map[string]v1alpha1.AddonStatus, len(old.Addons))
	for _, a := range old.Addons {
		before[a.Name] = a
	}
	for _, a := range now.Addons {
		was := before[a.Name]
		delete(before, a.Name)
		if a.Action == was.Action && a.Wanted == was.Wanted || a.Action == string(resolve.Keep) {
			continue
		}
		kind, why := corev1.EventTypeNormal, ""
		if len(a.Reasons) > 0 {
			why = ": " + a.Reasons[0].Message
		}
		if a.Action == string(resolve.Hold) {
			kind = corev1.EventTypeWarning
		}
		r.events.Event(subject, kind, eventReasons[resolve.Action(a.Action)], cut(a.Name+why, maxMessage))
	}
	for name, was := range before {
		if was.Action == string(resolve.Remove) || was.Action == string(resolve.Release) {
			r.events.Event(subject, corev1.EventTypeNormal, "Left", name+" is gone from this cluster's Applications")
		}
	}
	if now.Hold != old.Hold && now.Hold != "" {
		r.events.Event(subject, corev1.EventTypeWarning, "Held", cut(now.Hold, maxMessage))
	}
}

var eventReasons = map[resolve.Action]string{
	resolve.Install: "Installing", resolve.Move: "Moving", resolve.Hold: "Holding", resolve.Disable: "Disabling", resolve.Remove: "Removing", resolve.Release: "Releasing",
}
