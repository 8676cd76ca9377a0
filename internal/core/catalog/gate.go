package catalog

import (
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
