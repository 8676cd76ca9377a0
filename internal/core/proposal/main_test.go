package proposal

import (
	"os"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/chance"
)

func TestMain(m *testing.M) { os.Exit(chance.Main(m)) }
