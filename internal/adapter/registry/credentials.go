package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// DockerConfig reads credentials from a config.json as docker login, helm registry login and Kubernetes' dockerconfigjson Secrets write it.
// The programs that it may name for more of them are not run.
func DockerConfig(data []byte) (func(host string) (user, password string), error) {
	var config struct {
		Auths map[string]struct {
			Auth, Username, Password string
		} `json:"auths"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, errors.New("the Docker configuration is not JSON as docker login writes it") // The decoder may quote a password.
	}
	type pair struct{ user, password string }
	known := map[string]pair{}
	for _, name := range slices.Sorted(maps.Keys(config.Auths)) {
		a := config.Auths[name]
		host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://"), "/")
		if host == "index.docker.io" || host == "registry-1.docker.io" {
			host = "docker.io"
		}
		one := pair{a.Username, a.Password}
		if a.Auth != "" {
			raw, err := base64.StdEncoding.DecodeString(a.Auth)
			user, password, ok := strings.Cut(string(raw), ":")
			if err != nil || !ok {
				return nil, errors.New("the Docker configuration's auth for " + cut(host, 100) + " is not user:password in base64")
			}
			one = pair{user, strings.TrimRight(password, "\x00")}
		}
		known[strings.ToLower(host)] = one
	}
	return func(host string) (user, password string) {
		host = strings.ToLower(host)
		if host == "registry-1.docker.io" || host == "index.docker.io" {
			host = "docker.io"
		}
		one := known[host]
		return one.user, one.password
	}, nil
}
