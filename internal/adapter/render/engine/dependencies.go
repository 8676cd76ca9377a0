package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// withDependencies is the chart of a folder with all its dependencies in place, as after `helm dependency build`: Argo CD runs that when
// one is missing, and only then.
func withDependencies(job Job, c *chart.Chart) (*chart.Chart, error) {
	if len(missing(c)) == 0 {
		return c, nil
	}
	dependencies := c.Metadata.Dependencies
	if c.Lock != nil {
		if err := lockFits(c); err != nil {
			return nil, err
		}
		dependencies = c.Lock.Dependencies
	}
	local := map[string]bool{}
	for _, d := range dependencies {
		local[d.Name] = local[d.Name] || d.Repository == ""
	}
	// Archives from elsewhere are replaced, folders stay.
	files := map[string][]byte{}
	for name, data := range job.Files {
		rel, ok := strings.CutPrefix(name, under(job.Path))
		if !ok {
			continue
		}
		if dir, file := path.Split(rel); dir == "charts/" && path.Ext(file) == ".tgz" {
			old, err := loader.LoadArchive(bytes.NewReader(data))
			if err == nil && !local[old.Name()] {
				continue
			}
		}
		files[rel] = data
	}
	c, err := chartOf(files)
	if err != nil {
		return nil, err
	}
	added := map[string]bool{}
	for _, d := range dependencies {
		built, err := dependency(job, d)
		if err != nil {
			return nil, err
		}
		if archive := built.Name() + "-" + built.Metadata.Version; d.Repository != "" && !added[archive] {
			added[archive] = true
			c.AddDependency(built)
		}
	}
	if names := missing(c); len(names) > 0 {
		return nil, errMissing(names)
	}
	return c, nil
}

// dependency is the chart that an entry of Chart.yaml or Chart.lock asks for.
func dependency(job Job, d *chart.Dependency) (*chart.Chart, error) {
	folder, isFolder := strings.CutPrefix(d.Repository, "file://")
	switch {
	case d.Repository == "":
		folder = path.Join("charts", d.Name)
	case isFolder:
		if path.IsAbs(folder) {
			return nil, fmt.Errorf("dependency %s: %s is outside the repository", d.Name, d.Repository)
		}
	case strings.HasPrefix(d.Repository, "@"), strings.HasPrefix(d.Repository, "alias:"):
		return nil, fmt.Errorf("dependency %s: repository %q is a name that only a machine's settings know: write its address", d.Name, d.Repository)
	default:
		return fetched(job, d)
	}
	dir := path.Join(job.Path, folder)
	if dir == ".." || strings.HasPrefix(dir, "../") {
		return nil, fmt.Errorf("dependency %s: %s is outside the repository", d.Name, d.Repository)
	}
	c, err := chartAt(job.Files, clean(dir))
	if err != nil {
		return nil, fmt.Errorf("dependency %s: %w", d.Name, err)
	}
	return c, constrained(c, d)
}

func fetched(job Job, d *chart.Dependency) (*chart.Chart, error) {
	archive, ok := job.Charts[Chart{Repository: d.Repository, Name: d.Name, Version: d.Version}]
	if !ok {
		return nil, fmt.Errorf("dependency %s %s of %s is not in charts/, and was not fetched", d.Name, d.Version, d.Repository)
	}
	c, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("dependency %s %s of %s: %w", d.Name, d.Version, d.Repository, err)
	}
	return c, constrained(c, d)
}

// lockFits is Helm's own check that Chart.lock was made from Chart.yaml as it is.
func lockFits(c *chart.Chart) error {
	sum := func(v any) string {
		text, _ := json.Marshal(v) // plain data
		digest := sha256.Sum256(text)
		return "sha256:" + hex.EncodeToString(digest[:])
	}
	if sum([2][]*chart.Dependency{c.Metadata.Dependencies, c.Lock.Dependencies}) == c.Lock.Digest {
		return nil
	}
	if c.Metadata.APIVersion == chart.APIVersionV1 {
		if sum(map[string][]*chart.Dependency{"dependencies": c.Metadata.Dependencies}) == c.Lock.Digest {
			return nil
		}
		return errors.New("the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml). " +
			"Please update the dependencies")
	}
	return errors.New("the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies")
}
