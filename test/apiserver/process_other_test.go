//go:build unix && !linux

package apiserver

import "syscall"

// attributes are none: only Linux can kill a process at its parent's death.
func attributes() *syscall.SysProcAttr { return nil }
