package render

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// helmCharts reads the charts that a kustomization inflates, or notes that they are to be fetched.
func (k *kustomization) helmCharts(list *yaml.Node) error {
	for _, n := range items(list) {
		if !k.options.EnableHelm {
			return refuse(k.at(n), "helmCharts: Argo CD inflates charts only when its kustomize.buildOptions say --enable-helm")
		}
		if err := k.helmChart(n); err != nil {
			return err
		}
	}
	return nil
}

func (k *kustomization) helmChart(n *yaml.Node) (err error) {
	each(n, func(key string, value *yaml.Node) {
		switch key = strings.ToLower(fold(key)); {
		case err != nil:
		case key == "valuesfile" && value.Value != "":
			err = k.yamlFile("helmCharts", value)
		case key == "additionalvaluesfiles":
			err = k.all("helmCharts", value, func(n *yaml.Node) error { return k.yamlFile("helmCharts", n) })
		}
	})
	if err != nil {
		return err
	}
	name, repo, version := text(n, "name", ""), text(n, "repo", ""), text(n, "version", "")
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return refuse(k.at(n), "helmCharts: name: %.100q is not a chart's name", name)
	}
	home, err := k.target("helmGlobals", n, k.chartHome)
	if err != nil {
		return err
	}
	// kustomize keeps each version that it fetches in a folder of its own.
	if version != "" && repo != "" {
		home = path.Join(home, name+"-"+version)
	}
	if folder := path.Join(home, name); k.exists(folder) {
		if err := k.folder(folder, k.at(n)); err != nil {
			return err
		}
		_, err := k.chart(folder)
		return err
	} else if repo == "" {
		return refuse(k.at(n), "helmCharts: %s is not there, and %s has no repo to fetch it from: add one of the two", folder, name)
	}
	if err := address(k.at(n), "helmCharts: "+name, repo); err != nil {
		return err
	}
	if !exact(version) {
		return refuse(k.at(n), "helmCharts: %s: version: %.100q is no exact version: write one, such as 1.2.3", name, version)
	}
	k.need(engine.Chart{Repository: repo, Name: name, Version: version})
	return nil
}
