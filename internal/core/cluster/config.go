package cluster

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
)

// Config is data.config of a cluster Secret: how Argo CD connects to the cluster. It holds credentials; nothing of it may be
// printed. It mirrors the types of Argo CD 2.14's ClusterConfig: what decodes here decodes there, and only that.
type Config struct {
	Username           string              `json:"username"`
	Password           string              `json:"password"`
	BearerToken        string              `json:"bearerToken"`
	TLS                TLSConfig           `json:"tlsClientConfig"`
	AWS                *AWSConfig          `json:"awsAuthConfig"`
	Exec               *ExecProviderConfig `json:"execProviderConfig"`
	DisableCompression bool                `json:"disableCompression"`
	ProxyURL           string              `json:"proxyUrl"`
}

// TLSConfig says whom to trust and what certificate to show. The data fields are PEM, in base64 within the JSON.
type TLSConfig struct {
	Insecure   bool   `json:"insecure"`
	ServerName string `json:"serverName"`
	CertData   []byte `json:"certData"`
	KeyData    []byte `json:"keyData"`
	CAData     []byte `json:"caData"`
}

// AWSConfig asks AWS for a token.
type AWSConfig struct {
	ClusterName string `json:"clusterName"`
	RoleARN     string `json:"roleARN"`
	Profile     string `json:"profile"`
}

// ExecProviderConfig is a command that prints credentials.
type ExecProviderConfig struct {
	Command     string            `json:"command"`
	Args        []string          `json:"args"`
	Env         map[string]string `json:"env"`
	APIVersion  string            `json:"apiVersion"`
	InstallHint string            `json:"installHint"`
}

// DecodeConfig reads data.config; an empty one is the zero Config. Its errors repeat nothing of the text.
func DecodeConfig(text []byte) (c Config, err error) {
	if len(text) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return Config{}, errors.New(configFault(text, err))
	}
	return c, nil
}

// config checks what Argo CD 2.14 does with every cluster Secret before it generates any Application.
func (r *reader) config() {
	c, err := DecodeConfig(r.secret.Data["config"])
	if err != nil {
		r.facts.BlocksArgoCD = true
		r.hold(CodeInvalidConfig, "Argo CD 2.14 cannot read data.config: %v. Until it is corrected, Argo CD reconciles no ApplicationSet at all: no cluster of the fleet gets new addons or releases", err)
		return
	}
	for _, why := range c.Faults() {
		r.problem(CodeInvalidCredentials, "data.config: %s; Argo CD cannot connect to the cluster with it", why)
	}
}

// configFault describes an error without repeating any of the text: the decoder's own messages quote characters and numbers of it.
func configFault(text []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("it is not JSON (byte %d of %d)", syntax.Offset, len(text))
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return "it is JSON, but not an object"
		}
		return fmt.Sprintf("field %s must be %s", kind.Field, article(kind.Type.Kind().String()))
	}
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return badBase64(text) + " is not base64"
	}
	return "it cannot be decoded"
}

func article(kind string) string {
	switch kind {
	case "struct", "map", "ptr":
		return "an object"
	case "slice":
		return "a list, or base64 text"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

// badBase64 finds the field, which the decoder does not name.
func badBase64(text []byte) string {
	var c struct {
		TLS struct {
			CAData   any `json:"caData"`
			CertData any `json:"certData"`
			KeyData  any `json:"keyData"`
		} `json:"tlsClientConfig"`
	}
	_ = json.Unmarshal(text, &c)
	for _, f := range []struct {
		name  string
		value any
	}{{"caData", c.TLS.CAData}, {"certData", c.TLS.CertData}, {"keyData", c.TLS.KeyData}} {
		if s, ok := f.value.(string); ok {
			if _, err := base64.StdEncoding.DecodeString(s); err != nil {
				return "tlsClientConfig." + f.name
			}
		}
	}
	return "a field of tlsClientConfig"
}

// Faults are what decodes but cannot make a connection. They repeat no value.
func (c Config) Faults() (faults []string) {
	for _, f := range []struct {
		name string
		data []byte
	}{{"caData", c.TLS.CAData}, {"certData", c.TLS.CertData}, {"keyData", c.TLS.KeyData}} {
		if len(f.data) > 0 {
			if block, _ := pem.Decode(f.data); block == nil {
				faults = append(faults, "tlsClientConfig."+f.name+" is not PEM after base64")
			}
		}
	}
	if (len(c.TLS.CertData) == 0) != (len(c.TLS.KeyData) == 0) {
		faults = append(faults, "tlsClientConfig has only one of certData and keyData")
	}
	if c.TLS.Insecure && len(c.TLS.CAData) > 0 {
		faults = append(faults, "tlsClientConfig has both insecure and caData")
	}
	if c.ProxyURL != "" {
		switch u, err := url.Parse(c.ProxyURL); {
		case err != nil:
			faults = append(faults, "proxyUrl is not a URL")
		case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
			faults = append(faults, "proxyUrl must start with http://, https:// or socks5://")
		}
	}
	return faults
}
