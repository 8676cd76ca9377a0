package gather

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	// maxFile bounds a file of objects: 10,000 cluster Secrets with certificates take some 60 MiB.
	maxFile = 256 << 20
	// maxObject bounds one object, as an API server does.
	maxObject = 8 << 20
)

// Existing reads what of a file is Argo CD's.
type Existing interface {
	// Take takes an ApplicationSet or an Application, as JSON.
	Take(kind string, raw []byte) error
	// Delivered is what they deliver and what each cluster was let to, both by cluster name.
	Delivered() (map[string][]resolve.Delivered, map[string]resolve.Admitted, error)
}

// Files reads cluster Secrets from one file and, where current is not empty, the ApplicationSets, Applications,
// ClusterAddons and CatalogSources that exist from another. Either may hold several documents and lists, as `kubectl get -o yaml` writes them; "-" is standard input.
// Without existing, ApplicationSets and Applications are passed over.
func Files(clusters, current string, stdin io.Reader, existing Existing) (Fleet, error) {
	var p Parts
	if clusters == "-" && current == "-" {
		return Fleet{}, errors.New("standard input can be read only once: name a file for the clusters or for what exists")
	}
	if err := p.readClusters(clusters, stdin); err != nil {
		return Fleet{}, err
	}
	if current != "" {
		if err := p.readCurrent(current, stdin, existing); err != nil {
			return Fleet{}, err
		}
	}
	return Assemble(p), nil
}

func (p *Parts) readClusters(file string, stdin io.Reader) error {
	return each(file, stdin, func(where string, meta metav1.TypeMeta, raw []byte) error {
		if meta.Kind != "Secret" || meta.APIVersion != "v1" {
			return fmt.Errorf("%s: is a %s; only cluster Secrets (apiVersion v1, kind Secret) belong into this file", where, strings.TrimSpace(fmt.Sprintf("%.64s %s", meta.APIVersion, kindOf(meta))))
		}
		var s corev1.Secret
		if err := sigsyaml.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("%s: %w", where, reworded(err))
		}
		if s.Name == "" {
			return fmt.Errorf("%s: metadata.name is missing; it is the cluster's identity", where)
		}
		for key, value := range s.StringData {
			if s.Data == nil {
				s.Data = map[string][]byte{}
			}
			s.Data[key] = []byte(value)
		}
		p.Clusters = append(p.Clusters, resolve.Cluster{Facts: cluster.Read(Secret(&s)), Undetected: "clusters are not asked without a connection"})
		return nil
	})
}

// reworded keeps the decoder from quoting what may be a credential.
func reworded(err error) error {
	if text := err.Error(); strings.Contains(text, "illegal base64") {
		return errors.New("a value under data is not base64; put plain text under stringData")
	}
	return errors.New("the Secret does not decode; compare it with `kubectl get secret -o yaml`")
}

func (p *Parts) readCurrent(file string, stdin io.Reader, existing Existing) error {
	err := each(file, stdin, func(where string, meta metav1.TypeMeta, raw []byte) (err error) {
		switch meta.Kind {
		case "ApplicationSet", "Application":
			if existing != nil {
				err = existing.Take(meta.Kind, raw)
			}
		case "CatalogSource":
			var cs v1alpha1.CatalogSource
			err = sigsyaml.Unmarshal(raw, &cs)
			p.Sources = append(p.Sources, cs)
		case "ClusterAddons":
			var ca v1alpha1.ClusterAddons
			err = sigsyaml.Unmarshal(raw, &ca)
			p.Reports = append(p.Reports, ca)
		default:
			return fmt.Errorf("%s: is a %s; only ApplicationSets, Applications, ClusterAddons and CatalogSources belong into this file", where, kindOf(meta))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		return nil
	})
	if err != nil || existing == nil {
		return err
	}
	if p.Delivered, p.Admitted, err = existing.Delivered(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func kindOf(meta metav1.TypeMeta) string {
	if meta.Kind == "" {
		return "document without kind"
	}
	return fmt.Sprintf("%.64q", meta.Kind)
}

// each calls do with every object of a file, lists taken apart.
func each(file string, stdin io.Reader, do func(where string, meta metav1.TypeMeta, raw []byte) error) error {
	in := stdin
	if file == "-" {
		file = "standard input"
	} else {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		defer opened.Close()
		in = opened
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s: is larger than %d MiB; split it", file, maxFile>>20)
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if err := object(fmt.Sprintf("%s: document %d", file, n), document, do); err != nil {
			return err
		}
	}
}

func object(where string, raw []byte, do func(where string, meta metav1.TypeMeta, raw []byte) error) error {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	json, err := sigsyaml.YAMLToJSON(raw)
	if err != nil {
		return fmt.Errorf("%s: is not YAML: %w", where, err)
	}
	if trimmed := bytes.TrimSpace(json); len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil
	}
	if err := sigsyaml.Unmarshal(json, &head); err != nil {
		return notAnObject(where) // The decoder's own words may quote a credential.
	}
	if head.Kind == "List" || strings.HasSuffix(head.Kind, "List") {
		return list(where, json, do)
	}
	if head.Metadata.Name != "" {
		where += fmt.Sprintf(" (%.64s %.64q)", head.Kind, head.Metadata.Name)
	}
	if len(json) > maxObject {
		return fmt.Errorf("%s: the object has %d bytes, at most %d are read", where, len(json), maxObject)
	}
	return do(where, head.TypeMeta, json)
}

func notAnObject(where string) error {
	return fmt.Errorf("%s: is not a Kubernetes object; want a map with apiVersion, kind and metadata", where)
}

func list(where string, json []byte, do func(where string, meta metav1.TypeMeta, raw []byte) error) error {
	var items struct {
		metav1.TypeMeta `json:",inline"`
		Items           []rawObject `json:"items"`
	}
	if err := sigsyaml.Unmarshal(json, &items); err != nil {
		return fmt.Errorf("%s: items is not a list", where)
	}
	kind := strings.TrimSuffix(items.Kind, "List")
	for i, item := range items.Items {
		var head metav1.TypeMeta
		if err := sigsyaml.Unmarshal(item, &head); err != nil {
			return notAnObject(fmt.Sprintf("%s, items[%d]", where, i))
		}
		// A typed list (SecretList) leaves kind and apiVersion out of its items.
		if kind != "" && head.Kind == "" {
			item = append(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,`, items.APIVersion, kind), bytes.TrimPrefix(bytes.TrimSpace(item), []byte("{"))...)
		}
		if err := object(fmt.Sprintf("%s, items[%d]", where, i), item, do); err != nil {
			return err
		}
	}
	return nil
}

// rawObject keeps an item as it is.
type rawObject []byte

// UnmarshalJSON implements json.Unmarshaler.
func (r *rawObject) UnmarshalJSON(b []byte) error {
	*r = slices.Clone(b)
	return nil
}
