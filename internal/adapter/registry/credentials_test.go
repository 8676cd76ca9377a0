package registry

import (
	"encoding/base64"
	"fmt"
	"testing"
)

// TestDockerConfig finds credentials however hosts are written in it.
func TestDockerConfig(t *testing.T) {
	auth := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	find, err := DockerConfig([]byte(fmt.Sprintf(`{
		"auths": {
			"https://index.docker.io/v1/": {"auth": %q},
			"Charts.example.com:5000": {"auth": %q},
			"https://plain.example.com/v2": {"username": "me", "password": "p:w"},
			"helper.example.com": {}
		},
		"credsStore": "desktop", "credHelpers": {"helper.example.com": "exec-me"}
	}`, auth("hub:s3cret"), auth("me:pass:word"))))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"docker.io": "hub s3cret", "registry-1.docker.io": "hub s3cret",
		"charts.example.com:5000": "me pass:word", "charts.example.com": " ", "plain.example.com": "me p:w", "helper.example.com": " ", "": " ",
	} {
		user, password := find(host)
		if got := user + " " + password; got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
	for text, want := range map[string]string{
		`{"auths": {"a": {"auth": "s3cret"}}}`:                   "the Docker configuration's auth for a is not user:password in base64",
		`{"auths": {"a": {"auth": "` + auth("no colon") + `"}}}`: "the Docker configuration's auth for a is not user:password in base64",
		`s3cret`:                     "the Docker configuration is not JSON as docker login writes it",
		`{"auths": {"a": "s3cret"}}`: "the Docker configuration is not JSON as docker login writes it",
	} {
		if _, err := DockerConfig([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}
