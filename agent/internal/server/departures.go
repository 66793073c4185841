package server

import (
	"os"

	"golang.org/x/sys/unix"
)

// departures tells that something has gone from a folder, or the folder itself, by inotify(7).
type departures struct {
	descriptor int
	told       chan struct{}
}

// followDepartures gives nil where the kernel, or the user's share of it, has none to give.
func followDepartures() *departures {
	descriptor, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil
	}
	made := &departures{descriptor: descriptor, told: make(chan struct{}, 1)}
	go made.read(os.NewFile(uintptr(descriptor), "inotify"))
	return made
}

func (departures *departures) read(events *os.File) {
	// Which they are does not matter: who is told looks at everything.
	buffer := make([]byte, 4096)
	for {
		if _, err := events.Read(buffer); err != nil {
			return
		}
		select {
		case departures.told <- struct{}{}:
		default:
		}
	}
}

// from follows what has this path now, and reports whether that is possible. Once is enough for a folder that stays.
func (departures *departures) from(folder string) bool {
	if departures == nil {
		return false
	}
	const gone = unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	_, err := unix.InotifyAddWatch(departures.descriptor, folder, gone|unix.IN_ONLYDIR|unix.IN_DONT_FOLLOW)
	return err == nil
}

// channel never tells anything where nothing can be followed.
func (departures *departures) channel() <-chan struct{} {
	if departures == nil {
		return nil
	}
	return departures.told
}
