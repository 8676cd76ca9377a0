package render

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes of a renderer process: it dies with its parent, and the terminal's interrupts are for the parent, which decides.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// confine gives up all rights that a render does not need.
func confine(s settings) (box sandbox) {
	for _, l := range []struct {
		name     string
		resource int
		limit    uint64
	}{
		// Go reserves far more addresses than it uses, so that a limit of those (RLIMIT_AS) says nothing; this one counts writable memory,
		// also what was given back. It is for what watchMemory is too slow for.
		{"memory", unix.RLIMIT_DATA, uint64(s.Memory + s.Memory/4)},
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"written files", unix.RLIMIT_FSIZE, 0},
		{"open files", unix.RLIMIT_NOFILE, 16},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			box.missing = append(box.missing, fmt.Sprintf("limit of %s: %v", l.name, err))
		}
	}
	if err := filterCalls(); err != nil {
		box.missing = append(box.missing, fmt.Sprintf("system call filter: %v", err))
	}
	return box
}

// peak is the most memory that a process had, in bytes.
func peak(state *os.ProcessState) int64 {
	if used, ok := state.SysUsage().(*syscall.Rusage); ok {
		return used.Maxrss << 10
	}
	return 0
}

// killed reports whether something ended the process that leaves it no say.
func killed(state *os.ProcessState) bool { return signal(state) == syscall.SIGKILL }

// outOfTime reports whether the system ended the process because it computed for too long.
func outOfTime(state *os.ProcessState) bool { return signal(state) == syscall.SIGXCPU }

func signal(state *os.ProcessState) syscall.Signal {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// next gives the next job processor time, in case the parent does not end it in time: as much as all its threads can use until then.
func (sandbox) next(limit time.Duration) {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return
	}
	seconds := uint64(used.Utime.Sec+used.Stime.Sec) + workerThreads*uint64(limit/time.Second) + 2
	// A refusal leaves the limit of the last job, which is lower.
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: unix.RLIM_INFINITY})
}
