package server

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/activity"
)

// resetRequest is sent on a channel when its connection was reset, and received to reset it.
const resetRequest = "reset@berth.dev"

// lastWrites is how long data may still take to be written after the client has closed the channel.
const lastWrites = 60 * time.Second

// halfCloser is a connection whose two directions end one by one.
type halfCloser interface{ CloseWrite() error }

// splice joins a channel and a connection until both directions have ended or one side breaks. Nothing is read from the
// connection that the channel's window does not let out.
func (client *connection) splice(channel ssh.Channel, requests <-chan *ssh.Request, far net.Conn, meter *activity.Meter) {
	if stream, ok := far.(*net.TCPConn); ok {
		stream.SetNoDelay(true)
	}
	joint := &joint{channel: channel, far: far, meter: meter}
	var directions sync.WaitGroup
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for request := range requests {
			if request.Type == resetRequest {
				joint.resetFar()
			}
			if request.WantReply {
				request.Reply(request.Type == resetRequest, nil)
			}
		}
		// The channel is closed: what it brought is still written, and nothing can be sent any more.
		far.SetReadDeadline(time.Now())
		far.SetWriteDeadline(time.Now().Add(lastWrites))
	}()
	directions.Go(func() { joint.outward(client) })
	directions.Go(joint.inward)
	directions.Wait()
	if joint.refused.Load() {
		joint.resetNear()
	}
	channel.Close()
	far.Close()
	<-closed
}

type joint struct {
	channel ssh.Channel
	far     net.Conn
	meter   *activity.Meter
	refused atomic.Bool // The connection took no more of what was written to it.
}

// outward carries from the channel to the connection.
func (joint *joint) outward(client *connection) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		count, err := joint.channel.Read(*buffer)
		if count > 0 {
			joint.meter.Carried(count, true)
			if _, failed := joint.far.Write((*buffer)[:count]); failed != nil {
				// It may have said why before it broke: that is read first.
				joint.refused.Store(true)
				joint.far.SetReadDeadline(time.Now().Add(lastWrites))
				return
			}
		}
		if err != nil {
			if client.wire.broken.Load() {
				joint.resetFar()
			} else if far, ok := joint.far.(halfCloser); ok {
				far.CloseWrite()
			}
			return
		}
	}
}

// inward carries from the connection to the channel.
func (joint *joint) inward() {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		count, err := joint.far.Read(*buffer)
		if count > 0 {
			joint.meter.Carried(count, false)
			if _, failed := joint.channel.Write((*buffer)[:count]); failed != nil {
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			if !joint.refused.Load() {
				joint.channel.CloseWrite()
			}
			return
		default:
			if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EPIPE) {
				joint.resetNear()
			}
			return
		}
	}
}

// resetNear tells the client that the connection broke.
func (joint *joint) resetNear() {
	joint.channel.SendRequest(resetRequest, false, nil)
	joint.channel.Close()
	joint.far.Close()
}

// resetFar breaks the connection, so that its end does not look like the end of the data.
func (joint *joint) resetFar() {
	if stream, ok := joint.far.(*net.TCPConn); ok {
		stream.SetLinger(0)
	}
	joint.far.Close()
	joint.channel.Close()
}
