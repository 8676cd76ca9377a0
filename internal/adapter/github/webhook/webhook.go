// Package webhook reads what GitHub delivers: it believes nothing before the signature is checked, and what it then reads is only a hint where to
// look. So an event that comes twice, late, in another order, or not at all does no harm to whoever looks by itself from time to time.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

const (
	// MaxBody is what GitHub promises never to exceed.
	MaxBody = 25 << 20
	// maxHeld bounds the bodies that are read at the same time: whoever reaches the port can send one, the signature is checked after it came.
	maxHeld = 4 * MaxBody
	// minSecret is the shortest secret that is taken: shorter ones can be guessed from one delivery.
	minSecret = 16
)

// Refusal is why a delivery is not taken. The reason never repeats anything of it.
type Refusal struct {
	// Status is the HTTP status to answer with.
	Status int
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(status int, format string, args ...any) error {
	return &Refusal{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// Reader checks and reads deliveries. It may be used from several goroutines.
type Reader struct {
	secrets [][]byte
	// held counts the bytes of all bodies that are being read; maxHeld bounds it.
	held    atomic.Int64
	maxHeld int64
}

// New makes a reader. A delivery may be signed with any of the secrets, so that they can be changed without losing one.
func New(secrets ...string) (*Reader, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no webhook secret")
	}
	r := &Reader{maxHeld: maxHeld}
	for i, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("webhook secret %d of %d has %d characters, at least %d are needed: take a random one", i+1, len(secrets), len(s), minSecret)
		}
		r.secrets = append(r.secrets, []byte(s))
	}
	return r, nil
}

// Read reads a delivery. An error is a *Refusal.
func (r *Reader) Read(w http.ResponseWriter, req *http.Request) (Event, error) {
	form, err := plain(req)
	if err != nil {
		return Event{}, err
	}
	digest, err := signature(req.Header)
	if err != nil {
		return Event{}, err
	}
	body, release, err := r.body(w, req)
	defer release()
	if err != nil {
		return Event{}, err
	}
	if !r.signed(body, digest) {
		return Event{}, refuse(http.StatusUnauthorized, "the signature is not that of the body and the webhook's secret")
	}
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil || len(values["payload"]) != 1 {
			return Event{}, refuse(http.StatusBadRequest, "the form has no single field payload")
		}
		body = []byte(values["payload"][0])
	}
	return read(req.Header, body)
}

// plain refuses, before anything of the body is read, what could not be taken anyway. Form tells that the body is a form.
func plain(req *http.Request) (form bool, err error) {
	if coding := req.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false, refuse(http.StatusUnsupportedMediaType, "a body with a Content-Encoding is not taken")
	}
	if req.ContentLength > MaxBody {
		return false, tooLarge()
	}
	media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "application/json":
		return false, nil
	case err == nil && media == "application/x-www-form-urlencoded":
		return true, nil
	}
	return false, refuse(http.StatusUnsupportedMediaType, "the Content-Type must be application/json or application/x-www-form-urlencoded")
}

func tooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", MaxBody)
}

// signature is the digest that the headers name: exactly as GitHub writes it, 64 lower-case digits.
func signature(h http.Header) (string, error) {
	const header, prefix = "X-Hub-Signature-256", "sha256="
	switch signatures := h.Values(header); {
	case len(signatures) == 0 && h.Get("X-Hub-Signature") != "":
		return "", refuse(http.StatusUnauthorized, "signed with SHA-1 only: %s is missing", header)
	case len(signatures) == 0:
		return "", refuse(http.StatusUnauthorized, "not signed: %s is missing; set a secret on the webhook", header)
	case len(signatures) > 1:
		return "", refuse(http.StatusUnauthorized, "%s is there more than once", header)
	default:
		digest, found := strings.CutPrefix(signatures[0], prefix)
		if !found || len(digest) != hex.EncodedLen(sha256.Size) || strings.Trim(digest, "0123456789abcdef") != "" {
			return "", refuse(http.StatusUnauthorized, "%s is not like %s and %d lower-case hexadecimal digits", header, prefix, hex.EncodedLen(sha256.Size))
		}
		return digest, nil
	}
}

// signed compares with every secret, in the same time whichever it is.
func (r *Reader) signed(body []byte, digest string) bool {
	found := false
	for _, s := range r.secrets {
		mac := hmac.New(sha256.New, s)
		mac.Write(body)
		if hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(digest)) {
			found = true
		}
	}
	return found
}
