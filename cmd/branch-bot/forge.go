package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/spf13/cobra"
)

// Environment variables with the credentials for the forge: flags would show them to everybody on the machine.
const (
	envToken       = "BRANCH_BOT_TOKEN"
	envActionToken = "GITHUB_TOKEN"
	envAppKey      = "BRANCH_BOT_APP_KEY"
)

// nobody commits where no forge says who we are.
const nobody = "branch-bot <branch-bot@noreply.invalid>"

// forgeFlags say which repository is looked after, where, and as whom.
type forgeFlags struct {
	repository, name   string
	main               string
	mirror             string
	timeout            time.Duration
	apiURL             string
	app, installation  int64
	appKey             string
	committer          string
	perMinute, perHour int
}

// Add registers the flags.
func (f *forgeFlags) Add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.repository, "repository", "", "config repository: a folder, or a URL (https, http, ssh, git@host:path)")
	s.StringVar(&f.main, "main", "", "the branch that changes come from (default: the repository's default branch)")
	s.StringVar(&f.mirror, "mirror", "", "folder for the repository's mirror and for what GitHub answered, kept between runs (default: a temporary one)")
	s.DurationVar(&f.timeout, "git-timeout", git.DefaultTimeout, "how long a fetch or push may take")
	s.StringVar(&f.apiURL, "api-url", "", "GitHub's REST API (default: of github.com, or of the repository's host)")
	s.StringVar(&f.name, "github-repository", "", "OWNER/NAME on GitHub (default: from --repository)")
	s.Int64Var(&f.app, "app-id", 0, "id of the GitHub App to act as; without it, "+envToken+" or "+envActionToken+" holds a token")
	s.Int64Var(&f.installation, "app-installation", 0, "id of the App's installation")
	s.StringVar(&f.appKey, "app-key", "", "file with the App's private key (default: the key itself in "+envAppKey+")")
	s.StringVar(&f.committer, "committer", "", "who commits and tags, such as 'Bot <bot@example.com>' (default: the App or user on GitHub)")
	s.IntVar(&f.perMinute, "writes-per-minute", 0, "at most so many changes on GitHub a minute (default 80)")
	s.IntVar(&f.perHour, "writes-per-hour", 0, "at most so many changes on GitHub an hour (default 500)")
}

// place is a repository that is open for work.
type place struct {
	mirror *native.Mirror
	// hub is nil where no credentials for a forge are given: then only Git is asked.
	hub *github.Client
	// name is OWNER/NAME, url its page; both are empty without a forge.
	name, url string
	main      string
	// login is who we are on the forge, committer who commits.
	login     string
	committer change.Person
}

func (p *place) Close() error { return p.mirror.Close() }

// open opens the repository, fetches it, and finds out who we are. Needs is what the command cannot do without.
func (f *forgeFlags) open(ctx context.Context, errs io.Writer, needsForge bool) (*place, error) {
	if f.repository == "" {
		return nil, cli.Usagef("--repository is missing: name a folder or a URL")
	}
	if f.timeout <= 0 {
		return nil, cli.Usagef("--git-timeout %v is not positive", f.timeout)
	}
	p := &place{main: f.main}
	log := func(message string, pairs ...any) { fmt.Fprintln(errs, line(message, pairs)) }
	var err error
	if p.hub, err = f.client(errs, log); err != nil {
		return nil, err
	}
	if p.hub == nil && needsForge {
		return nil, cli.Usagef("there are no credentials for GitHub: set %s, or --app-id, --app-installation and --app-key", envToken)
	}
	auth := func(context.Context) (string, string, error) {
		return os.Getenv(cli.EnvUser), os.Getenv(cli.EnvPassword), nil
	}
	if p.hub != nil {
		auth = p.hub.Credentials
		if err := f.introduce(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := f.commits(p); err != nil {
		return nil, err
	}
	p.mirror, err = native.Open(ctx, native.Options{URL: f.repository, Dir: f.folder("git"), Auth: auth, Timeout: f.timeout, Log: log})
	if err != nil {
		return nil, fmt.Errorf("--repository: %w", err)
	}
	if _, err := p.mirror.Fetch(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("--repository: %w", err), p.mirror.Close())
	}
	return p, nil
}

// client is nil without credentials.
func (f *forgeFlags) client(errs io.Writer, log func(string, ...any)) (*github.Client, error) {
	o := github.Options{
		APIURL: f.apiURL, Token: os.Getenv(envToken), Dir: f.folder("github"),
		WritesPerMinute: f.perMinute, WritesPerHour: f.perHour, Log: log,
	}
	remote, err := url.Parse(f.repository)
	remoteKnown := err == nil && (remote.Scheme == "https" || remote.Scheme == "http") && remote.Host != ""
	switch {
	case f.app != 0 || f.installation != 0 || f.appKey != "":
		app, err := f.readApp()
		if err != nil {
			return nil, err
		}
		o.App, o.Token = app, ""
	case o.Token != "":
	case f.apiURL != "" || remoteKnown && remote.Host == "github.com":
		if o.Token = os.Getenv(envActionToken); o.Token != "" && os.Getenv("GITHUB_ACTIONS") == "true" {
			fmt.Fprintf(errs, "note: pull requests opened with a workflow's own %s start no workflows, so nothing checks them; a GitHub App's token does\n", envActionToken)
		}
	}
	if o.App == nil && o.Token == "" {
		return nil, nil
	}
	name := f.name
	if name == "" && remoteKnown {
		name = strings.TrimSuffix(strings.Trim(remote.Path, "/"), ".git")
	}
	var both bool
	if o.Owner, o.Name, both = strings.Cut(name, "/"); !both || o.Owner == "" || o.Name == "" || strings.Contains(o.Name, "/") {
		return nil, cli.Usagef("which repository on GitHub this is cannot be read from --repository: say --github-repository OWNER/NAME")
	}
	if o.APIURL == "" && remoteKnown && remote.Host != "github.com" {
		o.APIURL = remote.Scheme + "://" + remote.Host + "/api/v3/"
	}
	hub, err := github.New(o)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	return hub, nil
}

func (f *forgeFlags) readApp() (*github.App, error) {
	key := []byte(os.Getenv(envAppKey))
	switch {
	case f.app == 0:
		return nil, cli.Usagef("--app-id is missing: it is on the App's settings page")
	case f.installation == 0:
		return nil, cli.Usagef("--app-installation is missing: it is the number at the end of the installation's address")
	case f.appKey != "":
		var err error
		if key, err = os.ReadFile(f.appKey); err != nil {
			return nil, cli.Usagef("--app-key: %w", err)
		}
	case len(key) == 0:
		return nil, cli.Usagef("--app-key is missing: name the file with the App's private key, or put the key into %s", envAppKey)
	}
	return &github.App{ID: f.app, Installation: f.installation, Key: key}, nil
}

// introduce finds out who we are, and how the repository is called now.
func (f *forgeFlags) introduce(ctx context.Context, p *place) error {
	r, err := p.hub.Repository(ctx)
	if err != nil {
		return err
	}
	if r.Archived {
		return fmt.Errorf("%s/%s is archived: nothing in it can be changed", r.Owner, r.Name)
	}
	p.name, p.url = r.Owner+"/"+r.Name, strings.TrimSuffix(r.CloneURL, ".git")
	login, email, err := p.hub.Login(ctx)
	if err != nil {
		return err
	}
	p.login, p.committer = login, change.Person{Name: login, Email: email}
	return nil
}

// commits decides who commits.
func (f *forgeFlags) commits(p *place) error {
	text := f.committer
	if text == "" {
		if p.committer.Email != "" {
			return nil
		}
		text = nobody
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name == "" {
		return cli.Usagef("--committer %q is not like 'Name <address>'", text)
	}
	p.committer = change.Person{Name: a.Name, Email: a.Address}
	return nil
}

// folder is a part of the mirror's folder, empty when there is none.
func (f *forgeFlags) folder(name string) string {
	if f.mirror == "" {
		return ""
	}
	return filepath.Join(f.mirror, name)
}

// line is a log line for people.
func line(message string, pairs []any) string {
	var b strings.Builder
	b.WriteString(message)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, " %v=%v", pairs[i], pairs[i+1])
	}
	return b.String()
}
