// Package processes reads proc(5).
package processes

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maximumCommand bounds a command line, in bytes.
const maximumCommand = 4096

// ticksPerSecond is USER_HZ, in which /proc counts on every architecture of ours.
const ticksPerSecond = 100

func entry(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// read gives the first 4096 bytes of one of a process's files: all of those that are not a command line. Go's own way
// asks its poller about each file first, in vain, which takes longer than the reading.
func read(pid int, name string) ([]byte, error) {
	descriptor, err := retried(func() (int, error) {
		return unix.Open(entry(pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(descriptor)
	buffer := make([]byte, maximumCommand)
	count, err := retried(func() (int, error) { return unix.Read(descriptor, buffer) })
	if err != nil {
		return nil, err
	}
	return buffer[:count], nil
}

// retried does a call again as long as a signal cuts it short.
func retried(call func() (int, error)) (int, error) {
	for {
		result, err := call()
		if err != unix.EINTR {
			return result, err
		}
	}
}

// All lists the numbers of all processes, lowest first.
func All() []int {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	var list []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return list
}

// Name is the process's name for people, "" if it is gone. Programs that name their first thread "MainThread" are
// called by their file.
func Name(pid int) string {
	text, err := read(pid, "comm")
	if err != nil {
		return ""
	}
	name := strings.TrimSuffix(string(text), "\n")
	if strings.HasSuffix(name, "MainThread") {
		if program, err := os.Readlink(entry(pid, "exe")); err == nil {
			return filepath.Base(strings.TrimSuffix(program, " (deleted)"))
		}
	}
	return name
}

// Command is the command line, of at most 4096 bytes; nil if it is not known.
func Command(pid int) []string {
	text, err := read(pid, "cmdline")
	if err != nil {
		return nil
	}
	return splitCommand(text)
}

func splitCommand(text []byte) []string {
	text = bytes.TrimRight(text, "\x00")
	if len(text) == 0 {
		return nil
	}
	return strings.Split(string(text), "\x00")
}

// Folder is the process's working folder, "" if it is not known.
func Folder(pid int) string {
	folder, err := os.Readlink(entry(pid, "cwd"))
	if err != nil {
		return ""
	}
	return folder
}

// Parent is the number of the parent process, 0 if it is not known.
func Parent(pid int) int {
	text, err := read(pid, "stat")
	if err != nil {
		return 0
	}
	return parentOf(string(text))
}

// parentOf reads field 4 of /proc/pid/stat.
func parentOf(stat string) int {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil || parent < 0 {
		return 0
	}
	return parent
}

// StartedAt is when the process was started, in unix milliseconds; 0 if it is not known.
func StartedAt(pid int) int64 {
	text, err := read(pid, "stat")
	if err != nil {
		return 0
	}
	ticks := startTicks(string(text))
	if ticks == 0 || bootedAt() == 0 {
		return 0
	}
	return bootedAt()*1000 + int64(ticks)*1000/ticksPerSecond
}

// startTicks reads field 22 of /proc/pid/stat; the name before it, in parentheses, may contain anything.
func startTicks(stat string) uint64 {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 62)
	if err != nil || ticks > 1<<50 {
		return 0
	}
	return ticks
}

// bootedAt is btime of /proc/stat, in unix seconds.
var bootedAt = sync.OnceValue(func() int64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return bootTime(string(text))
})

func bootTime(stat string) int64 {
	for line := range strings.Lines(stat) {
		if value, found := strings.CutPrefix(line, "btime "); found {
			seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				return 0
			}
			return seconds
		}
	}
	return 0
}
