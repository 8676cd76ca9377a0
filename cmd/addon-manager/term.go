package main

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

// term is why something is kept as it is, who answers for it, and for how long: no pin and no freeze stands for ever.
type term struct {
	reason, owner string
	length        time.Duration
	until         string
}

// The bounds of the texts, in characters, as the API has them.
const (
	maxReason = 256
	maxOwner  = 128
)

func (t *term) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.reason, "reason", "", "why, for those who wonder later")
	cmd.Flags().StringVar(&t.owner, "owner", "", "who can be asked")
	cmd.Flags().DurationVar(&t.length, "for", 0, "how long, such as 72h")
	cmd.Flags().StringVar(&t.until, "until", "", "until when, in RFC 3339, in place of --for")
}

// end checks the flags and answers when it ends.
func (t *term) end(now time.Time) (time.Time, error) {
	for _, f := range []struct {
		flag, value, want string
		most              int
	}{
		{"--reason", t.reason, "say why in a few words", maxReason},
		{"--owner", t.owner, "say who can be asked, such as a team or an address", maxOwner},
	} {
		if f.value == "" {
			return time.Time{}, cli.Usagef("%s is missing: %s", f.flag, f.want)
		}
		if strings.ContainsFunc(f.value, unicode.IsControl) {
			return time.Time{}, cli.Usagef("%s %q has a line break or another control character: write one line", f.flag, f.value)
		}
		if n := utf8.RuneCountInString(f.value); n > f.most {
			return time.Time{}, cli.Usagef("%s has %d characters, at most %d allowed", f.flag, n, f.most)
		}
	}
	switch {
	case t.length == 0 && t.until == "":
		return time.Time{}, cli.Usagef("--for or --until is missing: say when it ends, such as --for 72h")
	case t.length != 0 && t.until != "":
		return time.Time{}, cli.Usagef("--for and --until exclude each other")
	case t.length < 0:
		return time.Time{}, cli.Usagef("--for %s is in the past", t.length)
	case t.length > 0:
		return now.Add(t.length).UTC().Truncate(time.Second), nil
	}
	end, err := time.Parse(time.RFC3339, t.until)
	if err != nil {
		return time.Time{}, cli.Usagef("--until %q is no RFC 3339 time, such as 2026-01-31T12:00:00Z", t.until)
	}
	if !end.After(now) {
		return time.Time{}, cli.Usagef("--until %s is in the past", t.until)
	}
	return end.UTC().Truncate(time.Second), nil
}

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
