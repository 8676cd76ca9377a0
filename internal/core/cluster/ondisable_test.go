package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
)

// says are the answers for the addons a, b and the-rest; an addon of which nothing is said has none.
type says map[string]catalog.OnDisable

func everywhere(how catalog.OnDisable) says { return says{"a": how, "b": how, "the-rest": how} }

func TestOnDisable(t *testing.T) {
	long := strings.Repeat("x", 64)
	for text, tc := range map[string]struct {
		want says
		// problem is what the annotation does; nothing is said then.
		problem string
	}{
		"prune":                               {want: everywhere(catalog.Prune)},
		"retain":                              {want: everywhere(catalog.Retain)},
		" retain ":                            {want: everywhere(catalog.Retain)},
		"a=retain":                            {want: says{"a": catalog.Retain}},
		"a=retain,b=prune":                    {want: says{"a": catalog.Retain, "b": catalog.Prune}},
		"\ta = retain ,\n b= prune":           {want: says{"a": catalog.Retain, "b": catalog.Prune}},
		"a=retain, prune":                     {want: says{"a": catalog.Retain, "b": catalog.Prune, "the-rest": catalog.Prune}},
		"prune, a=retain":                     {want: says{"a": catalog.Retain, "b": catalog.Prune, "the-rest": catalog.Prune}},
		"the-rest=prune":                      {want: says{"the-rest": catalog.Prune}},
		strings.Repeat("x", 63) + "=prune":    {want: says{}},
		"":                                    {problem: "is empty"},
		" ":                                   {problem: "is empty"},
		",":                                   {problem: "has an empty entry"},
		"a=retain,":                           {problem: "has an empty entry"},
		"a=retain,,b=prune":                   {problem: "has an empty entry"},
		"Retain":                              {problem: `says "Retain"`},
		"true":                                {problem: `says "true"`},
		"a=retain b=prune":                    {problem: `says "a=retain b=prune"`},
		"a=retain;b=prune":                    {problem: `says "a=retain;b=prune"`},
		"a=":                                  {problem: `says "a="`},
		"a=retain=x":                          {problem: `says "a=retain=x"`},
		"a: retain":                           {problem: `says "a: retain"`},
		"{{.Values}}":                         {problem: `says "{{.Values}}"`},
		long + "=keep":                        {problem: `says "` + long[:40] + `"… (69 bytes)`},
		"=retain":                             {problem: `names "", which cannot be an addon`},
		"A=retain":                            {problem: `names "A", which cannot be an addon`},
		"../a=retain":                         {problem: `names "../a", which cannot be an addon`},
		"a\x00=retain":                        {problem: `names "a\x00", which cannot be an addon`},
		long + "=retain":                      {problem: `names "` + long[:40] + `"… (64 bytes), which cannot be an addon`},
		"a=retain,a=prune":                    {problem: "names a twice"},
		"a=retain, a=retain":                  {problem: "names a twice"},
		"retain, prune":                       {problem: "says retain and then prune of all addons"},
		"b=prune,retain,a=prune,retain":       {problem: "says retain and then retain of all addons"},
		strings.Repeat("a=retain ,", 100_000): {problem: "names a twice"},
	} {
		t.Run(fmt.Sprintf("%.40q", text), func(t *testing.T) {
			s := secret()
			s.Annotations[cluster.OnDisableAnnotation] = text
			f := cluster.Read(s)
			got := says{}
			for _, addon := range []string{"a", "b", "the-rest"} {
				if how, ok := f.OnDisable(addon); ok {
					got[addon] = how
				} else if how != "" {
					t.Errorf("OnDisable(%s) = %q and not ok", addon, how)
				}
			}
			if tc.want == nil {
				tc.want = says{}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("OnDisable (-want +got):\n%s", d)
			}
			want := problem(cluster.CodeInvalidOnDisable, "annotation addons.kaas.dev/on-disable "+tc.problem+
				`; write prune, retain, or a list such as "cert-manager=retain, prune"; until then nothing is removed from this cluster`)
			if tc.problem == "" {
				want = nil
			}
			if d := cmp.Diff(want, f.Problems); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
			if f.OnDisableInvalid != (tc.problem != "") || f.Hold != nil {
				t.Errorf("invalid is %t, and the hold %v", f.OnDisableInvalid, f.Hold)
			}
		})
	}
}

func TestOnDisableAbsent(t *testing.T) {
	f := cluster.Read(secret())
	if how, ok := f.OnDisable("a"); ok || how != "" || f.OnDisableInvalid {
		t.Errorf("without the annotation: %q, %t, invalid %t", how, ok, f.OnDisableInvalid)
	}
}

// A misspelt addon in the annotation is told: what it should keep would be removed.
func TestOnDisableUnknown(t *testing.T) {
	many := "retain"
	for i := range 12 {
		many += fmt.Sprintf(", x%02d=prune", i)
	}
	known := map[string]bool{"cert-manager": true}
	const unknown = "UnknownAddon: annotation addons.kaas.dev/on-disable names %s, which is no addon of any release; correct or remove it"
	var first10 []string
	for i := range 10 {
		first10 = append(first10, fmt.Sprintf(unknown, fmt.Sprintf("x%02d", i)))
	}
	for name, tc := range map[string]struct {
		text  string
		known map[string]bool
		want  []string
	}{
		"known":                 {"cert-manager=retain, prune", known, nil},
		"unknown":               {"loki=prune, cert-manger=retain", known, []string{fmt.Sprintf(unknown, "cert-manger"), fmt.Sprintf(unknown, "loki")}},
		"no catalog yet":        {"cert-manger=retain", nil, nil},
		"invalid is told apart": {"cert-manger=keep", known, nil},
		"many":                  {many, known, append(first10, "UnknownAddon: 2 more addons like this")},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range cluster.Switches(cluster.Facts{Name: "tokyo-1", Annotations: map[string]string{cluster.OnDisableAnnotation: tc.text}}, tc.known) {
				if p.Where != "cluster tokyo-1" {
					t.Errorf("where %q", p.Where)
				}
				got = append(got, string(p.Code)+": "+p.Message)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Switches (-want +got):\n%s", d)
			}
		})
	}
}
