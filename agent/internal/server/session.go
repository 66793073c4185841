package server

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/account"
	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/pseudoterminal"
)

// Bounds of what a client may put in the environment of one session.
const (
	maximumVariables   = 1024
	maximumEnvironment = 256 << 10
)

// session is one channel of RFC 4254, section 6.
type session struct {
	client      *connection
	channel     ssh.Channel
	environment account.Environment
	variables   int
	bytes       int
	wanted      *terminalWanted
	began       bool
	kind        string // Of the request that has begun it.
	activity    *sessionActivity
	child       *children.Child
	master      *pseudoterminal.Master
	isShell     bool   // It is one of RFC 4254, and not Berth's own.
	input       string // The pipe of its input, as procfs names it.
}

// terminalWanted is what pty-req asked for (RFC 4254, section 6.2).
type terminalWanted struct {
	term  string
	size  pseudoterminal.Size
	modes string
}

func (client *connection) serveSession(opening ssh.NewChannel) {
	channel, requests, err := opening.Accept()
	if err != nil {
		return
	}
	session := &session{client: client, channel: channel, environment: account.NewEnvironment()}
	for request := range requests {
		if len(request.Payload) > maximumPayload {
			request.Reply(false, nil)
			continue
		}
		session.handle(request)
	}
	// The client has closed the channel, or is gone.
	if session.child != nil && !session.child.HasEnded() {
		session.leave()
	}
}

// leave ends what nobody waits for any more. What a shell has left in the background is meant to go on, as with any
// other server of SSH: so IDEs start theirs.
func (session *session) leave() {
	family := session.client.daemon.Family
	if session.isShell && session.master == nil {
		family.LeaveReaders(session.child, session.input)
	} else {
		family.Leave(session.child)
	}
}

func (session *session) handle(request *ssh.Request) {
	switch request.Type {
	case "env":
		var variable struct{ Name, Value string }
		accepted := ssh.Unmarshal(request.Payload, &variable) == nil && session.setVariable(variable.Name, variable.Value)
		request.Reply(accepted, nil)
	case "pty-req":
		request.Reply(session.wantTerminal(request.Payload), nil)
	case "window-change":
		request.Reply(session.resize(request.Payload), nil)
	case "signal":
		request.Reply(session.signal(request.Payload), nil)
	case "auth-agent-req@openssh.com":
		path := session.client.forwardAgent()
		request.Reply(path != "" && session.environment.Set("SSH_AUTH_SOCK", path), nil)
	case "shell", "exec", "exec@berth.dev", "subsystem":
		if session.began {
			request.Reply(false, nil)
			return
		}
		session.began, session.kind = true, request.Type
		session.begin(request)
	default:
		request.Reply(false, nil)
	}
}

func (session *session) begin(request *ssh.Request) {
	var message textMessage
	if request.Type != "shell" && ssh.Unmarshal(request.Payload, &message) != nil {
		request.Reply(false, nil)
		session.channel.Close()
		return
	}
	switch request.Type {
	case "shell":
		session.runShell(request, nil)
	case "exec":
		session.runShell(request, &message.Text)
	case "exec@berth.dev":
		session.runCommand(request, message.Text)
	case "subsystem":
		session.runSubsystem(request, message.Text)
	}
}

func (session *session) setVariable(name, value string) bool {
	session.variables++
	session.bytes += len(name) + len(value)
	if session.variables > maximumVariables || session.bytes > maximumEnvironment {
		return false
	}
	return session.environment.Set(name, value)
}

func (session *session) wantTerminal(payload []byte) bool {
	var message struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if session.began || ssh.Unmarshal(payload, &message) != nil {
		return false
	}
	session.wanted = &terminalWanted{
		term:  message.Term,
		size:  sizeOf(message.Columns, message.Rows),
		modes: message.Modes,
	}
	return message.Term == "" || session.environment.Set("TERM", message.Term)
}

func (session *session) resize(payload []byte) bool {
	size, ok := windowChange(payload)
	if !ok || session.master == nil {
		return false
	}
	session.activity.drawing.Resized(time.Now())
	return session.master.Resize(size) == nil
}

// windowChange reads the payload of a window-change request (RFC 4254, section 6.7).
func windowChange(payload []byte) (pseudoterminal.Size, bool) {
	var message struct{ Columns, Rows, Width, Height uint32 }
	if ssh.Unmarshal(payload, &message) != nil {
		return pseudoterminal.Size{}, false
	}
	return sizeOf(message.Columns, message.Rows), true
}

func sizeOf(columns, rows uint32) pseudoterminal.Size {
	return pseudoterminal.Size{Columns: int(min(columns, 1<<16)), Rows: int(min(rows, 1<<16))}.Bounded()
}

func (session *session) signal(payload []byte) bool {
	var message textMessage
	if ssh.Unmarshal(payload, &message) != nil || session.child == nil || session.child.HasEnded() {
		return false
	}
	number := unix.SignalNum("SIG" + message.Text)
	return number != 0 && session.client.daemon.Family.SignalGroup(session.child, number) == nil
}

// start runs a program for this session, tells that it does, and answers for it to the end. Errors are told before
// anything runs.
func (session *session) start(request *ssh.Request, path string, argv []string, folder string) error {
	daemon := session.client.daemon
	if !daemon.admitProcess() {
		return errors.New("too many processes")
	}
	session.environment.Lend(daemon.Place)
	run, err := session.connectProcess()
	if err != nil {
		daemon.processes.Add(-1)
		return err
	}
	child, err := daemon.Family.Start(path, argv, &syscall.ProcAttr{
		Dir:   folder,
		Env:   session.environment.List(),
		Files: run.descriptors(),
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: run.master != nil},
	})
	run.closeTheirs()
	if err != nil {
		run.closeOurs()
		daemon.processes.Add(-1)
		return err
	}
	daemon.running.Store(child, nil)
	session.child, session.master = child, run.master
	session.input = nameOf(run.input)
	session.activity = session.watchActivity(session.kind, argv)
	run.activity = session.activity
	// Before anything else is said of it: a short one may be over already, and its channel closed.
	request.Reply(true, nil)
	go func() {
		run.untilEnd(session, child)
		daemon.running.Delete(child)
		daemon.processes.Add(-1)
	}()
	return nil
}

// nameOf is what procfs calls an open file; "" where there is no procfs. Asking for the descriptor in another way would
// make it a blocking one.
func nameOf(file *os.File) (name string) {
	raw, err := file.SyscallConn()
	if err != nil {
		return ""
	}
	raw.Control(func(descriptor uintptr) {
		name, _ = os.Readlink("/proc/self/fd/" + strconv.Itoa(int(descriptor)))
	})
	return name
}

// workingFolder is where a process begins: the folder asked for if that is absolute, else home. The error is that of
// looking at it.
func (session *session) workingFolder(asked string) (string, error) {
	if !filepath.IsAbs(asked) {
		return session.environment.Home(), nil
	}
	info, err := os.Stat(asked)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return asked, err
}
