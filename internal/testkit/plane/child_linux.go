package plane

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttributes make the kernel end the child when the parent is gone, even after a SIGKILL.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

type launch struct {
	cmd *exec.Cmd
	err chan<- error
}

var launches = sync.OnceValue(func() chan<- launch {
	queue := make(chan launch)
	go func() {
		runtime.LockOSThread()
		for l := range queue {
			l.err <- l.cmd.Start()
		}
	}()
	return queue
})

// startOnLastingThread starts the command from a thread that lives as long as this process: the kernel's "parent" of
// Pdeathsig is the thread that forked, and Go ends threads as it likes.
func startOnLastingThread(cmd *exec.Cmd) error {
	err := make(chan error, 1)
	launches() <- launch{cmd, err}
	return <-err
}

// awaitFrozen returns when every thread of the child has stopped: the signal alone leaves them time for an answer.
func awaitFrozen(pid int) {
	for {
		// Without WEXITED it reaps nothing; an error means that the child is gone.
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil); err != unix.EINTR {
			return
		}
	}
}
