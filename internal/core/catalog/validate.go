package catalog

import (
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Options say what Validate checks beyond the file and its folders.
type Options struct {
	// Main is set for the catalog of the branch that people change: its minors are those that are offered.
	Main bool
}

// Validate is everything that is checked before a release is tagged, and again when it is read: Decode, Inspect and, on main,
// that the catalog offers minors which each addon can run on, and upgrades
// in groups only addons that it has. Problems name a line of the catalog where there is one. Inspect
// needs a catalog, so one that does not decode has only those problems.
func Validate(file string, data []byte, tree fs.FS, opts Options) (Catalog, []fault.Problem) {
	c, pos, errs := decode(file, data)
	if errs != nil {
		return Catalog{}, errs
	}
	d := &decoder{file: file}
	if opts.Main {
		d.offered(c, pos)
		d.groups(c.Addons, pos.groups)
	}
	c, found := inspect(c, tree, func(i int, field string) string { return pos.addons[i].place(field).in(file) })
	return c, append(d.errors(), found...)
}

func (d *decoder) offered(c Catalog, pos positions) {
	if len(c.Minors) == 0 {
		d.refuse(pos.minors, "kubernetes.minors names no minor: on main, list those that are offered, such as [\"1.31\", \"1.32\"]")
		return
	}
	for i, a := range c.Addons {
		if !anyOf(c.Minors, a.Kubernetes) {
			d.refuse(pos.addons[i].place("kubernetes"), "%s.kubernetes: %s holds none of the minors offered (%s): correct the range or remove the addon",
				pos.addons[i].name, quote(a.Kubernetes.String()), list(c.Minors))
		}
	}
}

func anyOf(minors []version.Minor, r version.Range) bool {
	for _, m := range minors {
		if r.HoldsSome(m) {
			return true
		}
	}
	return false
}

func list(minors []version.Minor) string {
	s := ""
	for i, m := range minors {
		if i > 0 {
			s += ", "
		}
		s += m.String()
	}
	return s
}
