package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/activity"
)

// maximumForwards bounds the listeners of one connection.
const maximumForwards = 256

// forwards is what a client has listened to here, by what it asked for.
type forwards struct {
	mutex sync.Mutex
	ends  map[string]func()
}

func (forwards *forwards) add(client *connection, name string, end func()) bool {
	forwards.mutex.Lock()
	if forwards.ends == nil {
		forwards.ends = map[string]func(){}
	}
	_, taken := forwards.ends[name]
	accepted := !taken && len(forwards.ends) < maximumForwards
	if accepted {
		forwards.ends[name] = end
	}
	forwards.mutex.Unlock()
	if !accepted {
		end()
		return false
	}
	client.closing.add(end)
	return true
}

func (forwards *forwards) cancel(name string) bool {
	forwards.mutex.Lock()
	end, found := forwards.ends[name]
	delete(forwards.ends, name)
	forwards.mutex.Unlock()
	if found {
		end()
	}
	return found
}

type bindMessage struct {
	Host string
	Port uint32
}

func (bind bindMessage) name() string { return "tcp " + bind.Host + " " + strconv.Itoa(int(bind.Port)) }

// forwardTCP answers tcpip-forward (RFC 4254, section 7.1). Whatever address is asked for, only loopback listens.
func (client *connection) forwardTCP(payload []byte) (bool, []byte) {
	var bind bindMessage
	if ssh.Unmarshal(payload, &bind) != nil || bind.Port > 65535 {
		return false, nil
	}
	chosen := bind.Port == 0
	listeners, err := listenLoopback(bind.Host, &bind.Port)
	if err != nil {
		return false, nil
	}
	end := func() {
		for _, listener := range listeners {
			listener.Close()
		}
	}
	if !client.forwards.add(client, bind.name(), end) {
		return false, nil
	}
	for _, listener := range listeners {
		go client.acceptTCP(listener, bind)
	}
	if chosen {
		return true, ssh.Marshal(struct{ Port uint32 }{bind.Port})
	}
	return true, nil
}

func listenLoopback(host string, port *uint32) ([]net.Listener, error) {
	addresses := []string{"127.0.0.1", "::1"}
	switch host {
	case "", "*", "localhost", "0.0.0.0", "::":
	default:
		address := net.ParseIP(host)
		if address == nil || !address.IsLoopback() {
			return nil, errors.New("not a loopback address")
		}
		addresses = []string{address.String()}
	}
	var listeners []net.Listener
	for _, address := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(int(*port))))
		if err != nil {
			if len(listeners) > 0 {
				break // A machine without IPv6 listens on IPv4 alone.
			}
			return nil, err
		}
		*port = uint32(listener.Addr().(*net.TCPAddr).Port)
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

func (client *connection) acceptTCP(listener net.Listener, bind bindMessage) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		from := near.RemoteAddr().(*net.TCPAddr)
		meter := client.meter(strconv.Itoa(int(bind.Port)))
		go client.offer(near, meter, "forwarded-tcpip", ssh.Marshal(struct {
			Host           string
			Port           uint32
			OriginatorHost string
			OriginatorPort uint32
		}{bind.Host, bind.Port, from.IP.String(), uint32(from.Port)}))
	}
}

// offer opens a channel to the client for a connection that was made to a forward.
func (client *connection) offer(near net.Conn, meter *activity.Meter, kind string, extra []byte) {
	channel, requests, err := client.ssh.OpenChannel(kind, extra)
	if err != nil {
		near.Close()
		return
	}
	client.splice(channel, requests, near, meter)
}

// forwardSocket answers streamlocal-forward@openssh.com (OpenSSH, PROTOCOL, section 2.4).
func (client *connection) forwardSocket(payload []byte) bool {
	var message textMessage
	if ssh.Unmarshal(payload, &message) != nil || !filepath.IsAbs(message.Text) {
		return false
	}
	listener, err := listenPrivately(message.Text)
	if err != nil {
		return false
	}
	if !client.forwards.add(client, "unix "+message.Text, func() { listener.Close() }) {
		return false
	}
	go client.acceptSocket(listener, "forwarded-streamlocal@openssh.com", ssh.Marshal(struct{ Path, Reserved string }{message.Text, ""}))
	return true
}

func (client *connection) acceptSocket(listener *net.UnixListener, kind string, extra []byte) {
	for {
		near, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		if !trusted(near) {
			near.Close()
			continue
		}
		// Programs ask for credentials by themselves.
		go client.offer(near, nil, kind, extra)
	}
}

// listenPrivately makes a socket for this user alone; it is removed when the listener is closed.
func listenPrivately(path string) (*net.UnixListener, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}
