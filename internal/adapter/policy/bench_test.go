package policy

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// BenchmarkReview judges one object by 20 constraints, without the process around it.
func BenchmarkReview(b *testing.B) {
	var files []policy.File
	for i := range 20 {
		kind := fmt.Sprint("K8sP", i)
		files = append(files, policy.File{Name: kind, Data: []byte(templateOf(kind, "package p\nviolation[{\"msg\": msg}] {\n  c := input.review.object.spec.template.spec.containers[_]\n  not c.resources.limits.memory\n  msg := sprintf(\"container %v has no limit\", [c.name])\n}\n") +
			"---\n" + constraintOf(kind, "x", "{}"))})
	}
	c, err := compile(files, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	r := request{Objects: []json.RawMessage{json.RawMessage(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}}}`)}, Ask: []int{0}}
	for b.Loop() {
		got, err := c.review(b.Context(), r)
		if err != nil || len(got[0].Violations) != 20 {
			b.Fatal(got, err)
		}
	}
}
