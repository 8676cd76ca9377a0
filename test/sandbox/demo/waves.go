package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

const news = `apiVersion: v1
kind: ConfigMap
metadata:
  name: platform-news
data:
  text: Pods in this namespace are closed to the outside unless a NetworkPolicy opens them.
`

// releaseInWaves sees the canary have a release alone, and then everybody.
func releaseInWaves(ctx context.Context, d *demo) error {
	tokyo, paris := d.fleet[0], d.fleet[1]
	tag, err := d.release("1.32", "Tell people why", gitrepo.File("addons/network-policies/news.yaml", news))
	if err != nil {
		return err
	}
	d.note("committed a ConfigMap to addons/network-policies and tagged %s", tag)
	if err := d.atLast(ctx, tokyo, tag); err != nil {
		return err
	}
	if err := d.show(ctx, "", "addon-manager", "rollout", "status", "--minor", "1.32"); err != nil {
		return err
	}
	behind, err := d.sandbox.Report(ctx, paris.Name)
	if err != nil {
		return err
	}
	if behind.Status.Delivered != paris.release {
		return fmt.Errorf("paris-1 has release %q before the canary has proved %s, want %s", behind.Status.Delivered, tag, paris.release)
	}
	tokyo.release, paris.release = tag, tag
	if err := d.awaitAll(ctx, tokyo, paris); err != nil {
		return err
	}
	for _, m := range []*member{tokyo, paris} {
		app, err := d.sandbox.Application(ctx, m.Name+"-network-policies")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(app.Objects, func(o sandbox.Object) bool { return o.Name == "platform-news" }) {
			return fmt.Errorf("%s has no ConfigMap platform-news after the move to %s", m.Name, tag)
		}
	}
	d.note("ConfigMap default/platform-news is in tokyo-1 and paris-1")
	return nil
}

// mistake is what the bad release gets wrong, for the deadline that makes it show soon.
var mistake = strings.NewReplacer(
	"image: registry.k8s.io/", "image: registry.invalid/",
	"  replicas: 1\n", "  replicas: 1\n  progressDeadlineSeconds: 5\n",
)

func releaseMistake(ctx context.Context, d *demo) error {
	const file = "addons/coredns-autoscaler/deployment.yaml"
	was, err := d.sandbox.Config.Repo.Git("show", "release-1.32:"+file)
	if err != nil {
		return err
	}
	tag, err := d.release("1.32", "Use a registry that does not exist", gitrepo.File(file, mistake.Replace(was+"\n")))
	if err != nil {
		return err
	}
	d.note("committed an image that cannot be pulled to addons/coredns-autoscaler and tagged %s; whoever had looked would have seen it:", tag)
	if err := d.show(ctx, "", "branch-bot", "diff", "--repository", d.sandbox.Config.URL, "--base", nth("1.32", "2"), "--head", tag, "--fleet", d.sandbox.Manager.MetricsURL()); err != nil {
		return err
	}
	if err := d.until(ctx, func() error {
		r, err := d.sandbox.Rollout(ctx, "1.32")
		if err == nil && (r.Release != tag || r.State != "Halted") {
			err = fmt.Errorf("the rollout of %s is %s (%s), want %s Halted", r.Release, r.State, r.Message, tag)
		}
		return err
	}); err != nil {
		return err
	}
	if err := d.show(ctx, "", "addon-manager", "rollout", "status", "--minor", "1.32"); err != nil {
		return err
	}
	d.note("the pod of the release before still runs on tokyo-1, and paris-1 never got the mistake:")
	if err := d.show(ctx, "", "kubectl", "-n", sandbox.Namespace, "get", "ca"); err != nil {
		return err
	}
	paris := d.fleet[1]
	report, err := d.sandbox.Report(ctx, paris.Name)
	if err == nil && report.Status.Delivered != paris.release {
		err = fmt.Errorf("paris-1 has release %q although the canary failed at %s, want %s", report.Status.Delivered, tag, paris.release)
	}
	return err
}

func rollBack(ctx context.Context, d *demo) error {
	if err := d.show(ctx, "", "addon-manager", "rollout", "rollback", nth("1.32", "3")); err != nil {
		return err
	}
	return d.awaitAll(ctx, d.fleet[0], d.fleet[1])
}

// loseLabels takes a label off every cluster, as a slip in a selector does, and puts it back.
func loseLabels(ctx context.Context, d *demo) error {
	const addon = "node-exporter"
	before, err := d.sandbox.Applications(ctx, "")
	if err != nil {
		return err
	}
	all := []string{"-n", sandbox.Namespace, "label", "secrets", "-l", "argocd.argoproj.io/secret-type=cluster"}
	if err := d.show(ctx, "", "kubectl", append(slices.Clone(all), "addons.kaas.dev/"+addon+"-")...); err != nil {
		return err
	}
	if err := d.quarantined(ctx, len(d.fleet)); err != nil {
		return err
	}
	if err := d.show(ctx, "quarantine", "addon-manager", "plan"); err != nil {
		return err
	}
	d.note("nothing was deleted; `addon-manager approve` would let exactly that list through, but here it was a slip:")
	if err := d.show(ctx, "", "kubectl", append(slices.Clone(all), "addons.kaas.dev/"+addon+"=enabled")...); err != nil {
		return err
	}
	if err := d.quarantined(ctx, 0); err != nil {
		return err
	}
	if err := d.awaitAll(ctx, d.fleet...); err != nil {
		return err
	}
	after, err := d.sandbox.Applications(ctx, "")
	if err != nil {
		return err
	}
	if err := sameApplications(before, after); err != nil {
		return err
	}
	d.note("they are the same %d Applications as before", len(after))
	return nil
}

// quarantined waits until so many deletions wait for approval.
func (d *demo) quarantined(ctx context.Context, want int) error {
	return d.until(ctx, func() error {
		source, err := d.sandbox.Catalog(ctx)
		if err != nil {
			return err
		}
		got := 0
		if s := source.Status.Deletions; s != nil && s.Quarantine != nil {
			got = int(s.Quarantine.Count)
		}
		if got != want {
			return fmt.Errorf("%d deletions are quarantined, want %d", got, want)
		}
		return nil
	})
}

// release commits a change to the release branch of a minor and tags it.
func (d *demo) release(minor, message string, changes ...gitrepo.Change) (tag string, err error) {
	if _, err := d.sandbox.Config.Commit(minor, message, changes...); err != nil {
		return "", err
	}
	return d.sandbox.Config.Tag(minor)
}

// atLast waits until a cluster was let to a release, whatever its state.
func (d *demo) atLast(ctx context.Context, m *member, tag string) error {
	return d.until(ctx, func() error {
		report, err := d.sandbox.Report(ctx, m.Name)
		if err == nil && report.Status.Delivered != tag {
			err = fmt.Errorf("%s has release %q, want %s", m.Name, report.Status.Delivered, tag)
		}
		return err
	})
}

// until waits until check is content.
func (d *demo) until(ctx context.Context, check func() error) error {
	return plane.Every(ctx, glance, func(context.Context) error { return check() })
}
