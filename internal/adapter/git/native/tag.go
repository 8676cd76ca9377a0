package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// NewTag is an annotated tag to make.
type NewTag struct {
	Name, Commit, Message string
	Tagger                change.Person
	// Signing says how to sign; the zero value does not.
	Signing Signing
}

// Signing is how tags are signed.
type Signing struct {
	// Format is ssh or openpgp.
	Format string
	// Key is the file of an SSH private key, or the id of an OpenPGP key in Home.
	Key string
	// Home is the GNUPGHOME with the key; empty means the user's.
	Home string
}

// Tag writes a tag object and gives its hash. No ref names it until Push.
func (m *Mirror) Tag(ctx context.Context, t NewTag) (object string, err error) {
	if err := hashes(t.Commit); err != nil {
		return "", fmt.Errorf("tag %q: %w", t.Name, err)
	}
	if !validRef(tagsPrefix+t.Name) || strings.HasPrefix(t.Name, "-") {
		return "", fmt.Errorf("tag %q: Git allows no such name", t.Name)
	}
	payload := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s\n\n%s", t.Commit, t.Name, ident(t.Tagger), text(t.Message))
	signature, err := t.Signing.sign(ctx, payload)
	if err != nil {
		return "", fmt.Errorf("sign tag %s: %w", t.Name, err)
	}
	return m.write(plumbing.TagObject, []byte(payload+signature))
}

// sign gives the signature of a text, as git puts it below a tag.
func (s Signing) sign(ctx context.Context, payload string) (string, error) {
	switch s.Format {
	case "":
		return "", nil
	case "ssh":
		if _, err := os.Stat(s.Key); err != nil {
			return "", fmt.Errorf("the SSH key: %w", err)
		}
		key, err := filepath.Abs(s.Key)
		if err != nil {
			return "", err
		}
		return pipe(ctx, payload, nil, "ssh-keygen", "-Y", "sign", "-n", "git", "-f", key)
	case "openpgp":
		if s.Key == "" || strings.HasPrefix(s.Key, "-") {
			return "", fmt.Errorf("%q is no id of an OpenPGP key", s.Key)
		}
		return pipe(ctx, payload, s.home(), "gpg", "--batch", "--no-tty", "--armor", "--detach-sign", "--local-user", s.Key)
	}
	return "", fmt.Errorf("the format %q is not known; use ssh or openpgp", s.Format)
}

func (s Signing) home() []string {
	if s.Home != "" {
		return []string{"GNUPGHOME=" + s.Home}
	}
	if home, err := os.UserHomeDir(); err == nil {
		return []string{"HOME=" + home}
	}
	return nil
}

// pipe runs a program that answers a text with another.
func pipe(ctx context.Context, in string, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(in)
	// Without a terminal and without a window, a key with a passphrase is an error and not a question.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + os.DevNull, "SSH_AUTH_SOCK=" + os.Getenv("SSH_AUTH_SOCK"), "SSH_ASKPASS_REQUIRE=never"}, env...)
	var out bytes.Buffer
	said := &head{limit: maxStderr}
	cmd.Stdout, cmd.Stderr = &out, said
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return "", fmt.Errorf("run %s: %w", program, err)
		}
		return "", fmt.Errorf("%s says %q", program, markdown.Clip(markdown.OneLine(said.String()), maxDetail))
	}
	return out.String(), nil
}

// Verify tells whether a tag object has a good signature: by one of the keys in an allowed-signers file (ssh), or in Signing.Home (openpgp).
func (m *Mirror) Verify(ctx context.Context, object, allowedSigners string, s Signing) error {
	if err := hashes(object); err != nil {
		return fmt.Errorf("verify a tag: %w", err)
	}
	c := call{args: []string{"verify-tag", object}, env: s.home()}
	if allowedSigners != "" {
		file, err := filepath.Abs(allowedSigners)
		if err != nil {
			return err
		}
		c.config = [][2]string{{"gpg.ssh.allowedSignersFile", file}}
	}
	if _, err := m.program.run(ctx, c); err != nil {
		return fmt.Errorf("verify tag %s: %w", object, err)
	}
	return nil
}
