package github

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	// tries is how often a request is sent when no usable answer comes.
	tries = 5
	// patience is how long one answer may take.
	patience = 2 * time.Minute
	// maxAnswer bounds an answer's bytes: a page of 100 pull requests with bodies of 64 KiB is 7 MiB.
	maxAnswer = 32 << 20
)

// repeatable marks requests that may be sent again although an earlier one may have been carried out: what GitHub refuses to do twice, or
// what makes no difference.
type repeatable struct{}

func again(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatable{}, true)
}

// attempts sends a request until there is a usable answer: after limits, as long as one may wait for them; after trouble on the way, a few
// times, unless that could do something twice. Bodies are read to their end here, so that a cut one counts as trouble.
type attempts struct {
	next   http.RoundTripper
	limits *limits
	// queue is nil where nothing is written.
	queue *queue
}

func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	write := a.queue != nil && changes(r)
	if write {
		if err := a.queue.enter(ctx); err != nil {
			return nil, err
		}
		defer a.queue.leave()
	}
	var waited time.Duration
	limited := 0
	for try := 1; ; {
		if err := a.limits.pass(ctx, &waited); err != nil {
			return nil, err
		}
		if write {
			if err := a.limits.wait(ctx, a.queue.reserve(a.limits.times.now()), &waited); err != nil {
				return nil, err
			}
		}
		answer, f := a.once(r)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case f == nil && !limitedBy(answer):
			return answer, nil
		case f == nil:
			limited++
			a.limits.reached(answer, limited)
			continue
		case f.trouble == permanent || f.trouble == unsure && !mayRepeat(r):
			f.perhaps = f.trouble == unsure
			return nil, f.failure
		case try == tries:
			return nil, f.failure
		}
		pause := max(f.after, time.Duration((0.5+rand.Float64())*float64(time.Second<<(try-1))))
		a.limits.log("asking GitHub again", "method", r.Method, "path", r.URL.Path, "try", try+1, "wait", pause.Round(time.Millisecond), "cause", f.text)
		if err := a.limits.wait(ctx, reservation{delay: pause, why: f.text}, &waited); err != nil {
			return nil, cmp.Or(ctx.Err(), error(f.failure))
		}
		try++
	}
}

func mayRepeat(r *http.Request) bool {
	return r.Method != http.MethodPost || r.Context().Value(repeatable{}) != nil || !changes(r)
}

// trouble is a failure on the way, and whether the request may have been carried out.
type trouble struct {
	*failure
	trouble kindOfTrouble
	// after is how long GitHub asks to wait.
	after time.Duration
}

type kindOfTrouble int

const (
	// unsent requests never reached GitHub.
	unsent kindOfTrouble = iota
	// unsure ones may have been carried out.
	unsure
	// permanent trouble stays.
	permanent
)

// once sends the request one time and reads the answer.
func (a *attempts) once(r *http.Request) (*http.Response, *trouble) {
	sent := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, &trouble{failure: unusable("was not asked: %s", line(err.Error())), trouble: permanent}
		}
		sent.Body = body
	}
	answer, err := a.next.RoundTrip(sent)
	if err != nil {
		return nil, troubleOf(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	answer.Request = r
	answer.Body = io.NopCloser(bytes.NewReader(body))
	conditional := r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
	switch code := answer.StatusCode; {
	case err != nil:
		return nil, &trouble{failure: unusable("cut its answer off"), trouble: unsure}
	case len(body) > maxAnswer:
		return nil, &trouble{failure: unusable("answers with more than 32 MiB"), trouble: permanent}
	case code >= 500:
		return nil, &trouble{failure: refusal(answer), trouble: unsure, after: retryAfter(answer, a.limits.times.now())}
	case code == http.StatusNotModified && !conditional:
		return nil, &trouble{failure: unusable("answers 304 to what was not asked so"), trouble: unsure}
	case code == http.StatusOK || code == http.StatusCreated:
		if page(answer.Header, body) {
			return nil, &trouble{failure: unusable("answers with a web page instead of JSON: is %s the API's address?", r.URL.Host), trouble: unsure}
		}
		if !json.Valid(body) {
			return nil, &trouble{failure: unusable("cut its answer off"), trouble: unsure}
		}
	}
	return answer, nil
}

func troubleOf(err error) *trouble {
	err = unwrapped(err)
	var known *failure
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	var name *net.DNSError
	switch {
	case errors.As(err, &known):
		return &trouble{failure: known, trouble: permanent}
	case errors.Is(err, context.DeadlineExceeded):
		return &trouble{failure: unusable("did not answer within %s", patience), trouble: unsure}
	case errors.As(err, &certificate):
		return &trouble{failure: &failure{kind: ErrUnreachable, text: line(err.Error())}, trouble: permanent}
	case errors.As(err, &name), errors.As(err, &network) && network.Op == "dial":
		return &trouble{failure: &failure{kind: ErrUnreachable, text: line(err.Error())}, trouble: unsent}
	}
	return &trouble{failure: &failure{kind: ErrUnreachable, text: line(err.Error())}, trouble: unsure}
}
