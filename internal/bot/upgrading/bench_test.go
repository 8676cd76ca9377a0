package upgrading_test

import (
	"fmt"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// BenchmarkLook looks at 40 addons on main and four release branches, with everything that sources say at hand.
func BenchmarkLook(b *testing.B) {
	w := newWork(b)
	entries, files := "addons:\n", map[string]string{}
	for i := range 40 {
		name := fmt.Sprintf("addon-%02d", i)
		entries += "- {name: " + name + "}\n"
		files["addons/"+name+"/Chart.yaml"] = uses(name, "1.0.0")
		files["addons/"+name+"/values.yaml"] = "replicas: 1\n"
		for v := range 50 {
			w.publish(repository, upstreams.Chart{Name: name, Version: fmt.Sprintf("1.%d.0", v), KubeVersion: ">=1.20.0-0"})
		}
	}
	w.released(entries, files, "1.31", "1.32", "1.33")
	w.open()
	for b.Loop() {
		found, err := w.look(upgrading.Known{})
		if err != nil || len(found.Plan.Upgrades) != 40 {
			b.Fatalf("%d upgrades, %v", len(found.Plan.Upgrades), err)
		}
	}
}
