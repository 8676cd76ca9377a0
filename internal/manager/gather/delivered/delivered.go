// Package delivered reads what Argo CD has of a fleet. It stands apart because Argo CD's types are more than half of a program that has them.
package delivered

import (
	"io"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"sigs.k8s.io/yaml"
)

// Files is gather.Files with the ApplicationSets and Applications that exist.
func Files(clusters, current string, stdin io.Reader) (gather.Fleet, error) {
	return gather.Files(clusters, current, stdin, &Objects{})
}

// Objects are the ApplicationSets and Applications of a fleet. It implements gather.Existing.
type Objects struct {
	sets map[string]*argocd.ApplicationSet
	apps map[string][]argocd.Application
}

// Take takes one of either, as JSON. What is not ours is passed over.
func (o *Objects) Take(kind string, raw []byte) error {
	if kind == "ApplicationSet" {
		set := &argocd.ApplicationSet{}
		if err := yaml.Unmarshal(raw, set); err != nil {
			return err
		}
		o.addSet(set)
		return nil
	}
	app := &argocd.Application{}
	if err := yaml.Unmarshal(raw, app); err != nil {
		return err
	}
	o.addApplication(app)
	return nil
}

func (o *Objects) addSet(set *argocd.ApplicationSet) {
	if name, ok := argocd.ClusterOf(set.Labels, set.Annotations); ok {
		if o.sets == nil {
			o.sets = map[string]*argocd.ApplicationSet{}
		}
		o.sets[name] = set
	}
}

func (o *Objects) addApplication(app *argocd.Application) {
	if name, ok := argocd.ClusterOf(app.Labels, app.Annotations); ok {
		if o.apps == nil {
			o.apps = map[string][]argocd.Application{}
		}
		o.apps[name] = append(o.apps[name], *app)
	}
}

// Delivered is what they deliver, and what each cluster was let to. A cluster may have Applications and no ApplicationSet.
func (o *Objects) Delivered() (map[string][]resolve.Delivered, map[string]resolve.Admitted, error) {
	all, admitted := map[string][]resolve.Delivered{}, map[string]resolve.Admitted{}
	add := func(name string) (err error) {
		admitted[name] = argocd.Admitted(o.sets[name])
		all[name], err = argocd.Delivered(o.sets[name], o.apps[name])
		return err
	}
	for name := range o.sets {
		if err := add(name); err != nil {
			return nil, nil, err
		}
	}
	for name := range o.apps {
		if o.sets[name] == nil {
			if err := add(name); err != nil {
				return nil, nil, err
			}
		}
	}
	return all, admitted, nil
}
