package children

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// LeaveReaders is Leave for the child, and for those of its process group that read the same input: they do what it was
// asked to. Others of the group were left in the background, and go on. Input is that of a pipe, as procfs names it.
func (family *Family) LeaveReaders(child *Child, input string) {
	step := func(number syscall.Signal) {
		family.signalOne(child, number)
		for _, pid := range readersOf(child.PID, input) {
			unix.Kill(pid, number)
		}
	}
	step(unix.SIGHUP)
	step(unix.SIGCONT)
	time.AfterFunc(termAfter, func() { step(unix.SIGTERM) })
	time.AfterFunc(killAfter, func() { step(unix.SIGKILL) })
}

// signalOne signals the child and nothing that it has started.
func (family *Family) signalOne(child *Child, number syscall.Signal) {
	family.mutex.Lock()
	defer family.mutex.Unlock()
	if _, running := family.children[child.PID]; running {
		unix.Kill(child.PID, number)
	}
}

// readersOf finds the processes of a group whose standard input is this pipe, the group's leader left out.
func readersOf(group int, input string) []int {
	if input == "" {
		return nil
	}
	inputs, _ := filepath.Glob("/proc/[0-9]*/fd/0")
	var found []int
	for _, path := range inputs {
		if target, err := os.Readlink(path); err != nil || target != input {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil || pid == group {
			continue
		}
		if of, err := unix.Getpgid(pid); err == nil && of == group {
			found = append(found, pid)
		}
	}
	return found
}
