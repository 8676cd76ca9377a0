package registry

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNetrc finds credentials as curl does, but for default.
func TestNetrc(t *testing.T) {
	find, err := Netrc([]byte(`# machine commented.example.com login a password b
machine charts.example.com
	login ada
	password #pa55#word
machine Quoted.example.com login "a b" password "q\"\\\n"
macdef init
machine macro.example.com login x password y

machine charts.example.com login second password second
machine port.example.com:8443 login p password q account z
machine token.example.com password only
default login any password thing`))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"charts.example.com": "ada #pa55#word", "charts.example.com:443": "ada #pa55#word", "CHARTS.example.com": "ada #pa55#word", "quoted.example.com": "a b q\"\\\n",
		"macro.example.com": " ", "commented.example.com": " ", "other.example.com": " ", "port.example.com:8443": "p q", "port.example.com": " ", "token.example.com": " only", "": " ",
	} {
		if user, password := find(host); user+" "+password != want {
			t.Errorf("%s: got %q, want %q", host, user+" "+password, want)
		}
	}
	for text, want := range map[string]string{
		"machine":                         "the netrc file ends where a value must follow",
		"machine a login b password":      "the netrc file ends where a value must follow",
		"machine a login b s3cret x":      "the netrc file has a word where machine, login, password, account or default must stand",
		"machine a\nlogin \"b password s": "line 2 of the netrc file: a quoted word has no end",
	} {
		if _, err := Netrc([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// TestReadCredentials takes them from where people have them: first from Docker's configuration, then from netrc.
func TestReadCredentials(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("NETRC", "")
	t.Setenv("DOCKER_CONFIG", "")
	says := func(dockerConfig, host, want string) {
		t.Helper()
		find, err := ReadCredentials(dockerConfig)
		if err != nil {
			t.Fatal(err)
		}
		if user, password := find(host); user+" "+password != want {
			t.Errorf("%s: got %q, want %q", host, user+" "+password, want)
		}
	}
	put := func(name, text string) string {
		t.Helper()
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	says("", "a.example.com", " ")
	put(".netrc", "machine a.example.com login netrc password n\nmachine b.example.com login netrc password n\n")
	says("", "a.example.com", "netrc n")
	put(".docker/config.json", `{"auths":{"a.example.com":{"username":"docker","password":"d"}}}`)
	says("", "a.example.com", "docker d")
	says("", "b.example.com", "netrc n")
	named := put("named.json", `{"auths":{"a.example.com":{"username":"named","password":"f"}}}`)
	says(named, "a.example.com", "named f")
	t.Setenv("NETRC", put("other", "machine b.example.com login other password o"))
	says("", "b.example.com", "other o")
	t.Setenv("DOCKER_CONFIG", filepath.Join(home, "nothing"))
	says("", "a.example.com", " ")

	missing := filepath.Join(home, "missing")
	for _, tc := range []struct{ config, netrc, want string }{
		{missing, "", "read credentials: open " + missing + ": no such file or directory"},
		{"", missing, "read credentials: open " + missing + ": no such file or directory"},
		{put("bad.json", "s3cret"), "", filepath.Join(home, "bad.json") + ": the Docker configuration is not JSON as docker login writes it"},
		{"", put("bad", "machine"), filepath.Join(home, "bad") + ": the netrc file ends where a value must follow"},
	} {
		t.Setenv("NETRC", tc.netrc)
		if _, err := ReadCredentials(tc.config); err == nil || err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}
