package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestTokensOfApps lets a token end, and be refused before its end: a new one is fetched, once, and what was remembered still holds.
func TestTokensOfApps(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	c := p.asApp()
	read := func() {
		t.Helper()
		_, err := c.Repository(ctx)
		p.must(err)
	}
	made := func() (n int) {
		for _, r := range p.server.Requests() {
			if r.Operation == "apps/create-installation-access-token" {
				n++
			}
		}
		return n
	}
	read()
	user, token, err := c.Credentials(ctx)
	p.must(err)
	if user != "x-access-token" || made() != 1 {
		t.Errorf("user %s, %d tokens made", user, made())
	}
	p.must(p.clock.sleep(ctx, 45*time.Minute))
	read()
	if made() != 1 {
		t.Errorf("after 45 minutes: %d tokens made, want 1", made())
	}
	// Git may need some minutes.
	p.must(p.clock.sleep(ctx, 6*time.Minute))
	_, renewed, err := c.Credentials(ctx)
	p.must(err)
	if made() != 2 || renewed == token {
		t.Errorf("nine minutes before its end: %d tokens made, want 2", made())
	}
	p.server.Revoke(renewed)
	read()
	if made() != 3 {
		t.Errorf("after it was revoked: %d tokens made, want 3", made())
	}
	if _, _, writes := c.Spent(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

// TestAppsThatAreRefused shows what a person is told.
func TestAppsThatAreRefused(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	for name, tc := range map[string]struct {
		edit func(*App)
		is   error
		want string
	}{
		"no such app": {
			func(a *App) { a.ID = 7 }, ErrAuth,
			"read repository acme/config: GitHub refuses the credentials: no token for installation 5 of app 7: 401 Integration not found: are the token or the app's key right, and not expired?",
		},
		"no such installation": {
			func(a *App) { a.Installation = 7 }, ErrNotFound,
			"read repository acme/config: not found on GitHub: no token for installation 7 of app 4: 404 Not Found: it is not there, or the credentials may not see it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := p.asApp(func(o *Options) { tc.edit(o.App) })
			_, err := c.Repository(ctx)
			want := strings.NewReplacer("installation 5 ", fmt.Sprintf("installation %d ", p.app.Installation), "app 4:", fmt.Sprintf("app %d:", p.app.ID)).Replace(tc.want)
			if err == nil || !errors.Is(err, tc.is) || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
