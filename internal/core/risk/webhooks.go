package risk

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

const admission = "admissionregistration.k8s.io"

// webhooks flags admission webhooks and policies that see, refuse or fail other requests than before.
func (x *finder) webhooks(c diff.Change) {
	if c.After == nil || c.Object.Group != admission {
		return
	}
	switch c.Object.Kind {
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
		old, now := hooks(c.Before), hooks(c.After)
		for i, h := range now {
			name := manifest.Text(h, "name")
			at := slices.IndexFunc(old, func(o map[string]any) bool { return manifest.Text(o, "name") == name })
			switch {
			case at >= 0:
				x.webhook(c, i, old[at], h)
			case policy(h) == "Fail" && unselective(h):
				x.flag(WebhookChanged, c.Object, pointer("webhooks", i), "webhook %s is new and sees requests of all namespaces: while its service is down, these fail: %s", quote(name), list(requests(h)))
			case c.Before != nil:
				x.flag(WebhookChanged, c.Object, pointer("webhooks", i), "webhook %s is new and sees: %s", quote(name), list(requests(h)))
			}
		}
		for i, o := range old {
			name := manifest.Text(o, "name")
			if !slices.ContainsFunc(now, func(h map[string]any) bool { return manifest.Text(h, "name") == name }) {
				x.flag(WebhookChanged, c.Object, pointer("webhooks", i), "webhook %s is gone: nobody checks or changes: %s", quote(name), list(requests(o)))
			}
		}
	case "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding":
		for _, key := range []string{"failurePolicy", "matchConstraints", "matchConditions", "validationActions", "matchResources", "policyName"} {
			was, is := manifest.At(content(c.Before), "spec", key), manifest.At(c.After.Content, "spec", key)
			if c.Before != nil && !reflect.DeepEqual(was, is) {
				x.flag(WebhookChanged, c.Object, pointer("spec", key), "%s changed: the policy decides otherwise, or about other requests", key)
			}
		}
	}
}

func hooks(o *manifest.Object) (all []map[string]any) {
	for _, h := range manifest.List(content(o), "webhooks") {
		h, _ := h.(map[string]any)
		all = append(all, h)
	}
	return all
}

// policy is what happens while the webhook does not answer.
func policy(h map[string]any) string {
	if s := manifest.Text(h, "failurePolicy"); s != "" {
		return s
	}
	return "Fail"
}

func unselective(h map[string]any) bool {
	return len(manifest.Map(h, "namespaceSelector")) == 0 && len(manifest.Map(h, "objectSelector")) == 0 && len(manifest.List(h, "matchConditions")) == 0
}

// requests are what a webhook sees, for people: CREATE pods.
func requests(h map[string]any) (all []string) {
	for _, r := range manifest.List(h, "rules") {
		for _, group := range texts(manifest.List(r, "apiGroups")) {
			for _, resource := range texts(manifest.List(r, "resources")) {
				on := resource
				if group != "" {
					on += "." + group
				}
				all = append(all, strings.Join(texts(manifest.List(r, "operations")), "/")+" "+on)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// seen reads a webhook's rules as rights: whoever may be asked about more, sees more.
func seen(h map[string]any) (all rules) {
	for _, r := range manifest.List(h, "rules") {
		scope := manifest.Text(r, "scope")
		if scope == "" {
			scope = "*"
		}
		var groups []string
		for _, g := range texts(manifest.List(r, "apiGroups")) {
			for _, v := range texts(manifest.List(r, "apiVersions")) {
				groups = append(groups, g+"/"+v)
			}
		}
		all = append(all, struct{ groups, resources, names, urls, verbs []string }{
			groups: groups, resources: texts(manifest.List(r, "resources")), verbs: texts(manifest.List(r, "operations")), names: []string{scope},
		})
	}
	return all
}

// asked reports whether a webhook sees a request: any group, version, operation or scope includes each.
func (all rules) asked(r right) bool {
	group, version, _ := strings.Cut(r.group, "/")
	has := func(list []string, any, want string) bool {
		return slices.Contains(list, any) || slices.Contains(list, want)
	}
	for _, one := range all {
		versioned := has(one.groups, group+"/*", r.group) || has(one.groups, "*/*", "*/"+version)
		if versioned && has(one.verbs, "*", r.verb) && has(one.names, "*", r.name) && slices.ContainsFunc(one.resources, func(s string) bool { return sees(s, r.resource) }) {
			return true
		}
	}
	return false
}

// sees reports whether a resource of a webhook's rule includes another. An asterisk alone leaves out subresources.
func sees(rule, want string) bool {
	if rule == want || rule == "*/*" {
		return true
	}
	main, sub, isSub := strings.Cut(want, "/")
	if !isSub {
		return rule == "*"
	}
	return rule == main+"/*" || rule == "*/"+sub
}

func (x *finder) webhook(c diff.Change, i int, old, now map[string]any) {
	name := quote(manifest.Text(now, "name"))
	flag := func(key, format string, args ...any) {
		x.flag(WebhookChanged, c.Object, pointer("webhooks", i, key), format, args...)
	}
	if was, is := policy(old), policy(now); was != is {
		means := "requests fail while it does not answer"
		if is == "Ignore" {
			means = "requests go through unchecked while it does not answer"
		}
		flag("failurePolicy", "webhook %s: failurePolicy is %s instead of %s: %s", name, quote(is), quote(was), means)
	}
	for _, key := range []string{"namespaceSelector", "objectSelector", "matchConditions"} {
		if !same(old[key], now[key]) {
			flag(key, "webhook %s sees other requests: its %s changed", name, key)
		}
	}
	was, is := seen(old), seen(now)
	if more := is.beyond(was); len(more) > 0 {
		flag("rules", "webhook %s sees more: %s", name, list(more))
	}
	if less := was.beyond(is); len(less) > 0 {
		flag("rules", "webhook %s no longer sees: %s", name, list(less))
	}
	if was, is := old["sideEffects"], now["sideEffects"]; was != nil && !same(was, is) {
		flag("sideEffects", "webhook %s: sideEffects is %s instead of %s: a dry run may fail, or do something", name, quote(is), quote(was))
	}
	if was, is := timeout(old), timeout(now); is > was {
		flag("timeoutSeconds", "webhook %s may take %d s instead of %d s: requests wait that long while it does not answer", name, is, was)
	}
	if !same(target(old), target(now)) {
		flag("clientConfig", "webhook %s is answered by another service or address", name)
	}
}

// beyond are the requests that these rules see and others do not, for people.
func (all rules) beyond(others rules) (shown []string) {
	rights, complete := all.expand()
	if !complete {
		return []string{"more than can be compared"}
	}
	for _, r := range rights {
		if others.asked(r) {
			continue
		}
		text := r.verb + " " + r.resource + " of " + strings.TrimPrefix(r.group, "/")
		if r.name != "*" {
			text += " (" + r.name + ")"
		}
		shown = append(shown, text)
	}
	slices.Sort(shown)
	return slices.Compact(shown)
}

// timeout is how many seconds requests wait for a webhook.
func timeout(h map[string]any) int64 {
	if n, ok := number(h["timeoutSeconds"]); ok {
		return n
	}
	return 10
}

// target is where a webhook's requests go. The certificates are no part of it.
func target(h map[string]any) map[string]any {
	c := maps.Clone(manifest.Map(h, "clientConfig"))
	delete(c, "caBundle")
	return c
}

// same compares values; nothing and something empty are the same.
func same(a, b any) bool {
	empty := func(v any) bool {
		r := reflect.ValueOf(v)
		return v == nil || (r.Kind() == reflect.Map || r.Kind() == reflect.Slice) && r.Len() == 0
	}
	return empty(a) && empty(b) || reflect.DeepEqual(a, b)
}
