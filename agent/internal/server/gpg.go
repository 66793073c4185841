package server

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/credentials"
)

const (
	gpgChannel    = "gpg-agent@berth.dev"
	gpgKeyChannel = "gpg-key@berth.dev"

	// What an agent of gpg's says (assuan(7); gpg-error.h: source 4 is the agent, code 77 that none runs).
	greeting = "OK Pleased to meet you\n"
	noAgent  = "ERR 67108941 No agent running <Berth: %s>\n"
	// longestLine is that of the protocol, and refusalTime how long one has who is told that there is no agent.
	longestLine = 1002
	refusalTime = time.Minute
)

// serveSigner gives who is about to sign the public key for it, from the client whose user lets it, and lets that client
// know for how long it is at work.
func (daemon *Daemon) serveSigner(near *net.UnixConn, key string) {
	who := askerOf(near)
	gone := goneWhenClosed(near)
	extra := ssh.Marshal(struct{ Key, Process, Command string }{key, who.process, who.command})
	loan, err := daemon.lenders.borrow(kindGPG, gpgKeyChannel, extra, gitPatience, gone)
	if err != nil {
		tell(near, credentials.Answer{Message: err.Error()})
		return
	}
	defer loan.channel.Close()
	closed := make(chan struct{})
	go func() {
		ssh.DiscardRequests(loan.requests)
		close(closed)
	}()
	tell(near, loan.answer(credentials.MaximumKey, gone))
	select {
	case <-gone:
	case <-closed:
	}
}

// serveGpg joins a connection to the gpg agent of a client.
func (daemon *Daemon) serveGpg(near *net.UnixConn) {
	who := askerOf(near)
	extra := ssh.Marshal(struct{ Process, Command string }{who.process, who.command})
	loan, err := daemon.lenders.borrow(kindGPG, gpgChannel, extra, keysPatience, nil)
	if err != nil {
		refuseGpg(near, err.Error())
		return
	}
	loan.client.splice(loan.channel, loan.requests, near, nil)
}

// refuseGpg speaks as an agent that has nothing: were nobody to answer, gpg would start an agent of its own in the place
// of the socket.
func refuseGpg(near net.Conn, reason string) {
	defer near.Close()
	near.SetDeadline(time.Now().Add(refusalTime))
	if _, err := near.Write([]byte(greeting)); err != nil {
		return
	}
	lines := bufio.NewScanner(near)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		verb, _, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "RESET", "OPTION", "NOP", "BYE":
			fmt.Fprint(near, "OK\n")
		default:
			fmt.Fprintf(near, noAgent, credentials.Printable(reason))
		}
		if verb == "BYE" {
			return
		}
	}
}
