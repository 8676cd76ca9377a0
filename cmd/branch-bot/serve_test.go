package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/test/github"
)

// logs are the lines that a running bot has written.
type logs struct {
	t     *testing.T
	lines *bufio.Scanner
	seen  []string
}

// wait reads until a line matches, and answers its groups.
func (l *logs) wait(pattern string) []string {
	l.t.Helper()
	r := regexp.MustCompile(pattern)
	for l.lines.Scan() {
		l.seen = append(l.seen, l.lines.Text())
		if m := r.FindStringSubmatch(l.lines.Text()); m != nil {
			return m
		}
	}
	l.t.Fatalf("no line matches %s in\n%s", pattern, strings.Join(l.seen, "\n"))
	return nil
}

// TestServe is a bot as people run it, against a GitHub that sends webhooks: it looks at the start, after a branch came, after a pull
// request was opened, and ends when it is told to, after the step that it is at.
func TestServe(t *testing.T) {
	const secret = "correct horse battery staple"
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	repo.Allow("mona", "write")
	repo.Allow("keeper", "write")
	commit := func(branch, message string) {
		t.Helper()
		if _, err := repo.Git.Commit(branch, map[string]string{"catalog.yaml": message + "\n"}, message); err != nil {
			t.Fatal(err)
		}
		if err := repo.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	commit("main", "first")
	t.Setenv(envToken, hub.AddToken("keeper"))
	t.Setenv(envWebhookSecret, secret+"\nthe next secret, not in use yet\n")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	passes := 0
	plan := func(ctx context.Context, p *place, _ bot.Options) ([]*steps.Step, error) {
		passes++
		if _, err := p.mirror.Fetch(ctx); err != nil {
			return nil, err
		}
		refs, err := p.mirror.Refs(ctx)
		if err != nil {
			return nil, err
		}
		plan := []*steps.Step{
			{Action: "see", Branch: "main", What: p.name + " as " + p.login, Do: func(context.Context) error { return nil }},
			{Action: "wait", What: "the same as before", Why: "nothing can be done"},
		}
		if passes == 3 {
			finish := &steps.Step{Action: "finish", What: "what was begun", Do: func(step context.Context) error {
				cancel()
				<-ctx.Done() // Nothing new is begun from now on; what was begun has time to end.
				return step.Err()
			}}
			never := &steps.Step{Action: "begin", What: "something new", Do: func(context.Context) error { return nil }}
			plan = append(plan, finish, never)
		}
		plan[0].What += " " + refs.Branches["main"][:7]
		return plan, nil
	}
	read, write := io.Pipe()
	l := &logs{t: t, lines: bufio.NewScanner(read)}
	s := &serving{keep: keeping{plan: plan}, settle: time.Millisecond}
	cmd := s.command()
	cmd.SetErr(write)
	cmd.SetArgs([]string{
		"--repository", strings.TrimSuffix(repo.CloneURL(), ".git"), "--mirror", t.TempDir(), "--webhook-address", "127.0.0.1:0", "--metrics-address", "0", "--apply",
	})
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		write.Close()
		ended <- err
	}()

	address := l.wait(`listening for=webhooks address=(\S+)$`)[1]
	l.wait(`done +see main: acme/addons as keeper`)
	// The ping changes nothing; a new branch does.
	repo.AddWebhook("http://"+address+"/webhook", secret, "create", "pull_request")
	commit("change", "second")
	l.wait(`webhook event=create "change" delivery=\S+$`)
	l.wait(`done +see main: acme/addons as keeper`)
	if _, err := repo.OpenPull(github.NewPull{Author: "mona", Title: "second", Base: "main", Head: "change"}); err != nil {
		t.Fatal(err)
	}
	l.wait(`webhook event=pull_request "opened" #1 delivery=\S+$`)
	l.wait(`done +see main: acme/addons as keeper`)
	l.wait(`done +finish: what was begun`)
	for l.lines.Scan() {
		t.Errorf("after the end: %s", l.lines.Text())
	}
	if n := strings.Count(strings.Join(l.seen, "\n"), " plan step=wait: the same as before: nothing can be done"); n != 1 {
		t.Errorf("what is waited for was told %d times in 3 passes, want once:\n%s", n, strings.Join(l.seen, "\n"))
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	hub.WaitForWebhooks()
	var got []string
	for _, d := range hub.Deliveries() {
		for _, status := range d.Statuses {
			got = append(got, d.Event+" "+map[int]string{200: "ignored", 202: "taken"}[status])
		}
	}
	if diff := cmp.Diff([]string{"ping ignored", "create taken", "pull_request taken"}, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// TestServeReconciles is the whole bot: it cuts the branch that the catalog asks for, and a change that somebody pushes to main becomes a pull request
// onto it, with its check.
func TestServeReconciles(t *testing.T) {
	if testing.Short() {
		t.Skip("renders addons; run without -short")
	}
	const secret = "correct horse battery staple"
	hub := github.New(t, github.Options{})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	app, err := hub.AddApp("keeper", "acme", github.BotPermissions...)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, app.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(envWebhookSecret, secret)
	const catalog = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31"]}
addons:
- {name: settings, namespace: settings, enabled: always}
`
	commit := func(value, message string) {
		t.Helper()
		object := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {value: " + value + "}\n"
		if _, err := repo.Git.Commit("main", map[string]string{"catalog.yaml": catalog, "addons/settings/settings.yaml": object}, message); err != nil {
			t.Fatal(err)
		}
		if err := repo.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	commit("one", "Offer settings")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	l := &logs{t: t, lines: bufio.NewScanner(read)}
	s := &serving{settle: time.Millisecond}
	s.keep.plan = s.keep.reconcile
	cmd := s.command()
	cmd.SetErr(write)
	cmd.SetArgs([]string{
		"--repository", repo.CloneURL(), "--webhook-address", "127.0.0.1:0", "--metrics-address", "0", "--apply",
		"--app-id", fmt.Sprint(app.ID), "--app-installation", fmt.Sprint(app.Installation), "--app-key", key,
	})
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		write.Close()
		ended <- err
	}()
	address := l.wait(`listening for=webhooks address=(\S+)$`)[1]
	l.wait(`done +cut release-1.31: make release-1.31 from [0-9a-f]{12} of main`)
	repo.AddWebhook("http://"+address+"/webhook", secret, "create", "pull_request", "push")
	commit("two", "Say two")
	l.wait(`done +open release-1.31`)
	l.wait(`done +check release-1.31`)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	pulls := repo.Pulls()
	if len(pulls) != 1 || pulls[0].Title != "[release-1.31] Say two" || pulls[0].Author != "keeper[bot]" || pulls[0].Draft {
		t.Fatalf("pull requests %+v", pulls)
	}
	if checks := repo.Checks(pulls[0].HeadSHA); len(checks) != 1 || checks[0].Name != "addons/no-conflicts" || checks[0].Conclusion != "success" {
		t.Errorf("checks %+v", checks)
	}
}

// TestServeFlags are the mistakes that can be seen before anything happens.
func TestServeFlags(t *testing.T) {
	short := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(short, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args  []string
		want  string
		usage bool
	}{
		"no repository":      {nil, "--repository is missing: name the repository's URL", true},
		"no secret":          {[]string{"--repository", "x"}, "there is no webhook secret; BRANCH_BOT_WEBHOOK_SECRET or --webhook-secret-file holds it, and --webhook-address=0 does without webhooks", true},
		"a short secret":     {[]string{"--repository", "x", "--webhook-secret-file", short}, "webhook secret 1 of 1 has 7 characters, at least 16 are needed: take a random one; BRANCH_BOT_WEBHOOK_SECRET or --webhook-secret-file holds it, and --webhook-address=0 does without webhooks", true},
		"no such file":       {[]string{"--repository", "x", "--webhook-secret-file", short + ".gone"}, "--webhook-secret-file: open " + short + ".gone: no such file or directory", true},
		"a hurry":            {[]string{"--repository", "x", "--interval", "1s"}, "--interval 1s is too short: GitHub asks not to be asked more often than every 30s", true},
		"an odd minor":       {[]string{"--repository", "x", "--webhook-address=0", "--follow", "next"}, `--follow: "next" is not a Kubernetes minor: want <major>.<minor>, such as 1.31`, true},
		"half a certificate": {[]string{"--repository", "x", "--tls-cert", "tls.crt"}, "--tls-cert and --tls-key belong together", true},
		"an odd address":     {[]string{"--repository", "x", "--webhook-address=0", "--metrics-address", "nowhere"}, "--metrics-address: listen tcp: address nowhere: missing port in address", false},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := newServe()
			cmd.SetArgs(tc.args)
			cmd.SetErr(io.Discard)
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			err := cmd.ExecuteContext(t.Context())
			var usage cli.UsageError
			if err == nil || err.Error() != tc.want || errors.As(err, &usage) != tc.usage {
				t.Errorf("got  %v (usage: %v)\nwant %s", err, errors.As(err, &usage), tc.want)
			}
		})
	}
}
