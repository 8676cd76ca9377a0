package resolve

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// values finds the cluster's value of every parameter.
func (d *decision) values(of *offered) ([]string, *fault.Reason) {
	values := slices.Grow(d.scratch[:0], len(of.Parameters))[:len(of.Parameters)]
	d.scratch = values
	for i, p := range of.Parameters {
		value, ok := d.value(p.From)
		if !ok && p.Default != nil {
			value, ok = *p.Default, true
		}
		if !ok {
			return nil, reason(CodeParameterMissing, "parameter %s of %s comes from %s, which this cluster's Secret does not have, and there is no default", p.Name, of.Name, sourceName(p.From))
		}
		values[i] = value
	}
	return values, nil
}

func sourceName(from catalog.Source) string {
	switch {
	case from.Label != "":
		return "label " + from.Label
	case from.Annotation != "":
		return "annotation " + from.Annotation
	case from.Field != "":
		return "field " + from.Field
	}
	return "nowhere"
}

func (d *decision) value(from catalog.Source) (value string, ok bool) {
	switch {
	case from.Label != "":
		value, ok = d.c.Labels[from.Label]
	case from.Annotation != "":
		value, ok = d.c.Annotations[from.Annotation]
	case from.Field == "name":
		return d.c.Name, true
	case from.Field == "server":
		return d.c.Server, true
	case from.Field == "kubernetesVersion":
		return d.version.Raw, true
	case from.Field == "kubernetesMinor":
		return d.version.Minor.String(), true
	case from.Value != "":
		return from.Value, true
	}
	return value, ok
}
