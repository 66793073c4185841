// Package server is the daemon's SSH side (RFC 4251 to 4254): connections over the unix socket and what they may open.
package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/build"
	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/listeners"
	"berth.dev/agent/internal/place"
	"berth.dev/agent/internal/terminals"
)

// Bounds of one daemon.
const (
	maximumConnections = 64
	maximumChannels    = 4096
	maximumProcesses   = 256
	maximumPayload     = 64 << 10
	handshakeTime      = 30 * time.Second
)

// Daemon is the one agent of a place.
type Daemon struct {
	Place  place.Place
	Family *children.Family

	Terminals *terminals.Terminals
	Activity  *activity.Recorder

	configuration *ssh.ServerConfig
	startedAt     time.Time
	connections   atomic.Int32
	processes     atomic.Int32
	listeners     listeners.Watcher
	upgrading     atomic.Bool
	hold          *hold
	lenders       lenders
	relays        *relays
	sockets       *sockets
	running       sync.Map // *children.Child of sessions, as keys
}

// NewDaemon makes the host key and everything else a connection will need.
func NewDaemon(where place.Place, family *children.Family, startedAt time.Time) (*Daemon, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, err
	}
	configuration := &ssh.ServerConfig{
		NoClientAuth:  true,
		ServerVersion: fmt.Sprintf("SSH-2.0-BerthAgent_%d", build.Revision),
		Config: ssh.Config{
			KeyExchanges: []string{ssh.KeyExchangeCurve25519, "curve25519-sha256@libssh.org"},
			Ciphers:      []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305},
		},
	}
	configuration.AddHostKey(signer)
	recorder := activity.New()
	daemon := &Daemon{
		Place:         where,
		Family:        family,
		Terminals:     terminals.New(where.Folder, family, recorder),
		Activity:      recorder,
		configuration: configuration,
		startedAt:     startedAt,
		relays:        newRelays(),
	}
	daemon.sockets = newSockets(daemon)
	return daemon, nil
}

// Serve accepts connections until the listener is closed.
func (daemon *Daemon) Serve(listener *net.UnixListener) error {
	for {
		accepted, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// Out of descriptors or memory: what is open goes on, and may end.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if daemon.connections.Add(1) > maximumConnections || !trusted(accepted) {
			daemon.connections.Add(-1)
			accepted.Close()
			continue
		}
		go func() {
			defer daemon.connections.Add(-1)
			daemon.ServeConnection(&wire{UnixConn: accepted})
		}()
	}
}

// trusted reports whether the other side runs as this user or as root (SO_PEERCRED of unix(7)).
func trusted(accepted *net.UnixConn) bool {
	raw, err := accepted.SyscallConn()
	if err != nil {
		return false
	}
	ours := false
	raw.Control(func(descriptor uintptr) {
		credentials, err := unix.GetsockoptUcred(int(descriptor), unix.SOL_SOCKET, unix.SO_PEERCRED)
		ours = err == nil && (credentials.Uid == 0 || int(credentials.Uid) == os.Getuid())
	})
	return ours
}

// admitProcess counts one more process in; false if there are too many.
func (daemon *Daemon) admitProcess() bool {
	if daemon.processes.Add(1) > maximumProcesses {
		daemon.processes.Add(-1)
		return false
	}
	return true
}

// EndProcesses hangs up on all processes of sessions and terminals.
func (daemon *Daemon) EndProcesses() {
	daemon.Terminals.HangUp()
	daemon.running.Range(func(key, _ any) bool {
		daemon.Family.Leave(key.(*children.Child))
		return true
	})
}
