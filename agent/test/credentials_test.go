package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// offer says what the client lends; without kinds it lends nothing any more.
func (client *bridged) offer(t *testing.T, kinds ...string) {
	t.Helper()
	text, _ := json.Marshal(map[string][]string{"kinds": append([]string{}, kinds...)})
	accepted, _, err := client.SendRequest("credentials@berth.dev", true, ssh.Marshal(struct{ Text string }{string(text)}))
	if err != nil || !accepted {
		t.Error(accepted, err)
	}
}

type gitAsk struct{ Operation, Text, Process, Command string }

// lendGit answers what git asks for with what decide says: an answer, a message, or a refusal.
func (client *bridged) lendGit(t *testing.T, decide func(ask gitAsk) (answer, message string, refusal *ssh.OpenChannelError)) {
	openings := client.HandleChannelOpen("git-credential@berth.dev")
	go func() {
		for opening := range openings {
			var ask gitAsk
			if err := ssh.Unmarshal(opening.ExtraData(), &ask); err != nil {
				t.Error(err)
			}
			answer, message, refusal := decide(ask)
			if refusal != nil {
				opening.Reject(refusal.Reason, refusal.Message)
				continue
			}
			channel, requests, err := opening.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			io.WriteString(channel.Stderr(), message)
			io.WriteString(channel, answer)
			channel.Close()
		}
	}()
	client.offer(t, "git")
}

const wanted = "protocol=https\nhost=git.example\n\n"

// fill runs `git credential fill` in the workspace, with nobody to ask but the helper.
func (client *bridged) fill(t *testing.T, variables ...string) (output, problem string) {
	t.Helper()
	line := strings.Join(variables, " ") + " GIT_TERMINAL_PROMPT=0 HOME=/nonexistent GIT_ASKPASS= git credential fill"
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var out, err2 bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader(wanted), &out, &err2
	session.Run(line)
	return out.String(), err2.String()
}

func TestGitAsksTheClient(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	asked := make(chan gitAsk, 8)
	client.lendGit(t, func(ask gitAsk) (string, string, *ssh.OpenChannelError) {
		asked <- ask
		return "username=me\npassword=p ä'\"$x\n", "", nil
	})
	output, problem := client.fill(t)
	if !strings.Contains(output, "username=me\npassword=p ä'\"$x\n") || problem != "" {
		t.Fatal(output, problem)
	}
	ask := <-asked
	if ask.Operation != "get" || ask.Text != "protocol=https\nhost=git.example\n" || ask.Process != "git" || ask.Command != "git credential fill" {
		t.Fatalf("%+v", ask)
	}
	// What git is told already stays.
	settings := filepath.Join(w.base, "settings")
	os.WriteFile(settings, []byte("[credential]\nhelper = \"!echo username=first; echo password=first; true\"\n"), 0o600)
	output, _ = client.fill(t, "GIT_CONFIG_GLOBAL="+settings)
	if !strings.Contains(output, "username=first") {
		t.Fatal(output)
	}
	_, environment, _, _ := client.run(t, command{Command: []string{"sh", "-c", "echo $GIT_CONFIG_COUNT $SSH_AUTH_SOCK; ls -l " + w.folder()}})
	if !strings.HasPrefix(environment, "2 "+filepath.Join(w.folder(), "ssh-agent.sock")+"\n") {
		t.Fatal(environment)
	}
	for _, name := range []string{"git-credential.sock", "ssh-agent.sock", "gpg-agent.sock"} {
		if info, err := os.Stat(filepath.Join(w.folder(), name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatal(name, info, err)
		}
	}
}

func TestGitHelperJoinsSettingsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	client.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) { return "username=a\npassword=b\n", "", nil })
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Someone", "SSH_AUTH_SOCK": "/own"} {
		if err := session.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	session.Stdin = strings.NewReader(wanted)
	output, err := session.Output("git config user.name; echo $SSH_AUTH_SOCK; GIT_TERMINAL_PROMPT=0 git credential fill")
	if err != nil || !strings.HasPrefix(string(output), "Someone\n/own\n") || !strings.Contains(string(output), "password=b") {
		t.Fatal(string(output), err)
	}
}

func TestNewestClientThatTakesItIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	first, second, third := w.connect(), w.connect(), w.connect()
	say := func(name string) func(gitAsk) (string, string, *ssh.OpenChannelError) {
		return func(gitAsk) (string, string, *ssh.OpenChannelError) {
			return "username=" + name + "\npassword=x\n", "", nil
		}
	}
	first.lendGit(t, say("first"))
	second.lendGit(t, say("second"))
	third.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) {
		return "", "", &ssh.OpenChannelError{Reason: ssh.ConnectionFailed, Message: "nobody sits there"}
	})
	if output, problem := first.fill(t); !strings.Contains(output, "username=second") {
		t.Fatal(output, problem)
	}
	second.offer(t)
	if output, _ := first.fill(t); !strings.Contains(output, "username=first") {
		t.Fatal(output)
	}
	second.offer(t, "git")
	second.Close()
	within(t, patience, "the first's turn", func() bool {
		output, _ := first.fill(t)
		return strings.Contains(output, "username=first")
	})
	first.Close()
	if output, problem := third.fill(t); strings.Contains(output, "username") || !strings.Contains(problem, "berth: nobody sits there\n") {
		t.Fatal(output, problem)
	}
}

func TestRefusalIsFinalAndTold(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	first, second := w.connect(), w.connect()
	first.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) {
		t.Error("asked after the other's no")
		return "", "", nil
	})
	second.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) {
		return "", "", &ssh.OpenChannelError{Reason: ssh.Prohibited, Message: "no\x1b[31m means no"}
	})
	output, problem := first.fill(t)
	if strings.Contains(output, "password") || !strings.Contains(problem, "berth: no[31m means no\n") || strings.Contains(problem, "\x1b") {
		t.Fatal(output, problem)
	}
}

func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	began := time.Now()
	output, problem := client.fill(t)
	if strings.Contains(output, "password") || !strings.Contains(problem, "berth: no computer with Berth is connected") || time.Since(began) > patience {
		t.Fatal(output, problem, time.Since(began))
	}
	// One that comes while it is waited for is asked.
	late := time.AfterFunc(300*time.Millisecond, func() {
		client.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) { return "username=late\npassword=x\n", "", nil })
	})
	defer late.Stop()
	if output, problem := client.fill(t); !strings.Contains(output, "username=late") {
		t.Fatal(output, problem)
	}
}

func TestOneThatComesAfterARefusalIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	first, second := w.connect(), w.connect()
	asked := 0
	first.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) {
		asked++
		// Not before this one was asked, however long git takes to begin.
		time.AfterFunc(300*time.Millisecond, func() {
			second.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) { return "username=late\npassword=x\n", "", nil })
		})
		return "", "", &ssh.OpenChannelError{Reason: ssh.ConnectionFailed, Message: "nobody sits there"}
	})
	if output, problem := first.fill(t); !strings.Contains(output, "username=late") || asked != 1 {
		t.Fatal(output, problem, asked)
	}
}

func TestHelperThatIsEndedIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	openings := client.HandleChannelOpen("git-credential@berth.dev")
	client.offer(t, "git")
	line := "printf '" + strings.ReplaceAll(wanted, "\n", `\n`) + "' | " + filepath.Join(w.folder(), "git-credential") + " get & read -r go; kill $!; wait"
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	input, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(line); err != nil {
		t.Fatal(err)
	}
	var opening ssh.NewChannel
	select {
	case opening = <-openings:
	case <-time.After(patience):
		t.Fatal("nobody asks")
	}
	io.WriteString(input, "\n")
	channel, requests, err := opening.Accept()
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-closedAfter(requests, channel):
	case <-time.After(patience):
		t.Fatal("nobody says that nobody waits any more")
	}
}

func closedAfter(requests <-chan *ssh.Request, channel ssh.Channel) <-chan struct{} {
	over := make(chan struct{})
	go io.Copy(io.Discard, channel)
	go func() {
		ssh.DiscardRequests(requests)
		close(over)
	}()
	return over
}

func TestKeysOfTheClient(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	keys := exec.Command("ssh-agent", "-D", "-a", filepath.Join(w.base, "own.sock"))
	if err := keys.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { keys.Process.Kill(); keys.Wait() }()
	own := filepath.Join(w.base, "own.sock")
	within(t, patience, "the agent", func() bool { _, err := os.Stat(own); return err == nil })
	key := filepath.Join(w.base, "key")
	w.must(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f", key))
	add := exec.Command("ssh-add", "-q", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+own)
	w.must(add)
	client := w.connect()
	openings := client.HandleChannelOpen("ssh-agent@berth.dev")
	client.offer(t, "ssh")
	go func() {
		for opening := range openings {
			channel, requests, err := opening.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			far, err := net.Dial("unix", own)
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				io.Copy(far, channel)
				far.Close()
			}()
			go func() {
				io.Copy(channel, far)
				channel.Close()
			}()
		}
	}()
	_, output, problem, code := client.run(t, command{Command: []string{"ssh-add", "-l"}})
	if code != 0 || !strings.Contains(output, "laptop") {
		t.Fatal(output, problem)
	}
	client.offer(t)
	if _, output, _, code := client.run(t, command{Command: []string{"ssh-add", "-l"}}); code == 0 {
		t.Fatal(output, code)
	}
}

func TestSocketsAreMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	client.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) { return "username=a\npassword=b\n", "", nil })
	for _, name := range []string{"git-credential", "git-gpg", "git-credential.sock", "gpg-agent.sock"} {
		if err := os.Remove(filepath.Join(w.folder(), name)); err != nil {
			t.Fatal(err)
		}
	}
	within(t, noticing, "the helper", func() bool {
		output, _ := client.fill(t)
		return strings.Contains(output, "password=b")
	})
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	client.Wait()
	again := w.connect()
	again.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) { return "username=a\npassword=c\n", "", nil })
	if output, problem := again.fill(t); !strings.Contains(output, "password=c") {
		t.Fatal(output, problem)
	}
	w.stop()
	if left, _ := os.ReadDir(w.folder()); len(left) > 3 {
		t.Fatal(left)
	}
}

func TestNonsenseOnTheSocketOfGit(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	client.lendGit(t, func(gitAsk) (string, string, *ssh.OpenChannelError) {
		t.Error("asked")
		return "", "", nil
	})
	for _, text := range []string{"", "\n", "null\n", "{}\n", `{"operation":"fill"}` + "\n", `{"operation":"get","text":5}` + "\n", strings.Repeat("x", 1<<20)} {
		connection, err := net.Dial("unix", filepath.Join(w.folder(), "git-credential.sock"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(connection, text)
		connection.(*net.UnixConn).CloseWrite()
		if answer, _ := io.ReadAll(connection); len(answer) > 0 {
			t.Fatal(text, string(answer))
		}
		connection.Close()
	}
}
