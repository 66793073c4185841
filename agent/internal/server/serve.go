package server

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/place"
)

// Run is the daemon from its start to its end: by TERM, or by losing the race for the lock, which is no error. ready is
// called once, when the socket answers or it is known that another daemon serves.
func Run(ready func()) error {
	where, err := place.Find()
	if err != nil {
		return err
	}
	lock, err := where.Lock()
	if errors.Is(err, place.ErrTaken) {
		ready()
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	where.Sweep()
	listener, err := listen(where)
	if err != nil {
		return err
	}
	daemon, err := NewDaemon(where, children.NewFamily(), time.Now())
	if err != nil {
		return err
	}
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, unix.SIGTERM, unix.SIGINT)
	// Not ignored, which every process would inherit, but taken and dropped: the daemon has no terminal to lose.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	go func() {
		<-ending
		listener.Close()
	}()
	ready()
	err = daemon.Serve(listener)
	daemon.EndProcesses()
	return err
}

// listen replaces the socket of a daemon that is gone; only for the holder of the lock.
func listen(where place.Place) (*net.UnixListener, error) {
	if err := os.Remove(where.Socket()); err != nil && !errors.Is(err, syscall.ENOENT) {
		return nil, err
	}
	return listenPrivately(where.Socket())
}
