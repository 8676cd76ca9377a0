package github

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// actor is who makes a request: nobody, a user, an app's installation, or the app itself.
type actor struct {
	account     *account
	app         *App
	permissions map[string]string
	// itself is true for an app that shows its key rather than a token of an installation.
	itself bool
}

func (a actor) login() string {
	if a.account == nil {
		return ""
	}
	return a.account.login
}

// authenticate reads the credentials. GitHub refuses wrong ones also where none are needed.
func (s *Server) authenticate(r *http.Request) (actor, *answer) {
	value := r.Header.Get("Authorization")
	if value == "" {
		return actor{}, nil
	}
	if _, password, basic := r.BasicAuth(); basic {
		value = password
	} else if kind, rest, found := strings.Cut(value, " "); found && (strings.EqualFold(kind, "bearer") || strings.EqualFold(kind, "token")) {
		value = rest
	}
	refused := failed(http.StatusUnauthorized, "Bad credentials")
	if strings.Count(value, ".") == 2 {
		by, why := s.application(value)
		if why != "" {
			refused = failed(http.StatusUnauthorized, why)
			return actor{}, &refused
		}
		return by, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[value]
	if t == nil || !t.expires.IsZero() && !s.now().Before(t.expires) {
		return actor{}, &refused
	}
	return actor{account: t.account, app: t.app, permissions: t.permissions}, nil
}

// application checks an app's JWT, or gives what GitHub says against it. Client libraries take its times from the real clock, so it may be right
// by either clock.
func (s *Server) application(text string) (by actor, why string) {
	var claims jwt.RegisteredClaims
	var app *App
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for id, a := range s.apps {
			if fmt.Sprint(id) == claims.Issuer {
				app = a
				return a.public, nil
			}
		}
		return nil, fmt.Errorf("no app %q", claims.Issuer)
	})
	switch {
	case err != nil && app == nil:
		return actor{}, "Integration not found"
	case err != nil:
		return actor{}, "A JSON web token could not be decoded"
	case claims.ExpiresAt == nil || claims.IssuedAt == nil:
		return actor{}, "Missing 'expiration time' claim ('exp') in assertion"
	case claims.ExpiresAt.Sub(claims.IssuedAt.Time) > 11*time.Minute:
		return actor{}, "'Expiration time' claim ('exp') is too far in the future"
	}
	for _, now := range []time.Time{time.Now(), s.options.Now()} {
		if now.Before(claims.ExpiresAt.Time) && now.Add(time.Minute).After(claims.IssuedAt.Time) {
			return actor{app: app, itself: true}, ""
		}
	}
	return actor{}, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
}

// levels are what a user may do in a repository, each more than the one before.
var levels = []string{"none", "read", "triage", "write", "maintain", "admin"}

func rank(level string) int {
	for i, l := range levels {
		if l == level {
			return i
		}
	}
	return 0
}

// level is what the actor may do in the repository.
func (r *Repository) level(by actor) string {
	base := "none"
	if !r.private {
		base = "read"
	}
	switch {
	case by.account == nil:
		return base
	case by.app != nil:
		// What an app may is in its permissions; it sees its owner's repositories only.
		if strings.EqualFold(by.app.owner, r.owner) {
			return "admin"
		}
		return base
	case strings.EqualFold(by.account.login, r.owner):
		return "admin"
	}
	if given := r.access[strings.ToLower(by.account.login)]; rank(given) > rank(base) {
		return given
	}
	return base
}

// may refuses as GitHub does: what must not be seen is not found, what may be seen is forbidden.
func (c *call) may(route route) *answer {
	refused := func(a answer) *answer { return &a }
	if c.by.itself && route.permission != "app" {
		return refused(failed(http.StatusUnauthorized, "A JSON web token could not be decoded"))
	}
	if route.permission == "app" {
		return nil
	}
	level := c.repo.level(c.by)
	if level == "none" {
		return refused(notFound())
	}
	if c.by.account == nil && route.level != "read" {
		return refused(failed(http.StatusUnauthorized, "Requires authentication"))
	}
	if rank(level) < rank(route.level) {
		if route.level == "admin" {
			return refused(notFound())
		}
		return refused(failed(http.StatusForbidden, "Must have admin rights to Repository."))
	}
	if c.by.permissions == nil || c.by.account == nil || route.permission == "" {
		return nil
	}
	for _, alternative := range strings.Split(route.permission, "|") {
		name, want, _ := strings.Cut(alternative, ":")
		if have := c.by.permissions[name]; have == want || have == "write" && want == "read" {
			return nil
		}
	}
	if c.by.app != nil {
		return refused(failed(http.StatusForbidden, "Resource not accessible by integration"))
	}
	return refused(failed(http.StatusForbidden, "Resource not accessible by personal access token"))
}
