package server

import (
	"encoding/binary"
	"errors"
)

// What a frame of a relay does, as in main/engine/drivers/shared/dial/protocol.ts. It is nine bytes, big-endian:
// connection (4), kind (1), value (4). Only data has a payload after it, of value bytes.
const (
	frameOpen    = 1 // to the agent; value: the port
	frameOK      = 2 // from the agent: connected
	frameRefused = 3 // from the agent; value: why
	frameData    = 4
	frameEnd     = 5 // the sender sends no more
	frameReset   = 6 // gone, both ways
	frameWindow  = 7 // value: bytes of credit given back
)

// Why a connection is refused.
const (
	refusedNothing = 1 // nothing listens
	refusedOther   = 2
)

const (
	frameHead = 9
	// relayWindow is how many bytes of payload may be under way, of each connection and direction.
	relayWindow = 1 << 20
	// giveBackFrom is how many bytes have to be taken before they are given back as credit.
	giveBackFrom = relayWindow / 4
)

// errFrame says that a client does not speak the protocol.
var errFrame = errors.New("not a frame of a relay")

// putFrame writes a frame's head to the beginning of bytes.
func putFrame(bytes []byte, id uint32, kind byte, value int) {
	binary.BigEndian.PutUint32(bytes, id)
	bytes[4] = kind
	binary.BigEndian.PutUint32(bytes[5:], uint32(value))
}

// frameTaker is told of frames, and may say that one is wrong.
type frameTaker interface {
	takeFrame(id uint32, kind byte, value uint32) error
	// takeData is given data as it came: a frame's payload may come in several pieces.
	takeData(id uint32, piece []byte) error
}

// frameReader takes frames apart that come in pieces of any size.
type frameReader struct {
	head    [frameHead]byte
	have    int    // bytes of the head
	id      uint32 // of the payload
	payload int    // what is to come of it
}

func (reader *frameReader) take(bytes []byte, taker frameTaker) error {
	for len(bytes) > 0 {
		if reader.payload > 0 {
			piece := bytes[:min(len(bytes), reader.payload)]
			reader.payload -= len(piece)
			bytes = bytes[len(piece):]
			if err := taker.takeData(reader.id, piece); err != nil {
				return err
			}
			continue
		}
		count := copy(reader.head[reader.have:], bytes)
		reader.have += count
		bytes = bytes[count:]
		if reader.have < frameHead {
			return nil
		}
		reader.have = 0
		if err := reader.takeHead(taker); err != nil {
			return err
		}
	}
	return nil
}

func (reader *frameReader) takeHead(taker frameTaker) error {
	id, value := binary.BigEndian.Uint32(reader.head[:]), binary.BigEndian.Uint32(reader.head[5:])
	kind := reader.head[4]
	if kind != frameData {
		return taker.takeFrame(id, kind, value)
	}
	if value > relayWindow {
		return errFrame
	}
	reader.id, reader.payload = id, int(value)
	return nil
}
