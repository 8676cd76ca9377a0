package mask

import "strings"

// class says what the name of a field tells about its value.
type class int

const (
	plain class = iota
	// maybe is a name that holds secrets and, as often, names of them: clientSecret: abc123…, secret: my-tls.
	maybe
	secret
)

// The endings of names, in lower case and without separators. What holds only a reference ends otherwise: secretName, tokenSecretRef,
// passwordFile, secretKeyRef, tokenExpirationSeconds.
var (
	secretEndings = []string{
		"password", "passwords", "passwd", "passphrase", "pwd", "token", "tokens", "apikey", "apikeys", "apisecret", "clientsecret", "privatekey",
		"secretaccesskey", "accesskeysecret", "connectionstring", "encryptionkey", "signingkey", "masterkey", "accountkey", "storagekey",
		"sharedkey", "sharedsecret", "cookiesecret", "appsecret", "consumersecret", "hmacsecret", "jwtsecret", "sessionsecret", "requirepass",
		"signingsecret", "credentialsjson", "dbpass", "userpass", "adminpass", "smtppass", "rootpass", "mailpass", "pgpass",
	}
	maybeEndings = []string{"secret", "secrets", "secretkey", "accesskey", "credential", "credentials", "auth", "authkey", "sshkey", "pass"}
	// notSecret end like the above and are something else: a shell's directories, pages of a list.
	notSecret = []string{"pwd", "oldpwd", "nexttoken", "pagetoken", "continuetoken", "nextpagetoken", "bypass", "compass"}
)

// maxKey bounds what is looked at: a longer name holds no more than its end says.
const maxKey = 128

// classify says what values under a name are.
func classify(name string) class {
	if len(name) > maxKey {
		name = name[len(name)-maxKey:]
	}
	var b [maxKey]byte
	n := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			b[n] = c + 'a' - 'A'
			n++
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b[n] = c
			n++
		}
	}
	if n < 3 {
		return plain
	}
	// Numbered names: PASSWORD_1, token2.
	joined := strings.TrimRight(string(b[:n]), "0123456789")
	for _, s := range notSecret {
		if joined == s {
			return plain
		}
	}
	for _, s := range secretEndings {
		if strings.HasSuffix(joined, s) {
			return secret
		}
	}
	for _, s := range maybeEndings {
		if strings.HasSuffix(joined, s) {
			return maybe
		}
	}
	return plain
}

// hides reports whether a value under a name of this class is hidden.
func (c class) hides(value string) bool {
	value = strings.TrimSpace(value)
	if c == plain || harmless(value) {
		return false
	}
	return c == secret || !nameLike(value) || random(value)
}

// harmless values are no secret under any name: none at all, switches, types, and places where the secret is.
func harmless(v string) bool {
	switch strings.ToLower(v) {
	case "", "true", "false", "yes", "no", "on", "off", "null", "nil", "none", "~", "{}", "[]", `""`, "''", "string", "password", "token",
		"secret", "required", "optional", "enabled", "disabled", "default", "0", "1", "-1", "|", ">", "\\":
		return true
	}
	switch {
	case startsWithPlaceholder(v) && len(v) == length:
		return true
	case strings.HasPrefix(v, "$(") && strings.HasSuffix(v, ")"), strings.HasPrefix(v, "${") && strings.Index(v, "}") == len(v)-1,
		strings.HasPrefix(v, "{{") && strings.Index(v, "}}") == len(v)-2, strings.HasPrefix(v, "$__file{"), strings.HasPrefix(v, "$__env{"):
		return true
	case strings.HasPrefix(v, "$") && identifier(v[1:]):
		return true
	case strings.HasPrefix(v, "/"), strings.HasPrefix(v, "./"), strings.HasPrefix(v, "../"), strings.HasPrefix(v, "file://"):
		// Where a file is; base64 may start with a slash too, and has no second one this early, or letters and digits in a wild mix.
		return !random(strings.TrimPrefix(v, "/")) && !strings.ContainsAny(v, " +=!@$%^&*")
	}
	return false
}

// nameLike values may name a Secret, a key in one, or a way to authenticate.
func nameLike(v string) bool {
	return strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/ ") == ""
}

func identifier(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && (s[0] < '0' || s[0] > '9')
}

// random reports whether a word is one that nobody would choose as a name: long, with digits between letters, and no pattern of words.
func random(v string) bool {
	if len(v) < 16 || strings.ContainsAny(v, " \t\n") {
		return false
	}
	var lower, upper, digit, separators, turns int
	last := 0
	for i := range len(v) {
		kind := 0
		switch c := v[i]; {
		case c >= 'a' && c <= 'z':
			lower++
			kind = 1
		case c >= 'A' && c <= 'Z':
			upper++
			kind = 2
		case c >= '0' && c <= '9':
			digit++
			kind = 3
		case c == '-' || c == '.' || c == '_' || c == '/':
			separators++
			kind = last
		}
		if kind != last {
			turns++
		}
		last = kind
	}
	if separators*6 > len(v) {
		return false
	}
	if digit >= 2 && lower+upper >= 2 && turns*5 >= len(v) {
		return true
	}
	// With few digits only a wild mix of cases is left to tell it from words in camel case.
	return upper > 3 && lower > 3 && (digit > 0 && turns*4 >= len(v) || turns*2 > len(v))
}
