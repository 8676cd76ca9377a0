package upstream

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// parsed is a version in its parts: chart-v1.2.3-rc.1-alpine+5 has the prefix chart-, three numbers, the pre-release rc.1, the variant alpine
// and the build 5.
type parsed struct {
	prefix  string
	numbers []uint64
	// dated tells that the numbers are year, month, day and more. A date is no newer version of what counts 1, 2, 3.
	dated      bool
	pre, build string
	// variant is a suffix that says what is inside. Of one that counts, such as -debian-12-r5, count is the number at its end, and variant
	// what is before it.
	variant string
	counts  bool
	count   uint64
}

// maxVersion is the longest version in bytes, maxDigits bounds a number in it so that it fits in 64 bits.
const maxVersion, maxDigits = 200, 18

// nth is a number, zero where there are not as many.
func (p parsed) nth(i int) uint64 {
	if i < len(p.numbers) {
		return p.numbers[i]
	}
	return 0
}

// parse takes a version apart; ok is false where there is none in it.
func parse(s string) (p parsed, ok bool) {
	start := begins(s)
	if start < 0 || len(s) > maxVersion {
		return p, false
	}
	p.prefix = strings.TrimSuffix(strings.TrimSuffix(s[:start], "v"), "V")
	rest, ok := p.count123(s[start:])
	if !ok {
		return p, false
	}
	rest, p.build, _ = strings.Cut(rest, "+")
	p.suffix(rest)
	return p, true
}

// begins is where the numbers begin: at the start, after a v, or after a prefix that ends with a separator.
func begins(s string) int {
	for i := range len(s) {
		if !digit(s[i]) {
			continue
		}
		j := i
		if j > 0 && (s[j-1] == 'v' || s[j-1] == 'V') {
			j--
		}
		switch {
		case j == 0:
			return i
		case !letter(s[0]):
			return -1
		case strings.IndexByte("-_/@", s[j-1]) >= 0, s[j-1] == '.' && j > 1 && letter(s[j-2]):
			return i
		}
	}
	return -1
}

// count123 reads the numbers, or a date, and gives what comes after them.
func (p *parsed) count123(s string) (rest string, ok bool) {
	if m := dashed.FindStringSubmatch(s); m != nil {
		p.dated = date(m[1]+m[2]+m[3], p)
		if p.dated {
			if m[4] != "" {
				p.numbers = append(p.numbers, number(m[4]+m[5]+m[6]))
			}
			return s[len(m[0]):], true
		}
	}
	first := true
	for {
		n := 0
		for n < len(s) && digit(s[n]) {
			n++
		}
		if n == 0 || n > maxDigits {
			return "", false
		}
		switch {
		case !first || n <= 4:
			p.numbers = append(p.numbers, number(s[:n]))
		case n == 8 && date(s[:n], p), (n == 12 || n == 14) && date(s[:8], p):
			// Longer numbers than that are mostly the beginnings of commits, or counters of which nobody knows what they count.
			p.dated = true
			if n > 8 {
				p.numbers = append(p.numbers, number((s[8:n] + "00")[:6]))
			}
		default:
			return "", false
		}
		first = false
		s = s[n:]
		if len(s) < 2 || s[0] != '.' || !digit(s[1]) {
			break
		}
		s = s[1:]
	}
	p.dated = p.dated || p.numbers[0] >= 1990 && p.numbers[0] < 2100
	return s, true
}

var dashed = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2})-([0-9]{2})-([0-9]{2})Z)?`)

// date reads 20240501, when there can be such a day.
func date(s string, p *parsed) bool {
	year, month, day := number(s[:4]), number(s[4:6]), number(s[6:8])
	if year < 1990 || year >= 2100 || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	p.numbers = append(p.numbers, year, month, day)
	return true
}

var (
	// unfinished are the words that say that a version is not finished.
	unfinished = words("alpha", "beta", "rc", "cr", "pre", "preview", "prerelease", "dev", "devel", "develop", "development", "snapshot", "nightly", "canary", "edge", "milestone",
		"next", "unstable", "testing", "test", "experimental", "insiders", "eap", "ea", "wip", "daily", "main", "master", "trunk")
	// counting are the words before a number that counts how often the same version was made again.
	counting = words("r", "rev", "ls", "eksbuild", "k3s", "rke2r", "gke", "build", "p", "post", "patch", "hotfix")

	// commit is what images of a date have behind it. It has no order.
	commit = regexp.MustCompile(`^g?[0-9a-f]{7,40}$`)
	// described is what git describe adds to a tag: how many commits came after it, and the last of them.
	described = regexp.MustCompile(`(?:^|-)[0-9]+-g[0-9a-f]{7,40}$`)
	revision  = regexp.MustCompile(`^(?:(.*)-)?([a-z][a-z0-9]*[a-z]|[a-z]|k3s)?\.?([0-9]{1,18})$`)
)

func words(all ...string) map[string]bool {
	set := map[string]bool{}
	for _, w := range all {
		set[w] = true
	}
	return set
}

func describes(variant string) bool { return described.MatchString(variant) }

// suffix reads what comes after the numbers.
func (p *parsed) suffix(s string) {
	s = strings.TrimLeft(strings.ReplaceAll(s, "_", "-"), "-")
	// Pieces that belong to a pre-release come first.
	for s != "" {
		piece, rest, _ := strings.Cut(s, "-")
		if !unready(piece) && (p.pre == "" || !follows(piece)) {
			break
		}
		p.pre, s = strings.TrimLeft(p.pre+"-"+piece, "-"), rest
	}
	if p.dated && commit.MatchString(s) {
		s = ""
	}
	p.variant = s
	m := revision.FindStringSubmatch(strings.ToLower(s))
	if m == nil || m[2] == "" && m[1] != "" || m[2] != "" && !counting[m[2]] {
		return
	}
	p.counts, p.count = true, number(m[3])
	p.variant = strings.TrimPrefix(m[1]+"-"+m[2], "-")
}

// unready tells of a piece such as rc1, beta.2, or 0.20240501120000 as Go writes versions that are not tagged.
func unready(piece string) bool {
	parts := runs(strings.ToLower(piece))
	switch {
	case len(parts) == 0:
		return false
	case parts[0].digits:
		return strings.HasPrefix(piece, "0.")
	case len(parts) == 2 && (parts[0].text == "a" || parts[0].text == "b" || parts[0].text == "m"):
		return true
	}
	return unfinished[parts[0].text]
}

// follows tells of a piece behind the first that counts, or names a commit.
func follows(piece string) bool {
	parts := runs(piece)
	return len(parts) == 1 && parts[0].digits || commit.MatchString(piece)
}

// run is a row of letters, or of digits.
type run struct {
	text   string
	digits bool
}

// number compares numbers of any length.
func (r run) number(other run) int {
	a, b := strings.TrimLeft(r.text, "0"), strings.TrimLeft(other.text, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// runs divides a text where letters and digits meet, and at everything else.
func runs(s string) (all []run) {
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && (digit(s[i]) && digit(s[j]) || letter(s[i]) && letter(s[j])) {
			j++
		}
		if j == i {
			i++
			continue
		}
		all = append(all, run{s[i:j], digit(s[i])})
		i = j
	}
	return all
}

// identifiers writes a pre-release so that semantic versions order it as people count: rc10 as rc.10.
func identifiers(pre string) string {
	var parts []string
	for _, r := range runs(pre) {
		text := strings.ToLower(r.text)
		if r.digits {
			text = cmp.Or(strings.TrimLeft(text, "0"), "0")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ".")
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// number reads digits of which there are not too many.
func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
