package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// readBy is how many bytes a process has read, however (proc_pid_io(5)).
func readBy(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Skip("this kernel does not count what a process reads")
	}
	count, err := strconv.Atoi(regexp.MustCompile(`rchar: (\d+)`).FindStringSubmatch(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestBridgeCarriesNothingItself(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	before := readBy(t, client.bridge.Process.Pid)
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	output, err := session.Output("head -c 5000000 /dev/zero")
	if err != nil || len(output) != 5_000_000 {
		t.Fatal(len(output), err)
	}
	if carried := readBy(t, client.bridge.Process.Pid) - before; carried > 100_000 {
		t.Fatalf("the bridge read %d bytes", carried)
	}
}

func TestConnectionEndsWithItsBridge(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	other, client := w.connect(), w.connect()
	if told := w.status(other); told.Connections != 2 {
		t.Fatal(told)
	}
	client.bridge.Process.Kill()
	within(t, patience, "the connection's end", func() bool { return w.status(other).Connections == 1 })
}

func TestBridgeEndsWithItsInput(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	other, client := w.connect(), w.connect()
	client.Close()
	ended := make(chan error, 1)
	go func() { ended <- client.bridge.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the bridge goes on")
	}
	within(t, patience, "the connection's end", func() bool { return w.status(other).Connections == 1 })
}

// As a bridge of an older agent does it: everything goes over the socket.
func TestSocketAlone(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	other := w.connect()
	wire, err := net.Dial("unix", w.socket())
	if err != nil {
		t.Fatal(err)
	}
	connection, channels, requests, err := ssh.NewClientConn(wire, "workspace", &ssh.ClientConfig{
		User: "any", HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(connection, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if output, err := session.Output("echo over the socket"); err != nil || string(output) != "over the socket\n" {
		t.Fatal(string(output), err)
	}
	if told := w.status(other); told.Connections != 2 {
		t.Fatal(told)
	}
}

// What lends streams and sends none gets no connection, and disturbs no other.
func TestNoStreamsAreLent(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	other := w.connect()
	wire, err := net.Dial("unix", w.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	if _, err := wire.Write([]byte{0, '\n', '\n'}); err != nil {
		t.Fatal(err)
	}
	wire.SetReadDeadline(time.Now().Add(40 * time.Second))
	if _, err := wire.Write(make([]byte, 1024)); err == nil {
		io.Copy(io.Discard, wire)
	}
	within(t, patience, "the connection's end", func() bool { return w.status(other).Connections == 1 })
}
