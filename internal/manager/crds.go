package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/adapter/kube"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// crdRemover deletes the CustomResourceDefinitions of an addon that the catalog lets go with it.
type crdRemover interface {
	DeleteCRDs(ctx context.Context, data map[string][]byte, r kube.CRDRemoval) (kube.CRDsRemoved, error)
}

// dropCRDs ends the deletion of Applications whose objects are gone: their CustomResourceDefinitions go, and then nothing keeps them. Where
// the plan abandons the cluster, they stay.
func (r *clusters) dropCRDs(ctx context.Context, g *gathered, plan resolve.ClusterPlan) error {
	abandoned := map[string]bool{}
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		abandoned[p.Application] = p.Action == resolve.Release
	}
	var errs []error
	for _, app := range g.kept {
		if !abandoned[app.Name] {
			if err := r.deleteCRDs(ctx, g, app); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		now := &argocd.Application{}
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(app), now); err != nil {
			errs = append(errs, client.IgnoreNotFound(err))
			continue
		}
		if now.UID == app.UID {
			errs = append(errs, r.patchApplication(ctx, now, func() { now.Finalizers = argocd.WithoutCRDFinalizer(now) }))
		}
	}
	return errors.Join(errs...)
}

func (r *clusters) deleteCRDs(ctx context.Context, g *gathered, app *argocd.Application) error {
	data := map[string][]byte{"server": []byte(cluster.LocalServer), "config": []byte("{}")}
	if app.Spec.Destination.Server != cluster.LocalServer {
		secret := &corev1.Secret{}
		if err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: g.cluster.Name}, secret); err != nil {
			return fmt.Errorf("read the cluster Secret to delete CustomResourceDefinitions: %w", err)
		}
		if server := string(secret.Data["server"]); server != app.Spec.Destination.Server {
			return fmt.Errorf("the Application %q keeps CustomResourceDefinitions of server %s, and the cluster Secret names another by now; delete them by hand, and then finalizer %s",
				app.Name, app.Spec.Destination.Server, argocd.FinalizerCRDs)
		}
		data = secret.Data
	}
	names, _ := argocd.CRDsLeft(app)
	done, err := r.crds.DeleteCRDs(ctx, data, kube.CRDRemoval{Application: app.Name, Names: names})
	log := logf.FromContext(ctx).WithValues("cluster", g.cluster.Name, "application", app.Name)
	if len(done.Deleted) > 0 {
		log.Info("deleted CustomResourceDefinitions", "names", done.Deleted)
	}
	for _, left := range done.Left {
		log.Info("left a CustomResourceDefinition", "name", left.Name, "why", left.Why)
	}
	return err
}
