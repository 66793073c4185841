package server

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/pseudoterminal"
)

// lingering is how long what a process leaves behind may hold its output open after its end.
const lingering = time.Second

// maximumLeft is the most that can be in a pipe whose process has ended, in bytes.
const maximumLeft = 1 << 20

// run is the ends of what a process has as standard input, output and error: pipes, or one terminal.
type run struct {
	master                 *pseudoterminal.Master
	input, output, problem *os.File
	theirs                 []*os.File
	activity               *sessionActivity
}

func (session *session) connectProcess() (*run, error) {
	if session.wanted != nil {
		master, slave, err := pseudoterminal.Open(session.wanted.size)
		if err != nil {
			return nil, err
		}
		master.SetModes(session.wanted.modes)
		return &run{master: master, input: master.File, output: master.File, theirs: []*os.File{slave, slave, slave}}, nil
	}
	made := &run{}
	for _, ours := range []**os.File{&made.input, &made.output, &made.problem} {
		reading, writing, err := os.Pipe()
		if err != nil {
			made.closeTheirs()
			made.closeOurs()
			return nil, err
		}
		if ours == &made.input {
			reading, writing = writing, reading
		}
		*ours = reading
		made.theirs = append(made.theirs, writing)
	}
	return made, nil
}

func (run *run) descriptors() []uintptr {
	var list []uintptr
	for _, file := range run.theirs {
		list = append(list, file.Fd())
	}
	return list
}

func (run *run) closeTheirs() {
	for _, file := range run.theirs {
		file.Close()
	}
}

func (run *run) closeOurs() {
	for _, file := range []*os.File{run.input, run.output, run.problem} {
		if file != nil {
			file.Close()
		}
	}
}

// untilEnd carries bytes both ways, tells how the process ended after all its output, and closes the channel.
func (run *run) untilEnd(session *session, child *children.Child) {
	channel := session.channel
	go run.feed(session)
	var pumps sync.WaitGroup
	pumps.Go(func() { pump(run.output, noticing{channel, run.activity.printed}) })
	if run.problem != nil {
		pumps.Go(func() { pump(run.problem, channel.Stderr()) })
	}
	<-child.Done()
	deadline := time.Now().Add(lingering)
	run.output.SetReadDeadline(deadline)
	if run.problem != nil {
		run.problem.SetReadDeadline(deadline)
	}
	pumps.Wait()
	run.closeOurs()
	tellEnd(channel, child.Status())
}

// feed passes the client's data on to the process, and its end; but not the end of a connection that broke, which must
// not look like the end of the data.
func (run *run) feed(session *session) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		count, err := session.channel.Read(*buffer)
		if count > 0 {
			run.activity.typed((*buffer)[:count])
			if _, failed := run.input.Write((*buffer)[:count]); failed != nil {
				break
			}
		}
		if err != nil {
			if session.client.wire.broken.Load() {
				return
			}
			if run.master != nil {
				run.master.EndInput()
				return
			}
			break
		}
	}
	if run.master == nil {
		run.input.Close()
	}
	// What the process no longer reads is taken off the channel, so that its window does not stay shut.
	for {
		if _, err := session.channel.Read(*buffer); err != nil {
			return
		}
	}
}

// buffers are of the size of the largest packet of data.
var buffers = sync.Pool{New: func() any {
	buffer := make([]byte, 32<<10)
	return &buffer
}}

// pump copies until the end of source, or until its deadline is over and what was left in it has been copied.
func pump(source *os.File, destination io.Writer) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		count, err := source.Read(*buffer)
		if count > 0 {
			if _, failed := destination.Write((*buffer)[:count]); failed != nil {
				source.Close()
				return
			}
		}
		if err == nil {
			continue
		}
		if os.IsTimeout(err) {
			pumpRest(source, destination, *buffer)
		}
		return
	}
}

// pumpRest copies what can be read without waiting.
func pumpRest(source *os.File, destination io.Writer, buffer []byte) {
	raw, err := source.SyscallConn()
	if err != nil {
		return
	}
	for total := 0; total < maximumLeft; {
		count := 0
		raw.Control(func(descriptor uintptr) { count, _ = unix.Read(int(descriptor), buffer) })
		if count <= 0 {
			return
		}
		if _, failed := destination.Write(buffer[:count]); failed != nil {
			return
		}
		total += count
	}
}

// tellEnd sends exit-status or exit-signal (RFC 4254, section 6.10), the end of data, and closes.
func tellEnd(channel ssh.Channel, status children.Status) {
	if status.Signal != 0 {
		channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal            string
			Core              bool
			Message, Language string
		}{Signal: strings.TrimPrefix(unix.SignalName(status.Signal), "SIG"), Core: status.Core}))
	} else {
		channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(status.Code)}))
	}
	channel.CloseWrite()
	channel.Close()
}
