package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// helper is what git calls in the place of gpg, as git does to sign, with an empty home.
func (w *workspace) helper(t *testing.T) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("no gpg here")
	}
	made := exec.Command(filepath.Join(w.folder(), "git-gpg"), "--status-fd=2", "-bsau", "me@example.com")
	made.Env = append(w.environment, "GNUPGHOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+w.base)
	made.Stdin = strings.NewReader("what is signed")
	return made
}

// called runs it below a shell, as git is above it, and returns what that has on its standard error.
func called(helper *exec.Cmd) (said string, code int) {
	line := exec.Command("sh", append([]string{"-c", `"$@"; exit $?`, "sh"}, helper.Args...)...)
	line.Env, line.Stdin = helper.Env, helper.Stdin
	output, _ := line.CombinedOutput()
	return string(output), line.ProcessState.ExitCode()
}

func TestKeyIsHeldWhileItIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	openings := client.HandleChannelOpen("gpg-key@berth.dev")
	client.offer(t, "gpg")
	running := w.helper(t)
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	opening := <-openings
	var ask struct{ Key, Process, Command string }
	if err := ssh.Unmarshal(opening.ExtraData(), &ask); err != nil || ask.Key != "me@example.com" {
		t.Fatalf("%+v %v", ask, err)
	}
	channel, requests, err := opening.Accept()
	if err != nil {
		t.Fatal(err)
	}
	running.Process.Kill()
	running.Wait()
	select {
	case <-closedAfter(requests, channel):
	case <-time.After(patience):
		t.Fatal("nobody says that nobody waits any more")
	}
}

func TestRefusalOfGpgIsTold(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	said, code := called(w.helper(t))
	if code != 2 || !strings.Contains(said, "berth: no signature by gpg: no computer with Berth is connected") {
		t.Fatal(said, code)
	}
	openings := client.HandleChannelOpen("gpg-key@berth.dev")
	go func() {
		for opening := range openings {
			opening.Reject(ssh.Prohibited, "no\x1b[31m means no")
		}
	}()
	client.offer(t, "gpg")
	if said, _ := called(w.helper(t)); !strings.Contains(said, "berth: no signature by gpg: no[31m means no\n") {
		t.Fatalf("%q", said)
	}
}

func TestSocketOfGpg(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	dial := func() net.Conn {
		connection, err := net.Dial("unix", filepath.Join(w.folder(), "gpg-agent.sock"))
		if err != nil {
			t.Fatal(err)
		}
		connection.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { connection.Close() })
		return connection
	}
	// Nobody is there: an agent that has nothing, so that gpg starts none of its own in its place.
	alone := dial()
	fmt.Fprint(alone, "OPTION a=b\nHAVEKEY X\nBYE\n")
	said, _ := io.ReadAll(alone)
	want := "OK Pleased to meet you\nOK\nERR 67108941 No agent running <Berth: no computer with Berth is connected to this workspace, so there is nobody to ask>\nOK\n"
	if string(said) != want {
		t.Fatalf("%q", said)
	}
	endless := dial()
	endless.Write([]byte(strings.Repeat("x", 64<<10)))
	if said, _ := io.ReadAll(endless); string(said) != "OK Pleased to meet you\n" {
		t.Fatalf("%q", said)
	}
	openings := client.HandleChannelOpen("gpg-agent@berth.dev")
	go func() {
		for opening := range openings {
			channel, requests, err := opening.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			io.WriteString(channel, "OK of the client\n")
			io.Copy(channel, channel)
			channel.Close()
		}
	}()
	client.offer(t, "gpg")
	lent := dial()
	fmt.Fprint(lent, "HAVEKEY X\n")
	lines := bufio.NewScanner(lent)
	for _, want := range []string{"OK of the client", "HAVEKEY X"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q", lines.Text())
		}
	}
}
