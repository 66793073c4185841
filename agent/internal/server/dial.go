package server

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/activity"
)

// dialTime is how long a connection may take.
const dialTime = 10 * time.Second

// serveDirectTCP answers direct-tcpip (RFC 4254, section 7.2).
func (client *connection) serveDirectTCP(opening ssh.NewChannel) {
	var message struct {
		Host           string
		Port           uint32
		OriginatorHost string
		OriginatorPort uint32
	}
	if ssh.Unmarshal(opening.ExtraData(), &message) != nil || message.Port == 0 || message.Port > 65535 {
		opening.Reject(ssh.ConnectionFailed, "not an address")
		return
	}
	meter := client.meter(strconv.Itoa(int(message.Port)))
	client.join(opening, meter, func() (net.Conn, error) { return dial(message.Host, int(message.Port)) })
}

// serveDirectSocket answers direct-streamlocal@openssh.com (OpenSSH, PROTOCOL, section 2.4).
func (client *connection) serveDirectSocket(opening ssh.NewChannel) {
	var message struct {
		Path         string
		ReservedText string
		ReservedPort uint32
	}
	if ssh.Unmarshal(opening.ExtraData(), &message) != nil {
		opening.Reject(ssh.ConnectionFailed, "not a path")
		return
	}
	meter := client.meter(filepath.Base(message.Path))
	client.join(opening, meter, func() (net.Conn, error) { return net.DialTimeout("unix", message.Path, dialTime) })
}

func (client *connection) meter(what string) *activity.Meter {
	return &activity.Meter{Recorder: client.daemon.Activity, Reason: activity.Traffic, What: what}
}

func (client *connection) join(opening ssh.NewChannel, meter *activity.Meter, dial func() (net.Conn, error)) {
	far, err := dial()
	if err != nil {
		text := err.Error()
		if errors.Is(err, syscall.ECONNREFUSED) {
			text = "refused"
		}
		opening.Reject(ssh.ConnectionFailed, text)
		return
	}
	channel, requests, err := opening.Accept()
	if err != nil {
		far.Close()
		return
	}
	client.splice(channel, requests, far, meter)
}

// dial connects to a host; localhost is this machine's two loopback addresses and is not looked up.
func dial(host string, port int) (net.Conn, error) {
	number := strconv.Itoa(port)
	// One time limit for all addresses of the host.
	limited, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	var dialer net.Dialer
	if host != "localhost" {
		return dialer.DialContext(limited, "tcp", net.JoinHostPort(host, number))
	}
	return dialLocalhost(limited, &dialer, number)
}

// dialLocalhost tries both loopback addresses; the error is that of both.
func dialLocalhost(limited context.Context, dialer *net.Dialer, number string) (net.Conn, error) {
	first, problem := dialer.DialContext(limited, "tcp", net.JoinHostPort("127.0.0.1", number))
	if problem == nil {
		return first, nil
	}
	second, other := dialer.DialContext(limited, "tcp", net.JoinHostPort("::1", number))
	if other == nil {
		return second, nil
	}
	return nil, errors.Join(problem, other)
}

// nothingListens reports whether all errors say that nothing is there to connect to.
func nothingListens(err error) bool {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(all.Unwrap(), func(one error) bool { return !nothingListens(one) })
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
