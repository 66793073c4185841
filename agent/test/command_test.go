package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/build"
)

type command struct {
	Command []string `json:"command"`
	Cwd     string   `json:"cwd,omitempty"`
}

// run asks for exec@berth.dev and gives what came of it.
func (client *bridged) run(t *testing.T, asked any) (accepted bool, output, problem string, code int) {
	t.Helper()
	text, _ := json.Marshal(asked)
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	code = -1
	told := make(chan struct{})
	go func() {
		defer close(told)
		for request := range requests {
			if request.Type == "exit-status" {
				code = int(request.Payload[3])
			}
		}
	}()
	accepted, _ = channel.SendRequest("exec@berth.dev", true, ssh.Marshal(struct{ Text string }{string(text)}))
	channel.CloseWrite()
	var out, errors bytes.Buffer
	done := make(chan struct{})
	go func() { io.Copy(&errors, channel.Stderr()); close(done) }()
	io.Copy(&out, channel)
	<-done
	<-told
	return accepted, out.String(), errors.String(), code
}

func TestCommandWithoutShell(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	accepted, output, problem, code := client.run(t, command{Command: []string{"printf", "%s|", "a b", "$HOME", ""}})
	if !accepted || output != "a b|$HOME||" || problem != "" || code != 0 {
		t.Fatal(accepted, output, problem, code)
	}
	_, output, _, _ = client.run(t, command{Command: []string{"pwd"}, Cwd: "/usr"})
	if output != "/usr\n" {
		t.Fatal(output)
	}
	_, output, _, _ = client.run(t, command{Command: []string{"env"}})
	if strings.Contains(output, "BERTH_AGENT") || !strings.Contains(output, "USER=") {
		t.Fatal(output)
	}
	unexecutable := filepath.Join(w.base, "text")
	os.WriteFile(unexecutable, []byte("text"), 0o644)
	noFormat := filepath.Join(w.base, "noformat")
	os.WriteFile(noFormat, []byte("text"), 0o755)
	for want, asked := range map[string]any{
		"not-found": command{Command: []string{"no-such-program"}},
		"no-folder": command{Command: []string{"pwd"}, Cwd: "/no/such"},
		"failed":    []int{1},
	} {
		expectProblem(t, client, want, asked)
	}
	expectProblem(t, client, "failed", command{})
	expectProblem(t, client, "not-executable", command{Command: []string{unexecutable}})
	expectProblem(t, client, "not-executable", command{Command: []string{noFormat}})
	expectProblem(t, client, "no-folder", command{Command: []string{"pwd"}, Cwd: unexecutable})
}

func expectProblem(t *testing.T, client *bridged, want string, asked any) {
	t.Helper()
	accepted, output, line, code := client.run(t, asked)
	var told struct{ Problem, Message string }
	if err := json.Unmarshal([]byte(line), &told); err != nil || accepted || output != "" || told.Problem != want || told.Message == "" || code != -1 {
		t.Fatal(want, accepted, output, line, code, err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	if told.Revision != build.Revision || told.Version == "" || len(told.Digest) != 64 || told.Connections != 1 || !alive(told.PID) {
		t.Fatal(told)
	}
	if accepted, _, err := client.SendRequest("keepalive@openssh.com", true, nil); !accepted || err != nil {
		t.Fatal(accepted, err)
	}
}

// started runs a shell line by the Go client and gives the first line of its output, a pid.
func (client *bridged) started(t *testing.T, line string) (*ssh.Session, int) {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	session.StdinPipe() // Without one, the end of input is sent at once.
	output, _ := session.StdoutPipe()
	if err := session.Start(line); err != nil {
		t.Fatal(err)
	}
	text, _ := bufio.NewReader(output).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err, text)
	}
	return session, pid
}

func TestSignalAndHangUp(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	session, _ := client.started(t, "echo $$; exec sleep 60")
	session.Signal(ssh.SIGINT)
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.Signal() != "INT" {
		t.Fatal(err)
	}
	mark := filepath.Join(w.base, "hup")
	session, hangs := client.started(t, fmt.Sprintf("trap 'touch %s; exit' HUP; echo $$; while :; do sleep 0.1; done", mark))
	session.Close()
	within(t, patience, "the end", func() bool { return !alive(hangs) })
	// Not by one of the signals that come later to what does not obey.
	if _, err := os.Stat(mark); err != nil {
		t.Fatal("it was not hung up on:", err)
	}

	session, stubborn := client.started(t, "trap '' HUP TERM; echo $$; while :; do sleep 0.2; done")
	session.Close()
	within(t, patience, "the end by KILL", func() bool { return !alive(stubborn) })
}

func TestBackgroundOfAShellGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	_, background := client.started(t, "sleep 60 >/dev/null 2>&1 & echo $!; cat")
	_, foreground := client.started(t, "sh -c 'echo $$; cat; :'; :")
	client.bridge.Process.Kill()
	within(t, patience, "the end of the reader", func() bool { return !alive(foreground) })
	// By then all signals to the first have been sent as well, but for KILL.
	if !alive(background) {
		t.Fatal("what was left in the background has ended")
	}
	syscall.Kill(background, syscall.SIGKILL)
}

func TestBrokenBridgeIsNotEndOfInput(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	mark := filepath.Join(w.base, "mark")
	_, pid := client.started(t, fmt.Sprintf("trap '' HUP; echo $$; cat >/dev/null; touch %s", mark))
	client.bridge.Process.Kill()
	within(t, patience, "the process's end", func() bool { return !alive(pid) })
	if _, err := os.Stat(mark); err == nil {
		t.Fatal("the process saw the end of its input")
	}
}
