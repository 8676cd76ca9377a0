package native

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// kinds say what git's types of message are to people. Of several for a path the first counts.
var kinds = []struct {
	words string
	kind  pick.Kind
}{
	{"file/directory", pick.FileOrDirectory},
	{"submodule", pick.Submodule},
	{"rename", pick.Rename},
	{"modify/delete", pick.ModifyDelete},
	{"distinct modes", pick.Mode},
	{"distinct types", pick.Mode},
	{"binary", pick.Binary},
	{"contents", pick.Content},
}

const submoduleMode, linkMode = "160000", "120000"

// maxMarked bounds a file with conflict markers, which is three files in one.
const maxMarked = 64 << 20

// picked makes a result of what merge-tree says: its markers get readable labels, and what it would leave undecided without saying so in the file
// is as on the branch.
func (m *Mirror) picked(t task, g merge) (Picked, error) {
	if g.clean {
		return Picked{Tree: g.tree, Empty: g.tree == t.onto}, nil
	}
	p := Picked{Stages: map[string]Stages{}}
	// Where two things want one name, git gives one of them another: the name, a tilde, and the side it is of.
	aside := regexp.MustCompile(`~(` + t.ours + `|` + t.theirs + `)(_\d+)?$`)
	commit, _, _ := strings.Cut(t.labels.theirs, " ")
	told := strings.NewReplacer(t.ours, t.labels.ours, t.theirs, commit)
	changed := map[string]change.Entry{}
	for _, s := range g.stages {
		path := aside.ReplaceAllString(s.path, "")
		if path != s.path {
			changed[s.path] = change.Entry{}
		}
		v := p.Stages[path]
		switch s.side {
		case "1":
			v.Base = s.entry
		case "2":
			v.Ours = s.entry
		case "3":
			v.Theirs = s.entry
		}
		p.Stages[path] = v
	}
	for _, path := range slices.Sorted(maps.Keys(p.Stages)) {
		c := pick.Conflict{Path: path}
		rank := len(kinds)
		for _, msg := range g.messages {
			if !strings.HasPrefix(msg.kind, "CONFLICT") || !slices.ContainsFunc(msg.paths, func(s string) bool { return aside.ReplaceAllString(s, "") == path }) {
				continue
			}
			if n := slices.IndexFunc(kinds, func(k struct {
				words string
				kind  pick.Kind
			},
			) bool {
				return strings.Contains(msg.kind, k.words)
			}); n >= 0 && n < rank {
				rank, c.Kind, c.Message = n, kinds[n].kind, markdown.OneLine(told.Replace(happened(msg.text)))
			}
		}
		v := p.Stages[path]
		switch {
		case c.Kind != "" && c.Kind != pick.Content:
		case v.any(submoduleMode):
			c.Kind = pick.Submodule
		case v.any(linkMode):
			c.Kind = pick.Binary // the target of a link is no text that can be merged by lines
		case c.Kind == "":
			c.Kind = pick.Mode // what git has no words for
		}
		if err := m.settle(t, g, &c, v, changed); err != nil {
			return Picked{}, err
		}
		p.Conflicts = append(p.Conflicts, c)
	}
	var err error
	p.Tree, err = m.edited(g.tree, changed)
	return p, err
}

// happened is the part of a message that is true of our tree: not how git left its own for a person to go on with, since we have the branch's side.
func happened(text string) string {
	text = strings.TrimPrefix(text, "warning: ")
	for _, rest := range []string{".  Version ", "; moving it to ", "; renamed one of them ", "; renamed both of them "} {
		text, _, _ = strings.Cut(text, rest)
	}
	return text
}

// settle says in changed what the tree has at a conflict's path.
func (m *Mirror) settle(t task, g merge, c *pick.Conflict, stages Stages, changed map[string]change.Entry) error {
	if c.Kind == pick.Content {
		now, err := m.at(g.tree, c.Path)
		if err != nil {
			return err
		}
		if now.Mode != "" && now.Mode != folderMode {
			content, err := m.read(now.Blob, plumbing.BlobObject, maxMarked)
			if err != nil {
				return err
			}
			if marked, ok := relabel(string(content), t); ok {
				now.Blob, err = m.write(plumbing.BlobObject, []byte(marked))
				changed[c.Path] = now
				return err
			}
		}
		c.Kind = pick.Binary // git made no markers
		if stages.Ours.Blob == stages.Theirs.Blob {
			c.Kind = pick.Mode
		}
	}
	was, err := m.at(t.onto, c.Path)
	if err == nil && was.Mode != folderMode {
		changed[c.Path] = was
	}
	return err
}

func (s Stages) any(mode string) bool {
	return s.Base.Mode == mode || s.Ours.Mode == mode || s.Theirs.Mode == mode
}

var markerLine = regexp.MustCompile(`^(<{7,}|\|{7,}|={7,}|>{7,})(?: ([0-9a-f]{7,40}))?((?::[^\r\n]*)?)(\r?\n?)$`)

// relabel puts readable labels into the markers of a merge. ok tells that there are any.
func relabel(content string, t task) (marked string, ok bool) {
	var b strings.Builder
	// size is the length of the markers of the conflict that we are in.
	size := 0
	for line := range strings.Lines(content) {
		f := markerLine.FindStringSubmatch(line)
		label := ""
		switch {
		case f == nil:
		case f[2] == t.ours && line[0] == '<':
			size, ok, label = len(f[1]), true, t.labels.ours
		case line[0] == '|' && size == len(f[1]):
			label = t.labels.base
		case f[2] == t.theirs && line[0] == '>' && size == len(f[1]):
			size, label = 0, t.labels.theirs
		}
		if label == "" {
			b.WriteString(line)
			continue
		}
		b.WriteString(f[1] + " " + label + f[3] + f[4])
	}
	return b.String(), ok
}
