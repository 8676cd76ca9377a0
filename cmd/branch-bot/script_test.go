package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/testkit/script"
)

func TestMain(m *testing.M) {
	render.Worker()
	policy.Worker()
	testscript.Main(m, map[string]func(){"branch-bot": main})
}

func TestScripts(t *testing.T) { script.Run(t, "../../test/script/branch-bot", outsideCommands) }
