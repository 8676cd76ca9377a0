package main

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/documents"
)

// TestDocumentsNameRealCommands holds what people are told to type to the commands and flags that there are, in documents and in messages.
func TestDocumentsNameRealCommands(t *testing.T) {
	found := documents.Commands(t, newRoot(time.Now), "../../README.md", "../../docs/*.md", "../../deploy/base/*.yaml", "*.go",
		"../../internal/core/*/*.go", "../../internal/manager/*/*.go", "../../internal/manager/*.go")
	if found < 100 {
		t.Errorf("found %d commands only: the search is broken", found)
	}
}
