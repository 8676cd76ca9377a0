package bot_test

import (
	"os"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
)

func TestMain(m *testing.M) {
	render.Worker()
	policy.Worker()
	os.Exit(m.Run())
}
