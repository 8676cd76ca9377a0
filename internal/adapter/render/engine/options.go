package engine

import (
	"fmt"
	"strings"
)

// ParseOptions reads Argo CD's kustomize.buildOptions. An option that would let a source run something or reach the network is refused, and
// so is one that is not known: it could change every result.
func ParseOptions(s string) (o Options, err error) {
	words := strings.Fields(strings.ReplaceAll(s, "=", " "))
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "--enable-helm":
			o.EnableHelm = true
		case "--load-restrictor", "--load_restrictor":
			i++
			switch {
			case i < len(words) && words[i] == "LoadRestrictionsNone":
				o.AnyFile = true
			case i < len(words) && words[i] == "LoadRestrictionsRootOnly":
				o.AnyFile = false
			default:
				return Options{}, fmt.Errorf("--load-restrictor is LoadRestrictionsRootOnly or LoadRestrictionsNone")
			}
		case "--enable-exec", "--enable-alpha-plugins", "--enable-star", "--network", "--network-name", "--mount", "--env", "-e", "--helm-command", "--as-current-user":
			return Options{}, fmt.Errorf("%s lets a source run programs or read what is outside of it: that is never done here", words[i])
		default:
			return Options{}, fmt.Errorf("%q is not known; --enable-helm and --load-restrictor are", words[i])
		}
	}
	return o, nil
}
