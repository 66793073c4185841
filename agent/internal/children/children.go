// Package children starts processes and learns how they end, with one reaper for all of them and no thread waiting.
package children

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Status is how a process ended: by an exit code, or by a signal.
type Status struct {
	Code   int
	Signal syscall.Signal
	Core   bool
}

// Child is a process this agent has started, also before it last replaced itself.
type Child struct {
	PID    int
	done   chan struct{}
	status Status
}

// Done is closed when the process has ended and Status is known.
func (child *Child) Done() <-chan struct{} { return child.done }

// Status is how it ended; only to be asked after Done.
func (child *Child) Status() Status { return child.status }

// HasEnded reports whether Status is known.
func (child *Child) HasEnded() bool {
	select {
	case <-child.done:
		return true
	default:
		return false
	}
}

// Family is all children of this process. Its lock keeps the reaper away from a process that is just being started:
// as process 1 it reaps whatever is not in the table.
type Family struct {
	mutex    sync.Mutex
	children map[int]*Child
	first    bool
}

// NewFamily starts the reaper.
func NewFamily() *Family {
	family := &Family{children: map[int]*Child{}, first: os.Getpid() == 1}
	notices := make(chan os.Signal, 1)
	signal.Notify(notices, unix.SIGCHLD)
	go func() {
		for range notices {
			family.reap()
		}
	}()
	return family
}

// Start runs path with argv as execve(2) does.
func (family *Family) Start(path string, argv []string, attributes *syscall.ProcAttr) (*Child, error) {
	family.mutex.Lock()
	defer family.mutex.Unlock()
	pid, err := syscall.ForkExec(path, argv, attributes)
	if err != nil {
		return nil, err
	}
	return family.add(pid), nil
}

// Adopt takes in a child that this process had before it replaced itself by execve(2).
func (family *Family) Adopt(pid int) *Child {
	family.mutex.Lock()
	child := family.add(pid)
	family.mutex.Unlock()
	family.reap()
	return child
}

// Ended is a child whose end is known from before this process replaced itself.
func Ended(pid int, status Status) *Child {
	child := &Child{PID: pid, done: make(chan struct{}), status: status}
	close(child.done)
	return child
}

func (family *Family) add(pid int) *Child {
	child := &Child{PID: pid, done: make(chan struct{})}
	family.children[pid] = child
	return child
}

// Freeze keeps every child as it is, neither started nor reaped, until the returned function is called. The list is
// of those that have not ended.
func (family *Family) Freeze() (running []int, thaw func()) {
	family.mutex.Lock()
	for pid := range family.children {
		running = append(running, pid)
	}
	return running, family.mutex.Unlock
}

// SignalGroup sends a signal to the process group that the child leads.
func (family *Family) SignalGroup(child *Child, number syscall.Signal) error {
	family.mutex.Lock()
	defer family.mutex.Unlock()
	return unix.Kill(-child.PID, number)
}

// Steps of Leave after the first signal.
const (
	termAfter = 2 * time.Second
	killAfter = 5 * time.Second
)

// Leave ends the child's process group: HUP at once, TERM after 2 s, KILL after 5 s. It goes on after the child itself
// has ended as long as the group has members; processes in a group or session of their own are left alone.
func (family *Family) Leave(child *Child) { family.LeaveGroup(child.PID) }

// LeaveGroup is Leave for any process group.
func (family *Family) LeaveGroup(group int) {
	if unix.Kill(-group, unix.SIGHUP) != nil {
		return
	}
	// A stopped group sees no other signal.
	unix.Kill(-group, unix.SIGCONT)
	time.AfterFunc(termAfter, func() { unix.Kill(-group, unix.SIGTERM) })
	time.AfterFunc(killAfter, func() { unix.Kill(-group, unix.SIGKILL) })
}

// Settle waits until all children have ended, at most a little longer than Leave takes.
func (family *Family) Settle() {
	for deadline := time.Now().Add(killAfter + time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		family.mutex.Lock()
		count := len(family.children)
		family.mutex.Unlock()
		if count == 0 {
			return
		}
	}
}

func (family *Family) reap() {
	family.mutex.Lock()
	defer family.mutex.Unlock()
	for pid, child := range family.children {
		var wait unix.WaitStatus
		result, err := unix.Wait4(pid, &wait, unix.WNOHANG, nil)
		switch {
		case result == pid:
			child.status = statusOf(wait)
		case err == unix.ECHILD:
			child.status = Status{Code: 255}
		default:
			continue
		}
		delete(family.children, pid)
		close(child.done)
	}
	for family.first {
		// All of our own that have ended are reaped above; one that ended since has its own notice, and is left to it.
		var wait unix.WaitStatus
		var information unix.Siginfo
		if unix.Waitid(unix.P_ALL, 0, &information, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil {
			return
		}
		pid := pidOf(&information)
		if _, own := family.children[pid]; pid <= 0 || own {
			return
		}
		unix.Wait4(pid, &wait, unix.WNOHANG, nil)
	}
}

func statusOf(wait unix.WaitStatus) Status {
	if wait.Signaled() {
		return Status{Signal: wait.Signal(), Core: wait.CoreDump()}
	}
	return Status{Code: wait.ExitStatus()}
}
