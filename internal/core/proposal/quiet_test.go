package proposal

import (
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/report"
)

// TestQuiet tells what becomes of what publishers write.
func TestQuiet(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a mention":                    {"Thanks @ada and @kaas/admins!", "Thanks &#64;&#8203;ada and &#64;&#8203;kaas/admins!"},
		"a mention in disguise":        {"&#64;ada \\@ada &commat;ada @<b></b>ada", "&#64;&#8203;ada &#64;&#8203;ada &#64;&#8203;ada &#64;&#8203;ada"},
		"a mention in code":            {"`@ada`", "`@ada`"},
		"an address of mail":           {"a@b.example", "a&#64;&#8203;b.example"},
		"an issue of its own":          {"Fixes #12, (#13)", "Fixes [&#35;&#8203;12](<https://redirect.github.com/o/r/issues/12>), ([&#35;&#8203;13](<https://redirect.github.com/o/r/issues/13>))"},
		"an issue of others":           {"closes kaas/addons#13 and GH-14", "closes kaas/addons&#35;&#8203;13 and GH-&#8203;14"},
		"an issue by address":          {"fixes https://github.com/kaas/addons/issues/15", "fixes [kaas/addons&#35;&#8203;15](<https://redirect.github.com/kaas/addons/issues/15>)"},
		"a commit by address":          {"https://github.com/o/r/commit/1a2b3c4d5e", "[o/r&#64;&#8203;1a2b3c4](<https://redirect.github.com/o/r/commit/1a2b3c4d5e>)"},
		"two versions compared":        {"https://github.com/o/r/compare/v1...v2", "[v1...v2](<https://redirect.github.com/o/r/compare/v1...v2>)"},
		"another spelling of the host": {"[x](HTTPS://GitHub.com:443/o/r/pull/1) [y](https://www.github.com./o/r/pull/1)", "[x](<https://redirect.github.com/o/r/pull/1>) [y](<https://redirect.github.com/o/r/pull/1>)"},
		"a link":                       {"[the *docs*](https://docs.example/a?b=1&copy=2 \"title\")", "[the docs](<https://docs.example/a?b=1&amp;copy=2>)"},
		"an address":                   {"see www.a.example and https://b.example.", "see [www&#46;a.example](<http://www.a.example>) and [https&#58;//b.example](<https://b.example>)."},
		"links that are none":          {"[a](javascript:alert(1)) [b](../../issues/1) [c](data:text/html,x) [d](https://u:p@e.example) [e](//f.example) [f](#g)", "a b c d e f"},
		"an image":                     {"before ![x](https://track.example/a.png) after", "before after"},
		"a badge":                      {"[![build](https://img.example/b.svg)](https://ci.example/)", "[build](<https://ci.example/>)"},
		"a title":                      {"# Big\n\n## Smaller #1\n\n#### Small\n\n###### Smallest", "#### Big\n\n##### Smaller [&#35;&#8203;1](<https://redirect.github.com/o/r/issues/1>)\n\n###### Small\n\n###### Smallest"},
		"a title below a line":         {"Big\n===\n\nSmall\n---", "#### Big\n\n##### Small"},
		"emphasis":                     {"**bold** *it* _it_ __b__ ~~gone~~ ***both***", "**bold** *it* *it* **b** ~~gone~~ <i>**both**</i>"},
		"emphasis around signs":        {"**\"foo\"**bar", "&#42;&#42;&#34;foo&#34;&#42;&#42;bar"},
		"emphasis that needs a tag":    {"**\"foo\"** bar", "<b>&#34;foo&#34;</b> bar"},
		"lists":                        {"* one\n* two\n  1. a\n  2. b\n\n  para\n* three", "- one\n\n- two\n\n  1. a\n  2. b\n\n  para\n\n- three"},
		"a tight list":                 {"* one\n  + deeper\n* two", "- one\n  - deeper\n- two"},
		"tasks":                        {"- [ ] a\n- [x] b", "- ☐ a\n- ☑ b"},
		"code":                         {"```yaml\na:\n\tb: @x\n```\n\n    indented", "```yaml\na:\n    b: @x\n```\n\n```\nindented\n```"},
		"code that is drawn":           {"```mermaid\ngraph\n```", "```\ngraph\n```"},
		"code that wants out":          {"~~~\n```\n</details>\n~~~", "````\n```\n</details>\n````"},
		"code that never ends":         {"text\n```\n# x", "text\n\n```\n# x\n```"},
		"a quote":                      {"> a\n> > b\nlazy", "> a\n>\n> > b lazy"},
		"a box":                        {"> [!WARNING]\n> Breaking.", "> **Warning**: Breaking."},
		"a table":                      {"| a | b |\n|:-:|---|\n| `x` | @ada \\| #2 |", "| a | b |\n| --- | --- |\n| `x` | &#64;&#8203;ada &#124; [&#35;&#8203;2](<https://redirect.github.com/o/r/issues/2>) |"},
		"HTML":                         {"<details>\n<summary>More &amp; more</summary>\n\n*text*\n\n</details>", "More &#38; more\n\n*text*"},
		"a list in HTML":               {"<ul><li>a @x</li><li>b</li></ul>", "- a &#64;&#8203;x\n- b"},
		"a script":                     {"<script>alert(1)</script>\n\nx <b onclick=\"y\">z</b>", "x z"},
		"a comment":                    {"a <!-- hidden --> b\n\n<!-- branch-bot {\"kind\":\"upgrade\"} -->\n\nc", "a b\n\nc"},
		"a comment that never ends":    {"a\n\n<!-- hidden\n\nb", "a"},
		"line breaks":                  {"one\ntwo  \nthree<br>- four\r\nfive", "one two\\\nthree\\\n&#45; four five"},
		"signs of beginnings":          {"\\- a\n\n\\# b\n\n1\\. c\n\n\\> d", "&#45; a\n\n&#35;&#8203; b\n\n1&#46; c\n\n&#62; d"},
		"what nobody sees":             {"a\u202eb\u200bc\x1b[31m\x00\u00a0d", "abc&#91;31m d"},
		"a rule":                       {"a\n\n---\n\nb", "a\n\nb"},
		"formulas":                     {"$`x`$ and $$y$$", "&#36;`x`&#36; and &#36;&#36;y&#36;&#36;"},
		"nothing":                      {" \n\n", ""},
	} {
		got := join(quiet(tc.in, linkerFor(home, "https://github.com/o/r/releases/tag/v1")))
		if got != tc.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, tc.want)
		}
		if problem := wrong(got, false); problem != "" {
			t.Errorf("%s: %s in %q", name, problem, got)
		}
	}
}

// TestOwnForge makes no links into the forge that the pull request is on, where they could close its issues.
func TestOwnForge(t *testing.T) {
	got := join(quiet("Fixes https://git.example/kaas/addons/issues/1, [x](https://GIT.example:8443/kaas/addons/pull/2).", linkerFor("https://git.example/kaas/addons", "")))
	if want := "Fixes https&#58;//git.example/kaas/addons/issues/1, x."; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestQuietTakesItsTime has none of the texts that keep parsers busy take long, or become long.
func TestQuietTakesItsTime(t *testing.T) {
	for _, part := range []string{
		"> ", "- ", "1. ", "*", "**a ", "_a_ ", "`", "[", "](", "![", "[a](", "[x]: y\n", "<", "<a ", "<!--", "&", "~~", "| a ", "|\n|-|\n", "\\", "@", "#1 ", "\n", "\t", "\x00", "https://a.example/ ", "a\n> ", "  - x\n", "``` ", "<div>\n",
	} {
		in := strings.Repeat(part, 1_000_000/len(part))
		begin := time.Now()
		out := join(quiet(in, linkerFor(home, "https://github.com/o/r")))
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%q takes %v", part, took)
		} else if took > 100*time.Millisecond {
			t.Logf("%q takes %v", part, took)
		}
		if problem := wrong(out, false); problem != "" {
			t.Errorf("%q: %s", part, problem)
		}
	}
}

// TestLongNotes leaves the report its place, and each version a share.
func TestLongNotes(t *testing.T) {
	r := minorStep()
	r.Notes = [][]Note{nil}
	for i := range 30 {
		r.Notes[0] = append(r.Notes[0], Note{Of: "application", Version: "v1." + strings.Repeat("1", i+1), URL: "https://github.com/o/r/releases", Text: strings.Repeat("- a change of something @ada\n", 40_000)})
	}
	r.Notes[0][7].Text = "A short note."
	for range 400 {
		r.Report.Results[0].Changes = append(r.Report.Results[0].Changes, r.Report.Results[0].Changes[0])
	}
	x := Write(r)
	_, notes, _ := strings.Cut(x.Body, "\n## Release notes\n")
	notes, _, _ = strings.Cut(notes, "\n## In the rendered manifests\n")
	if len(x.Body) > report.Limit || len(x.Body) < report.Limit-3000 {
		t.Errorf("%d bytes", len(x.Body))
	}
	if len(notes) > report.Limit/3 || len(notes) < report.Limit/4 {
		t.Errorf("the notes have %d bytes", len(notes))
	}
	for part, want := range map[string]int{"<details><summary>application": 30, "\n\n… cut here; [all of it](<https://redirect.github.com/o/r/releases>).": 29, "\nA short note.\n": 1} {
		if got := strings.Count(notes, part); got != want {
			t.Errorf("%q is there %d times, want %d", part, got, want)
		}
	}
	for range 5 {
		r.Notes[0] = append(r.Notes[0], r.Notes[0]...)
	}
	if x := Write(r); !strings.Contains(x.Body, "more versions.\n") || len(x.Body) > report.Limit {
		t.Errorf("%d bytes, and nothing says how many versions are left out", len(x.Body))
	}
}
