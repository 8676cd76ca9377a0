package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"time"
)

// account is a user, an organization or the bot of an app.
type account struct {
	id          int64
	login, kind string
	name        string
	created     time.Time
	rendered    json.RawMessage
	// used and since count requests against the primary limit; writes are the times of content made.
	used   int
	since  time.Time
	writes []time.Time
}

// email is the address under which GitHub knows the account's commits.
func (a *account) email() string { return fmt.Sprintf("%d+%s@users.noreply.github.com", a.id, a.login) }

// token is a credential: of a user, or of an app's installation until it ends.
type token struct {
	value   string
	account *account
	app     *App
	expires time.Time
	// permissions bound what a token may; nil means all that the account may.
	permissions map[string]string
}

// App is a GitHub App that is installed on every repository of its owner.
type App struct {
	ID, Installation int64
	// Slug is its name in addresses; its account's login is Login, and its commits have Email.
	Slug, Login, Email string
	// Key is its private key as PEM.
	Key []byte

	owner       string
	public      *rsa.PublicKey
	bot         *account
	permissions map[string]string
	created     time.Time
}

// AddUser makes a user, when there is none of that login yet.
func (s *Server) AddUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(login, "User")
}

// account finds or makes one. The caller holds the lock.
func (s *Server) account(login, kind string) *account {
	key := strings.ToLower(login)
	if a := s.accounts[key]; a != nil {
		return a
	}
	a := &account{id: s.id(), login: login, kind: kind, name: login, created: s.now()}
	s.accounts[key] = a
	return a
}

// AddToken makes a token of a user, who may do with it what permissions allow ("contents": "write"), or all they may when there are none.
func (s *Server) AddToken(login string, permissions ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &token{value: "ghp_" + secret(), account: s.account(login, "User")}
	if len(permissions) > 0 {
		t.permissions = parse(permissions)
	}
	s.tokens[t.value] = t
	return t.value
}

// Revoke ends a token at once.
func (s *Server) Revoke(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, value)
}

// BotPermissions are those that the bot's documentation asks for.
var BotPermissions = []string{
	"contents:write", "pull_requests:write", "issues:write", "checks:write", "statuses:write", "metadata:read", "administration:read", "workflows:write",
}

// makeKey makes one key for the process: they cost most of a second, and nothing here depends on there being several.
var makeKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// AddApp makes an app of owner with permissions such as "contents:write"; none means BotPermissions.
func (s *Server) AddApp(slug, owner string, permissions ...string) (*App, error) {
	key, err := makeKey()
	if err != nil {
		return nil, err
	}
	if len(permissions) == 0 {
		permissions = BotPermissions
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &App{
		ID: s.id(), Installation: s.id(), Slug: slug, Login: slug + "[bot]", owner: owner, public: &key.PublicKey, created: s.now(),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		permissions: parse(permissions),
	}
	s.account(owner, "Organization")
	a.bot = s.account(a.Login, "Bot")
	a.Email = a.bot.email()
	s.apps[a.ID] = a
	return a, nil
}

func parse(permissions []string) map[string]string {
	all := map[string]string{}
	for _, p := range permissions {
		name, level, _ := strings.Cut(p, ":")
		all[name] = level
	}
	return all
}

func secret() string {
	b := make([]byte, 18)
	_, _ = rand.Read(b) // It never fails.
	return hex.EncodeToString(b)
}
