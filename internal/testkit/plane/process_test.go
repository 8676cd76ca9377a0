//go:build linux

package plane_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// orphanEnv makes this test binary start a process and wait to be killed.
const orphanEnv = "PLANE_TEST_PARENT"

func shell(t testing.TB, name, script string, ready func(context.Context) error) plane.Command {
	return plane.Command{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Ready: ready}
}

func TestAProcessThatEndsTooEarlyShowsItsLog(t *testing.T) {
	never := func(context.Context) error { return errors.New("no answer") }
	_, err := plane.StartProcess(t.Context(), shell(t, "broken", "echo no such flag; exit 3", never))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"start broken: it ended (exit status 3) before it was ready", "no answer", "broken.log", "no such flag"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	p, err := plane.StartProcess(ctx, shell(t, "slow", "sleep 60", func(context.Context) error {
		cancel(why)
		return errors.New("not yet")
	}))
	if !errors.Is(err, why) {
		t.Errorf("error %v, want the cause %v", err, why)
	}
	if p.Running() {
		t.Error("the process still runs")
	}
}

func TestAFrozenProcessStopsAndStartsAgain(t *testing.T) {
	p, err := plane.StartProcess(t.Context(), shell(t, "p", "echo began; exec sleep 60", nil))
	if err != nil {
		t.Fatal(err)
	}
	p.Pause()
	begin := time.Now()
	p.Stop()
	if took := time.Since(begin); p.Running() || took > 3*time.Second {
		t.Errorf("running %t after a stop of %v", p.Running(), took)
	}
	first := p.Pid()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if p.Pid() == first || !p.Running() {
		t.Errorf("pid %d (before %d), running %t", p.Pid(), first, p.Running())
	}
}

func TestChildrenEndWithAKilledParent(t *testing.T) {
	if os.Getenv(orphanEnv) != "" {
		p, err := plane.StartProcess(t.Context(), shell(t, "child", "exec sleep 600", nil))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("child", p.Pid())
		select {} // until killed
	}
	parent := exec.Command(os.Args[0], "-test.run=^TestChildrenEndWithAKilledParent$")
	parent.Env = append(os.Environ(), orphanEnv+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	for lines := bufio.NewScanner(out); child == 0 && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "child "); ok {
			child, err = strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if child == 0 {
		t.Fatal("the parent started no child")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed, as meant
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = plane.Until(ctx, func(context.Context) error {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child)); err == nil && !strings.Contains(string(stat), ") Z ") {
			return fmt.Errorf("process %d is still there", child)
		}
		return nil
	})
	if err != nil {
		_ = syscall.Kill(child, syscall.SIGKILL)
		t.Error(err)
	}
}
