package apache

import "syscall"

// attributes ties a node to this process: it is killed when this one dies,
// however it dies. A detached one lives on, in a session of its own, so that
// neither an interrupt at the terminal nor its end reaches it.
func attributes(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
