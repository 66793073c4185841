package server

import (
	"net"
	"sync"
)

const (
	// relayInput is how much is read from a client at a time, and relayPiece from a TCP connection.
	relayInput = 256 << 10
	relayPiece = 128 << 10

	// relaySocketBuffer is how much may be on its way to a client, where the kernel allows it.
	relaySocketBuffer = 1 << 20

	// fullReplies is how many bytes of frames may wait for a client that takes none before nothing more is read from it.
	fullReplies = 64 << 10
)

// relay is one client's connection, over which it has many TCP connections. Three kinds of goroutines are at work: one
// reads frames and never waits for a TCP connection, one sends what the others have left to be sent, and one for each
// TCP connection reads from that. It is no activity: the client knows what of it a person wanted, and says so.
type relay struct {
	near   *net.UnixConn
	reader frameReader

	// turn is held by who writes to the client.
	turn sync.Mutex

	mutex   sync.Mutex
	carried map[uint32]*relayed
	replies []byte // frames without a payload, to be sent before any other
	spare   []byte // only for who has the turn
	changed sync.Cond
	ended   bool
}

func newRelay(near *net.UnixConn) *relay {
	near.SetWriteBuffer(relaySocketBuffer)
	made := &relay{near: near, carried: map[uint32]*relayed{}}
	made.changed.L = &made.mutex
	return made
}

// run returns when the client has gone, or does not speak the protocol.
func (relay *relay) run() {
	defer relay.end()
	go relay.sendReplies()
	buffer := make([]byte, relayInput)
	for {
		count, err := relay.near.Read(buffer)
		if count > 0 && relay.reader.take(buffer[:count], relay) != nil {
			return
		}
		if err != nil {
			return
		}
		relay.awaitReplies()
	}
}

// end resets what is still open, so that it does not look like the end of the data.
func (relay *relay) end() {
	relay.near.Close()
	relay.mutex.Lock()
	relay.ended = true
	relay.changed.Broadcast()
	left := make([]*relayed, 0, len(relay.carried))
	for _, one := range relay.carried {
		left = append(left, one)
	}
	relay.mutex.Unlock()
	for _, one := range left {
		one.reset()
	}
}

// reply leaves a frame to be sent, after all that were left before and before all data that follow. It does not wait.
func (relay *relay) reply(id uint32, kind byte, value int) {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	var frame [frameHead]byte
	putFrame(frame[:], id, kind, value)
	relay.replies = append(relay.replies, frame[:]...)
	if len(relay.replies) == frameHead {
		relay.changed.Broadcast()
	}
}

func (relay *relay) sendReplies() {
	for relay.hasReplies() {
		relay.turn.Lock()
		relay.flush()
		relay.turn.Unlock()
	}
}

// hasReplies waits for some; false if there will be none any more.
func (relay *relay) hasReplies() bool {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	for len(relay.replies) == 0 && !relay.ended {
		relay.changed.Wait()
	}
	return !relay.ended
}

// awaitReplies waits until those that were left are few enough.
func (relay *relay) awaitReplies() {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	for len(relay.replies) > fullReplies {
		relay.changed.Wait()
	}
}

// flush sends what was left; only for who has the turn.
func (relay *relay) flush() {
	relay.mutex.Lock()
	frames := relay.replies
	if len(frames) == 0 {
		relay.mutex.Unlock()
		return
	}
	relay.replies = relay.spare[:0]
	if len(frames) > fullReplies {
		relay.changed.Broadcast()
	}
	relay.mutex.Unlock()
	relay.write(frames)
	relay.spare = frames
}

// write sends frames; only for who has the turn. Where that fails, the relay is over.
func (relay *relay) write(frames []byte) {
	if _, err := relay.near.Write(frames); err != nil {
		relay.near.Close()
	}
}

// relayBuffers have room for a head and a piece. Only who has the turn holds one, so that connections cost none.
var relayBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, frameHead+relayPiece)
	return &buffer
}}

// takeFrame answers one of the client's frames.
func (relay *relay) takeFrame(id uint32, kind byte, value uint32) error {
	if kind == frameOpen {
		return relay.open(id, value)
	}
	one := relay.find(id)
	switch kind {
	case frameEnd:
		one.finish()
	case frameReset:
		one.reset()
	case frameWindow:
		one.addCredit(int(value))
	default:
		return errFrame
	}
	return nil
}

// takeData passes on what the client sends over one connection.
func (relay *relay) takeData(id uint32, piece []byte) error { return relay.find(id).deliver(piece) }

// find gives a connection; nil, which takes everything, if it is gone.
func (relay *relay) find(id uint32) *relayed {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	return relay.carried[id]
}

func (relay *relay) forget(id uint32) {
	relay.mutex.Lock()
	defer relay.mutex.Unlock()
	delete(relay.carried, id)
}

func (relay *relay) open(id, port uint32) error {
	relay.mutex.Lock()
	present, count := relay.carried[id] != nil, len(relay.carried)
	relay.mutex.Unlock()
	switch {
	case present:
		return errFrame
	case port == 0:
		// Nothing can listen there: it is how a client asks for a sign of life.
		relay.reply(id, frameRefused, refusedNothing)
	case port > 65535 || count >= maximumRelayed:
		relay.reply(id, frameRefused, refusedOther)
	default:
		one := newRelayed(relay, id, int(port))
		relay.mutex.Lock()
		relay.carried[id] = one
		relay.mutex.Unlock()
		go one.run()
	}
	return nil
}
