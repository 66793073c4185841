package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"berth.dev/agent/internal/place"
)

// How often the daemon sees whether its socket is still there: who empties /tmp takes it away. The kernel tells that
// as well, where it can; whoever removes things is given a moment to come to the end of it.
const (
	lookAfterPlace = 3 * time.Second
	lookAnyway     = 30 * time.Second
	removing       = time.Second
)

// hold is what makes a daemon the one of its place.
type hold struct {
	mutex    sync.Mutex
	lock     *os.File
	listener *net.UnixListener
	socket   os.FileInfo
	ended    bool
}

func newHold(where place.Place, lock *os.File, listener *net.UnixListener) *hold {
	made := &hold{lock: lock, listener: listener}
	made.socket, _ = os.Lstat(where.Socket())
	return made
}

// current is the listener to accept from; nil when there is to be none any more.
func (hold *hold) current() *net.UnixListener {
	hold.mutex.Lock()
	defer hold.mutex.Unlock()
	if hold.ended {
		return nil
	}
	return hold.listener
}

// end closes the listener for good.
func (hold *hold) end() {
	hold.mutex.Lock()
	defer hold.mutex.Unlock()
	hold.ended = true
	hold.listener.SetUnlinkOnClose(isAt(hold.socket, hold.listener.Addr().String()))
	hold.listener.Close()
}

// watch restores folder, lock and socket when they are gone. If another daemon has taken the place, this one goes on for
// those who are connected and ends when nothing is left to keep.
func (daemon *Daemon) watch() {
	departures := followDepartures()
	for {
		pause := lookAfterPlace
		// Followed before it is looked at: nothing goes unseen in between.
		if departures.from(daemon.Place.Folder) && daemon.hold.isThere(daemon.Place) {
			pause = lookAnyway
		}
		select {
		case <-departures.channel():
			time.Sleep(removing)
		case <-time.After(pause):
		}
		taken := daemon.hold.restore(daemon.Place)
		if taken && daemon.connections.Load() == 0 && daemon.relays.admission.count.Load() == 0 && daemon.Terminals.Running() == 0 {
			daemon.hold.end()
			return
		}
		if !taken {
			daemon.sockets.restore()
		}
	}
}

// isThere reports whether the socket is where it belongs: not if it could not be made anew, nor if another's is there.
func (hold *hold) isThere(where place.Place) bool {
	hold.mutex.Lock()
	defer hold.mutex.Unlock()
	return isAt(hold.socket, where.Socket())
}

func (hold *hold) restore(where place.Place) (taken bool) {
	hold.mutex.Lock()
	defer hold.mutex.Unlock()
	if hold.ended || isAt(hold.socket, where.Socket()) || where.Make() != nil {
		return false
	}
	lock := hold.lock
	if held, err := lock.Stat(); err != nil || !isAt(held, where.LockFile()) {
		if lock, err = where.Lock(); err != nil {
			return errors.Is(err, place.ErrTaken)
		}
	}
	listener, err := listen(where)
	if err != nil {
		if lock != hold.lock {
			lock.Close()
		}
		return false
	}
	if lock != hold.lock {
		hold.lock.Close()
	}
	hold.listener.SetUnlinkOnClose(false)
	hold.listener.Close()
	hold.lock, hold.listener = lock, listener
	hold.socket, _ = os.Lstat(where.Socket())
	return false
}

// isAt reports whether a path leads to that very file.
func isAt(file os.FileInfo, path string) bool {
	found, err := os.Lstat(path)
	return err == nil && file != nil && os.SameFile(file, found)
}
