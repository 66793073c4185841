package server

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/place"
)

// processName is how the daemon is called in lists of processes, however it was started.
const processName = "berth-agent"

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
	where.Sweep()
	activity.ForgetStopped()
	listener, err := listen(where)
	if err != nil {
		return err
	}
	daemon, err := NewDaemon(where, children.NewFamily(), time.Now())
	if err != nil {
		return err
	}
	daemon.hold = newHold(where, lock, listener)
	return daemon.run(ready)
}

// Resume goes on where the program before has left off when it replaced itself by this one.
func Resume() error {
	handed, err := readState()
	if err != nil {
		return err
	}
	where := place.Place{Folder: handed.Folder}
	where.Sweep()
	listener, err := listenerOf(handed.Listener)
	if err != nil {
		return err
	}
	daemon, err := NewDaemon(where, children.NewFamily(), time.Now())
	if err != nil {
		return err
	}
	daemon.hold = newHold(where, os.NewFile(uintptr(handed.Lock), "lock"), listener)
	daemon.Terminals.Restore(handed.Terminals)
	daemon.Activity.Restore(handed.Activity)
	for _, pid := range handed.Leaving {
		daemon.Family.Leave(daemon.Family.Adopt(pid))
	}
	return daemon.run(func() {})
}

func (daemon *Daemon) run(ready func()) error {
	os.WriteFile("/proc/self/comm", []byte(processName), 0)
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, unix.SIGTERM, unix.SIGINT)
	// Not ignored, which every process would inherit, but taken and dropped: the daemon has no terminal to lose.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	go func() {
		<-ending
		daemon.hold.end()
	}()
	daemon.sockets.restore()
	go daemon.watch()
	go daemon.Activity.Watch()
	ready()
	var err error
	for listener := daemon.hold.current(); listener != nil && err == nil; listener = daemon.hold.current() {
		err = daemon.Serve(listener)
	}
	daemon.sockets.end()
	// A new daemon may begin from here on.
	daemon.hold.lock.Close()
	daemon.EndProcesses()
	daemon.Family.Settle()
	return err
}

// listen replaces the socket of a daemon that is gone; only for the holder of the lock.
func listen(where place.Place) (*net.UnixListener, error) {
	if err := os.Remove(where.Socket()); err != nil && !errors.Is(err, syscall.ENOENT) {
		return nil, err
	}
	return listenPrivately(where.Socket())
}

// listenerOf takes over a listening socket.
func listenerOf(descriptor int) (*net.UnixListener, error) {
	file := os.NewFile(uintptr(descriptor), "listener")
	defer file.Close()
	opened, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	listener, ok := opened.(*net.UnixListener)
	if !ok {
		opened.Close()
		return nil, errors.New("not a unix socket")
	}
	listener.SetUnlinkOnClose(true)
	return listener, nil
}
