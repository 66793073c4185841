package test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// listen serves each connection with handle.
func listen(t *testing.T, network, address string, handle func(net.Conn)) net.Addr {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(connection)
		}
	}()
	return listener.Addr()
}

// direct opens direct-tcpip to localhost.
func (client *bridged) direct(address net.Addr) (ssh.Channel, <-chan *ssh.Request, error) {
	return client.OpenChannel("direct-tcpip", ssh.Marshal(struct {
		Host  string
		Port  uint32
		From  string
		From2 uint32
	}{"localhost", uint32(address.(*net.TCPAddr).Port), "127.0.0.1", 1}))
}

func TestHalfClose(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	count := func(connection net.Conn) {
		defer connection.Close()
		data, _ := io.ReadAll(connection)
		fmt.Fprintf(connection, "%d", len(data))
	}
	path := filepath.Join(w.base, "s")
	listen(t, "unix", path, count)
	tcp, _, err := client.direct(listen(t, "tcp", "[::1]:0", count))
	if err != nil {
		t.Fatal(err)
	}
	unix, _, err := client.OpenChannel("direct-streamlocal@openssh.com", ssh.Marshal(struct {
		Path, Reserved string
		Port           uint32
	}{path, "", 0}))
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range []ssh.Channel{tcp, unix} {
		channel.Write(make([]byte, 5<<20))
		channel.CloseWrite()
		if said, err := io.ReadAll(channel); string(said) != "5242880" || err != nil {
			t.Fatal(string(said), err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	listener.Close()
	_, _, err := client.direct(listener.Addr())
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) || refused.Reason != ssh.ConnectionFailed || refused.Message != "refused" {
		t.Fatal(err)
	}
	_, _, err = client.OpenChannel("direct-streamlocal@openssh.com", ssh.Marshal(struct {
		Path, Reserved string
		Port           uint32
	}{"/no/such", "", 0}))
	if !errors.As(err, &refused) || refused.Message == "refused" {
		t.Fatal(err)
	}
}

func TestResetBothWays(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	seen := make(chan error, 1)
	address := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		first := make([]byte, 1)
		io.ReadFull(connection, first)
		if first[0] == 'r' {
			connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
			return
		}
		connection.Write(first)
		_, err := io.ReadAll(connection)
		seen <- err
	})
	channel, requests, err := client.direct(address)
	if err != nil {
		t.Fatal(err)
	}
	channel.Write([]byte("r"))
	told := false
	for request := range requests {
		told = told || request.Type == "reset@berth.dev" && !request.WantReply
	}
	if !told {
		t.Fatal("the reset was not told")
	}
	channel, requests, _ = client.direct(address)
	go ssh.DiscardRequests(requests)
	channel.Write([]byte("w"))
	io.ReadFull(channel, make([]byte, 1))
	channel.SendRequest("reset@berth.dev", false, nil)
	if err := <-seen; !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	channel, requests, _ = client.direct(address)
	go ssh.DiscardRequests(requests)
	channel.Write([]byte("w"))
	io.ReadFull(channel, make([]byte, 1))
	client.bridge.Process.Kill()
	if err := <-seen; !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal("a broken bridge looks like the end of data:", err)
	}
}

func TestParallelConnections(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	address := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		io.Copy(connection, connection)
	})
	var group sync.WaitGroup
	for range 300 {
		group.Go(func() {
			channel, requests, err := client.direct(address)
			if err != nil {
				t.Error(err)
				return
			}
			go ssh.DiscardRequests(requests)
			data := make([]byte, 20000)
			rand.Read(data)
			go func() { channel.Write(data); channel.CloseWrite() }()
			if got, err := io.ReadAll(channel); !bytes.Equal(got, data) {
				t.Error(len(got), err)
			}
			channel.Close()
		})
	}
	group.Wait()
}

func TestSlowReaderHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	flood := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		for {
			if _, err := connection.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	slow, requests, err := client.direct(flood)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	defer slow.Close()
	time.Sleep(200 * time.Millisecond)
	if _, output, _, _ := client.run(t, command{Command: []string{"echo", "through"}}); !strings.Contains(output, "through") {
		t.Fatal(output)
	}
}
