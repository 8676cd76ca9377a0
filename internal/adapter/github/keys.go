package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	jwt "github.com/golang-jwt/jwt/v4"
	gh "github.com/google/go-github/v58/github"
)

// keys are the credentials.
type keys interface {
	// token is one that is good for some minutes more.
	token(ctx context.Context) (string, error)
	// renew forgets a token that was refused, and tells whether there can be another.
	renew(refused string) bool
}

type fixed string

func (f fixed) token(context.Context) (string, error) { return string(f), nil }
func (f fixed) renew(string) bool                     { return false }

// margin is how long before its end a token is not used any more, so that a push that starts with it can end.
const margin = 10 * time.Minute

// installation gets tokens for an App's installation. The library's own source of them would go by the real clock, and keep a token that GitHub
// refuses until its end.
type installation struct {
	app    App
	client *gh.Client
	times  clock

	mu    sync.Mutex
	value string
	ends  time.Time
}

func (i *installation) token(ctx context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.value != "" && i.times.now().Before(i.ends.Add(-margin)) {
		return i.value, nil
	}
	made, _, err := i.client.Apps.CreateInstallationToken(ctx, i.app.Installation, &gh.InstallationTokenOptions{})
	if err == nil && made.GetToken() == "" {
		err = unusable("gives an empty one")
	}
	var known *failure
	if errors.As(err, &known) {
		named := *known
		named.text = fmt.Sprintf("no token for %s: %s", i.app, known.text)
		return "", &named
	}
	if err != nil {
		return "", err
	}
	i.value, i.ends = made.GetToken(), made.GetExpiresAt().Time
	return i.value, nil
}

func (i *installation) renew(refused string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.value == refused {
		i.value = ""
	}
	return true
}

// keyed adds the credentials to requests for the API's host, and for no other.
type keyed struct {
	next http.RoundTripper
	keys keys
	base *url.URL
}

func (k *keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != k.base.Host || r.URL.Scheme != k.base.Scheme {
		return nil, unusable("names the address %s, which is not asked: the credentials are for %s", r.URL.Host, k.base.Host)
	}
	for renewed := false; ; renewed = true {
		token, err := k.keys.token(r.Context())
		if err != nil {
			return nil, err
		}
		sent := r.Clone(r.Context())
		if r.GetBody != nil {
			if sent.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		if token != "" {
			sent.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := k.next.RoundTrip(sent)
		if err != nil || answer.StatusCode != http.StatusUnauthorized || renewed || !k.keys.renew(token) {
			return answer, err
		}
		answer.Body.Close()
	}
}

// signing signs requests with the App's key, by our clock.
func signing(app App, next http.RoundTripper, times clock) (http.RoundTripper, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(app.Key)
	if err != nil {
		what := "it is not an RSA key in PEM"
		switch {
		case len(strings.TrimSpace(string(app.Key))) == 0:
			what = "it is empty"
		case strings.Contains(string(app.Key), "PUBLIC KEY"):
			what = "it is a public key"
		}
		return nil, fmt.Errorf("the key of app %d: %s: give the file that GitHub made under \"Private keys\"", app.ID, what)
	}
	return ghinstallation.NewAppsTransportWithOptions(next, app.ID, ghinstallation.WithSigner(signer{key, times}))
}

type signer struct {
	key   *rsa.PrivateKey
	times clock
}

// Sign replaces the times that the library took from the real clock. GitHub refuses those of the future, so it starts a little in the past.
func (s signer) Sign(claims jwt.Claims) (string, error) {
	if registered, ok := claims.(*jwt.RegisteredClaims); ok {
		from := s.times.now().Add(-30 * time.Second).Truncate(time.Second)
		registered.IssuedAt, registered.ExpiresAt = jwt.NewNumericDate(from), jwt.NewNumericDate(from.Add(2*time.Minute))
	}
	return jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(s.key)
}
