package registry

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// What is taken of a chart's own list of changes at most.
const (
	maxChanges     = 200
	maxChange      = 1000
	maxChangesText = 64 << 10
)

// changes makes a Markdown list of the annotation in which charts tell what is new, as Artifact Hub defines it: sentences, or maps with a kind and a
// description. Security tells that one of them fixes a vulnerability. The text is its author's: it is not made safe here.
func changes(annotation string) (notes string, security bool) {
	if annotation == "" || len(annotation) > maxChangesText {
		return "", false
	}
	var list []yaml.Node
	if yaml.Unmarshal([]byte(annotation), &list) != nil {
		return "", false
	}
	var b strings.Builder
	for i := range list[:min(len(list), maxChanges)] {
		var one struct{ Kind, Description string }
		if list[i].Decode(&one.Description) != nil && list[i].Decode(&one) != nil {
			continue
		}
		security = security || one.Kind == "security"
		text := strings.TrimSpace(cut(strings.Join(strings.Fields(one.Description), " "), maxChange))
		switch kind := strings.TrimSpace(cut(one.Kind, 20)); {
		case text == "":
		case kind == "":
			b.WriteString("- " + text + "\n")
		default:
			b.WriteString("- " + kind + ": " + text + "\n")
		}
	}
	return b.String(), security
}
