package engine

import "testing"

func TestParseOptions(t *testing.T) {
	for in, want := range map[string]Options{
		"":              {},
		"--enable-helm": {EnableHelm: true},
		"--load-restrictor LoadRestrictionsNone --enable-helm": {EnableHelm: true, AnyFile: true},
		"--load-restrictor=LoadRestrictionsRootOnly":           {},
	} {
		if got, err := ParseOptions(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"--enable-helm --enable-exec": "--enable-exec lets a source run programs or read what is outside of it: that is never done here",
		"--load-restrictor":           "--load-restrictor is LoadRestrictionsRootOnly or LoadRestrictionsNone",
		"--reorder=none":              `"--reorder" is not known; --enable-helm and --load-restrictor are`,
	} {
		if _, err := ParseOptions(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}
