package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// failure is why GitHub did not do what was asked.
type failure struct {
	kind   error
	status int
	text   string
	// errors are what GitHub says of single fields.
	errors []fieldError
	// perhaps means that it may have happened all the same.
	perhaps bool
	// until is when a limit has passed, where that is known.
	until time.Time
	// plain means that text is a whole sentence.
	plain bool
}

type fieldError struct {
	Resource, Field, Code, Message string
}

// UnmarshalJSON takes the plain texts that GitHub sends at times, too.
func (e *fieldError) UnmarshalJSON(data []byte) error {
	type plain fieldError
	if json.Unmarshal(data, (*plain)(e)) == nil {
		return nil
	}
	return json.Unmarshal(data, &e.Message)
}

func (f *failure) Error() string {
	if f.plain {
		return f.text
	}
	text := f.kind.Error() + ": " + f.text
	if f.perhaps {
		text += "; it may have been done all the same: look before you ask again"
	}
	return text
}

func (f *failure) Unwrap() error { return f.kind }

// failed says what was being done. Errors that are not of this package lose what could name an address.
func failed(err error, format string, args ...any) error {
	doing := fmt.Sprintf(format, args...)
	err = unwrapped(err)
	var known *failure
	switch {
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", doing, known)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, unusable("answers what cannot be read: %s", line(err.Error())))
}

// status is the answer's status behind an error, 0 when there was none.
func status(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.status
	}
	return 0
}

// exists reports whether GitHub says that there is such a thing already.
func (f *failure) exists() bool {
	for _, e := range f.errors {
		if e.Code == "already_exists" || strings.Contains(e.Message, "already exists") {
			return true
		}
	}
	return false
}

// refusal reads an answer that says no.
func refusal(answer *http.Response) *failure {
	body, _ := io.ReadAll(answer.Body)
	var said struct {
		Message string
		Errors  json.RawMessage
	}
	f := &failure{status: answer.StatusCode}
	if json.Unmarshal(body, &said) == nil {
		// Most often a list, at times one text.
		if json.Unmarshal(said.Errors, &f.errors) != nil {
			var one fieldError
			if json.Unmarshal(said.Errors, &one) == nil {
				f.errors = []fieldError{one}
			}
		}
	}
	words := []string{said.Message}
	for _, e := range f.errors {
		if e.Message == "" {
			e.Message = strings.Join(strings.Fields(e.Resource+" "+e.Field+" "+e.Code), " ")
		}
		words = append(words, e.Message)
	}
	f.text = line(fmt.Sprintf("%d %s", answer.StatusCode, strings.Join(words, ": ")))
	switch {
	case page(answer.Header, body):
		f.text = fmt.Sprintf("%d with a web page instead of JSON: is %s the API's address?", answer.StatusCode, answer.Request.URL.Host)
	case said.Message == "" && len(f.errors) == 0:
		f.text = line(fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
	}
	switch {
	case f.exists():
		f.kind = ErrExists
	case f.status == http.StatusUnauthorized:
		f.kind = ErrAuth
		f.text += ": are the token or the app's key right, and not expired?"
	case f.status == http.StatusForbidden:
		f.kind = ErrAuth
		if needs := answer.Header.Get("X-Accepted-GitHub-Permissions"); needs != "" {
			f.text += ": needs " + line(needs)
		}
	case f.status == http.StatusNotFound, f.status == http.StatusGone:
		f.kind = ErrNotFound
		f.text += ": it is not there, or the credentials may not see it"
	case f.status >= 500:
		f.kind = ErrUnreachable
	default:
		f.kind = ErrInvalid
	}
	return f
}

// page reports whether a body is for people.
func page(header http.Header, body []byte) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") || strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 200)])), "<")
}

// line is text from outside as a part of a sentence.
func line(text string) string {
	text = markdown.OneLine(text)
	if len(text) > 500 {
		text = markdown.Cut(text, 500) + "…"
	}
	return strings.TrimRight(text, ".: ")
}
