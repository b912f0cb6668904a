package main

import "syscall"

// ownGroup keeps Ctrl-C from the child, which its parent stops, and makes it end with
// its parent, however that ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
