package upstream

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// shown writes what was found, line by line.
func shown(pins []Pin, problems []string) string {
	var b strings.Builder
	for _, p := range pins {
		fmt.Fprintf(&b, "%s %s", p.Source.Kind, p.Source.Repository)
		for _, part := range [][2]string{{" ", p.Source.Name}, {" ", p.Version}, {" @", p.Digest}, {" range ", p.Range}, {" lock ", p.Lock}, {" vendored ", p.Vendored}} {
			if part[1] != "" {
				b.WriteString(part[0] + part[1])
			}
		}
		if p.App {
			b.WriteString(" app")
		}
		b.WriteByte('\n')
		for _, place := range p.Places {
			fmt.Fprintf(&b, "  %s %s\n", place, place.Field)
		}
	}
	for _, p := range problems {
		b.WriteString("! " + p + "\n")
	}
	return b.String()
}

func TestPrintReference(t *testing.T) {
	root := os.DirFS("../../..")
	data, err := os.ReadFile("../../../catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Addons {
		t.Logf("%s\n%s", a.Name, shown(Find(a, root)))
		a.Upstream = catalog.Upstream{}
		t.Logf("%s without upstream\n%s", a.Name, shown(Find(a, root)))
	}
}
