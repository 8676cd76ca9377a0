package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// emptyTree is the hash of a tree without entries, which every Git knows.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// settings are the whole configuration under which git runs in the mirror.
var settings = [][2]string{
	{"core.hooksPath", os.DevNull},
	{"core.attributesFile", os.DevNull},
	// Newer versions read .gitattributes from HEAD in a repository without a work tree. What a merge gives must depend neither on them nor on the version.
	{"attr.tree", emptyTree},
	{"core.quotePath", "false"},
	{"core.protectNTFS", "true"},
	{"core.protectHFS", "true"},
	{"core.logAllRefUpdates", "false"},
	{"core.alternateRefsCommand", "true"},
	{"i18n.logOutputEncoding", "UTF-8"},
	{"merge.renames", "true"},
	{"merge.renameLimit", "10000"},
	{"merge.directoryRenames", "false"},
	{"merge.conflictStyle", "diff3"},
	{"diff.algorithm", "myers"},
	{"diff.context", "3"},
	{"diff.submodule", "short"},
	{"diff.ignoreSubmodules", "none"},
	{"log.showRoot", "true"},
	{"log.showSignature", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"fetch.unpackLimit", "1"},
	{"fetch.recurseSubmodules", "false"},
	// Nothing is ever checked out, so odd trees do no harm here; refusing them would stop the work on a repository for one pushed commit. Hashes and
	// connectivity are checked all the same.
	{"transfer.fsckObjects", "false"},
	{"push.gpgSign", "false"},
	{"push.recurseSubmodules", "no"},
	{"credential.helper", ""},
	// A redirect would take the credentials along.
	{"http.followRedirects", "false"},
	{"http.lowSpeedLimit", "1"},
	{"http.lowSpeedTime", "60"},
	{"advice.detachedHead", "false"},
}

// inherited are the variables that git gets from our own environment: where programs, proxies, certificates and SSH keys are.
var inherited = []string{
	"PATH", "TMPDIR", "SSH_AUTH_SOCK",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_DIR",
}

// program runs git.
type program struct {
	path string
	// minor is n of version 2.n; later majors count as a very high one.
	minor int
	// repository is the mirror's repository.
	repository string
	// held is the lock of the mirror's folder. Every process has it too, so that one that outlives us keeps others out.
	held *os.File
	// secrets are kept out of errors. Credentials that are asked for anew are added per call.
	secrets []string
}

var versionLine = regexp.MustCompile(`^git version (\d+)\.(\d+)`)

// newProgram finds git and asks for its version.
func newProgram(ctx context.Context, path string) (*program, error) {
	if path == "" {
		path = "git"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("find the git program: %w; install git 2.38 or later", err)
	}
	p := &program{path: found}
	out, err := p.run(ctx, call{args: []string{"version"}})
	if err != nil {
		return nil, fmt.Errorf("ask git for its version: %w", err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("%s says %q, not the version of a git program", path, firstLine(string(out)))
	}
	major, _ := strconv.Atoi(string(m[1]))
	p.minor, _ = strconv.Atoi(string(m[2]))
	if major > 2 {
		p.minor = 1000
	}
	if major < 2 || p.minor < 38 {
		return nil, fmt.Errorf("%s is version %s.%s, and 2.38 or later is needed for merges without a work tree", path, m[1], m[2])
	}
	return p, nil
}

// call is one run of git.
type call struct {
	args  []string
	stdin io.Reader
	// config is set besides settings, and wins.
	config [][2]string
	env    []string
	// stdout takes the output instead of the answer.
	stdout io.Writer
	// warnings takes what git says besides.
	warnings io.Writer
	// secrets are kept out of the error.
	secrets []string
}

// exitError is a run of git that failed.
type exitError struct {
	command string
	code    int
	// stderr and stdout are what git wrote; stdout only where it was not taken by somebody else.
	stderr, stdout string
}

func (e *exitError) Error() string {
	said := strings.TrimSpace(e.stderr)
	if said == "" {
		return fmt.Sprintf("git %s ended with code %d", e.command, e.code)
	}
	return fmt.Sprintf("git %s: %s", e.command, said)
}

const maxStderr = 64 << 10

// run runs git in the mirror and answers what it printed. When git fails, there is its output and an *exitError.
func (p *program) run(ctx context.Context, c call) ([]byte, error) {
	var out bytes.Buffer
	stderr := &head{limit: maxStderr}
	cmd := p.command(ctx, c)
	cmd.Stdout, cmd.Stderr = c.stdout, stderr
	if c.stdout == nil {
		cmd.Stdout = &out
	}
	err := cmd.Run()
	if c.warnings != nil {
		_, _ = c.warnings.Write(stderr.Bytes())
	}
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil, fmt.Errorf("run git %s: %w", c.args[0], err)
	}
	failed := &exitError{
		command: c.args[0], code: exit.ExitCode(),
		stderr: hide(stderr.String(), append(c.secrets, p.secrets...)), stdout: hide(out.String(), append(c.secrets, p.secrets...)),
	}
	return out.Bytes(), failed
}

// command is the process of a call.
func (p *program) command(ctx context.Context, c call) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, c.args...)
	cmd.Env = append(p.environment(c.config), c.env...)
	cmd.Stdin = c.stdin
	if p.held != nil {
		cmd.ExtraFiles = []*os.File{p.held}
	}
	// Git starts further processes for transfers; they end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func (p *program) environment(config [][2]string) []string {
	env := []string{
		"HOME=" + os.DevNull, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
		// Transport helpers such as ext:: run programs.
		"GIT_ALLOW_PROTOCOL=http:https:ssh:file",
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes", "GIT_SSH_VARIANT=ssh",
	}
	if p.repository != "" {
		env = append(env, "GIT_DIR="+p.repository)
	}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		env = append(env, "GIT_SSL_CAINFO="+file)
	}
	// In the environment, nobody else on the machine sees credentials that are among them, as they would in arguments.
	n := 0
	for _, list := range [][][2]string{settings, config} {
		for _, s := range list {
			env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", n, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, s[1]))
			n++
		}
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", n))
}

// exited is the code with which git ended, when it ended by itself.
func exited(err error) (code int, ok bool) {
	var e *exitError
	if errors.As(err, &e) {
		return e.code, true
	}
	return 0, false
}

// hide takes secrets out of a text.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	return text
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// head keeps the first bytes that are written.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
