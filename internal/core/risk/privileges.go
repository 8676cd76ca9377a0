package risk

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// privileges flags pods that can do more to their node, and namespaces that let them.
func (x *finder) privileges(c diff.Change) {
	if c.After == nil {
		return
	}
	for _, p := range podPairs(c.Before, c.After) {
		gained := func(weight int, path, format string, args ...any) {
			x.weigh(weight, PrivilegeGained, c.Object, p.path+path, format, args...)
		}
		x.pod(p, gained)
		old := containers(p.before, p.path)
		for _, one := range containers(p.after, "") {
			x.container(p, named(old, one.name), one, gained)
		}
	}
	if c.Before != nil && c.Object.GroupKind() == "Namespace" {
		const label = "pod-security.kubernetes.io/enforce"
		was, is := manifest.Text(c.Before.Content, "metadata", "labels", label), manifest.Text(c.After.Content, "metadata", "labels", label)
		if strictness(is) < strictness(was) {
			x.flag(PrivilegeGained, c.Object, pointer("metadata", "labels", label), "Pod Security enforces %s instead of %s: pods of the namespace may do more", level(is), was)
		}
	}
}

func strictness(level string) int {
	return slices.Index([]string{"privileged", "baseline", "restricted"}, level)
}

func level(s string) string {
	if s == "" {
		return "nothing but the cluster's default"
	}
	return s
}

type gain func(weight int, path, format string, args ...any)

func (x *finder) pod(p podPair, gained gain) {
	for _, share := range []struct{ field, means string }{
		{"hostNetwork", "shares the node's network: it reaches what listens only there, and NetworkPolicies do not hold for it"},
		{"hostPID", "sees and can signal all processes of the node"},
		{"hostIPC", "shares memory with all processes of the node"},
	} {
		if p.after[share.field] == true && p.before[share.field] != true {
			gained(2, pointer(share.field), "%s", share.means)
		}
	}
	mounted := map[string]bool{}
	for _, v := range manifest.List(p.before, "volumes") {
		if manifest.Map(v, "hostPath") != nil {
			mounted[manifest.Text(v, "hostPath", "path")] = true
		}
	}
	for i, v := range manifest.List(p.after, "volumes") {
		if path := manifest.Text(v, "hostPath", "path"); manifest.Map(v, "hostPath") != nil && !mounted[path] {
			gained(1, pointer("volumes", i, "hostPath"), "can mount %s of the node", quote(path))
		}
	}
	if p.before != nil && p.before["automountServiceAccountToken"] == false && p.after["automountServiceAccountToken"] != false {
		gained(0, pointer("automountServiceAccountToken"), "gets the token of its ServiceAccount, which it did not have")
	}
	if p.before != nil && p.before["hostUsers"] == false && p.after["hostUsers"] != false {
		gained(1, pointer("hostUsers"), "no longer has users of its own: root in it is root on the node")
	}
}

// container compares one container with the one of that name, nil where it is new. What is only a default counts when it was not so before.
func (x *finder) container(p podPair, old map[string]any, now container, gained gain) {
	at := func(key ...any) string { return now.path + pointer(append([]any{"securityContext"}, key...)...) }
	set := func(c map[string]any, key ...string) any {
		return manifest.At(c, append([]string{"securityContext"}, key...)...)
	}
	name := quote(now.name)
	if set(now.content, "privileged") == true && set(old, "privileged") != true {
		gained(3, at("privileged"), "container %s is privileged: it can do everything on the node", name)
	}
	if set(now.content, "windowsOptions", "hostProcess") == true && set(old, "windowsOptions", "hostProcess") != true {
		gained(3, at("windowsOptions", "hostProcess"), "container %s runs as a process of the node", name)
	}
	had := capabilities(old, "add")
	for i, added := range capabilities(now.content, "add") {
		if !slices.Contains(had, added) && !slices.Contains(had, "ALL") {
			gained(1, at("capabilities", "add", i), "container %s gets the capability %s", name, quote(added))
		}
	}
	switch allowed := set(now.content, "allowPrivilegeEscalation"); {
	case allowed == true && set(old, "allowPrivilegeEscalation") != true, allowed == nil && set(old, "allowPrivilegeEscalation") == false:
		gained(0, at("allowPrivilegeEscalation"), "container %s may gain privileges that its parent process does not have", name)
	}
	// A user that is a number: manifests hold it as int64 or, from JSON, as float64.
	if uid, ok := number(effective(p.after, now.content, "runAsUser")); ok && uid == 0 {
		if was, ok := number(effective(p.before, old, "runAsUser")); !ok || was != 0 || old == nil {
			gained(1, source(now, "runAsUser"), "container %s runs as root", name)
		}
	}
	for key, value := range map[string]string{"seccompProfile": "seccomp", "appArmorProfile": "AppArmor"} {
		is, was := effective(p.after, now.content, key, "type"), effective(p.before, old, key, "type")
		switch {
		case is == "Unconfined" && was != "Unconfined":
			gained(1, source(now, key), "container %s runs without %s", name, value)
		case old != nil && is == nil && was != nil && was != "Unconfined":
			gained(0, at(key), "container %s no longer asks for the %s profile %s", name, value, quote(was))
		}
	}
	if set(now.content, "procMount") == "Unmasked" && set(old, "procMount") != "Unmasked" {
		gained(1, at("procMount"), "container %s sees all of /proc", name)
	}
	ports := map[int64]bool{}
	for _, v := range manifest.List(old, "ports") {
		n, _ := number(manifest.At(v, "hostPort"))
		ports[n] = true
	}
	for i, v := range manifest.List(now.content, "ports") {
		if n, _ := number(manifest.At(v, "hostPort")); n != 0 && !ports[n] {
			gained(0, now.path+pointer("ports", i, "hostPort"), "container %s listens on port %d of the node", name, n)
		}
	}
	if old == nil {
		return
	}
	if slices.Contains(capabilities(old, "drop"), "ALL") && !slices.Contains(capabilities(now.content, "drop"), "ALL") {
		gained(1, at("capabilities", "drop"), "container %s no longer drops all capabilities", name)
	}
	if effective(p.before, old, "runAsNonRoot") == true && effective(p.after, now.content, "runAsNonRoot") != true {
		gained(1, at("runAsNonRoot"), "container %s may run as root: runAsNonRoot is gone", name)
	}
	if set(old, "readOnlyRootFilesystem") == true && set(now.content, "readOnlyRootFilesystem") != true {
		gained(0, at("readOnlyRootFilesystem"), "container %s may write to its root filesystem", name)
	}
}

// source is where a setting of a container stands: in its own security context, or else in its pod's.
func source(c container, key string) string {
	if manifest.At(c.content, "securityContext", key) != nil {
		return c.path + pointer("securityContext", key)
	}
	return pointer("securityContext", key)
}
