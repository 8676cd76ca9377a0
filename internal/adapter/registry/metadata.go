package registry

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// metadata is what a chart says of itself: in an index, or in the configuration of an OCI manifest.
type metadata struct {
	Version     soft[string]            `yaml:"version" json:"version"`
	AppVersion  soft[string]            `yaml:"appVersion" json:"appVersion"`
	KubeVersion soft[string]            `yaml:"kubeVersion" json:"kubeVersion"`
	Digest      soft[string]            `yaml:"digest" json:"digest"`
	Created     soft[string]            `yaml:"created" json:"created"`
	Home        soft[string]            `yaml:"home" json:"home"`
	Sources     soft[[]string]          `yaml:"sources" json:"sources"`
	Annotations soft[map[string]string] `yaml:"annotations" json:"annotations"`
	Deprecated  soft[bool]              `yaml:"deprecated" json:"deprecated"`
	Removed     soft[bool]              `yaml:"removed" json:"removed"`
}

// soft is a field that may be anything: one old version that is badly written must not hide the others.
type soft[T any] struct {
	value T
	// bad is set where it is something else.
	bad bool
}

func (s *soft[T]) UnmarshalYAML(node *yaml.Node) error {
	s.bad = node.Decode(&s.value) != nil
	return nil
}

func (s *soft[T]) UnmarshalJSON(raw []byte) error {
	s.bad = json.Unmarshal(raw, &s.value) != nil
	return nil
}

// version is what is told of it; ok is false for one that nobody can use.
func (m metadata) version() (v upstream.Version, ok bool) {
	if m.Version.value == "" || m.Version.bad || m.KubeVersion.bad {
		return upstream.Version{}, false
	}
	notes, security := changes(m.Annotations.value["artifacthub.io/changes"])
	v = upstream.Version{
		Name: m.Version.value, App: m.AppVersion.value, Kubernetes: m.KubeVersion.value, Deprecated: m.Deprecated.value,
		PreRelease: m.Annotations.value["artifacthub.io/prerelease"] == "true",
		Security:   security || m.Annotations.value["artifacthub.io/containsSecurityUpdates"] == "true",
		Notes:      notes, Links: links(append([]string{m.Home.value}, m.Sources.value...)), Described: true,
	}
	if digest, err := parseDigest(m.Digest.value); err == nil {
		v.Digest = digest
	}
	if created, err := time.Parse(time.RFC3339, m.Created.value); err == nil {
		v.Created = created.UTC()
	}
	return v, true
}

// What is taken of links at most.
const (
	maxLinks = 20
	maxLink  = 500
)

// links are those of the addresses that can be opened, each once.
func links(addresses []string) (found []string) {
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(a) > maxLink || slices.Contains(found, a) {
			continue
		}
		if found = append(found, a); len(found) == maxLinks {
			break
		}
	}
	return found
}
