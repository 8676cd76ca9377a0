package registry

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Credentials are those that the first knows who knows any.
func Credentials(finders ...func(host string) (user, password string)) func(host string) (user, password string) {
	return func(host string) (user, password string) {
		for _, find := range finders {
			if user, password := find(host); user != "" || password != "" {
				return user, password
			}
		}
		return "", ""
	}
}

// ReadCredentials reads the credentials that people have anyway: of a Docker configuration, which is the file named or where docker login keeps it, and of
// a netrc file, which $NETRC names or is in the home folder. A file that is named must be there.
func ReadCredentials(dockerConfig string) (func(host string) (user, password string), error) {
	home, _ := os.UserHomeDir()
	folder := func(parts ...string) string {
		if home == "" {
			return ""
		}
		return filepath.Join(append([]string{home}, parts...)...)
	}
	config := folder(".docker", "config.json")
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		config = filepath.Join(dir, "config.json")
	}
	var finders []func(host string) (user, password string)
	for _, one := range []struct {
		named, usual string
		read         func([]byte) (func(host string) (user, password string), error)
	}{{dockerConfig, config, DockerConfig}, {os.Getenv("NETRC"), folder(".netrc"), Netrc}} {
		file := cmp.Or(one.named, one.usual)
		if file == "" {
			continue
		}
		data, err := os.ReadFile(file)
		if one.named == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read credentials: %w", err)
		}
		find, err := one.read(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		finders = append(finders, find)
	}
	return Credentials(finders...), nil
}
