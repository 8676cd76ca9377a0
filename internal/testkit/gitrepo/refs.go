package gitrepo

import "fmt"

// Tag makes a lightweight tag on rev (branch, tag or hash). A tag of that name must not exist.
func (r *Repo) Tag(name, rev string) error {
	_, err := r.git(nil, "tag", "--end-of-options", name, rev)
	return err
}

// AnnotatedTag makes an annotated tag on rev. A tag of that name must not exist.
func (r *Repo) AnnotatedTag(name, rev, message string) error {
	_, err := r.gitDated(r.tick(), nil, "tag", "--annotate", "--message="+message, "--end-of-options", name, rev)
	return err
}

// MoveTag points an existing tag at rev, as a forced push would. It is lightweight afterwards.
func (r *Repo) MoveTag(name, rev string) error {
	if err := r.SetRef("refs/tags/"+name, rev+"^{commit}"); err != nil {
		return fmt.Errorf("move tag %q: %w", name, err)
	}
	return nil
}

// DeleteTag removes a tag.
func (r *Repo) DeleteTag(name string) error {
	return r.deleteRef("refs/tags/" + name)
}

// SetBranch creates branch at rev, or moves it there as a forced push would.
func (r *Repo) SetBranch(branch, rev string) error {
	if err := r.SetRef("refs/heads/"+branch, rev+"^{commit}"); err != nil {
		return fmt.Errorf("set branch %q: %w", branch, err)
	}
	return nil
}

// DeleteBranch removes a branch.
func (r *Repo) DeleteBranch(branch string) error {
	return r.deleteRef("refs/heads/" + branch)
}

// SetHead makes branch the default branch. It need not exist.
func (r *Repo) SetHead(branch string) error {
	_, err := r.git(nil, "symbolic-ref", "HEAD", "refs/heads/"+branch)
	return err
}

// SetRef points any ref at any object: also a tag at a tree or a blob.
func (r *Repo) SetRef(ref, rev string) error {
	hash, err := r.git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev)
	if err != nil {
		return fmt.Errorf("%q names nothing: %w", rev, err)
	}
	_, err = r.git(nil, "update-ref", ref, hash)
	return err
}

func (r *Repo) deleteRef(ref string) error {
	// update-ref is content when there was nothing to delete; a test that deletes by a wrong name should hear of it.
	if _, err := r.git(nil, "show-ref", "--verify", "--quiet", ref); err != nil {
		return fmt.Errorf("delete %s: there is no such ref", ref)
	}
	_, err := r.git(nil, "update-ref", "-d", ref)
	return err
}
