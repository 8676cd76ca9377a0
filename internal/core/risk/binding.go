package risk

import (
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// subject is whom a binding gives a role.
type subject struct{ kind, namespace, name string }

func (s subject) String() string {
	if s.kind == "ServiceAccount" {
		return s.kind + " " + quote(s.namespace+"/"+s.name)
	}
	return s.kind + " " + quote(s.name)
}

func subjects(o *manifest.Object) (all []subject) {
	for _, s := range manifest.List(content(o), "subjects") {
		all = append(all, subject{manifest.Text(s, "kind"), manifest.Text(s, "namespace"), manifest.Text(s, "name")})
	}
	return all
}

// binding flags who got a role: anybody new in a binding that was there, and in a new binding whoever is many, or gets very much.
func (x *finder) binding(c diff.Change) {
	role := manifest.Text(c.After.Content, "roleRef", "kind") + " " + quote(manifest.Text(c.After.Content, "roleRef", "name"))
	admin := manifest.Text(c.After.Content, "roleRef", "name") == "cluster-admin"
	changed := c.Before != nil && (manifest.Text(c.Before.Content, "roleRef", "name") != manifest.Text(c.After.Content, "roleRef", "name") ||
		manifest.Text(c.Before.Content, "roleRef", "kind") != manifest.Text(c.After.Content, "roleRef", "kind"))
	before := subjects(c.Before)
	for i, s := range subjects(c.After) {
		had := slices.Contains(before, s)
		path := pointer("subjects", i)
		switch many := broad(s); {
		case had && !changed:
		case many != "":
			x.weigh(3, RBACWider, c.Object, path, "gives %s to %s, which is %s", role, s, many)
		case admin:
			x.weigh(2, RBACWider, c.Object, path, "gives %s to %s: it may do everything", role, s)
		case had:
			x.flag(RBACWider, c.Object, "/roleRef", "gives %s to %s instead of %s", role, s, quote(manifest.Text(c.Before.Content, "roleRef", "name")))
		case c.Before != nil:
			x.flag(RBACWider, c.Object, path, "gives %s to %s as well", role, s)
		case s.kind == "ServiceAccount" && s.name == "default":
			x.flag(RBACWider, c.Object, path, "gives %s to %s, as which all pods of the namespace run that name no other", role, s)
		}
	}
}

// broad says who is behind a subject that is many, empty for any other.
func broad(s subject) string {
	switch {
	case s.kind == "User" && s.name == "system:anonymous", s.kind == "Group" && s.name == "system:unauthenticated":
		return "everybody who reaches the API server, without a login"
	case s.kind == "Group" && s.name == "system:authenticated":
		return "everybody with a login, all ServiceAccounts included"
	case s.kind == "Group" && s.name == "system:masters":
		return "whoever may do everything anyway"
	case s.kind == "Group" && s.name == "system:serviceaccounts":
		return "every pod of the cluster"
	case s.kind == "Group" && strings.HasPrefix(s.name, "system:serviceaccounts:"):
		return "every pod of a namespace"
	case s.kind == "Group" && s.name == "system:nodes":
		return "every node"
	}
	return ""
}
