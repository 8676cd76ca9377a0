package gitrepo

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Change is one path that a commit sets or removes.
type Change struct {
	path    string
	mode    string
	content string
}

// File sets a file. path is taken as it is, so odd and hostile names can be made.
func File(path, content string) Change { return Change{path, "100644", content} }

// Executable sets a file with the executable bit.
func Executable(path, content string) Change { return Change{path, "100755", content} }

// Symlink sets a symbolic link.
func Symlink(path, target string) Change { return Change{path, "120000", target} }

// Submodule sets a submodule that names a commit of some other repository.
func Submodule(path, commit string) Change { return Change{path, "160000", commit} }

// Remove removes a file or a whole folder.
func Remove(path string) Change { return Change{path: path} }

// Commit adds a commit to branch that sets files (path to content) on top of what the branch has. A branch that does
// not exist begins with this commit.
func (r *Repo) Commit(branch string, files map[string]string, message string) (commit string, err error) {
	changes := make([]Change, 0, len(files))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		changes = append(changes, File(path, files[path]))
	}
	return r.Apply(branch, message, changes...)
}

// Apply adds a commit to branch with these changes. No change at all makes an empty commit.
func (r *Repo) Apply(branch, message string, changes ...Change) (commit string, err error) {
	return r.commit(branch, message, nil, false, changes)
}

// Merge adds a merge commit to branch: its tree plus changes, with others (branches, tags or hashes) as further parents.
func (r *Repo) Merge(branch, message string, others []string, changes ...Change) (commit string, err error) {
	parents := make([]string, 0, len(others))
	for _, other := range others {
		hash, err := r.Resolve(other)
		if err != nil {
			return "", fmt.Errorf("merge %q: %w", other, err)
		}
		parents = append(parents, hash)
	}
	return r.commit(branch, message, parents, false, changes)
}

// CommitFS adds a commit to branch whose tree is exactly fsys: files and symbolic links, with their executable bits.
func (r *Repo) CommitFS(branch string, fsys fs.FS, message string) (commit string, err error) {
	var changes []Change
	err = fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			target, err := fs.ReadLink(fsys, path)
			changes = append(changes, Symlink(path, target))
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		if info.Mode()&0o111 != 0 {
			changes = append(changes, Executable(path, string(content)))
		} else {
			changes = append(changes, File(path, string(content)))
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("commit to %s: %w", branch, err)
	}
	return r.commit(branch, message, nil, true, changes)
}

func (r *Repo) commit(branch, message string, others []string, clear bool, changes []Change) (string, error) {
	ref := "refs/heads/" + branch
	date := r.tick()
	who := fmt.Sprintf("%s <%s> %d +0000", AuthorName, AuthorEmail, date)
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\nauthor %s\ncommitter %s\n", ref, who, who)
	data(&in, message+"\n")
	if tip, err := r.git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref); err == nil {
		fmt.Fprintf(&in, "from %s\n", tip)
	}
	for _, other := range others {
		fmt.Fprintf(&in, "merge %s\n", other)
	}
	if clear {
		in.WriteString("deleteall\n")
	}
	for _, c := range changes {
		switch c.mode {
		case "":
			fmt.Fprintf(&in, "D %s\n", quote(c.path))
		case "160000":
			fmt.Fprintf(&in, "M %s %s %s\n", c.mode, c.content, quote(c.path))
		default:
			fmt.Fprintf(&in, "M %s inline %s\n", c.mode, quote(c.path))
			data(&in, c.content)
		}
	}
	in.WriteString("\ndone\n")
	// fast-import writes blobs, trees, commit and branch in one process: a commit costs some milliseconds.
	if _, err := r.git(in.Bytes(), "fast-import", "--quiet", "--done"); err != nil {
		return "", fmt.Errorf("commit to %s: %w", branch, err)
	}
	return r.Resolve(ref)
}

func data(in *bytes.Buffer, content string) {
	fmt.Fprintf(in, "data %d\n%s\n", len(content), content)
}

// quote writes a path as fast-import reads it: in C style, every byte that is not plain as an octal escape.
func quote(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(path) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			b.WriteString("\\" + fmt.Sprintf("%03s", strconv.FormatInt(int64(c), 8)))
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
