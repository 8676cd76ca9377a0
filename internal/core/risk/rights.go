package risk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

const rbac = "rbac.authorization.k8s.io"

// right is one thing that a rule allows. An empty name is any object; url stands alone.
type right struct{ group, resource, name, url, verb string }

// maxRights bounds how many rights of a role are compared: the largest known roles have a few thousand.
const maxRights = 50_000

// rules are the rules of a role as sets of strings.
type rules []struct{ groups, resources, names, urls, verbs []string }

func rulesIn(role map[string]any) (all rules) {
	for _, r := range manifest.List(role, "rules") {
		all = append(all, struct{ groups, resources, names, urls, verbs []string }{
			texts(manifest.List(r, "apiGroups")), texts(manifest.List(r, "resources")), texts(manifest.List(r, "resourceNames")),
			texts(manifest.List(r, "nonResourceURLs")), texts(manifest.List(r, "verbs")),
		})
	}
	return all
}

// expand gives each right that the rules allow; complete is false when there are too many.
func (all rules) expand() (rights []right, complete bool) {
	for _, r := range all {
		names := r.names
		if len(names) == 0 {
			names = []string{""}
		}
		if (len(r.groups)*len(r.resources)*len(names)+len(r.urls))*len(r.verbs)+len(rights) > maxRights {
			return rights, false
		}
		for _, verb := range r.verbs {
			for _, url := range r.urls {
				rights = append(rights, right{url: url, verb: verb})
			}
			for _, group := range r.groups {
				for _, resource := range r.resources {
					for _, name := range names {
						rights = append(rights, right{group: group, resource: resource, name: name, verb: verb})
					}
				}
			}
		}
	}
	return rights, true
}

// allow reports whether the rules allow a right, as Kubernetes' authorizer decides.
func (all rules) allow(x right) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, "*") || slices.Contains(list, want)
	}
	for _, r := range all {
		if !has(r.verbs, x.verb) {
			continue
		}
		if x.url != "" {
			if has(r.urls, x.url) || slices.ContainsFunc(r.urls, func(u string) bool {
				prefix, ok := strings.CutSuffix(u, "*")
				return ok && strings.HasPrefix(x.url, prefix)
			}) {
				return true
			}
			continue
		}
		resource := has(r.resources, x.resource)
		if _, sub, ok := strings.Cut(x.resource, "/"); ok {
			resource = resource || slices.Contains(r.resources, "*/"+sub)
		}
		if resource && has(r.groups, x.group) && (len(r.names) == 0 || x.name != "" && slices.Contains(r.names, x.name)) {
			return true
		}
	}
	return false
}

// rights flags roles that allow more, and bindings that give roles to more.
func (x *finder) rights(c diff.Change) {
	if c.After == nil || c.Object.Group != rbac {
		return
	}
	switch c.Object.Kind {
	case "Role", "ClusterRole":
		x.role(c)
	case "RoleBinding", "ClusterRoleBinding":
		x.binding(c)
	}
}

func (x *finder) role(c diff.Change) {
	before, after := rulesIn(content(c.Before)), rulesIn(c.After.Content)
	now, complete := after.expand()
	if _, ok := before.expand(); !ok || !complete {
		x.flag(RBACWider, c.Object, "/rules", "allows more than %d things: too many to compare", maxRights)
		return
	}
	var gained []right
	for _, r := range now {
		if !before.allow(r) && (c.Before != nil || powerful(r, c.Object.Kind) != "") {
			gained = append(gained, r)
		}
	}
	if len(gained) > 0 {
		why := map[string]bool{}
		for _, r := range gained {
			if text := powerful(r, c.Object.Kind); text != "" {
				why[text] = true
			}
		}
		weight, what := 0, ""
		if len(why) > 0 {
			weight, what = 1, ", which means "+strings.Join(slices.Sorted(maps.Keys(why)), "; ")
		}
		allows := "newly allows"
		if c.Before == nil {
			allows = "is new and allows"
		}
		x.weigh(weight, RBACWider, c.Object, "/rules", "%s %s%s", allows, list(show(gained)), what)
	}
	if manifest.At(c.After.Content, "aggregationRule") != nil && !covers(
		manifest.List(content(c.Before), "aggregationRule", "clusterRoleSelectors"), manifest.List(c.After.Content, "aggregationRule", "clusterRoleSelectors")) {
		x.flag(RBACWider, c.Object, "/aggregationRule", "takes over the rules of other ClusterRoles, chosen by label, also of those that come later")
	}
	if c.Before == nil {
		return
	}
	was := manifest.Map(c.Before.Content, "metadata", "labels")
	for k, v := range manifest.Map(c.After.Content, "metadata", "labels") {
		if to, ok := strings.CutPrefix(k, rbac+"/aggregate-to-"); ok && v == "true" && was[k] != "true" {
			x.flag(RBACWider, c.Object, pointer("metadata", "labels", k), "its rules go into the ClusterRole %s, for all who have that", quote(to))
		}
	}
}

// covers reports whether a list holds all items of another.
func covers(all, some []any) bool {
	for _, s := range some {
		if !slices.ContainsFunc(all, func(a any) bool { return fmt.Sprint(a) == fmt.Sprint(s) }) {
			return false
		}
	}
	return true
}

// powerful says what a right means that leads to all others, empty for any other.
func powerful(r right, kind string) string {
	is := func(list ...string) bool { return slices.Contains(list, r.verb) || r.verb == "*" }
	in := func(group string) bool { return r.group == group || r.group == "*" }
	scope := "on the cluster"
	if kind == "Role" {
		scope = "in its namespace"
	}
	switch {
	case r.url != "" || r.name != "" && r.verb != "*":
		return ""
	case r.verb == "*" && r.resource == "*" && r.group == "*":
		return "everything " + scope
	case r.resource == "*" && (r.group == "" || r.group == "*"):
		return "all resources " + scope + ", Secrets among them"
	case r.resource == "secrets" && in("") && is("get", "list", "watch"):
		return "reading Secrets " + scope
	case strings.HasPrefix(r.resource, "clusterrole") || strings.HasPrefix(r.resource, "role"):
		if in(rbac) && (r.verb == "escalate" || r.verb == "bind" || r.verb == "*") {
			return "giving itself any right " + scope
		}
	case (r.verb == "impersonate" || r.verb == "*") && (in("") || in("authentication.k8s.io")) && slices.Contains([]string{"users", "groups", "serviceaccounts", "userextras"}, r.resource):
		if r.verb == "impersonate" || r.resource != "serviceaccounts" {
			return "acting as somebody else"
		}
	case r.resource == "serviceaccounts/token" && in("") && is("create"):
		return "acting as any ServiceAccount " + scope
	case (r.resource == "pods/exec" || r.resource == "pods/attach" || r.resource == "pods/ephemeralcontainers") && in("") && is("create", "get", "patch", "update"):
		return "running commands in pods " + scope
	case r.resource == "nodes/proxy" && in(""):
		return "running commands in any pod through the nodes"
	}
	return ""
}

// show writes rights for people, those of one resource together: get, list secrets.
func show(rights []right) []string {
	verbs := map[string][]string{}
	for _, r := range rights {
		on := r.resource
		switch {
		case r.url != "":
			on = r.url
		case r.group == "*":
			on += " of all groups"
		case r.group != "":
			on += "." + r.group
		}
		if r.name != "" {
			on += " " + quote(r.name)
		}
		verb := r.verb
		if verb == "*" {
			verb = "everything on"
		}
		if !slices.Contains(verbs[on], verb) {
			verbs[on] = append(verbs[on], verb)
		}
	}
	var shown []string
	for _, on := range slices.Sorted(maps.Keys(verbs)) {
		slices.Sort(verbs[on])
		shown = append(shown, strings.Join(verbs[on], "/")+" "+on)
	}
	return shown
}
