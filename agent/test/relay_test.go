package test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// What frames do. See PROTOCOL.md.
const (
	opens = iota + 1
	connected
	refuses
	carries
	ends
	resets
	gives
)

const relayWindow = 1 << 20

type relayAnswer struct {
	Path, Key, Proof string
	PID              int
}

// relayOf asks for the relay's socket; false where there is none.
func (client *bridged) relayOf(t *testing.T) (relayAnswer, bool) {
	t.Helper()
	accepted, payload, err := client.SendRequest("relay@berth.dev", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer relayAnswer
	if !accepted {
		return answer, false
	}
	var message struct{ Text string }
	if err := errors.Join(ssh.Unmarshal(payload, &message), json.Unmarshal([]byte(message.Text), &answer)); err != nil {
		t.Fatal(err)
	}
	return answer, true
}

// relayed is a client of a relay.
type relayed struct {
	*testing.T
	near    net.Conn
	writing sync.Mutex

	mutex   sync.Mutex
	changed sync.Cond
	next    uint32
	streams map[uint32]*stream
	over    bool
}

// stream is a TCP connection over a relay.
type stream struct {
	relay *relayed
	id    uint32

	received []byte
	credit   int
	ok       bool
	refusal  uint32
	ended    bool
	broken   bool
	lazy     bool // gives nothing back
}

// relay connects and shows the key.
func (client *bridged) relay(t *testing.T) *relayed {
	t.Helper()
	answer, there := client.relayOf(t)
	if !there {
		t.Fatal("no relay")
	}
	near, err := net.Dial("unix", answer.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	io.WriteString(near, answer.Key)
	greeting := make([]byte, 64+14)
	near.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(near, greeting); err != nil || string(greeting) != answer.Proof+"BERTH-RELAY-1\n" {
		t.Fatalf("%q %v", greeting, err)
	}
	near.SetReadDeadline(time.Time{})
	made := &relayed{T: t, near: near, streams: map[uint32]*stream{}}
	made.changed.L = &made.mutex
	go made.read()
	return made
}

func (relay *relayed) send(id uint32, kind byte, value int, payload []byte) {
	frame := binary.BigEndian.AppendUint32(nil, id)
	frame = binary.BigEndian.AppendUint32(append(frame, kind), uint32(value))
	relay.writing.Lock()
	defer relay.writing.Unlock()
	relay.near.Write(append(frame, payload...))
}

func (relay *relayed) read() {
	input := bufio.NewReaderSize(relay.near, 1<<20)
	for {
		var head struct {
			ID    uint32
			Kind  uint8
			Value uint32
		}
		err := binary.Read(input, binary.BigEndian, &head)
		var payload []byte
		if err == nil && head.Kind == carries {
			payload = make([]byte, head.Value)
			_, err = io.ReadFull(input, payload)
		}
		relay.mutex.Lock()
		if err != nil {
			relay.over = true
			relay.changed.Broadcast()
			relay.mutex.Unlock()
			return
		}
		one := relay.streams[head.ID]
		switch head.Kind {
		case connected:
			one.ok = true
		case refuses:
			one.refusal = head.Value
		case carries:
			one.received = append(one.received, payload...)
		case ends:
			one.ended = true
		case resets:
			one.broken = true
		case gives:
			one.credit += int(head.Value)
		default:
			relay.Errorf("frame of kind %d", head.Kind)
		}
		relay.changed.Broadcast()
		lazy := one.lazy
		relay.mutex.Unlock()
		if len(payload) > 0 && !lazy {
			relay.send(head.ID, gives, len(payload), nil)
		}
	}
}

// await waits until something has happened.
func (relay *relayed) await(what string, happened func() bool) {
	relay.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		relay.mutex.Lock()
		defer relay.mutex.Unlock()
		late = true
		relay.changed.Broadcast()
	})
	defer timer.Stop()
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	for !happened() {
		if late || relay.over {
			relay.Errorf("%s did not come; the relay is over: %v", what, relay.over)
			return
		}
		relay.changed.Wait()
	}
}

func (relay *relayed) ended() bool {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	return relay.over
}

func (relay *relayed) add(lazy bool) *stream {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	relay.next++
	made := &stream{relay: relay, id: relay.next, credit: relayWindow, lazy: lazy}
	relay.streams[made.id] = made
	return made
}

func (relay *relayed) open(port int) *stream {
	relay.Helper()
	made := relay.add(false)
	made.open(port)
	return made
}

func (one *stream) open(port int) {
	one.relay.Helper()
	one.relay.send(one.id, opens, port, nil)
	one.relay.await("an answer", func() bool { return one.ok || one.refusal > 0 })
}

// write keeps to the credit.
func (one *stream) write(data []byte) {
	for len(data) > 0 {
		count := 0
		one.relay.await("credit", func() bool {
			count = min(one.credit, len(data), 64<<10)
			return count > 0 || one.broken
		})
		if count <= 0 {
			return
		}
		one.relay.mutex.Lock()
		one.credit -= count
		one.relay.mutex.Unlock()
		one.relay.send(one.id, carries, count, data[:count])
		data = data[count:]
	}
}

func (one *stream) end()   { one.relay.send(one.id, ends, 0, nil) }
func (one *stream) reset() { one.relay.send(one.id, resets, 0, nil) }

// all is what comes until the end.
func (one *stream) all() []byte {
	one.relay.Helper()
	one.relay.await("the end", func() bool { return one.ended || one.broken })
	if one.broken {
		one.relay.Error("reset")
	}
	return one.received
}

func (one *stream) awaitReset() {
	one.relay.Helper()
	one.relay.await("the reset", func() bool { return one.broken })
}

func portOf(address net.Addr) int { return address.(*net.TCPAddr).Port }

func echo(connection net.Conn) {
	defer connection.Close()
	io.Copy(connection, connection)
}

// slowly takes nothing until it is told to, then says what has come.
func slowly(t *testing.T, begin <-chan struct{}, came chan<- []byte) int {
	return portOf(listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		<-begin
		data, _ := io.ReadAll(connection)
		came <- data
	}))
}

// failure tells how a connection ended for the program in the workspace.
func failure(t *testing.T) (int, <-chan error) {
	seen := make(chan error, 64)
	return portOf(listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		// It may be reset before it says anything.
		_, first := connection.Write([]byte("x"))
		_, then := io.ReadAll(connection)
		seen <- errors.Join(first, then)
	})), seen
}

func mustReset(t *testing.T, seen <-chan error) {
	t.Helper()
	select {
	case err := <-seen:
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}

func TestRelayHasAKey(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	answer, there := client.relayOf(t)
	if !there || answer.Path != filepath.Join(w.folder(), "relay.sock") || answer.PID != w.status(client).PID || len(answer.Key) != 64 || len(answer.Proof) != 64 || answer.Key == answer.Proof {
		t.Fatal(answer, there)
	}
	if info, err := os.Stat(answer.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	wrong := strings.Repeat("0", 64)
	for _, said := range []string{wrong, answer.Proof, answer.Key[:63] + "x", "GET / HTTP/1.1\r\n\r\n" + wrong, strings.Repeat("x", 1<<20)} {
		near, err := net.Dial("unix", answer.Path)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(near, said)
		near.SetReadDeadline(time.Now().Add(3 * time.Second))
		if told, err := io.ReadAll(near); len(told) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(told, err)
		}
		near.Close()
	}
	near, err := net.Dial("unix", answer.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	io.WriteString(near, answer.Key[:63])
	near.SetReadDeadline(time.Now().Add(patience))
	began := time.Now()
	if told, err := io.ReadAll(near); len(told) > 0 || errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) < 3*time.Second {
		t.Fatal(told, err, time.Since(began))
	}
	relay := client.relay(t)
	relay.open(0)
}

func TestRelayCarriesBothWays(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		one := relay.open(portOf(listen(t, "tcp", address, echo)))
		data := make([]byte, 5<<20)
		rand.Read(data)
		one.write(data)
		one.end()
		if !bytes.Equal(one.all(), data) {
			t.Fatal(len(one.received))
		}
	}
}

func TestRelayHalfCloses(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	counts := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		data, _ := io.ReadAll(connection)
		fmt.Fprintf(connection, "%d", len(data))
	})
	one := relay.open(portOf(counts))
	one.write(make([]byte, 5<<20))
	one.end()
	if said := string(one.all()); said != "5242880" {
		t.Fatal(said)
	}
	came := make(chan []byte, 1)
	greets := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		io.WriteString(connection, "all I say")
		connection.(*net.TCPConn).CloseWrite()
		data, _ := io.ReadAll(connection)
		came <- data
	})
	one = relay.open(portOf(greets))
	if said := string(one.all()); said != "all I say" {
		t.Fatal(said)
	}
	one.write(make([]byte, 3<<20))
	one.end()
	if data := <-came; len(data) != 3<<20 {
		t.Fatal(len(data))
	}
}

func TestRelayResetsBothWays(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	port, seen := failure(t)
	one := relay.open(port)
	one.reset()
	mustReset(t, seen)
	breaks := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		io.ReadFull(connection, make([]byte, 1))
		connection.(*net.TCPConn).SetLinger(0)
		connection.Close()
	})
	one = relay.open(portOf(breaks))
	one.write([]byte("x"))
	one.awaitReset()
}

// What takes no more may have said why.
func TestRelayReadsWhatWasSaidBeforeTheReset(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	refusing := listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		io.ReadFull(connection, make([]byte, 1))
		io.WriteString(connection, "too large")
		connection.Close()
	})
	one := relay.open(portOf(refusing))
	one.write(make([]byte, 8<<20))
	one.awaitReset()
	if string(one.received) != "too large" {
		t.Fatalf("%q", one.received)
	}
}

func TestRelayRefuses(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	listener.Close()
	for port, why := range map[int]uint32{portOf(listener.Addr()): 1, 0: 1, 70000: 2} {
		if one := relay.open(port); one.ok || one.refusal != why {
			t.Fatal(port, one.refusal)
		}
	}
}

func TestRelayCarriesMany(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	port := portOf(listen(t, "tcp", "127.0.0.1:0", echo))
	var group sync.WaitGroup
	for range 300 {
		group.Go(func() {
			one := relay.open(port)
			data := make([]byte, 50000)
			rand.Read(data)
			one.write(data)
			one.end()
			if !bytes.Equal(one.all(), data) {
				t.Error(len(one.received))
			}
		})
	}
	group.Wait()
}

func TestRelayIsBounded(t *testing.T) {
	t.Parallel()
	client := newWorkspace(t).connect()
	first := client.relay(t)
	// Nobody accepts: what is not taken stays in the queue of the system, or is being connected.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for range 4096 {
		one := first.add(true)
		first.send(one.id, opens, portOf(listener.Addr()), nil)
	}
	if one := first.open(portOf(listener.Addr())); one.refusal != 2 {
		t.Fatal(one.ok, one.refusal)
	}
	for id := range uint32(4096) {
		first.send(id+1, resets, 0, nil)
	}
	if one := first.open(portOf(listen(t, "tcp", "127.0.0.1:0", echo))); !one.ok {
		t.Fatal(one.refusal)
	}
	answer, _ := client.relayOf(t)
	for range 15 {
		client.relay(t)
	}
	near, err := net.Dial("unix", answer.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	io.WriteString(near, answer.Key)
	near.SetReadDeadline(time.Now().Add(patience))
	if told, err := io.ReadAll(near); len(told) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(told, err)
	}
}

func TestRelaySlowReaderHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	flood := portOf(listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		for {
			if _, err := connection.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	slow := relay.add(true)
	slow.open(flood)
	relay.await("a whole window", func() bool { return len(slow.received) == relayWindow })
	begin, came := make(chan struct{}), make(chan []byte, 1)
	stuck := relay.open(slowly(t, begin, came))
	data := make([]byte, 30<<20)
	rand.Read(data)
	over := make(chan struct{})
	go func() {
		defer close(over)
		stuck.write(data)
		stuck.end()
	}()
	fast := relay.open(portOf(listen(t, "tcp", "127.0.0.1:0", echo)))
	some := make([]byte, 20<<20)
	rand.Read(some)
	fast.write(some)
	fast.end()
	if !bytes.Equal(fast.all(), some) {
		t.Fatal(len(fast.received))
	}
	if len(slow.received) != relayWindow {
		t.Fatal("more than it takes", len(slow.received))
	}
	close(begin)
	<-over
	if !bytes.Equal(<-came, data) {
		t.Fatal("not what was sent")
	}
}

func TestRelayCarriesMuch(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	const size = 100 << 20
	digests := make(chan [32]byte, 1)
	port := portOf(listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) {
		defer connection.Close()
		hash := sha256.New()
		block := make([]byte, 1<<20)
		for range size >> 20 {
			rand.Read(block)
			hash.Write(block)
			connection.Write(block)
		}
		digests <- [32]byte(hash.Sum(nil))
	}))
	one := relay.open(port)
	if data := one.all(); len(data) != size || sha256.Sum256(data) != <-digests {
		t.Fatal(len(data))
	}
}

func TestRelayViolationsEndOnlyIt(t *testing.T) {
	t.Parallel()
	client := newWorkspace(t).connect()
	beside := client.relay(t)
	port, seen := failure(t)
	kept := beside.open(portOf(listen(t, "tcp", "127.0.0.1:0", echo)))
	begin := make(chan struct{})
	defer close(begin)
	stuck := slowly(t, begin, make(chan []byte, 1))
	for name, violate := range map[string]func(relay *relayed, one *stream){
		"unknown kind":   func(relay *relayed, one *stream) { relay.send(one.id, 8, 0, nil) },
		"kind 0":         func(relay *relayed, one *stream) { relay.send(one.id, 0, 0, nil) },
		"the agent's":    func(relay *relayed, one *stream) { relay.send(one.id, connected, 0, nil) },
		"too long":       func(relay *relayed, one *stream) { relay.send(one.id, carries, relayWindow+1, nil) },
		"open once more": func(relay *relayed, one *stream) { relay.send(one.id, opens, port, nil) },
		"over credit": func(relay *relayed, one *stream) {
			other := relay.open(stuck)
			for range 30 {
				relay.send(other.id, carries, relayWindow, make([]byte, relayWindow))
			}
		},
	} {
		relay := client.relay(t)
		one := relay.open(port)
		if !one.ok {
			t.Fatal(name)
		}
		violate(relay, one)
		within(t, patience, "the end of the relay: "+name, relay.ended)
		mustReset(t, seen)
	}
	kept.write([]byte("still there"))
	kept.end()
	if said := string(kept.all()); said != "still there" {
		t.Fatal(said)
	}
}

// What is sent for a connection that is gone was under way.
func TestRelayTakesWhatIsLate(t *testing.T) {
	t.Parallel()
	relay := newWorkspace(t).connect().relay(t)
	for range 3 {
		relay.send(77, carries, 1000, make([]byte, 1000))
		relay.send(77, gives, 1000, nil)
		relay.send(77, ends, 0, nil)
		relay.send(77, resets, 0, nil)
	}
	if one := relay.open(0); one.refusal != 1 {
		t.Fatal(one.refusal)
	}
}

func TestRelayResetsWhatItHasAtItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	port, seen := failure(t)
	relay := client.relay(t)
	for range 10 {
		relay.open(port)
	}
	relay.near.Close()
	for range 10 {
		mustReset(t, seen)
	}
	client.relay(t).open(port)
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	mustReset(t, seen)
}

func TestRelayIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	before, _ := client.relayOf(t)
	old := client.relay(t)
	port := portOf(listen(t, "tcp", "127.0.0.1:0", echo))
	if err := os.Remove(before.Path); err != nil {
		t.Fatal(err)
	}
	within(t, noticing, "the socket", func() bool { _, there := client.relayOf(t); return there })
	if after, _ := client.relayOf(t); after != before {
		t.Fatal(before, after)
	}
	for _, relay := range []*relayed{old, client.relay(t)} {
		one := relay.open(port)
		one.write([]byte("through"))
		one.end()
		if said := string(one.all()); said != "through" {
			t.Fatal(said)
		}
	}
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	client.Wait()
	within(t, patience, "the end of the relay", old.ended)
	again := w.connect()
	after, there := again.relayOf(t)
	if !there || after.Path != before.Path || after.PID != before.PID || after.Key == before.Key || after.Proof == before.Proof {
		t.Fatal(before, after)
	}
	if one := again.relay(t).open(port); !one.ok {
		t.Fatal(one.refusal)
	}
}

func TestRelayIsNoPortOfTheWorkspace(t *testing.T) {
	t.Parallel()
	client := newWorkspace(t).connect()
	answer, _ := client.relayOf(t)
	channel, requests, err := client.OpenChannel("ports@berth.dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	if line, err := bufio.NewReader(channel).ReadString('\n'); err != nil || strings.Contains(line, answer.Path) {
		t.Fatal(line, err)
	}
}

func TestRelayCostsNothingWhileNothingHappens(t *testing.T) {
	w := newWorkspace(t)
	client := w.connect()
	relay := client.relay(t)
	port := portOf(listen(t, "tcp", "127.0.0.1:0", func(connection net.Conn) { io.Copy(io.Discard, connection) }))
	for range 200 {
		relay.open(port)
	}
	pid := w.status(client).PID
	time.Sleep(time.Second)
	before := worked(t, pid)
	time.Sleep(3 * time.Second)
	idle, size := worked(t, pid)-before, resident(t, pid)
	t.Logf("200 idle connections: %s of work in 3 s, %d kB resident", idle, size)
	if idle > 20*time.Millisecond || size > 15<<10 {
		t.Error("too much")
	}
}
