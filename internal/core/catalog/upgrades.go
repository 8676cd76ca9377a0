package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// upgrades reads how newer versions are proposed. What it says of addons is checked by groups, on main.
func upgrades(into **Upgrades, groupsNode **yaml.Node) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		u := &Upgrades{}
		var age *time.Duration
		given := d.object(name, n, []field{
			{"schedule", false, text(&u.Schedule, checkSchedule)},
			{"maxOpen", false, amount(&u.MaxOpen)},
			{"maxOpenPerBranch", false, amount(&u.MaxOpenPerBranch)},
			{"maxNew", false, amount(&u.MaxNew)},
			{"minimumAge", false, duration(&age, MaxMinimumAge)},
			{"groups", false, groups(&u.Groups)},
		})
		if given == nil {
			return
		}
		if age != nil {
			u.MinimumAge = *age
		}
		*into, *groupsNode = u, given["groups"]
	}
}

func groups(into *[]UpgradeGroup) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		in := map[string]string{}
		d.entries(name, n, MaxList, func(key *yaml.Node, name string, n *yaml.Node) {
			g := UpgradeGroup{Name: key.Value}
			if err := checkLabel(g.Name, "a group's name"); err != nil {
				d.refuse(at(key), "%s: %v", name, err)
			}
			d.list(name, n, MaxList, func(_ int, name string, n *yaml.Node) {
				var addon string
				text(&addon, checkAddonName)(d, name, n)
				switch other := in[addon]; {
				case addon == "":
				case other == g.Name:
					d.refuse(at(n), "%s: %s is listed twice: remove one", name, quote(addon))
				case other != "":
					d.refuse(at(n), "%s: %s is also in group %s: an addon is in one group, remove it from the other", name, quote(addon), quote(other))
				default:
					in[addon] = g.Name
					g.Addons = append(g.Addons, addon)
				}
			})
			if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				d.refuse(at(n), "%s is empty: list the addons that are upgraded together, or remove the group", name)
			}
			slices.Sort(g.Addons)
			*into = append(*into, g)
		})
		slices.SortStableFunc(*into, func(a, b UpgradeGroup) int { return strings.Compare(a.Name, b.Name) })
	}
}

// groups refuses what does not fit the addons. Only main's count: a release branch that no longer has an addon need not change them.
func (d *decoder) groups(addons []Addon, groups *yaml.Node) {
	if groups == nil {
		return
	}
	var names []string
	for _, a := range addons {
		names = append(names, a.Name)
	}
	for i := 0; i+1 < len(groups.Content); i += 2 {
		key, value := groups.Content[i], groups.Content[i+1]
		where := "upgrades.groups." + key.Value
		if slices.Contains(names, key.Value) {
			d.refuse(at(key), "%s: %s is the name of an addon, and pull requests are named after both: rename the group", where, quote(key.Value))
		}
		for j, n := range value.Content {
			if slices.Contains(names, n.Value) {
				continue
			}
			hint := "add it or remove this entry"
			if len(d.found) < MaxProblems {
				if near := nearest(n.Value, names); near != "" {
					hint = "did you mean " + near + "?"
				}
			}
			d.refuse(at(n), "%s[%d]: the catalog has no addon %s: %s", where, j, quote(n.Value), hint)
		}
	}
}

func policies(into **Policies) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		p := &Policies{}
		given := d.object(name, n, []field{
			{"path", false, text(&p.Path, checkPath)},
			{"image", false, text(&p.Image, checkPinned)},
			{"namespaces", false, texts(&p.Namespaces, checkPattern)},
		})
		switch {
		case given == nil:
			return
		case given["path"] != nil && given["image"] != nil:
			d.refuse(at(n), "%s names a path and an image: want exactly one, remove the other", name)
		case given["path"] == nil && given["image"] == nil:
			d.refuse(at(n), "%s names no policies: give path, a folder of the repository, or image, pinned by a digest", name)
		}
		*into = p
	}
}

func upstream(into *Upstream) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		given := d.object(name, n, []field{
			{"helm", false, func(d *decoder, name string, n *yaml.Node) {
				into.Helm = &UpstreamHelm{}
				d.object(name, n, []field{
					{"repository", required, text(&into.Helm.Repository, checkURL)},
					{"chart", required, text(&into.Helm.Chart, checkChart)},
				})
			}},
			{"github", false, upstreamGitHub(&into.GitHub)},
			{"image", false, text(&into.Image, checkImage)},
			{"git", false, text(&into.Git, checkGit)},
			{"ignore", false, text(&into.Ignore, checkRange)},
			{"only", false, text(&into.Only, checkRange)},
			{"minimumAge", false, duration(&into.MinimumAge, MaxMinimumAge)},
			{"support", false, support(&into.Support)},
		})
		sources := 0
		for _, source := range []string{"helm", "github", "image", "git"} {
			if given[source] != nil {
				sources++
			}
		}
		switch {
		case given == nil:
		case len(given) == 0:
			d.refuse(at(n), "%s is empty: name one of helm, github, image, git, or remove the field", name)
		case sources > 1:
			d.refuse(at(n), "%s names %s: want one of helm, github, image, git", name, count(sources, "source"))
		}
	}
}

func upstreamGitHub(into **UpstreamGitHub) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		g := &UpstreamGitHub{}
		*into = g
		given := d.object(name, n, []field{
			{"repository", required, text(&g.Repository, checkGitHub)},
			{"asset", false, text(&g.Asset, checkAsset)},
			{"version", false, text(&g.Version, checkVersion)},
			{"sha256", false, text(&g.SHA256, checkSHA256)},
		})
		switch {
		case given["version"] != nil && given["asset"] == nil:
			d.refuse(at(given["version"]), "%s.version is that of the copy of an asset, and no asset is named: add asset or remove version", name)
		case given["sha256"] != nil && given["version"] == nil:
			d.refuse(at(given["sha256"]), "%s.sha256 is that of the asset in one version: add version", name)
		}
	}
}

func support(into *map[version.Minor]string) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		all := map[version.Minor]string{}
		d.entries(name, n, MaxMinors, func(key *yaml.Node, name string, n *yaml.Node) {
			var minor version.Minor
			var r string
			text(new(string), func(s string) (err error) {
				minor, err = version.ParseMinor(s)
				return err
			})(d, name, key)
			text(&r, checkRange)(d, name, n)
			if !minor.IsZero() && r != "" {
				all[minor] = r
			}
		})
		*into = all
	}
}

// entries reads a map whose keys are names of the author's choice.
func (d *decoder) entries(name string, n *yaml.Node, limit int, each func(key *yaml.Node, name string, n *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.refuse(at(n), "%s: want a map, found %s", name, describe(n))
		return
	}
	if len(n.Content)/2 > limit {
		d.refuse(at(n), "%s has %d entries, at most %d are allowed", name, len(n.Content)/2, limit)
		return
	}
	keys := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first := keys[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.refuse(at(key), "%s: a key must be a plain word, found %s", name, describe(key))
		case first != nil:
			d.refuse(at(key), "%s: %s is given twice, first in line %d: remove one", name, quote(key.Value), first.Line)
		default:
			keys[key.Value] = key
			each(key, child(name, cut(key.Value)), value)
		}
	}
}

// amount reads a number from 0 to MaxList.
func amount(into *int) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || n.Value != strconv.Itoa(v) || v < 0 || v > MaxList {
			d.refuse(at(n), "%s: want a whole number from 0 to %d without quotes, found %s", name, MaxList, describe(n))
			return
		}
		*into = v
	}
}

func checkRange(s string) error {
	_, err := version.ParseRange(s)
	return err
}

func checkVersion(s string) error {
	if !version.Published(s) {
		return fmt.Errorf("%s is not a version: want letters, digits and . _ + ~ -, such as v1.2.3", quote(s))
	}
	return nil
}

var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

func checkSHA256(s string) error {
	if !hexDigest.MatchString(s) {
		return fmt.Errorf("%s is not a SHA-256: want 64 digits 0-9 and a-f, as sha256sum prints", quote(s))
	}
	return nil
}

var tagged = regexp.MustCompile(`:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func checkPinned(s string) error {
	name, digest, pinned := strings.Cut(s, "@")
	if !pinned || !strings.HasPrefix(digest, "sha256:") || !hexDigest.MatchString(strings.TrimPrefix(digest, "sha256:")) {
		return fmt.Errorf("%s is not pinned by a digest, and a tag can be moved: want the form registry.example.com/policies@sha256:<64 hexadecimal digits>", quote(s))
	}
	// A tag beside the digest is for people.
	return checkImage(tagged.ReplaceAllString(name, ""))
}

var pattern = regexp.MustCompile(`^[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?$`)

func checkPattern(s string) error {
	if len(s) > maxLabel || !pattern.MatchString(s) {
		return fmt.Errorf("%s is not a namespace: want lower-case letters, digits and inner dashes, with * for any characters, such as kube-*", quote(s))
	}
	return nil
}
