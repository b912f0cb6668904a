package cdc

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// What is sent over a dead network is not waited for as long as TCP would.
func TestReplicationConnectionIsImpatient(t *testing.T) {
	f := newFixture(t)
	f.setup()
	_, pool := newProxy(f)
	c, err := connect(f.ctx, &pool.Config().ConnConfig.Config, f.names)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	raw, err := c.pg.Conn().(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if controlErr := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	if d := time.Duration(got) * time.Millisecond; d != unanswered {
		t.Errorf("TCP_USER_TIMEOUT is %s", d)
	}
}
