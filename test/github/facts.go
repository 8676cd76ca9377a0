package github

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// facts are what Git says of a repository. What never changes is remembered.
type facts struct {
	git     *gitrepo.Repo
	commits map[string]*commit
	ranges  map[string][]string
	files   map[string][]file
	bases   map[string]string
}

func newFacts(git *gitrepo.Repo) *facts {
	return &facts{git: git, commits: map[string]*commit{}, ranges: map[string][]string{}, files: map[string][]file{}, bases: map[string]string{}}
}

type person struct {
	name, email string
	at          time.Time
}

type commit struct {
	sha, tree, message string
	parents            []string
	author, committer  person
}

// title is a commit message's first line, body the rest.
func (c *commit) title() string { title, _, _ := strings.Cut(c.message, "\n"); return title }

func (c *commit) body() string {
	_, body, _ := strings.Cut(c.message, "\n")
	return strings.TrimSpace(body)
}

// file is one that a comparison shows.
type file struct {
	path, previous, status, blob string
	additions, deletions         int
	patch                        string
}

// run runs git in the repository with further environment.
func (f *facts) run(environment []string, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = f.git.Dir
	cmd.Env = append(gitrepo.Env(), environment...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// refs are the branches and tags, read from the files: no process is started, since every request asks.
func (f *facts) refs() (map[string]string, error) {
	found := map[string]string{}
	packed, err := os.ReadFile(filepath.Join(f.git.Dir, "packed-refs"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for line := range strings.Lines(string(packed)) {
		sha, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) {
			found[name] = sha
		}
	}
	for _, kind := range []string{"refs/heads", "refs/tags"} {
		err := filepath.WalkDir(filepath.Join(f.git.Dir, kind), func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) { // A push may delete it at the same time.
				return nil
			}
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
				return err
			}
			text, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil
			}
			name, _ := filepath.Rel(f.git.Dir, path)
			if sha := strings.TrimSpace(string(text)); len(sha) == 40 {
				found[filepath.ToSlash(name)] = sha
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// head is the default branch's name.
func (f *facts) head() string {
	text, err := os.ReadFile(filepath.Join(f.git.Dir, "HEAD"))
	if err != nil {
		return gitrepo.DefaultBranch
	}
	return strings.TrimPrefix(strings.TrimSpace(string(text)), "ref: refs/heads/")
}

// commit reads one; rev may be a branch, a tag or the start of a hash too.
func (f *facts) commit(rev string) (*commit, error) {
	if c := f.commits[rev]; c != nil {
		return c, nil
	}
	const format = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B"
	out, err := f.run(nil, "", "log", "-1", "--format="+format, "--end-of-options", rev, "--")
	if err != nil {
		return nil, err
	}
	p := strings.SplitN(out, "\x00", 10)
	if len(p) < 10 {
		return nil, fmt.Errorf("%s is no commit", rev)
	}
	at := func(text string) time.Time { n, _ := strconv.ParseInt(text, 10, 64); return time.Unix(n, 0).UTC() }
	c := &commit{
		sha: p[0], tree: p[1], parents: strings.Fields(p[2]), message: strings.TrimRight(p[9], "\n"),
		author: person{p[3], p[4], at(p[5])}, committer: person{p[6], p[7], at(p[8])},
	}
	f.commits[c.sha] = c
	return c, nil
}

// between are the commits of head that base lacks, oldest first.
func (f *facts) between(base, head string) ([]string, error) {
	key := base + ".." + head
	if all, done := f.ranges[key]; done {
		return all, nil
	}
	out, err := f.run(nil, "", "rev-list", "--reverse", "--topo-order", "--end-of-options", key, "--")
	if err != nil {
		return nil, err
	}
	all := strings.Fields(out)
	f.ranges[key] = all
	return all, nil
}

// ancestor tells whether commit a is b or comes before it.
func (f *facts) ancestor(a, b string) bool { return a == b || f.mergeBase(a, b) == a }

// mergeBase is where two commits, given by their whole hashes, part; empty when they have nothing in common.
func (f *facts) mergeBase(a, b string) string {
	key := a + ".." + b
	if base, done := f.bases[key]; done {
		return base
	}
	out, err := f.run(nil, "", "merge-base", a, b)
	if err != nil && len(out) == 0 && !f.has(a, b) {
		return "" // Not remembered: the commits may come yet.
	}
	f.bases[key] = strings.TrimSpace(out)
	return f.bases[key]
}

// has tells whether the commits are in the repository.
func (f *facts) has(commits ...string) bool {
	for _, c := range commits {
		if _, err := f.commit(c); err != nil {
			return false
		}
	}
	return true
}

// changed are the files that differ between two commits, with their patches. An empty from means nothing.
func (f *facts) changed(from, to string) ([]file, error) {
	key := from + ".." + to
	if all, done := f.files[key]; done {
		return all, nil
	}
	if from == "" {
		from = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	}
	out, err := f.run(nil, "", "diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--end-of-options", from, to)
	if err != nil {
		return nil, err
	}
	all := parseDiff(out)
	for i := range all {
		paths := []string{all[i].path}
		if all[i].previous != "" {
			paths = append(paths, all[i].previous)
		}
		args := append([]string{"diff-tree", "-r", "-p", "-M", "--end-of-options", from, to, "--"}, paths...)
		patch, err := f.run([]string{"GIT_LITERAL_PATHSPECS=1"}, "", args...)
		if err != nil {
			return nil, err
		}
		if at := strings.Index(patch, "\n@@ "); at >= 0 {
			all[i].patch = strings.TrimSuffix(patch[at+1:], "\n")
		}
	}
	f.files[key] = all
	return all, nil
}

// parseDiff reads raw and numstat output with zero bytes between the fields.
func parseDiff(out string) (all []file) {
	words := strings.Split(out, "\x00")
	index := map[string]int{}
	for i := 0; i < len(words) && words[i] != ""; {
		if strings.HasPrefix(words[i], ":") {
			p := strings.Fields(words[i])
			f := file{blob: p[3], path: words[i+1]}
			i += 2
			switch p[4][0] {
			case 'A':
				f.status = "added"
			case 'D':
				f.status, f.blob = "removed", p[2]
			case 'R':
				f.status, f.previous, f.path = "renamed", f.path, words[i]
				i++
			case 'T':
				f.status = "changed"
			default:
				f.status = "modified"
			}
			index[f.path] = len(all)
			all = append(all, f)
			continue
		}
		p := strings.SplitN(words[i], "\t", 3)
		path := p[2]
		i++
		if path == "" { // A rename: old and new follow.
			path = words[i+1]
			i += 2
		}
		at, known := index[path]
		if !known {
			continue
		}
		all[at].additions, _ = strconv.Atoi(p[0]) // "-" for a binary file counts as nothing.
		all[at].deletions, _ = strconv.Atoi(p[1])
	}
	return all
}
