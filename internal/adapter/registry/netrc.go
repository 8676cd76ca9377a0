package registry

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Netrc reads credentials from a netrc file as curl does: machine, login, password, quotes, comments on lines of their own, and macros, which are left
// out. What it has as default for all other hosts is not used: a catalog names hosts, and none of them gets a password by accident.
func Netrc(data []byte) (func(host string) (user, password string), error) {
	type pair struct{ user, password string }
	known := map[string]*pair{}
	machine := &pair{} // Before the first machine, and after default: nobody's.
	words, err := netrcWords(string(data))
	if err != nil {
		return nil, err
	}
	for len(words) > 0 {
		key := words[0]
		words = words[1:]
		if key == "default" {
			machine = &pair{}
			continue
		}
		if len(words) == 0 {
			return nil, errors.New("the netrc file ends where a value must follow") // The last word may be a password.
		}
		value := words[0]
		words = words[1:]
		switch key {
		case "machine":
			host := strings.ToLower(value)
			if machine = known[host]; machine == nil { // Of the same machine, the first counts.
				machine = &pair{}
				known[host] = machine
			} else {
				machine = &pair{}
			}
		case "login":
			machine.user = value
		case "password":
			machine.password = value
		case "account":
		default:
			return nil, errors.New("the netrc file has a word where machine, login, password, account or default must stand")
		}
	}
	return func(host string) (user, password string) {
		host = strings.ToLower(host)
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		for _, h := range []string{host, name} {
			if one := known[h]; one != nil {
				return one.user, one.password
			}
		}
		return "", ""
	}, nil
}

// netrcWords are the words of a netrc file, without comments and macros.
func netrcWords(text string) (words []string, err error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if strings.HasPrefix(strings.TrimSpace(lines[i]), "#") {
			continue
		}
		rest := strings.TrimSpace(lines[i])
		for rest != "" {
			var word string
			if word, rest, err = netrcWord(rest); err != nil {
				return nil, fmt.Errorf("line %d of the netrc file: %w", i+1, err)
			}
			if word == "macdef" {
				for i < len(lines) && strings.TrimSpace(lines[i]) != "" {
					i++
				}
				break
			}
			words = append(words, word)
		}
	}
	return words, nil
}

// netrcWord is the first word, and what comes after it.
func netrcWord(text string) (word, rest string, err error) {
	if text[0] != '"' {
		if end := strings.IndexAny(text, " \t"); end >= 0 {
			return text[:end], strings.TrimSpace(text[end:]), nil
		}
		return text, "", nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), strings.TrimSpace(text[i+1:]), nil
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(unescaped(text[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a quoted word has no end")
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
