package load

import (
	"syscall"
	"time"
)

// sleep waits as exactly as the kernel does. Go's timers wake an idle program up at
// whole milliseconds, which a request would be late by before it is sent.
func sleep(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
