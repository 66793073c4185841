package server

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Keepalive: how often the daemon asks, and how long an answer may take.
const (
	askEvery    = 30 * time.Second
	answerLimit = 90 * time.Second
)

// connection is one SSH client.
type connection struct {
	daemon   *Daemon
	ssh      *ssh.ServerConn
	wire     *watchedWire
	channels atomic.Int32
	closing  closers
	agent    agentForward
	forwards forwards
}

// watchedWire remembers that its other side went away, so that the end of a connection is not taken for the end of the
// data in its channels.
type watchedWire struct {
	net.Conn
	broken atomic.Bool
}

func (wire *watchedWire) Read(buffer []byte) (int, error) {
	count, err := wire.Conn.Read(buffer)
	if err != nil {
		wire.broken.Store(true)
	}
	return count, err
}

// closers is what has to be closed with a connection.
type closers struct {
	mutex sync.Mutex
	ended bool
	list  []func()
}

// add remembers end for later, or calls it at once if the connection is over.
func (closing *closers) add(end func()) {
	closing.mutex.Lock()
	if !closing.ended {
		closing.list = append(closing.list, end)
		closing.mutex.Unlock()
		return
	}
	closing.mutex.Unlock()
	end()
}

func (closing *closers) close() {
	closing.mutex.Lock()
	list := closing.list
	closing.ended, closing.list = true, nil
	closing.mutex.Unlock()
	for _, end := range list {
		end()
	}
}

// ServeConnection speaks SSH with one client until it goes.
func (daemon *Daemon) ServeConnection(accepted net.Conn) {
	wire := &watchedWire{Conn: accepted}
	defer wire.Close()
	wire.SetDeadline(time.Now().Add(handshakeTime))
	served, channels, requests, err := ssh.NewServerConn(wire, daemon.configuration)
	if err != nil {
		return
	}
	wire.SetDeadline(time.Time{})
	client := &connection{daemon: daemon, ssh: served, wire: wire}
	defer client.closing.close()
	go client.answerRequests(requests)
	over := make(chan struct{})
	defer close(over)
	go client.keepAlive(over)
	for opening := range channels {
		if client.channels.Add(1) > maximumChannels {
			client.channels.Add(-1)
			go opening.Reject(ssh.ResourceShortage, "too many channels")
			continue
		}
		go func() {
			defer client.channels.Add(-1)
			client.serveChannel(opening)
		}()
	}
}

func (client *connection) serveChannel(opening ssh.NewChannel) {
	if len(opening.ExtraData()) > maximumPayload {
		opening.Reject(ssh.ResourceShortage, "too long")
		return
	}
	switch opening.ChannelType() {
	case "session":
		client.serveSession(opening)
	case "direct-tcpip":
		client.serveDirectTCP(opening)
	case "direct-streamlocal@openssh.com":
		client.serveDirectSocket(opening)
	case "ports@berth.dev":
		client.servePorts(opening)
	case "activity@berth.dev":
		client.serveActivity(opening)
	case "terminal@berth.dev":
		client.serveTerminal(opening)
	case "terminals@berth.dev":
		client.serveTerminals(opening)
	case "checkpoint@berth.dev":
		client.serveCheckpoint(opening)
	case "digest@berth.dev":
		client.serveDigest(opening)
	default:
		opening.Reject(ssh.UnknownChannelType, "unknown channel type")
	}
}

// keepAlive asks the client for a sign of life; any answer is one. A client that gives none for too long is dropped.
func (client *connection) keepAlive(over <-chan struct{}) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
		}
		late := time.AfterFunc(answerLimit, func() { client.wire.Close() })
		_, _, err := client.ssh.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
