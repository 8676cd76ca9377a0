package github

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

func ok(body string) answer      { return answer{status: 200, body: body} }
func created(body string) answer { return answer{status: 201, body: body} }
func refuses(status int, message string) answer {
	return answer{status: status, body: fmt.Sprintf(`{"message":%q,"documentation_url":"https://docs.github.com/rest"}`, message)}
}

func with(a answer, headers ...string) answer {
	a.header = map[string]string{}
	for i := 0; i < len(headers); i += 2 {
		a.header[headers[i]] = headers[i+1]
	}
	return a
}

const (
	pull1     = `{"number":1,"state":"open","title":"one","user":{"login":"bot"},"head":{"ref":"pick/release-1.31/pr-12","repo":{"full_name":"o/r"}},"base":{"ref":"release-1.31"}}`
	secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)

// TestFaults lets GitHub fail in each way once, and shows what is asked, how long is waited and what a person is told.
func TestFaults(t *testing.T) {
	read := func(ctx context.Context, c *Client) error { _, err := c.Pull(ctx, 1); return err }
	open := func(ctx context.Context, c *Client) error {
		_, err := c.Open(ctx, forge.NewPull{Title: "t", Body: "b", Base: "release-1.31", Head: "pick/release-1.31/pr-12"})
		return err
	}
	comment := func(ctx context.Context, c *Client) error { _, err := c.Comment(ctx, 1, "hello"); return err }
	edit := func(ctx context.Context, c *Client) error {
		_, err := c.Edit(ctx, 1, forge.PullEdit{Closed: true})
		return err
	}
	reset := answer{}
	for name, tc := range map[string]struct {
		script func(*wire)
		do     func(context.Context, *Client) error
		asked  []string
		// From and to bound how long was waited in all.
		from, to time.Duration
		is       error
		says     string
	}{
		"61 500, 502, 503 and then an answer": {
			script: func(w *wire) {
				w.on("GET pulls/1", refuses(500, "Server Error"), answer{502, "<html>Unicorn!</html>", map[string]string{"Content-Type": "text/html"}, false}, refuses(503, ""), ok(pull1))
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 4), from: 3 * time.Second, to: 11 * time.Second,
		},
		"61 503 for ever": {
			script: func(w *wire) { w.on("GET pulls/1", refuses(503, "No server is available")) },
			do:     read, asked: slices.Repeat([]string{"GET pulls/1"}, 5), from: 7 * time.Second, to: 23 * time.Second,
			is: ErrUnreachable, says: `read pull request #1: GitHub cannot be reached: 503 No server is available`,
		},
		"61 503 that says when to come again": {
			script: func(w *wire) { w.on("GET pulls/1", with(refuses(503, ""), "Retry-After", "40"), ok(pull1)) },
			do:     read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), from: 40 * time.Second, to: 40 * time.Second,
		},
		"61 502 to an edit, which makes no difference the second time": {
			script: func(w *wire) { w.on("PATCH pulls/1", refuses(502, ""), ok(pull1)) },
			do:     edit, asked: slices.Repeat([]string{"PATCH pulls/1"}, 2), to: 3 * time.Second,
		},
		"62 a secondary limit that says how long": {
			script: func(w *wire) {
				w.on("POST pulls", with(refuses(403, secondary), "Retry-After", "90"), created(pull1))
			},
			do: open, asked: []string{"POST pulls", "POST pulls"}, from: 90 * time.Second, to: 90 * time.Second,
		},
		"62 a secondary limit that does not say how long, twice": {
			script: func(w *wire) {
				w.on("POST pulls", refuses(403, secondary), refuses(403, "You have triggered an abuse detection mechanism."), created(pull1))
			},
			do: open, asked: slices.Repeat([]string{"POST pulls"}, 3), from: 3 * time.Minute, to: 3*time.Minute + 20*time.Second,
		},
		"62 a secondary limit of two hours": {
			script: func(w *wire) { w.on("POST pulls", with(refuses(403, secondary), "Retry-After", "7200")) },
			do:     open, asked: []string{"POST pulls"}, is: ErrLimited,
			says: `open a pull request from pick/release-1.31/pr-12 into release-1.31: GitHub's rate limit is reached: 403 ` + strings.TrimSuffix(secondary, ".") +
				`: the wait would be 2h0m0s, at most 15m0s are allowed: try again after 14:00:00 UTC`,
		},
		"62 a limit of which only the header tells": {
			script: func(w *wire) { w.on("GET pulls/1", with(refuses(403, "Forbidden"), "Retry-After", "7"), ok(pull1)) },
			do:     read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), from: 7 * time.Second, to: 7 * time.Second,
		},
		"63 429 with a time to wait for": {
			script: func(w *wire) {
				w.on("GET pulls/1", with(refuses(429, "Too many requests"), "Retry-After", "Sun, 01 Mar 2026 12:00:25 GMT"), ok(pull1))
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), from: 25 * time.Second, to: 25 * time.Second,
		},
		"the hour's requests are used up": {
			script: func(w *wire) {
				reset := time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC).Unix()
				w.on("GET pulls/1", with(refuses(403, "API rate limit exceeded for user ID 1."), "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(reset)), ok(pull1))
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), from: 10*time.Minute + time.Second, to: 10*time.Minute + time.Second,
		},
		"a11 the reset is past": {
			script: func(w *wire) {
				w.on("GET pulls/1", with(refuses(403, "API rate limit exceeded for user ID 1."), "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "12"), ok(pull1))
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), from: time.Minute, to: 67 * time.Second,
		},
		"a11 nothing is left, as it says with a good answer": {
			script: func(w *wire) {
				w.on("GET pulls/1", with(ok(pull1), "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999"))
			},
			do: func(ctx context.Context, c *Client) error { return errors.Join(read(ctx, c), read(ctx, c)) }, asked: slices.Repeat([]string{"GET pulls/1"}, 2),
		},
		"64 a token that ended": {
			script: func(w *wire) { w.on("GET pulls/1", refuses(401, "Bad credentials")) },
			do:     read, asked: []string{"GET pulls/1"}, is: ErrAuth,
			says: `read pull request #1: GitHub refuses the credentials: 401 Bad credentials: are the token or the app's key right, and not expired?`,
		},
		"65 the connection ends after a pull request was opened": {
			script: func(w *wire) {
				w.on("POST pulls", reset, answer{status: 422, body: `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for o:pick/release-1.31/pr-12."}]}`})
				w.on("GET pulls", ok("["+pull1+"]"))
			},
			do: open, asked: []string{"POST pulls", "POST pulls", "GET pulls"}, to: 2 * time.Second, is: ErrExists,
			says: `open a pull request from pick/release-1.31/pr-12 into release-1.31: exists already: 422 Validation Failed: A pull request already exists for o:pick/release-1.31/pr-12`,
		},
		"65 the connection ends after a comment was made": {
			script: func(w *wire) {
				w.on("POST issues/1/comments", reset).on("GET user", ok(`{"login":"bot","id":7}`))
				w.on("GET issues/1/comments", ok(`[{"id":5,"user":{"login":"bot"},"body":"hello"},{"id":6,"user":{"login":"eve"},"body":"hello"}]`))
			},
			do: comment, asked: []string{"POST issues/1/comments", "GET user", "GET issues/1/comments"}, from: time.Second, to: time.Second,
		},
		"65 the connection ends before a comment was made": {
			script: func(w *wire) {
				w.on("POST issues/1/comments", refuses(502, ""), created(`{"id":9,"user":{"login":"bot"},"body":"hello"}`)).on("GET user", ok(`{"login":"bot","id":7}`))
				w.on("GET issues/1/comments", ok(`[{"id":5,"user":{"login":"bot"},"body":"another"},{"id":6,"user":{"login":"eve"},"body":"hello"}]`))
			},
			do:    comment,
			asked: slices.Concat([]string{"POST issues/1/comments", "GET user"}, slices.Repeat([]string{"GET issues/1/comments"}, 5), []string{"POST issues/1/comments"}),
			from:  time.Minute, to: time.Minute,
		},
		"65 the connection ends after each comment, and none is ever listed": {
			script: func(w *wire) {
				w.on("POST issues/1/comments", refuses(502, "")).on("GET user", ok(`{"login":"bot","id":7}`)).on("GET issues/1/comments", ok(`[]`))
			},
			do: comment, asked: slices.Concat(
				[]string{"POST issues/1/comments", "GET user"}, slices.Repeat([]string{"GET issues/1/comments"}, 5),
				[]string{"POST issues/1/comments"}, slices.Repeat([]string{"GET issues/1/comments"}, 5),
				[]string{"POST issues/1/comments"}, slices.Repeat([]string{"GET issues/1/comments"}, 5)),
			from: 3 * time.Minute, to: 3 * time.Minute, is: ErrUnreachable,
			says: `comment on pull request #1: GitHub cannot be reached: 502 Bad Gateway; it may have been done all the same: look before you ask again`,
		},
		"66 a pull request that is there already is listed after 30 seconds": {
			script: func(w *wire) {
				w.on("POST pulls", refusesExisting).on("GET pulls", ok("[]"), ok("[]"), ok("[]"), ok("["+pull1+"]"))
			},
			do: open, asked: slices.Concat([]string{"POST pulls"}, slices.Repeat([]string{"GET pulls"}, 4)), from: 15 * time.Second, to: 15 * time.Second, is: ErrExists,
			says: `open a pull request from pick/release-1.31/pr-12 into release-1.31: exists already: 422 Validation Failed: A pull request already exists for o:pick/release-1.31/pr-12`,
		},
		"a15 the one that is there is not the newest": {
			script: func(w *wire) {
				closed := strings.NewReplacer(`"number":1`, `"number":2`, `"open"`, `"closed"`).Replace(pull1)
				elsewhere := strings.NewReplacer(`"number":1`, `"number":3`, `"ref":"release-1.31"`, `"ref":"release-1.30"`).Replace(pull1)
				w.on("POST pulls", refusesExisting).on("GET pulls", ok("["+elsewhere+","+closed+","+pull1+"]"))
			},
			do: func(ctx context.Context, c *Client) error {
				found, err := c.Open(ctx, forge.NewPull{Title: "t", Body: "b", Base: "release-1.31", Head: "pick/release-1.31/pr-12"})
				if found.Number != 1 {
					return fmt.Errorf("found #%d: %w", found.Number, err)
				}
				return err
			},
			asked: []string{"POST pulls", "GET pulls"}, is: ErrExists,
			says: `open a pull request from pick/release-1.31/pr-12 into release-1.31: exists already: 422 Validation Failed: A pull request already exists for o:pick/release-1.31/pr-12`,
		},
		"67 a web page instead of JSON": {
			script: func(w *wire) {
				w.on("GET pulls/1", answer{200, "<html><body>Please sign in</body></html>", map[string]string{"Content-Type": "text/html"}, false})
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 5), from: 7 * time.Second, to: 23 * time.Second, is: ErrUnreachable,
			says: `read pull request #1: GitHub cannot be reached: it answers with a web page instead of JSON: is HOST the API's address?`,
		},
		"67 a web page for a comment": {
			script: func(w *wire) {
				w.on("POST issues/1/comments", answer{200, "<html>", map[string]string{"Content-Type": "text/html"}, false}).on("GET user", refuses(401, "Bad credentials"))
			},
			do: comment, asked: []string{"POST issues/1/comments", "GET user"}, is: ErrUnreachable,
			says: "comment on pull request #1: GitHub cannot be reached: it answers with a web page instead of JSON: is HOST the API's address?; it may have been done all the same: look before you ask again\n" +
				"ask GitHub who the credentials belong to: GitHub refuses the credentials: 401 Bad credentials: are the token or the app's key right, and not expired?",
		},
		"a page that is not there": {
			script: func(w *wire) {
				w.on("GET pulls/1", answer{404, "<!DOCTYPE html><title>Not found</title>", map[string]string{"Content-Type": "text/html"}, false})
			},
			do: read, asked: []string{"GET pulls/1"}, is: ErrNotFound,
			says: `read pull request #1: not found on GitHub: 404 with a web page instead of JSON: is HOST the API's address?: it is not there, or the credentials may not see it`,
		},
		"an answer cut in the middle, and one that ends early": {
			script: func(w *wire) {
				w.on("GET pulls/1", answer{200, pull1, nil, true}, ok(pull1[:50]), ok(pull1))
			},
			do: read, asked: slices.Repeat([]string{"GET pulls/1"}, 3), to: 5 * time.Second,
		},
		"69 404 for a lost permission": {
			script: func(w *wire) { w.on("GET pulls/1", refuses(404, "Not Found")) },
			do:     read, asked: []string{"GET pulls/1"}, is: ErrNotFound,
			says: `read pull request #1: not found on GitHub: 404 Not Found: it is not there, or the credentials may not see it`,
		},
		"403 for a permission that was never given": {
			script: func(w *wire) {
				w.on("PATCH pulls/1", with(refuses(403, "Resource not accessible by integration"), "X-Accepted-GitHub-Permissions", "pull_requests=write"))
			},
			do: edit, asked: []string{"PATCH pulls/1"}, is: ErrAuth,
			says: `change pull request #1: GitHub refuses the credentials: 403 Resource not accessible by integration: needs pull_requests=write`,
		},
		"70 422 for a long body": {
			script: func(w *wire) {
				w.on("POST issues/1/comments", answer{status: 422, body: `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}]}`})
			},
			do: comment, asked: []string{"POST issues/1/comments"}, is: ErrInvalid,
			says: `comment on pull request #1: GitHub refuses the request: 422 Validation Failed: Body is too long (maximum is 65536 characters)`,
		},
		"422 with errors of other shapes, and a message that draws on the terminal": {
			script: func(w *wire) {
				w.on("PATCH pulls/1", answer{status: 422, body: `{"message":"Validation\u001b[31m Failed","errors":["plain\ntext",{"resource":"PullRequest","field":"base","code":"invalid"}]}`})
			},
			do: edit, asked: []string{"PATCH pulls/1"}, is: ErrInvalid,
			says: `change pull request #1: GitHub refuses the request: 422 Validation\x1b[31m Failed: plain text: PullRequest base invalid`,
		},
		"a5 a number that is an issue's": {
			script: func(w *wire) { w.on("GET issues/1", ok(`{"number":1}`)) },
			do:     read, asked: []string{"GET pulls/1"}, is: ErrNotFound,
			says: `read pull request #1: not found on GitHub: 404 Not Found: it is not there, or the credentials may not see it`,
		},
		"a16 403 for a protected branch": {
			script: func(w *wire) { w.on("POST pulls", refuses(403, "Protected branch rules do not allow this.")) },
			do:     open, asked: []string{"POST pulls"}, is: ErrAuth,
			says: `open a pull request from pick/release-1.31/pr-12 into release-1.31: GitHub refuses the credentials: 403 Protected branch rules do not allow this`,
		},
		"an answer without end": {
			script: func(w *wire) { w.on("GET pulls/1", ok(`"`+strings.Repeat("x", maxAnswer)+`"`)) },
			do:     read, asked: []string{"GET pulls/1"}, is: ErrUnreachable,
			says: `read pull request #1: GitHub cannot be reached: it answers with more than 32 MiB`,
		},
		"a9 304 to what was not asked so": {
			script: func(w *wire) { w.on("GET pulls/1", answer{status: 304}, ok(pull1)) },
			do:     read, asked: slices.Repeat([]string{"GET pulls/1"}, 2), to: 2 * time.Second,
		},
		"a8 a rename while writing": {
			script: func(w *wire) {
				w.on("PATCH pulls/1", with(answer{status: 301, body: `{}`}, "Location", "SELF/api/v3/repositories/1/pulls/1"))
			},
			do: edit, asked: []string{"PATCH pulls/1"}, is: ErrNotFound,
			says: `change pull request #1: not found on GitHub: the repository was renamed or moved: use its new name`,
		},
		"a8 a rename while writing that GitHub forwards": {
			script: func(w *wire) {
				w.on("PATCH pulls/1", with(answer{status: 307, body: `{}`}, "Location", "SELF/api/v3/repositories/1/pulls/1")).on("PATCH repositories/1/pulls/1", ok(pull1))
			},
			do: edit, asked: []string{"PATCH pulls/1", "PATCH repositories/1/pulls/1"},
		},
		"a redirect to another host": {
			script: func(w *wire) {
				w.on("GET pulls/1", with(answer{status: 302, body: `{}`}, "Location", "http://elsewhere.invalid/x"))
			},
			do: read, asked: []string{"GET pulls/1"}, is: ErrUnreachable,
			says: `read pull request #1: GitHub cannot be reached: it sends on to elsewhere.invalid, which is not followed: the credentials are for HOST`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			tc.script(w)
			c, clock := w.client(t)
			err := tc.do(t.Context(), c)
			if got := w.said(err); got != tc.says || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("got  %s\nwant %s (%v)", got, tc.says, tc.is)
			}
			if got := w.requests(); !slices.Equal(got, tc.asked) {
				t.Errorf("asked %q\nwant  %q", got, tc.asked)
			}
			if waited := clock.waited(); waited < tc.from || waited > tc.to {
				t.Errorf("waited %s, want %s to %s", waited, tc.from, tc.to)
			}
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// TestNeverSent fails before anything was sent: that is asked again, also what must not be done twice.
func TestNeverSent(t *testing.T) {
	w := newWire(t).on("POST issues/1/comments", created(`{"id":9}`))
	failures := []error{
		&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")},
		&net.DNSError{Err: "no such host", Name: "github.example.com", IsNotFound: true},
	}
	c, _ := w.client(t, func(o *Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if len(failures) > 0 {
				err := failures[0]
				failures = failures[1:]
				return nil, err
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	if made, err := c.Comment(t.Context(), 1, "hello"); err != nil || made.ID != 9 || len(w.requests()) != 1 {
		t.Errorf("got %+v, %v, asked %q", made, err, w.requests())
	}
	unreachable, _ := w.client(t, func(o *Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "github.example.com", IsNotFound: true}
		})
	})
	_, err := unreachable.Comment(t.Context(), 1, "hello")
	if want := "comment on pull request #1: GitHub cannot be reached: lookup github.example.com: no such host"; err == nil || err.Error() != want || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	untrusted, clock := w.client(t, func(o *Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &tls.CertificateVerificationError{Err: errors.New("x509: certificate has expired")}
		})
	})
	_, err = untrusted.Pull(t.Context(), 1)
	if want := "read pull request #1: GitHub cannot be reached: tls: failed to verify certificate: x509: certificate has expired"; err == nil || err.Error() != want || clock.waited() > 0 {
		t.Errorf("got  %v after %s\nwant %s", err, clock.waited(), want)
	}
}

// TestGivenUp ends a call that waits for a limit, or for its turn to ask again.
func TestGivenUp(t *testing.T) {
	for name, answered := range map[string]answer{"limit": with(refuses(403, secondary), "Retry-After", "600"), "trouble": refuses(502, "")} {
		w := newWire(t).on("GET pulls/1", answered)
		ctx, giveUp := context.WithCancel(t.Context())
		c, _ := w.client(t, func(o *Options) {
			o.Sleep = func(ctx context.Context, _ time.Duration) error { giveUp(); return ctx.Err() }
		})
		_, err := c.Pull(ctx, 1)
		if !errors.Is(err, context.Canceled) || err.Error() != "read pull request #1: context canceled" || len(w.requests()) != 1 {
			t.Errorf("%s: got %v after %d requests", name, err, len(w.requests()))
		}
	}
}

var refusesExisting = answer{status: 422, body: `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for o:pick/release-1.31/pr-12."}]}`}
