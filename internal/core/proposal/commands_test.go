package proposal

import "testing"

func TestParseCommand(t *testing.T) {
	for in, want := range map[string]struct {
		c       Command
		unknown string
	}{
		"/rebase":                               {Rebase, ""},
		"  /rebase  \r\n":                       {Rebase, ""},
		"/Rebase!":                              {Rebase, ""},
		"Please.\n\n/ignore this version\n":     {IgnoreVersion, ""},
		"Please.\n/ignore   this  major.":       {IgnoreMajor, ""},
		"/ignore this major\n/rebase":           {IgnoreMajor, ""},
		"/ignore\n/rebase":                      {Rebase, ""},
		"> /rebase":                             {},
		"> asked before\n/rebase":               {Rebase, ""},
		"> a\n> /rebase":                        {},
		"```\n/rebase\n```":                     {},
		"    /rebase":                           {},
		"`/rebase`":                             {},
		"<!-- /rebase -->":                      {},
		"<!--\n/rebase\n-->":                    {},
		"- /rebase":                             {},
		"# /rebase":                             {},
		"please /rebase":                        {},
		"/lgtm":                                 {},
		"/approve":                              {},
		"/etc/rebase.conf is wrong":             {},
		"/ignore":                               {"", "/ignore"},
		"/ignore version":                       {"", "/ignore version"},
		"/ignore this versions\n/ignore x":      {"", "/ignore this versions"},
		"/rebase now":                           {"", "/rebase now"},
		"/rebsae":                               {"", "/rebsae"},
		"/ignroe this major":                    {"", "/ignroe this major"},
		"/rebas":                                {"", "/rebas"},
		"/ignore \x1b[31m@ada " + evil:          {"", "/ignore [31m@ada a`b``c|d</code></details><script>alert(1)</script><!-- @org/team #1 [x](https://evi… (48 bytes more)"},
		"":                                      {},
		"Closing.\n\nOn Monday ada wrote:\n> x": {},
	} {
		if c, unknown := ParseCommand(in); c != want.c || unknown != want.unknown {
			t.Errorf("%q is %q, %q, want %q, %q", in, c, unknown, want.c, want.unknown)
		}
	}
}

// TestAnswer finds the comment that was answered.
func TestAnswer(t *testing.T) {
	a := Answer(4711, "ada", "This is on `main` now.")
	if want := "`ada`: This is on `main` now.\n\n<!-- branch-bot {\"kind\":\"answer\",\"comment\":4711} -->\n"; a != want {
		t.Errorf("got  %q\nwant %q", a, want)
	}
	for body, want := range map[string]int64{
		a: 4711, "": 0, "Text.": 0, Hide("Text.", Marker{Kind: KindUpgrade}): 0, "> " + a: 4711,
		"> <!-- branch-bot {\"kind\":\"answer\",\"comment\":4711} -->\n": 0,
	} {
		if got := Answered(body); got != want {
			t.Errorf("%q answers %d, want %d", body, got, want)
		}
	}
}

func TestMarker(t *testing.T) {
	m := marked(minorStep().Proposal)
	body := Hide("Text.\n", m)
	if got, is := Find(body); !is || got.Content != m.Content || len(got.Versions) != 1 || got.Versions[0] != m.Versions[0] {
		t.Errorf("got %+v, %v, want %+v", got, is, m)
	}
	m.Retired = "it is merged -- by hand"
	again := Hide(body, m)
	if got, is := Find(again); !is || got.Retired != m.Retired || Hide(again, m) != again {
		t.Errorf("got %+v, %v, want %+v", got, is, m)
	}
	if _, is := Find(`<!-- branch-bot {"kind":"pick","branch":"main"} -->`); is {
		t.Error("a pick's marker is none of an upgrade")
	}
}
