package catalog

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Documents parses the YAML documents of one file of an addon. It refuses what would cost a reader that expands aliases far more than it
// seems to. An error is a fault.Problem that names the file and the line.
func Documents(file string, data []byte) ([]*yaml.Node, error) {
	docs, err := parse(data)
	if err == nil {
		err = safe(docs)
	}
	return docs, problem(file, err)
}

// Harmless refuses what Documents refuses for its cost; a file that is no YAML has none.
func Harmless(file string, data []byte) error {
	docs, err := parse(data)
	if err != nil {
		return nil
	}
	return problem(file, safe(docs))
}

// Plain reports whether a file is harmless for sure: it is small, nests little, and has no anchor that an alias could multiply. It looks at
// bytes only and is therefore much faster than Documents, to which it leaves the doubtful ones.
func Plain(data []byte) bool {
	if len(data) > MaxFile || bytes.IndexByte(data, '&') >= 0 || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > plainBrackets {
		return false
	}
	// YAML has more line ends than the loop below.
	if bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n")) || bytes.ContainsAny(data, "\u0085\u2028\u2029") {
		return false
	}
	for line := range bytes.Lines(data) {
		if len(line)-len(bytes.TrimLeft(line, " \t-?:")) > plainIndent {
			return false
		}
	}
	return true
}

// Each bracket and each byte of indentation opens one level at most: together fewer than MaxFileDepth.
const plainBrackets, plainIndent = 100, 150

func parse(data []byte) ([]*yaml.Node, error) {
	if len(data) > MaxFile {
		return nil, &syntaxError{text: fmt.Sprintf("has %d bytes, at most %d are read: divide it", len(data), MaxFile)}
	}
	return documents(data, MaxDocuments, MaxFileMarks)
}

func problem(file string, err error) error {
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		return fault.Problem{Code: AddonInvalid, Where: syntax.in(file), Message: syntax.text}
	}
	return err
}
