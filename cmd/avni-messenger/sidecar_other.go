//go:build !linux

package main

import "syscall"

// ownGroup keeps Ctrl-C from the child, which its parent stops.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
