package server

import (
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/credentials"
	"berth.dev/agent/internal/processes"
)

const (
	gitChannel  = "git-credential@berth.dev"
	keysChannel = "ssh-agent@berth.dev"

	// maximumAsks bounds what is asked of clients at a time.
	maximumAsks = 64

	// How long an offer is waited for where there is none: a link may be on its way. SSH has keys of its own, and is not
	// held up for long.
	gitPatience  = 4 * time.Second
	keysPatience = 2 * time.Second

	// askTime is how long a helper has to say what it wants, and a person to answer.
	askTime    = 10 * time.Second
	decideTime = 5 * time.Minute

	// maximumReason bounds what a client says to the person, in bytes.
	maximumReason = 1 << 10
	// maximumShown bounds a command line that is shown to a person, in bytes.
	maximumShown = 256
)

// serveGit answers one of git's helpers.
func (daemon *Daemon) serveGit(near *net.UnixConn) {
	defer near.Close()
	near.SetReadDeadline(time.Now().Add(askTime))
	var ask credentials.Ask
	if credentials.Read(near, &ask) != nil || ask.Valid() != nil {
		return
	}
	near.SetReadDeadline(time.Time{})
	if ask.Operation == credentials.OperationSign {
		daemon.serveSigner(near, string(ask.Text))
		return
	}
	tell(near, daemon.askForGit(ask, askerOf(near), goneWhenClosed(near)))
}

func tell(near *net.UnixConn, answer credentials.Answer) {
	near.SetWriteDeadline(time.Now().Add(askTime))
	credentials.Write(near, answer)
}

func (daemon *Daemon) askForGit(ask credentials.Ask, who asker, gone <-chan struct{}) credentials.Answer {
	patience := gitPatience
	if ask.Operation != "get" {
		patience = 0
	}
	extra := ssh.Marshal(struct {
		Operation, Text  string
		Process, Command string
	}{ask.Operation, string(ask.Text), who.process, who.command})
	loan, err := daemon.lenders.borrow(kindGit, gitChannel, extra, patience, gone)
	if err != nil {
		if ask.Operation != "get" {
			return credentials.Answer{}
		}
		return credentials.Answer{Message: err.Error()}
	}
	defer loan.channel.Close()
	go ssh.DiscardRequests(loan.requests)
	loan.channel.CloseWrite()
	return loan.answer(credentials.MaximumText, gone)
}

// answer is what the client says on the channel, which is closed where nobody waits for it any more, or for too long.
func (loan *loan) answer(most int, gone <-chan struct{}) credentials.Answer {
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
			return
		case <-gone:
		case <-time.After(decideTime):
		}
		loan.channel.Close()
	}()
	reason := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(io.LimitReader(loan.channel.Stderr(), maximumReason))
		reason <- text
	}()
	text, err := io.ReadAll(io.LimitReader(loan.channel, int64(most)+1))
	if err != nil || len(text) > most {
		text = nil
		loan.channel.Close()
	}
	return credentials.Answer{Text: text, Message: strings.ToValidUTF8(string(<-reason), "?")}
}

// goneWhenClosed watches a connection on which nothing more is to come.
func goneWhenClosed(near net.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, near)
	}()
	return gone
}

// serveKeys joins a connection to the SSH agent of a client.
func (daemon *Daemon) serveKeys(near *net.UnixConn) {
	who := askerOf(near)
	extra := ssh.Marshal(struct{ Process, Command string }{who.process, who.command})
	loan, err := daemon.lenders.borrow(kindSSH, keysChannel, extra, keysPatience, nil)
	if err != nil {
		near.Close()
		return
	}
	// Programs ask for credentials by themselves: that is no activity.
	loan.client.splice(loan.channel, loan.requests, near, nil)
}

// asker is a process that wants something, as a person may know it. Nothing depends on it being true.
type asker struct{ process, command string }

// between are the programs that git, or a shell, runs on the way to its helper.
var between = map[string]bool{
	"git-credential": true, "git-gpg": true, "berth-agent": true, "sh": true, "dash": true, "bash": true, "ash": true, "busybox": true,
}

// isBetween knows them by name, of which proc(5) has 15 bytes, and git's own second process by its command.
func isBetween(name string, argv []string) bool {
	isRemote := name == "git" && len(argv) > 1 && strings.HasPrefix(argv[1], "remote-")
	return isRemote || between[name] || strings.HasPrefix(name, "berth-agent") || strings.HasPrefix(name, "git-remote-")
}

// askerOf names the process at the other end of a connection, or the one that it works for.
func askerOf(near *net.UnixConn) asker {
	pid := peer(near)
	for range 6 {
		name, argv := processes.Name(pid), processes.Command(pid)
		if pid > 1 && isBetween(name, argv) {
			pid = processes.Parent(pid)
			continue
		}
		command := strings.Join(argv, " ")
		if len(command) > maximumShown {
			command = command[:maximumShown] + "…"
		}
		return asker{strings.ToValidUTF8(name, "?"), strings.ToValidUTF8(command, "?")}
	}
	return asker{}
}

func peer(near *net.UnixConn) int {
	raw, err := near.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	raw.Control(func(descriptor uintptr) {
		if told, err := unix.GetsockoptUcred(int(descriptor), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(told.Pid)
		}
	})
	return pid
}
