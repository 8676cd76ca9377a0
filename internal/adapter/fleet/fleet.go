// Package fleet asks a running manager which clusters there are.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/impact"
)

// timeout bounds the whole question, however slowly the answer drips.
const timeout = time.Minute

// path is where a manager serves its fleet, beside its metrics.
const path = "/fleet"

// Read asks the manager whose metrics are served at an http or https URL. The token is sent as a bearer token, for what stands before the
// manager; empty means none. The environment's proxy is used.
func Read(ctx context.Context, address, token string) (impact.Fleet, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return impact.Fleet{}, fmt.Errorf("the fleet's address %s is no http or https URL", shown(u))
	case u.User != nil:
		return impact.Fleet{}, fmt.Errorf("the fleet's address %s holds credentials: give a token instead", shown(u))
	case u.Fragment != "" || u.RawQuery != "":
		return impact.Fleet{}, fmt.Errorf("the fleet's address %s has a query or fragment: take it out", shown(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}))
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if !strings.HasSuffix(u.Path, path) {
		u.Path = strings.TrimSuffix(u.Path, "/metrics") + path // Where it serves its metrics is what people have at hand.
	}
	f, err := read(ctx, u, token)
	if err != nil {
		return impact.Fleet{}, fmt.Errorf("ask %s for the fleet: %w", shown(u), err)
	}
	return f, nil
}

func read(ctx context.Context, u *url.URL, token string) (impact.Fleet, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return impact.Fleet{}, errors.New("the address cannot be used")
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// A token must not follow to where the answer leads, and a manager redirects nobody.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return impact.Fleet{}, cause(err)
	}
	defer resp.Body.Close()
	if err := status(resp, token); err != nil {
		return impact.Fleet{}, err
	}
	f, err := impact.Decode(resp.Body)
	switch {
	case errors.Is(err, impact.ErrNotFleet):
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return impact.Fleet{}, fmt.Errorf("the answer (%.60q) is no fleet: is this addon-manager's metrics address?", kind)
	case err != nil:
		return impact.Fleet{}, cause(err)
	}
	return f, nil
}

func status(resp *http.Response, token string) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotFound:
		return errors.New("there is none (404): is this addon-manager's metrics address, and the manager new enough?")
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && token == "":
		return fmt.Errorf("it asks who we are (%d): give a token", code)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("it refuses the token (%d)", code)
	case code >= 300 && code < 400:
		return fmt.Errorf("it redirects (%d), which is not followed: give the address itself", code)
	case code >= 500:
		return fmt.Errorf("it answers %d; try again later", code)
	default:
		return fmt.Errorf("it answers %d: is this addon-manager's metrics address?", code)
	}
}

// cause is an error without the URL, which the caller names.
func cause(err error) error {
	var u *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no complete answer came in time")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the answer breaks off in the middle; try again")
	case errors.As(err, &u):
		return u.Err
	}
	return err
}

func shown(u *url.URL) string {
	if u == nil {
		return "that was given"
	}
	return fmt.Sprintf("%.200q", u.Redacted())
}
