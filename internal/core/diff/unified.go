package diff

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// How long the two texts of a line diff may be together, in bytes and lines: beyond it, nobody would read the diff, and it would take seconds.
const (
	textLimit = 16 << 20
	lineLimit = 250_000
)

// Unified is the change of an object as YAML, in the unified format with some lines of context, without file names. Either object may be nil.
// An object that is too large is only summed up.
func Unified(before, after *manifest.Object, context int) string {
	return unified(text(before), text(after), context)
}

func text(o *manifest.Object) string {
	if o == nil {
		return ""
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	// The encoder panics on values that no object holds, and gives no other error.
	_ = e.Encode(o.Content)
	return b.String()
}

func unified(before, after string, context int) string {
	if before == after {
		return ""
	}
	old, now := strings.Count(before, "\n"), strings.Count(after, "\n")
	if len(before)+len(after) > textLimit || old+now > lineLimit {
		return fmt.Sprintf("@@ too large to compare line by line: %d lines before, %d lines after @@\n", old, now)
	}
	edits := udiff.Lines(before, after)
	out, err := udiff.ToUnified("", "", before, edits, context)
	if err != nil {
		return fmt.Sprintf("@@ cannot be compared line by line: %v @@\n", err)
	}
	// The first two lines name files.
	for range 2 {
		_, out, _ = strings.Cut(out, "\n")
	}
	return out
}
