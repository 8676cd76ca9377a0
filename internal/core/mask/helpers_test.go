package mask_test

import (
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// object makes an Object of its content.
func object(content map[string]any) manifest.Object {
	group, version, ok := strings.Cut(manifest.Text(content, "apiVersion"), "/")
	if !ok {
		group, version = "", group
	}
	return manifest.Object{Content: content, ID: manifest.ID{
		Group: group, Version: version, Kind: manifest.Text(content, "kind"),
		Namespace: manifest.Text(content, "metadata", "namespace"), Name: manifest.Text(content, "metadata", "name"),
	}}
}

// difference shows the lines that differ.
func difference(a, b any) string {
	la, lb := strings.Split(fmt.Sprint(a), "\n"), strings.Split(fmt.Sprint(b), "\n")
	var out []string
	for i := range la {
		if i >= len(lb) || la[i] != lb[i] {
			out = append(out, "- "+la[i])
			if i < len(lb) {
				out = append(out, "+ "+lb[i])
			}
		}
	}
	return strings.Join(out, "\n")
}
