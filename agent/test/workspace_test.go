package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// patience is a bound for what hangs, and no measure: a busy machine takes its time.
const patience = 50 * time.Second

// noticing is a bound for what the kernel tells the daemon, which otherwise looks for itself every 30 s.
const noticing = 20 * time.Second

// workspace is a folder in which one daemon lives for one test.
type workspace struct {
	*testing.T
	base        string
	environment []string
}

type status struct {
	Version                                          string
	Revision, PID, Connections, Terminals, Processes int
	Digest                                           string
	StartedAt                                        int64
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	base, err := os.MkdirTemp("", "w")
	if err != nil {
		t.Fatal(err)
	}
	made := &workspace{T: t, base: base, environment: append(os.Environ(), "BERTH_AGENT_FOLDER="+base, "SHELL=/bin/sh")}
	t.Cleanup(func() {
		made.stop()
		os.RemoveAll(base)
	})
	return made
}

func (w *workspace) folder() string {
	return filepath.Join(w.base, fmt.Sprintf("berth-agent-%d", os.Getuid()))
}

func (w *workspace) socket() string { return filepath.Join(w.folder(), "agent.sock") }

// stop ends the daemon, found by the credentials of its socket, and waits for its end.
func (w *workspace) stop() {
	connection, err := net.Dial("unix", w.socket())
	if err != nil {
		return
	}
	raw, _ := connection.(*net.UnixConn).SyscallConn()
	pid := 0
	raw.Control(func(descriptor uintptr) {
		credentials, err := syscall.GetsockoptUcred(int(descriptor), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			pid = int(credentials.Pid)
		}
	})
	connection.Close()
	if pid <= 1 || pid == os.Getpid() {
		return
	}
	syscall.Kill(pid, syscall.SIGTERM)
	within(w.T, patience, "the daemon's end", func() bool { return !alive(pid) })
}

// alive reports whether a process runs; one that has ended and is not reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	text := string(stat)
	return !strings.HasPrefix(text[strings.LastIndex(text, ")")+1:], " Z")
}

func within(t testing.TB, limit time.Duration, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		if happened() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come within %s", what, limit)
		}
	}
}

// bridged is a client over one bridge process.
type bridged struct {
	*ssh.Client
	bridge *exec.Cmd
}

func (w *workspace) connect() *bridged {
	w.Helper()
	bridge := exec.Command(program, "bridge")
	bridge.Env = w.environment
	input, _ := bridge.StdinPipe()
	output, _ := bridge.StdoutPipe()
	bridge.Stderr = os.Stderr
	if err := bridge.Start(); err != nil {
		w.Fatal(err)
	}
	near, far := net.Pipe()
	go func() {
		io.Copy(input, far)
		input.Close()
	}()
	go func() {
		io.Copy(far, output)
		far.Close()
	}()
	connection, channels, requests, err := ssh.NewClientConn(near, "workspace", &ssh.ClientConfig{
		User: "any", HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		w.Fatal(err)
	}
	client := &bridged{Client: ssh.NewClient(connection, channels, requests), bridge: bridge}
	w.Cleanup(func() {
		client.Close()
		bridge.Process.Kill()
		bridge.Wait()
	})
	return client
}

func (w *workspace) status(client *bridged) status {
	w.Helper()
	accepted, payload, err := client.SendRequest("status@berth.dev", true, nil)
	if err != nil || !accepted {
		w.Fatal("status", accepted, err)
	}
	var message struct{ Text string }
	var told status
	if err := ssh.Unmarshal(payload, &message); err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal([]byte(message.Text), &told); err != nil {
		w.Fatal(err)
	}
	return told
}

// ssh is the real client over a bridge.
func (w *workspace) ssh(arguments ...string) *exec.Cmd {
	command := exec.Command("ssh", append([]string{
		"-F", "/dev/null", "-o", "ProxyCommand=" + program + " bridge", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "SendEnv=COLOUR",
	}, arguments...)...)
	command.Env = w.environment
	return command
}

func (w *workspace) must(command *exec.Cmd) string {
	w.Helper()
	output, err := command.CombinedOutput()
	if err != nil {
		w.Fatalf("%v: %s: %v", command.Args, output, err)
	}
	return string(output)
}
