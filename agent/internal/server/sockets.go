package server

import (
	"net"
	"os"
	"strings"
	"sync"

	"berth.dev/agent/internal/place"
)

// socket is one that the daemon keeps in its place beside its own, for programs of the workspace.
type socket struct {
	path     string
	serve    func(*net.UnixConn)
	listener *net.UnixListener
	file     os.FileInfo
}

// sockets are all of them, and the links by which git finds its helpers.
type sockets struct {
	mutex sync.Mutex
	list  []*socket
	links []string
	ended bool
}

func newSockets(daemon *Daemon) *sockets {
	return &sockets{
		list: []*socket{
			{path: daemon.Place.GitSocket(), serve: daemon.serveGit},
			{path: daemon.Place.KeysSocket(), serve: daemon.serveKeys},
			{path: daemon.Place.GpgSocket(), serve: daemon.serveGpg},
		},
		links: []string{daemon.Place.GitHelper(), daemon.Place.GpgHelper()},
	}
}

// restore makes what is not there, or not ours; only for the holder of the lock. What cannot be made is tried again at
// the next look: the daemon's own work does not depend on it.
func (sockets *sockets) restore(admit *asks) {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	if sockets.ended {
		return
	}
	for _, one := range sockets.list {
		if one.listener != nil && isAt(one.file, one.path) {
			continue
		}
		one.close()
		os.Remove(one.path)
		listener, err := listenPrivately(one.path)
		if err != nil {
			continue
		}
		one.listener = listener
		one.file, _ = os.Lstat(one.path)
		go one.accept(listener, admit)
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	for _, link := range sockets.links {
		place.Link(strings.TrimSuffix(program, " (deleted)"), link)
	}
}

func (one *socket) accept(listener *net.UnixListener, admit *asks) {
	for {
		near, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		if !trusted(near) || !admit.admit() {
			near.Close()
			continue
		}
		go func() {
			defer admit.done()
			one.serve(near)
		}()
	}
}

// close leaves a socket alone that another daemon has put in its place.
func (one *socket) close() {
	if one.listener == nil {
		return
	}
	one.listener.SetUnlinkOnClose(isAt(one.file, one.path))
	one.listener.Close()
	one.listener = nil
}

// end closes them for good.
func (sockets *sockets) end() {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	sockets.ended = true
	for _, one := range sockets.list {
		one.close()
	}
}
