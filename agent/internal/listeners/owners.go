package listeners

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"berth.dev/agent/internal/processes"
)

// owner is the process that has a socket.
type owner struct {
	pid       int
	uid       int
	process   string
	command   string
	startedAt int64
	link      string // the descriptor in /proc by which it has the socket
}

// holds reports whether the process still has the socket.
func (owner *owner) holds(inode uint64) bool {
	target, err := os.Readlink(owner.link)
	number, ok := socketInode(target)
	return err == nil && ok && number == inode
}

// ownSockets is the sockets of this process.
func ownSockets() map[uint64]bool {
	own := map[uint64]bool{}
	visitSockets(os.Getpid(), func(inode uint64, _ string) bool {
		own[inode] = true
		return true
	})
	return own
}

// findOwners walks the descriptors of all processes that may be looked at, until each of wanted has been found. The
// lowest process number comes first, so that of a server with workers it is the server.
func findOwners(wanted map[uint64]bool) map[uint64]*owner {
	owners := map[uint64]*owner{}
	for _, pid := range processes.All() {
		if len(owners) == len(wanted) {
			break
		}
		var known *owner
		visitSockets(pid, func(inode uint64, link string) bool {
			if !wanted[inode] || owners[inode] != nil {
				return true
			}
			if known == nil {
				known = describe(pid)
			}
			this := *known
			this.link = link
			owners[inode] = &this
			return len(owners) < len(wanted)
		})
	}
	return owners
}

func visitSockets(pid int, visit func(inode uint64, link string) bool) {
	folder := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	file, err := os.Open(folder)
	if err != nil {
		return
	}
	defer file.Close()
	for {
		names, err := file.Readdirnames(256)
		for _, name := range names {
			link := folder + "/" + name
			target, problem := os.Readlink(link)
			if problem != nil {
				continue
			}
			if inode, ok := socketInode(target); ok && !visit(inode, link) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// socketInode reads `socket:[123]`.
func socketInode(target string) (uint64, bool) {
	digits, isSocket := strings.CutPrefix(target, "socket:[")
	if !isSocket {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}

func describe(pid int) *owner {
	described := &owner{
		pid:       pid,
		uid:       -1,
		process:   processes.Name(pid),
		command:   strings.Join(processes.Command(pid), " "),
		startedAt: processes.StartedAt(pid),
	}
	if info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			described.uid = int(stat.Uid)
		}
	}
	return described
}
