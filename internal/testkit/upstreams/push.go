package upstreams

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Media types of what is pushed.
const (
	typeManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeIndex       = "application/vnd.oci.image.index.v1+json"
	typeConfig      = "application/vnd.oci.image.config.v1+json"
	typeLayer       = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeChartConfig = "application/vnd.cncf.helm.config.v1+json"
	typeChart       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// Descriptor names content in a manifest.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    map[string]string `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Manifest is a manifest, or an index of them.
type Manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        *Descriptor       `json:"config,omitempty"`
	Layers        []Descriptor      `json:"layers,omitempty"`
	Manifests     []Descriptor      `json:"manifests,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// PushBlob stores content.
func (r *Registry) PushBlob(name, mediaType string, data []byte) (Descriptor, error) {
	d := Descriptor{MediaType: mediaType, Digest: digestOf(data), Size: len(data)}
	return d, r.put(http.MethodPost, "/v2/"+name+"/blobs/uploads/?digest="+d.Digest, "application/octet-stream", data)
}

// PushManifest stores a manifest under a tag, or under its digest alone where the tag is empty.
func (r *Registry) PushManifest(name, tag string, m Manifest) (Descriptor, error) {
	m.SchemaVersion = 2
	data, err := json.Marshal(m)
	if err != nil {
		return Descriptor{}, fmt.Errorf("push %s:%s: %w", name, tag, err)
	}
	return r.PushRaw(name, tag, m.MediaType, data)
}

// PushRaw stores anything as a manifest.
func (r *Registry) PushRaw(name, tag, mediaType string, data []byte) (Descriptor, error) {
	d := Descriptor{MediaType: mediaType, Digest: digestOf(data), Size: len(data)}
	if tag == "" {
		tag = d.Digest
	}
	return d, r.put(http.MethodPut, "/v2/"+name+"/manifests/"+tag, mediaType, data)
}

// PushChart pushes a chart below a path, as helm push does, and gives the manifest's digest.
func (r *Registry) PushChart(below string, c Chart) (digest string, err error) {
	archive, err := c.Pack()
	if err != nil {
		return "", err
	}
	config, err := json.Marshal(c.metadata())
	if err != nil {
		return "", fmt.Errorf("push chart %s: %w", c.Name, err)
	}
	annotations := map[string]string{"org.opencontainers.image.title": c.Name, "org.opencontainers.image.version": c.Version}
	if !c.Created.IsZero() {
		annotations["org.opencontainers.image.created"] = c.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	return r.push(path.Join(below, c.Name), strings.ReplaceAll(c.Version, "+", "_"), typeChartConfig, config,
		map[string][]byte{"": archive}, typeChart, annotations)
}

// PushImage pushes an image of one platform with labels, and gives its digest.
func (r *Registry) PushImage(name, tag string, labels map[string]string) (digest string, err error) {
	d, err := r.image(name, tag, "amd64", labels)
	return d.Digest, err
}

// PushIndex pushes an image for several architectures, and gives the digest of the index.
func (r *Registry) PushIndex(name, tag string, labels map[string]string, architectures ...string) (digest string, err error) {
	index := Manifest{MediaType: typeIndex}
	for _, architecture := range architectures {
		d, err := r.image(name, "", architecture, labels)
		if err != nil {
			return "", err
		}
		d.Platform = map[string]string{"os": "linux", "architecture": architecture}
		index.Manifests = append(index.Manifests, d)
	}
	d, err := r.PushManifest(name, tag, index)
	return d.Digest, err
}

func (r *Registry) image(name, tag, architecture string, labels map[string]string) (Descriptor, error) {
	layer, err := tarball(map[string]string{"app": name + " " + tag + " for " + architecture + "\n"})
	if err != nil {
		return Descriptor{}, err
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": architecture, "config": map[string]any{"Labels": labels},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	if err != nil {
		return Descriptor{}, fmt.Errorf("push image %s: %w", name, err)
	}
	c, err := r.PushBlob(name, typeConfig, config)
	if err != nil {
		return Descriptor{}, err
	}
	l, err := r.PushBlob(name, typeLayer, layer)
	if err != nil {
		return Descriptor{}, err
	}
	return r.PushManifest(name, tag, Manifest{MediaType: typeManifest, Config: &c, Layers: []Descriptor{l}})
}

// PushBundle pushes policies as oras push does with a folder, which is what gator test --image reads: one packed layer, and marks that it is to be unpacked.
// It gives the manifest's digest.
func (r *Registry) PushBundle(name, tag string, files map[string]string) (digest string, err error) {
	inside := map[string]string{}
	for file, text := range files {
		inside["policies/"+file] = text
	}
	archive, err := tarball(inside)
	if err != nil {
		return "", err
	}
	return r.push(name, tag, "application/vnd.oci.empty.v1+json", []byte("{}"), map[string][]byte{"policies": archive}, typeLayer, nil)
}

// PushFiles pushes policies as oras push does with files: a layer for each, as it is, with its name.
func (r *Registry) PushFiles(name, tag string, files map[string]string) (digest string, err error) {
	layers := map[string][]byte{}
	for file, text := range files {
		layers[file] = []byte(text)
	}
	return r.push(name, tag, "application/vnd.oci.empty.v1+json", []byte("{}"), layers, "application/yaml", nil)
}

// push pushes a manifest with layers by their titles, sorted.
func (r *Registry) push(name, tag, configType string, config []byte, layers map[string][]byte, layerType string, annotations map[string]string) (digest string, err error) {
	c, err := r.PushBlob(name, configType, config)
	if err != nil {
		return "", err
	}
	m := Manifest{MediaType: typeManifest, Config: &c, Annotations: annotations}
	for _, title := range slices.Sorted(maps.Keys(layers)) {
		l, err := r.PushBlob(name, layerType, layers[title])
		if err != nil {
			return "", err
		}
		if title != "" {
			l.Annotations = map[string]string{"org.opencontainers.image.title": title}
			if layerType == typeLayer {
				l.Annotations["io.deis.oras.content.unpack"] = "true"
			}
		}
		m.Layers = append(m.Layers, l)
	}
	d, err := r.PushManifest(name, tag, m)
	return d.Digest, err
}
