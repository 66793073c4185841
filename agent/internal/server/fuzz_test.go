package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/place"
)

func testDaemon(t testing.TB) *Daemon {
	daemon, err := NewDaemon(place.Place{Folder: t.TempDir()}, children.NewFamily(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return daemon
}

// FuzzWire throws bytes at the server, before there is encryption.
func FuzzWire(f *testing.F) {
	daemon := testDaemon(f)
	f.Add([]byte("SSH-2.0-x\r\n"))
	f.Add([]byte("SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14aaaaaaaaaaaaaaaa"))
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	f.Add([]byte("SSH-2.0-x\r\n\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() {
			daemon.ServeConnection(far)
			close(done)
		}()
		go io.Copy(io.Discard, near)
		near.SetWriteDeadline(time.Now().Add(time.Second))
		near.Write(data)
		near.Close()
		<-done
	})
}

// FuzzOpen opens channels of any kind with any extra data, and sends any request on a session, over encryption.
func FuzzOpen(f *testing.F) {
	daemon := testDaemon(f)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	near, far := connectionOf(f, pair[0]), connectionOf(f, pair[1])
	go daemon.ServeConnection(far)
	connection, channels, requests, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		f.Fatal(err)
	}
	client := ssh.NewClient(connection, channels, requests)
	f.Cleanup(func() { client.Close() })
	for _, kind := range []string{"direct-streamlocal@openssh.com", "terminal@berth.dev", "checkpoint@berth.dev", "digest@berth.dev", "pty-req", "env", "window-change", "signal"} {
		f.Add(kind, []byte{})
		f.Add(kind, ssh.Marshal(textMessage{`{"id":"none","role":"watch"}`}))
		f.Add(kind, []byte{255, 255, 255, 255, 1})
	}
	f.Add("terminal@berth.dev", ssh.Marshal(textMessage{`{"id":"none","role":"write","writer":"a b"}`}))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		if len(payload) > 30_000 {
			return
		}
		if channel, requests, err := client.OpenChannel(kind, payload); err == nil {
			go ssh.DiscardRequests(requests)
			channel.Close()
		}
		switch kind {
		case "exec", "shell", "exec@berth.dev", "subsystem":
			return // Whatever this would run is not to be run by chance.
		}
		channel, requests, err := client.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(requests)
		channel.SendRequest(kind, true, payload)
		channel.Close()
	})
}

func connectionOf(f *testing.F, descriptor int) net.Conn {
	connection, err := net.FileConn(os.NewFile(uintptr(descriptor), "pair"))
	if err != nil {
		f.Fatal(err)
	}
	return connection
}

func FuzzRequestsOfTerminals(f *testing.F) {
	daemon := testDaemon(f)
	client := &connection{daemon: daemon}
	f.Add(`{"request":1,"rename":{"id":"a","name":"b"}}`)
	f.Add(`{"request":2,"signal":{"id":"a","signal":"HUP"},"end":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var request terminalsRequest
		if json.Unmarshal([]byte(text), &request) == nil && client.perform(request) == nil {
			t.Fatal("there is nothing it could have been done to")
		}
	})
}

func FuzzTerminalWanted(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 127, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		windowChange(payload)
		(&session{environment: map[string]string{}}).wantTerminal(payload)
	})
}

// FuzzOffer offers what nobody knows, and takes it back.
func FuzzOffer(f *testing.F) {
	daemon := testDaemon(f)
	client := &connection{daemon: daemon}
	f.Add(`{"kinds":["git","ssh"]}`)
	f.Add(`{"kinds":null}`)
	f.Add(`{"kinds":"git"}`)
	f.Fuzz(func(t *testing.T, text string) {
		client.offerCredentials(text)
		client.offerCredentials(`{"kinds":[]}`)
		client.closing.list = nil
		if list, _ := daemon.lenders.of(kindGit); len(list) > 0 {
			t.Fatal("it is still offered")
		}
	})
}

// notedFrames keeps what it is told, the pieces of a payload together.
type notedFrames struct {
	text  []byte
	since bool // the last was a piece
	id    uint32
}

func (noted *notedFrames) takeFrame(id uint32, kind byte, value uint32) error {
	noted.text, noted.since = fmt.Appendf(noted.text, "|%d %d %d", id, kind, value), false
	if kind == 0 || kind > frameWindow {
		return errFrame
	}
	return nil
}

func (noted *notedFrames) takeData(id uint32, piece []byte) error {
	if !noted.since || noted.id != id {
		noted.text = fmt.Appendf(noted.text, "|%d: ", id)
	}
	noted.text, noted.since, noted.id = append(noted.text, piece...), true, id
	return nil
}

// FuzzFrames takes frames apart in pieces of several sizes, with the same outcome.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, frameOpen, 0, 0, 31, 144, 0, 0, 0, 1, frameData, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 1, frameEnd, 0, 0, 0, 0}, 4)
	f.Add([]byte{0, 0, 0, 1, frameData, 255, 255, 255, 255, 'x'}, 1)
	f.Add([]byte{0, 0, 0, 1, frameData, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0}, 9)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var whole, parts notedFrames
		var first, second frameReader
		expected := first.take(data, &whole)
		size = max(1, size)
		var found error
		for rest := data; len(rest) > 0 && found == nil; rest = rest[min(len(rest), size):] {
			found = second.take(rest[:min(len(rest), size)], &parts)
		}
		if expected != found || !bytes.Equal(whole.text, parts.text) || expected == nil && first != second {
			t.Fatalf("%v %q, %v %q", expected, whole.text, found, parts.text)
		}
	})
}
