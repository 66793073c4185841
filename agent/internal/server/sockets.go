package server

import (
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"berth.dev/agent/internal/place"
)

// socket is one that the daemon keeps in its place beside its own.
type socket struct {
	path      string
	serve     func(*net.UnixConn)
	admission *admission
	listener  *net.UnixListener
	file      os.FileInfo
}

// admission bounds the connections to one socket, or to some together.
type admission struct {
	most  int32
	count atomic.Int32
}

func (admission *admission) admit() bool {
	if admission.count.Add(1) > admission.most {
		admission.count.Add(-1)
		return false
	}
	return true
}

func (admission *admission) done() { admission.count.Add(-1) }

// sockets are all of them, and the links by which git finds its helpers.
type sockets struct {
	mutex sync.Mutex
	list  []*socket
	links []string
	ended bool
}

func newSockets(daemon *Daemon) *sockets {
	asks := &admission{most: maximumAsks}
	return &sockets{
		list: []*socket{
			{path: daemon.Place.GitSocket(), serve: daemon.serveGit, admission: asks},
			{path: daemon.Place.KeysSocket(), serve: daemon.serveKeys, admission: asks},
			{path: daemon.Place.GpgSocket(), serve: daemon.serveGpg, admission: asks},
			{path: daemon.Place.RelaySocket(), serve: daemon.serveRelay, admission: &daemon.relays.admission},
		},
		links: []string{daemon.Place.GitHelper(), daemon.Place.GpgHelper()},
	}
}

// restore makes what is not there, or not ours; only for the holder of the lock. What cannot be made is tried again at
// the next look: the daemon's own work does not depend on it.
func (sockets *sockets) restore() {
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
		go one.accept(listener)
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	for _, link := range sockets.links {
		place.Link(strings.TrimSuffix(program, " (deleted)"), link)
	}
}

func (one *socket) accept(listener *net.UnixListener) {
	for {
		near, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		if !trusted(near) || !one.admission.admit() {
			near.Close()
			continue
		}
		go func() {
			defer one.admission.done()
			one.serve(near)
		}()
	}
}

// isOpen reports whether who connects to a path comes here.
func (sockets *sockets) isOpen(path string) bool {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	return slices.ContainsFunc(sockets.list, func(one *socket) bool {
		return one.path == path && one.listener != nil && isAt(one.file, path)
	})
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
