package render

import (
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// Collect reads and checks the source of an addon. The tree is a whole repository, of which nothing else is read.
func Collect(tree fs.FS, addon catalog.Addon, o engine.Options) (Source, error) { panic("not yet") }
