package server

import (
	"context"
	"net"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// queuedPiece is how much of what had to wait is written at a time.
const queuedPiece = 64 << 10

// relayed is one TCP connection of a relay. All methods for the client's frames take nil, for one that is gone.
type relayed struct {
	relay  *relay
	id     uint32
	port   int
	giveUp context.CancelFunc // while it is not connected

	mutex     sync.Mutex
	credited  sync.Cond
	far       *net.TCPConn // nil while it is not connected
	raw       syscall.RawConn
	credit    int    // what the client still takes
	allowed   int    // what it may still send
	consumed  int    // what was taken and not given back
	pending   []byte // what waits to be written
	writing   bool   // somebody writes what has waited
	finishing bool   // the client sends no more
	refused   bool   // the connection took no more of what was written to it
	readEnd   bool
	writeEnd  bool
	closed    bool
}

func newRelayed(relay *relay, id uint32, port int) *relayed {
	made := &relayed{relay: relay, id: id, port: port, credit: relayWindow, allowed: relayWindow}
	made.credited.L = &made.mutex
	return made
}

// run connects and carries to the client what comes, until there is no more.
func (one *relayed) run() {
	if one.connect() {
		for one.carry() {
		}
	}
}

func (one *relayed) connect() bool {
	limited, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	one.mutex.Lock()
	one.giveUp = cancel
	closed := one.closed
	one.mutex.Unlock()
	if closed {
		return false
	}
	// It is on this machine: there is no need to ask it whether it is still there.
	far, err := dialLocalhost(limited, &net.Dialer{KeepAlive: -1}, strconv.Itoa(one.port))
	one.mutex.Lock()
	defer one.mutex.Unlock()
	if one.closed {
		if err == nil {
			far.(*net.TCPConn).SetLinger(0)
			far.Close()
		}
		return false
	}
	if err != nil {
		why := refusedOther
		if nothingListens(err) {
			why = refusedNothing
		}
		one.close()
		one.relay.reply(one.id, frameRefused, why)
		return false
	}
	one.far = far.(*net.TCPConn)
	one.raw, _ = one.far.SyscallConn()
	// However this program ends, it is a reset, unless both directions have ended before.
	one.far.SetLinger(0)
	one.far.SetNoDelay(true)
	one.relay.reply(one.id, frameOK, 0)
	one.drain()
	return true
}

// carry carries one piece to the client, once it takes some; false if there is no more.
func (one *relayed) carry() bool {
	most := one.awaitCredit()
	if most == 0 {
		return false
	}
	count, err := one.pass(min(most, relayPiece))
	one.mutex.Lock()
	defer one.mutex.Unlock()
	switch {
	case one.closed:
		return false
	case err != nil:
		one.fail()
		return false
	case count == 0:
		one.readEnd = true
		if one.refused {
			one.fail()
			return false
		}
		one.relay.reply(one.id, frameEnd, 0)
		one.settle()
		return false
	}
	one.credit -= count
	return true
}

// awaitCredit is 0 when the connection is gone.
func (one *relayed) awaitCredit() int {
	one.mutex.Lock()
	defer one.mutex.Unlock()
	for one.credit <= 0 && !one.closed {
		one.credited.Wait()
	}
	if one.closed {
		return 0
	}
	return one.credit
}

// pass reads once there is something, and writes that to the client. The turn comes before the buffer: however many
// connections have something to say, there is one buffer.
func (one *relayed) pass(most int) (int, error) {
	if more, err := one.awaitData(); !more {
		return 0, err
	}
	relay := one.relay
	relay.turn.Lock()
	defer relay.turn.Unlock()
	buffer := relayBuffers.Get().(*[]byte)
	defer relayBuffers.Put(buffer)
	count, err := one.receive((*buffer)[frameHead:frameHead+most], 0)
	if err != nil || count == 0 {
		return 0, err
	}
	relay.flush()
	putFrame(*buffer, one.id, frameData, count)
	relay.write((*buffer)[:frameHead+count])
	return count, nil
}

// awaitData waits without a buffer, and without holding anybody up; false at the end of data, or an error.
func (one *relayed) awaitData() (bool, error) {
	var first [1]byte
	count, err := one.receive(first[:], unix.MSG_PEEK)
	return count > 0, err
}

func (one *relayed) receive(buffer []byte, flags int) (count int, err error) {
	problem := one.raw.Read(func(descriptor uintptr) bool {
		count, _, err = unix.Recvfrom(int(descriptor), buffer, flags)
		for err == unix.EINTR {
			count, _, err = unix.Recvfrom(int(descriptor), buffer, flags)
		}
		return err != unix.EAGAIN
	})
	if problem != nil {
		return 0, problem
	}
	return max(count, 0), err
}

func (one *relayed) addCredit(count int) {
	if one == nil {
		return
	}
	one.mutex.Lock()
	defer one.mutex.Unlock()
	one.credit += count
	one.credited.Signal()
}

// deliver writes what the connection takes at once, and leaves the rest to a goroutine.
func (one *relayed) deliver(piece []byte) error {
	if one == nil {
		return nil
	}
	one.mutex.Lock()
	defer one.mutex.Unlock()
	one.allowed -= len(piece)
	switch {
	case one.closed:
		return nil
	case one.allowed < 0:
		return errFrame
	case one.refused:
		// Counts as taken, so that whoever sends it is not stuck.
		one.consume(len(piece))
		return nil
	case one.far == nil || one.writing:
		one.pending = append(one.pending, piece...)
		return nil
	}
	count, err := one.tryWrite(piece)
	if err != nil {
		one.consume(len(piece))
		one.refuse()
		return nil
	}
	one.consume(count)
	if count < len(piece) {
		one.pending = append(one.pending, piece[count:]...)
		one.drain()
	}
	return nil
}

// tryWrite writes what is taken without a wait.
func (one *relayed) tryWrite(piece []byte) (count int, err error) {
	problem := one.raw.Write(func(descriptor uintptr) bool {
		count, err = unix.Write(int(descriptor), piece)
		return true
	})
	if problem != nil {
		return 0, problem
	}
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	return max(count, 0), err
}

// consume counts what was taken, and gives it back once it is worth a frame.
func (one *relayed) consume(count int) {
	one.consumed += count
	if one.consumed >= giveBackFrom {
		one.allowed += one.consumed
		one.relay.reply(one.id, frameWindow, one.consumed)
		one.consumed = 0
	}
}

// finish ends what goes to the connection, after what still waits.
func (one *relayed) finish() {
	if one == nil {
		return
	}
	one.mutex.Lock()
	defer one.mutex.Unlock()
	one.finishing = true
	if one.far != nil && !one.writing {
		one.drain()
	}
}

// drain has what waits written, and ends that direction after it where it is to end.
func (one *relayed) drain() {
	switch {
	case one.closed || one.refused:
	case len(one.pending) > 0:
		one.writing = true
		go one.write()
	case one.finishing && !one.writeEnd:
		if one.far.CloseWrite() != nil {
			one.refuse()
			return
		}
		one.writeEnd = true
		one.settle()
	}
}

func (one *relayed) write() {
	one.mutex.Lock()
	defer one.mutex.Unlock()
	var chunk []byte
	for len(one.pending) > 0 {
		chunk, one.pending = one.pending, chunk[:0]
		for rest := chunk; len(rest) > 0; {
			one.mutex.Unlock()
			count, err := one.far.Write(rest[:min(len(rest), queuedPiece)])
			one.mutex.Lock()
			if one.closed {
				return
			}
			if err != nil {
				one.consume(len(rest))
				one.refuse()
				return
			}
			one.consume(count)
			rest = rest[count:]
		}
	}
	one.pending, one.writing = nil, false
	one.drain()
}

// refuse is for a connection that takes no more. What it said before, such as why, is still there to be read; then it
// fails.
func (one *relayed) refuse() {
	one.refused = true
	one.consume(len(one.pending))
	one.pending = nil
	if one.readEnd {
		one.fail()
	}
}

// settle forgets a connection of which both directions have ended.
func (one *relayed) settle() {
	if one.readEnd && one.writeEnd && !one.closed {
		one.far.SetLinger(-1)
		one.close()
	}
}

// fail tells the client that the connection broke.
func (one *relayed) fail() {
	one.close()
	one.relay.reply(one.id, frameReset, 0)
}

// reset breaks the connection for the client.
func (one *relayed) reset() {
	if one == nil {
		return
	}
	one.mutex.Lock()
	defer one.mutex.Unlock()
	one.close()
}

func (one *relayed) close() {
	if one.closed {
		return
	}
	one.closed = true
	one.pending = nil
	one.relay.forget(one.id)
	one.credited.Signal()
	if one.giveUp != nil {
		one.giveUp()
	}
	if one.far != nil {
		one.far.Close()
	}
}
