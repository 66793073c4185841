package test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExec(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	command := w.ssh("any", "cat; echo problem >&2; echo $COLOUR; exit 7")
	command.Env = append(command.Env, "COLOUR=blue")
	data := make([]byte, 3<<20)
	rand.Read(data)
	var output, problem bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(data), &output, &problem
	err := command.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 7 {
		t.Fatal(err, problem.String())
	}
	if !bytes.Equal(output.Bytes(), append(data, "blue\n"...)) || problem.String() != "problem\n" {
		t.Fatal(output.Len(), problem.String())
	}
}

func TestSlowReaderGetsAllOutput(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	command := w.ssh("any", "head -c 6000000 /dev/zero")
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	count, _ := io.Copy(io.Discard, output)
	if err := command.Wait(); err != nil || count != 6000000 {
		t.Fatal(count, err)
	}
}

func TestShellWithTerminal(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	command := w.ssh("-tt", "any")
	command.Env = append(command.Env, "TERM=vt100")
	command.Stdin = strings.NewReader("stty size; echo TERM=$TERM; tty; exit 3\n")
	output, err := command.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 3 {
		t.Fatal(err, string(output))
	}
	if !strings.Contains(string(output), "TERM=vt100") || !strings.Contains(string(output), "/dev/pts/") {
		t.Fatal(string(output))
	}
}

func TestSignalIsTold(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	output, err := w.ssh("-v", "any", "kill -TERM $$").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "exit-signal") {
		t.Fatal(err, string(output))
	}
}

func TestBackgroundChildDoesNotHoldUpExit(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	output := w.must(w.ssh("any", "sleep 300 & echo $!"))
	child, err := strconv.Atoi(strings.TrimSpace(output))
	if err != nil || !alive(child) {
		t.Fatal("it waited for the end of", output)
	}
	syscall.Kill(child, syscall.SIGKILL)
}

func TestLocalForwardAndDirect(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	web := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) { io.WriteString(writer, "hello") }))
	defer web.Close()
	address := strings.TrimPrefix(web.URL, "http://")
	command := w.ssh("-W", address, "any")
	command.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
	if output := w.must(command); !strings.HasSuffix(output, "hello") {
		t.Fatal(output)
	}

	near := filepath.Join(w.base, "l.sock")
	forward := w.ssh("-N", "-L", near+":"+address, "any")
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { forward.Process.Kill(); forward.Wait() }()
	within(t, patience, "the forward", func() bool {
		connection, err := net.Dial("unix", near)
		if err != nil {
			return false
		}
		defer connection.Close()
		io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n")
		text, _ := io.ReadAll(connection)
		return strings.HasSuffix(string(text), "hello")
	})
}

func TestRemoteForwards(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	web := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) { io.WriteString(writer, "hello") }))
	defer web.Close()
	address := strings.TrimPrefix(web.URL, "http://")
	far := filepath.Join(w.base, "r.sock")
	forward := w.ssh("-N", "-R", far+":"+address, "-R", "0:"+address, "any")
	said, err := os.Create(filepath.Join(w.base, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	forward.Args = append(forward.Args[:1], append([]string{"-o", "LogLevel=INFO"}, forward.Args[1:]...)...)
	forward.Stderr = said
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { forward.Process.Kill(); forward.Wait() }()
	fetch := func(network, address string) bool {
		connection, err := net.Dial(network, address)
		if err != nil {
			return false
		}
		defer connection.Close()
		io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n")
		text, _ := io.ReadAll(connection)
		return strings.HasSuffix(string(text), "hello")
	}
	within(t, patience, "the unix forward", func() bool { return fetch("unix", far) })
	if info, err := os.Stat(far); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	port := ""
	within(t, patience, "the other forward", func() bool {
		text, _ := os.ReadFile(said.Name())
		_, after, _ := strings.Cut(string(text), "Allocated port ")
		var whole bool
		port, _, whole = strings.Cut(after, " ")
		return whole
	})
	if port == "0" {
		t.Fatal("no port was chosen")
	}
	forward.Process.Kill()
	forward.Wait()
	within(t, patience, "the end of the forwards", func() bool {
		_, err := os.Stat(far)
		return errors.Is(err, os.ErrNotExist) && !fetch("tcp", "127.0.0.1:"+port)
	})
}

func TestAgentForwarding(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	socket := filepath.Join(w.base, "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Skip("no ssh-agent:", err)
	}
	defer func() { agent.Process.Kill(); agent.Wait() }()
	within(t, patience, "the agent", func() bool { _, err := os.Stat(socket); return err == nil })
	key := filepath.Join(w.base, "key")
	w.must(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "forwarded", "-f", key))
	add := exec.Command("ssh-add", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	w.must(add)
	command := w.ssh("-A", "any", "ssh-add -l; stat -c %a $SSH_AUTH_SOCK")
	command.Env = append(command.Env, "SSH_AUTH_SOCK="+socket)
	if output := w.must(command); !strings.Contains(output, "forwarded") || !strings.HasSuffix(output, "600\n") {
		t.Fatal(output)
	}
	left, _ := filepath.Glob(filepath.Join(w.folder(), "forward-*"))
	within(t, patience, "the socket's removal", func() bool {
		left, _ = filepath.Glob(filepath.Join(w.folder(), "forward-*"))
		return len(left) == 0
	})
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	from, to := filepath.Join(w.base, "from"), filepath.Join(w.base, "to")
	data := make([]byte, 2<<20)
	rand.Read(data)
	os.WriteFile(from, data, 0o644)
	command := exec.Command("sftp", "-q", "-F", "/dev/null", "-o", "ProxyCommand="+program+" bridge",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-b", "-", "any")
	command.Env = w.environment
	command.Stdin = strings.NewReader("put " + from + " " + to + "\nget " + to + " " + to + "2\n")
	w.must(command)
	got, _ := os.ReadFile(to + "2")
	if !bytes.Equal(got, data) {
		t.Fatal(len(got))
	}
	// scp fails where it is not told that all went well.
	w.must(w.ssh("-s", "any", "sftp"))
}
