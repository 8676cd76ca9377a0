package deploy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type object = map[string]any

// sourceWith is the example CatalogSource with one field of its spec set to value, or removed when value is nil.
func sourceWith(t *testing.T, field string, value any) *unstructured.Unstructured {
	t.Helper()
	o := readFile(t, root+"/deploy/examples/overlay/catalogsource.yaml")
	o.SetName("tried")
	spec := o.Object["spec"].(object)
	if value == nil {
		delete(spec, field)
	} else {
		spec[field] = value
	}
	return o
}

func TestAPIServerRefusesBadCatalogSources(t *testing.T) {
	c := client.WithFieldValidation(installed(t), metav1.FieldValidationStrict)
	for name, tc := range map[string]struct {
		field string
		value any
		want  []string
	}{
		"no url":                      {"url", nil, []string{"spec.url", "Required"}},
		"empty url":                   {"url", "", []string{"spec.url"}},
		"url is a path":               {"url", "/srv/addons.git", []string{"spec.url", "url must start with https://"}},
		"url is a relative path":      {"url", "../addons", []string{"spec.url", "url must start with https://"}},
		"url of a file":               {"url", "file:///srv/addons.git", []string{"spec.url", "url must start with https://"}},
		"url runs a command":          {"url", "ext::sh -c touch% /tmp/x", []string{"spec.url", "url must start with https://"}},
		"url of the git protocol":     {"url", "git://git.example.com/addons.git", []string{"spec.url", "url must start with https://"}},
		"url is an option":            {"url", "--upload-pack=touch", []string{"spec.url", "url must start with https://"}},
		"url with a space":            {"url", "https://git.example.com/a b.git", []string{"spec.url", "url must start with https://"}},
		"url with a line break":       {"url", "https://git.example.com/a.git\nx", []string{"spec.url", "url must start with https://"}},
		"url with a password":         {"url", "https://bot:hunter2@git.example.com/addons.git", []string{"spec.url", "must not contain a password"}},
		"url with an empty user":      {"url", "https://:hunter2@git.example.com/addons.git", []string{"spec.url", "must not contain a password"}},
		"url of 3,000 characters":     {"url", "https://git.example.com/" + strings.Repeat("a", 3000), []string{"spec.url", "2048"}},
		"pollInterval 0s":             {"pollInterval", "0s", []string{"spec.pollInterval", "between 1s and 24h"}},
		"pollInterval below zero":     {"pollInterval", "-5s", []string{"spec.pollInterval", "between 1s and 24h"}},
		"pollInterval 25h":            {"pollInterval", "25h", []string{"spec.pollInterval", "between 1s and 24h"}},
		"pollInterval without a unit": {"pollInterval", "60", []string{"spec.pollInterval"}},
		"pollInterval is a number":    {"pollInterval", int64(60), []string{"spec.pollInterval"}},
		"revision branch":             {"revision", "branch", []string{"spec.revision", `"commit", "tag"`}},
		"revision in capitals":        {"revision", "Commit", []string{"spec.revision", `"commit", "tag"`}},
		"project in capitals":         {"project", "Addons", []string{"spec.project"}},
		"project leaves the name":     {"project", "../default", []string{"spec.project"}},
		"project of 64 characters":    {"project", strings.Repeat("a", 64), []string{"spec.project"}},
		"secretRef without a name":    {"secretRef", object{}, []string{"spec.secretRef.name", "Required"}},
		"password in an ssh URL":      {"url", "ssh://git:secret@git.example.com/platform/addons.git", []string{"spec.url", "must not contain a password"}},
		"secretRef with empty name":   {"secretRef", object{"name": ""}, []string{"spec.secretRef.name"}},
		"secretRef elsewhere":         {"secretRef", object{"name": "x", "namespace": "kube-system"}, []string{`unknown field "spec.secretRef.namespace"`}},
		"unknown field":               {"branch", "main", []string{`unknown field "spec.branch"`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Create(t.Context(), sourceWith(t, tc.field, tc.value), client.DryRunAll)
			if err == nil {
				t.Fatal("the API server took it")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestAPIServerTakesGoodCatalogSources(t *testing.T) {
	c := client.WithFieldValidation(installed(t), metav1.FieldValidationStrict)
	for name, tc := range map[string]struct {
		field string
		value any
	}{
		"https":                    {"url", "https://git.example.com/platform/addons.git"},
		"https with a port":        {"url", "https://git.example.com:8443/platform/addons.git"},
		"https with a user":        {"url", "https://bot@git.example.com/platform/addons.git"},
		"http":                     {"url", "http://127.0.0.1:8080/addons.git"},
		"ssh":                      {"url", "ssh://git@git.example.com:2222/platform/addons.git"},
		"scp form":                 {"url", "git@git.example.com:platform/addons.git"},
		"no secretRef":             {"secretRef", nil},
		"shortest pollInterval":    {"pollInterval", "1s"},
		"longest pollInterval":     {"pollInterval", "24h"},
		"no pollInterval":          {"pollInterval", nil},
		"revision tag":             {"revision", "tag"},
		"no revision":              {"revision", nil},
		"project of 63 characters": {"project", strings.Repeat("a", 63)},
		"no project":               {"project", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.Create(t.Context(), sourceWith(t, tc.field, tc.value), client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDefaultsOfACatalogSource(t *testing.T) {
	c := installed(t)
	o := readFile(t, root+"/deploy/examples/overlay/catalogsource.yaml")
	o.Object["spec"] = object{"url": "https://git.example.com/addons.git"}
	if err := c.Create(t.Context(), o, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	want := object{"url": "https://git.example.com/addons.git", "pollInterval": "60s", "revision": "commit", "project": "addons", "deletion": object{"grace": "10m"}}
	if diff := cmp.Diff(want, o.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}
