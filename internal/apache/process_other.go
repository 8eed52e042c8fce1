//go:build unix && !linux

package apache

import "syscall"

// attributes lets a detached node outlive the terminal. Only Linux can kill a
// process at its parent's death.
func attributes(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached}
}
