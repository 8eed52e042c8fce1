package apiserver

import "syscall"

// attributes has the kernel kill a process when this one dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
