package plane

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Port is a free TCP port on 127.0.0.1, held by a socket that is bound but does not listen. Programs that can share ports
// (SO_REUSEPORT) listen while the Port is still held, so that nobody else gets it, not even between a stop and a start.
// For the others, Release comes right before they start.
type Port struct {
	Number int
	fd     int
}

// HoldPort finds a free port and holds it.
func HoldPort() (*Port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	unix.CloseOnExec(fd)
	p := &Port{fd: fd}
	if err := p.bind(); err != nil {
		p.Release()
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	return p, nil
}

func (p *Port) bind() error {
	if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(p.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: p.Number}); err != nil {
		return err
	}
	name, err := unix.Getsockname(p.fd)
	if err != nil {
		return err
	}
	p.Number = name.(*unix.SockaddrInet4).Port
	return nil
}

// Addr is the address with the port, host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// String is the port's number.
func (p *Port) String() string { return strconv.Itoa(p.Number) }

// Listen listens on the held port within this process.
func (p *Port) Listen() (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); e != nil {
			return e
		}
		return err
	}}
	return config.Listen(context.Background(), "tcp", p.Addr())
}

// Release gives the port back. It may be called again.
func (p *Port) Release() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
		p.fd = -1
	}
}
