package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/addon-manager/addon-manager/internal/testkit/script"
)

func TestMain(m *testing.M) {
	testscript.Main(withPlane{m}, map[string]func(){"addon-manager": main})
}

// withPlane ends the shared control plane after the tests.
type withPlane struct{ m *testing.M }

// Run implements testscript.TestingM.
func (w withPlane) Run() int { return shared.Run(w.m) }

func TestScripts(t *testing.T) { script.Run(t, "../../test/script/addon-manager") }
