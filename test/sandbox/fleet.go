package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Switches are the labels on a cluster's Secret that switch these addons on.
func Switches(addons ...string) map[string]string {
	labels := map[string]string{}
	for _, addon := range addons {
		labels["addons.kaas.dev/"+addon] = "enabled"
	}
	return labels
}

// Report is what addon-manager says about a cluster.
func (s *Sandbox) Report(ctx context.Context, cluster string) (v1alpha1.ClusterAddons, error) {
	var report v1alpha1.ClusterAddons
	err := s.Client("").Get(ctx, client.ObjectKey{Namespace: Namespace, Name: cluster}, &report)
	return report, err
}

// Catalog is what addon-manager says about the config repository.
func (s *Sandbox) Catalog(ctx context.Context) (v1alpha1.CatalogSource, error) {
	var source v1alpha1.CatalogSource
	err := s.Client("").Get(ctx, client.ObjectKey{Namespace: Namespace, Name: Source}, &source)
	return source, err
}

// Delivery is what a cluster has.
type Delivery struct {
	Cluster, Release string
	Addons           []string // exactly these, in any order
}

// Await waits until exactly the addons of a delivery are Synced and Healthy at its release, and returns their Applications by
// addon. Three witnesses have to agree: addon-manager's ClusterAddons, Argo CD's Applications, and the cluster that holds the objects.
func (s *Sandbox) Await(ctx context.Context, want Delivery) (map[string]Application, error) {
	commit, err := s.Config.Repo.Resolve(want.Release + "^{commit}")
	if err != nil {
		return nil, err
	}
	slices.Sort(want.Addons)
	var byAddon map[string]Application
	err = plane.Every(ctx, look, func(ctx context.Context) error {
		report, err := s.Report(ctx, want.Cluster)
		if err != nil {
			return err
		}
		apps, err := s.Applications(ctx, want.Cluster)
		if err != nil {
			return err
		}
		byAddon = map[string]Application{}
		for _, app := range apps {
			byAddon[app.Addon] = app
		}
		if err := errors.Join(reported(report, want), applied(byAddon, want, commit)); err != nil {
			return err
		}
		for _, addon := range want.Addons {
			if err := s.present(ctx, byAddon[addon]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", want.Cluster, want.Release, err)
	}
	return byAddon, nil
}

// reported compares a delivery with what addon-manager says.
func reported(report v1alpha1.ClusterAddons, want Delivery) error {
	var errs []error
	if st := report.Status; st.Release != want.Release {
		errs = append(errs, fmt.Errorf("ClusterAddons: release %q, want %q (hold %q)", st.Release, want.Release, st.Hold))
	}
	names := make([]string, 0, len(report.Status.Addons))
	for _, a := range report.Status.Addons {
		names = append(names, a.Name)
		if a.Delivered != want.Release || !a.Healthy {
			errs = append(errs, fmt.Errorf("ClusterAddons: %s: delivered %q, sync %q, health %q, action %q %v", a.Name, a.Delivered, a.Sync, a.Health, a.Action, a.Reasons))
		}
	}
	slices.Sort(names)
	return errors.Join(append(errs, same("ClusterAddons", names, want.Addons))...)
}

// applied compares a delivery with what Argo CD says.
func applied(apps map[string]Application, want Delivery, commit string) error {
	var errs []error
	for _, addon := range slices.Sorted(maps.Keys(apps)) {
		if app := apps[addon]; !app.Good() || app.Delivered != commit || app.Wanted != commit || app.Release != want.Release {
			errs = append(errs, fmt.Errorf("Application %s, release %s", app, app.Release))
		}
	}
	return errors.Join(append(errs, same("Applications", slices.Sorted(maps.Keys(apps)), want.Addons))...)
}

func same(what string, got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s: %s, want %s", what, got, want)
}

// present is an error when an object of the Application is not in the cluster that it is for.
func (s *Sandbox) present(ctx context.Context, app Application) error {
	if len(app.Objects) == 0 {
		return fmt.Errorf("Application %s has no objects", app.Name)
	}
	missing, err := s.Missing(ctx, app)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("Application %s: not in the cluster: %v", app.Name, missing)
	}
	return nil
}

// Missing are those objects of an Application that are not in the cluster that it is for, or are on their way out.
func (s *Sandbox) Missing(ctx context.Context, app Application) ([]Object, error) {
	c := s.Client(app.Cluster)
	if app.Placement == "management" {
		c = s.Client("")
	}
	var missing []Object
	for _, object := range app.Objects {
		live := &metav1.PartialObjectMetadata{}
		live.SetGroupVersionKind(schema.GroupVersionKind{Group: object.Group, Version: object.Version, Kind: object.Kind})
		err := c.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.Name}, live)
		switch {
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err), err == nil && live.DeletionTimestamp != nil:
			missing = append(missing, object)
		case err != nil:
			return nil, fmt.Errorf("get %s: %w", object, err)
		}
	}
	return missing, nil
}

// AwaitGone waits until an Application is no more, and all or none of its objects are left.
func (s *Sandbox) AwaitGone(ctx context.Context, app Application, objectsStay bool) error {
	return plane.Every(ctx, look, func(ctx context.Context) error {
		if now, err := s.Application(ctx, app.Name); err == nil {
			return fmt.Errorf("Application %s is still there", now)
		} else if !apierrors.IsNotFound(err) {
			return err
		}
		missing, err := s.Missing(ctx, app)
		switch {
		case err != nil:
			return err
		case objectsStay && len(missing) > 0:
			return fmt.Errorf("objects of %s should stay, gone are %v", app.Name, missing)
		case !objectsStay && len(missing) < len(app.Objects):
			return fmt.Errorf("objects of %s should be gone, gone are only %v of %v", app.Name, missing, app.Objects)
		}
		return nil
	})
}

// Provide puts a program under a name where Run, and people, find it.
func (s *Sandbox) Provide(name, binary string) error {
	return os.Symlink(binary, filepath.Join(s.Dir, "bin", name))
}

// Run runs kubectl or addon-manager against the management cluster, as a person would, and returns what it printed.
func (s *Sandbox) Run(ctx context.Context, program string, args ...string) (string, error) {
	path := filepath.Join(s.Dir, "bin", program)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{"HOME=" + s.Dir, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + s.Management.Kubeconfig}, s.Environment...)
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return string(out), fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// Change changes the spec of the CatalogSource, as `kubectl edit` would.
func (s *Sandbox) Change(ctx context.Context, change func(*v1alpha1.CatalogSourceSpec)) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		source, err := s.Catalog(ctx)
		if err != nil {
			return err
		}
		change(&source.Spec)
		return s.Client("").Update(ctx, &source)
	})
}

// Rollout is what addon-manager says about the rollout on a minor; its zero value when it says nothing.
func (s *Sandbox) Rollout(ctx context.Context, minor string) (v1alpha1.RolloutStatus, error) {
	source, err := s.Catalog(ctx)
	for _, r := range source.Status.Rollouts {
		if r.Minor == minor {
			return r, err
		}
	}
	return v1alpha1.RolloutStatus{}, err
}

// Label sets addons.kaas.dev/<addon> on a cluster's Secret with kubectl; "" takes the label off. It returns the command.
func (s *Sandbox) Label(ctx context.Context, cluster, addon, value string) (command string, err error) {
	label := "addons.kaas.dev/" + addon + "=" + value
	if value == "" {
		label = "addons.kaas.dev/" + addon + "-"
	}
	args := []string{"-n", Namespace, "label", "secret", cluster, label, "--overwrite"}
	_, err = s.Run(ctx, "kubectl", args...)
	return "kubectl " + strings.Join(args[:len(args)-1], " "), err
}
