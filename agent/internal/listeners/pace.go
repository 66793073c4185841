package listeners

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pace wakes one goroutine at intervals until it is ended. It does so by a timer of the kernel's, timerfd_create(2), for
// which the poller of Go waits as for a connection: a timer of Go's own wakes two more threads each time, one of which
// looks for work that is not there, and at several times a second that is most of what an idle agent costs.
type pace struct {
	stop  chan struct{}
	once  sync.Once
	clock *os.File // nil where there is no such timer
	raw   syscall.RawConn
}

func newPace() *pace {
	made := &pace{stop: make(chan struct{})}
	descriptor, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return made
	}
	if unix.TimerfdSettime(descriptor, 0, &unix.ItimerSpec{}, nil) != nil {
		unix.Close(descriptor)
		return made
	}
	clock := os.NewFile(uintptr(descriptor), "timer")
	raw, err := clock.SyscallConn()
	if err != nil {
		clock.Close()
		return made
	}
	made.clock, made.raw = clock, raw
	return made
}

// end lets wait return false, now and from then on.
func (pace *pace) end() {
	pace.once.Do(func() {
		close(pace.stop)
		if pace.clock != nil {
			pace.clock.Close()
		}
	})
}

// wait returns true after the interval, false when it was ended.
func (pace *pace) wait(interval time.Duration) bool {
	if pace.clock != nil {
		return pace.raw.Read(ring(interval)) == nil
	}
	select {
	case <-pace.stop:
		return false
	default:
	}
	select {
	case <-pace.stop:
		return false
	case <-time.After(interval):
		return true
	}
}

// ring winds the timer when it is called first, and takes its ringing when it is called again. It is done in here, as
// Go's poller forgets what rang before. Nothing of it waits in the kernel, so the scheduler need not hear of it.
func ring(interval time.Duration) func(descriptor uintptr) bool {
	wound := false
	return func(descriptor uintptr) bool {
		if !wound {
			wound = true
			value := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(interval))}
			_, _, number := syscall.RawSyscall6(
				unix.SYS_TIMERFD_SETTIME, descriptor, 0, uintptr(unsafe.Pointer(&value)), 0, 0, 0,
			)
			return number != 0
		}
		var count [8]byte
		_, _, number := syscall.RawSyscall(
			unix.SYS_READ, descriptor, uintptr(unsafe.Pointer(&count[0])), uintptr(len(count)),
		)
		return number != unix.EAGAIN
	}
}
