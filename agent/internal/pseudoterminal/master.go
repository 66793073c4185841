// Package pseudoterminal opens pty(7) pairs and asks and tells the master's side.
package pseudoterminal

import (
	"os"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Size is in characters. Zero means that it is not known.
type Size struct {
	Columns int `json:"columns"`
	Rows    int `json:"rows"`
}

// maximumSide bounds both sides of a size.
const maximumSide = 4096

// Bounded is the size with both sides between 1 and 4096; 80 by 24 where a side is not known.
func (size Size) Bounded() Size {
	bounded := func(side, unknown int) int {
		if side <= 0 {
			return unknown
		}
		return min(side, maximumSide)
	}
	return Size{Columns: bounded(size.Columns, 80), Rows: bounded(size.Rows, 24)}
}

// Master is the side that the agent holds. Reads and writes wait in the poller, without a thread.
type Master struct {
	*os.File
	raw syscall.RawConn
}

// Open makes a pair of that size. The caller closes the slave's side once a process has it.
func Open(size Size) (*Master, *os.File, error) {
	opened, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	// The library's ioctls leave the master in blocking mode, which a file cannot be taken out of again.
	number, err := unix.FcntlInt(opened.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	opened.Close()
	if err != nil {
		slave.Close()
		return nil, nil, err
	}
	master, err := FromDescriptor(number)
	if err != nil {
		slave.Close()
		return nil, nil, err
	}
	master.Resize(size)
	master.control(func(descriptor int) error {
		mode, err := unix.IoctlGetTermios(descriptor, unix.TCGETS)
		if err != nil {
			return err
		}
		mode.Iflag |= unix.IUTF8
		return unix.IoctlSetTermios(descriptor, unix.TCSETS, mode)
	})
	return master, slave, nil
}

// FromDescriptor takes over an open master; it is closed on errors too.
func FromDescriptor(number int) (*Master, error) {
	if err := unix.SetNonblock(number, true); err != nil {
		unix.Close(number)
		return nil, err
	}
	unix.CloseOnExec(number)
	file := os.NewFile(uintptr(number), "pty")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Master{File: file, raw: raw}, nil
}

// ReadWith waits until there is something to read and gives the descriptor to read, which does not block and is called
// again later if it says false. The error is that of the waiting: the file is closed, or its deadline is over.
func (master *Master) ReadWith(read func(descriptor int) bool) error {
	return master.raw.Read(func(descriptor uintptr) bool { return read(int(descriptor)) })
}

// Descriptor calls use with the descriptor, which stays open that long.
func (master *Master) Descriptor(use func(descriptor int)) error {
	return master.raw.Control(func(descriptor uintptr) { use(int(descriptor)) })
}

// Resize tells the terminal's size, of which the foreground processes learn by SIGWINCH.
func (master *Master) Resize(size Size) error {
	size = size.Bounded()
	return master.control(func(descriptor int) error {
		return unix.IoctlSetWinsize(descriptor, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Rows), Col: uint16(size.Columns)})
	})
}

// Foreground is the foreground process group, 0 if it is not known.
func (master *Master) Foreground() int {
	group := 0
	master.control(func(descriptor int) error {
		number, err := unix.IoctlGetInt(descriptor, unix.TIOCGPGRP)
		if err == nil {
			group = number
		}
		return err
	})
	return group
}

// EndInput types the end-of-file character, if the terminal is one that understands it (canonical mode of termios(3)).
// In the middle of a line it is needed twice.
func (master *Master) EndInput() {
	var character byte
	canonical := false
	master.control(func(descriptor int) error {
		mode, err := unix.IoctlGetTermios(descriptor, unix.TCGETS)
		if err == nil && mode.Lflag&unix.ICANON != 0 {
			canonical, character = true, mode.Cc[unix.VEOF]
		}
		return err
	})
	if canonical && character != 0 {
		master.SetWriteDeadline(time.Now().Add(time.Second))
		master.Write([]byte{character, character})
	}
}

func (master *Master) control(use func(descriptor int) error) error {
	var problem error
	if err := master.Descriptor(func(descriptor int) { problem = use(descriptor) }); err != nil {
		return err
	}
	return problem
}
