package render

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// follow is the value that an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// each calls do for each key and value of a map, and of what it merges in with <<. The documents were checked: no alias leads to itself.
func each(n *yaml.Node, do func(key string, value *yaml.Node)) {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), follow(n.Content[i+1])
		if key.Value != "<<" {
			do(key.Value, value)
			continue
		}
		each(value, do)
		for _, merged := range items(value) {
			each(merged, do)
		}
	}
}

// items are the elements of a list.
func items(n *yaml.Node) (list []*yaml.Node) {
	if n = follow(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, inner := range n.Content {
		list = append(list, follow(inner))
	}
	return list
}

// text is a field of a map, in any case; otherwise what is given.
func text(n *yaml.Node, name, otherwise string) string {
	each(n, func(key string, value *yaml.Node) {
		if strings.EqualFold(key, name) && value.Kind == yaml.ScalarNode && value.Value != "" {
			otherwise = value.Value
		}
	})
	return otherwise
}

// inline is the map that a text holds, nil when it is the name of a file.
func inline(content string) *yaml.Node {
	if !strings.ContainsAny(content, ":\n") {
		return nil
	}
	docs, err := catalog.Documents("", []byte(content))
	if err != nil || len(docs) == 0 || docs[0].Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return docs[0].Content[0]
}
