package server

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/place"
)

// pipeSize is how much of an exec's output may be on its way out of the container, where the kernel allows it.
const pipeSize = 256 << 10

// wire is what one connection's bytes go over: the socket to its bridge, or the streams of the bridge's exec, where the
// bridge lends them.
type wire struct {
	*net.UnixConn
	streams atomic.Pointer[streams]
	begun   bool // only for the one who reads

	mutex    sync.Mutex
	deadline time.Time
}

// streams are the standard input and output of an exec.
type streams struct{ input, output *os.File }

func (wire *wire) Read(buffer []byte) (int, error) {
	if !wire.begun {
		wire.begun = true
		count, lent, err := wire.first(buffer)
		if lent == nil {
			return count, err
		}
		wire.take(lent)
	}
	if lent := wire.streams.Load(); lent != nil {
		return lent.input.Read(buffer)
	}
	return wire.UnixConn.Read(buffer)
}

// first reads what comes first, which may be streams.
func (wire *wire) first(buffer []byte) (int, *streams, error) {
	beside := make([]byte, unix.CmsgSpace(2*4))
	count, besideCount, _, _, err := wire.UnixConn.ReadMsgUnix(buffer, beside)
	if err == nil && count == 0 && len(buffer) > 0 {
		err = io.EOF
	}
	descriptors := rightsIn(beside[:besideCount])
	if count == 1 && buffer[0] == place.Streams && len(descriptors) == 2 {
		return 0, &streams{input: fileOf(descriptors[0], "input"), output: fileOf(descriptors[1], "output")}, nil
	}
	for _, descriptor := range descriptors {
		unix.Close(descriptor)
	}
	return count, nil, err
}

func rightsIn(beside []byte) []int {
	messages, err := unix.ParseSocketControlMessage(beside)
	if err != nil {
		return nil
	}
	var all []int
	for _, message := range messages {
		descriptors, err := unix.ParseUnixRights(&message)
		if err == nil {
			all = append(all, descriptors...)
		}
	}
	return all
}

func fileOf(descriptor int, name string) *os.File {
	unix.CloseOnExec(descriptor)
	unix.SetNonblock(descriptor, true)
	return os.NewFile(uintptr(descriptor), name)
}

// take goes over the streams from now on. Without the bridge they lead nowhere.
func (wire *wire) take(lent *streams) {
	if raw, err := lent.output.SyscallConn(); err == nil {
		raw.Control(func(descriptor uintptr) { unix.FcntlInt(descriptor, unix.F_SETPIPE_SZ, pipeSize) })
	}
	wire.mutex.Lock()
	wire.streams.Store(lent)
	lent.input.SetDeadline(wire.deadline)
	lent.output.SetDeadline(wire.deadline)
	wire.UnixConn.SetDeadline(time.Time{})
	wire.mutex.Unlock()
	go func() {
		io.Copy(io.Discard, wire.UnixConn)
		wire.Close()
	}()
}

func (wire *wire) Write(bytes []byte) (int, error) {
	if lent := wire.streams.Load(); lent != nil {
		return lent.output.Write(bytes)
	}
	return wire.UnixConn.Write(bytes)
}

func (wire *wire) Close() error {
	if lent := wire.streams.Load(); lent != nil {
		lent.input.Close()
		lent.output.Close()
	}
	return wire.UnixConn.Close()
}

func (wire *wire) SetDeadline(deadline time.Time) error {
	wire.mutex.Lock()
	defer wire.mutex.Unlock()
	wire.deadline = deadline
	if lent := wire.streams.Load(); lent != nil {
		lent.input.SetDeadline(deadline)
		lent.output.SetDeadline(deadline)
		return nil
	}
	return wire.UnixConn.SetDeadline(deadline)
}
