package main

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/documents"
)

// TestDocumentsNameRealCommands holds what people are told to type to the commands and flags that there are, in documents and in messages.
func TestDocumentsNameRealCommands(t *testing.T) {
	found := documents.Commands(t, newRoot(), "../../README.md", "../../docs/*.md", "*.go", "../../internal/core/*/*.go", "../../internal/bot/*.go", "../../internal/adapter/*/*.go")
	if found < 8 {
		t.Errorf("found %d commands only: the search is broken", found)
	}
}
