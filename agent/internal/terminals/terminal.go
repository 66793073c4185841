package terminals

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/processes"
	"berth.dev/agent/internal/pseudoterminal"
)

// Flow control.
const (
	// maximumUnsent is how far the best of the writers may be behind before reading pauses, in bytes.
	maximumUnsent = 128 << 10
	// stalledAfter is when a writer that takes nothing does not count any more.
	stalledAfter = 10 * time.Second
	// lingering is how long the terminal may be held open after its process's end.
	lingering = time.Second
	// lookAgain is how often a terminal that nobody has open, or that is paused, is looked at again.
	lookAgain = 100 * time.Millisecond
	// readSize is what is taken together. A terminal gives at most a piece at once.
	readSize = 64 << 10
	piece    = 4<<10 - 1
	// gathering is how long small output that follows other output is left to become more.
	gathering = time.Millisecond
)

// terminal is one process with its output. The mutex keeps everything but what never changes; condition is signalled
// whenever something that somebody waits for may have come.
type terminal struct {
	id        string
	epoch     string
	createdAt time.Time
	command   []string
	family    *children.Family
	activity  *activity.Recorder
	touched   func()
	typing    sync.Mutex // held while something is typed; taken before the other

	mutex      sync.Mutex
	condition  *sync.Cond
	name       string
	folder     string // the working folder, as last seen
	size       pseudoterminal.Size
	child      *children.Child
	master     *pseudoterminal.Master
	log        outputLog
	drawing    activity.Drawing
	checkpoint *checkpoint
	attached   map[*Attachment]struct{}
	typists    []*typist // the one that attached last is the last
	activityAt time.Time
	exit       *children.Status // set after all output is in the log
	endedAt    time.Time
	forgotten  bool
	leaving    bool // to be forgotten when it has ended
}

// pump reads output until the process has ended and its output too, and calls ended.
func (terminal *terminal) pump(ended func()) {
	go func() {
		<-terminal.child.Done()
		terminal.master.SetReadDeadline(time.Now().Add(lingering))
	}()
	buffer := make([]byte, readSize)
	last := time.Time{}
	for {
		terminal.awaitReaders()
		finished, count := false, 0
		err := terminal.master.ReadWith(func(descriptor int) bool {
			count, finished = terminal.take(descriptor, buffer)
			return count > 0 || finished
		})
		// Who prints line by line would wake all that carry it for each one.
		if now := time.Now(); count < piece && now.Sub(last) < gathering {
			time.Sleep(gathering)
			last = now.Add(gathering)
		} else {
			last = now
		}
		if err != nil {
			terminal.takeRest(buffer)
			break
		}
		if !finished {
			continue
		}
		if terminal.child.HasEnded() {
			break
		}
		// Nobody has the terminal open, but the process lives and may open it again.
		select {
		case <-terminal.child.Done():
		case <-time.After(lookAgain):
		}
	}
	<-terminal.child.Done()
	terminal.mutex.Lock()
	status := terminal.child.Status()
	terminal.exit, terminal.endedAt = &status, time.Now()
	terminal.master.Close()
	terminal.condition.Broadcast()
	terminal.mutex.Unlock()
	ended()
}

// take moves what there is from the terminal to the log, in one piece with regard to a handover. over says that nobody
// has the terminal open.
func (terminal *terminal) take(descriptor int, buffer []byte) (count int, over bool) {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	count, over = gather(descriptor, buffer)
	if count == 0 {
		return 0, over
	}
	terminal.log.append(buffer[:count])
	terminal.activityAt = time.Now()
	if !terminal.drawing.Paints(buffer[:count], terminal.activityAt) && terminal.activity.DueOutput() {
		terminal.noteOutput(descriptor)
	}
	terminal.condition.Broadcast()
	terminal.touched()
	return count, over
}

// noteOutput marks output as that of a job, unless it is of a shell at its prompt. The mutex is held.
func (terminal *terminal) noteOutput(descriptor int) {
	group, err := unix.IoctlGetInt(descriptor, unix.TIOCGPGRP)
	if err != nil || group == terminal.child.PID && activity.IsPrompt(terminal.command) {
		return
	}
	terminal.activity.Note(activity.Output, func() string { return processes.Name(group) })
}

// gather reads what there is. over says that nobody has the terminal open.
func gather(descriptor int, buffer []byte) (count int, over bool) {
	for count < len(buffer) {
		length, err := unix.Read(descriptor, buffer[count:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return count, false
		case err != nil || length <= 0:
			return count, true
		default:
			count += length
		}
	}
	return count, false
}

// takeRest takes what is left when something still has the terminal open a while after the process's end.
func (terminal *terminal) takeRest(buffer []byte) {
	for total := 0; total < maximumUnsent; total += len(buffer) {
		terminal.awaitReaders()
		more := false
		terminal.master.Descriptor(func(descriptor int) {
			count, over := terminal.take(descriptor, buffer)
			more = count > 0 && !over
		})
		if !more {
			return
		}
	}
}

// awaitReaders returns when output may be read: somebody keeps up, or nobody is there who counts.
func (terminal *terminal) awaitReaders() {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	for terminal.paused() {
		timer := time.AfterFunc(lookAgain, terminal.wake)
		terminal.condition.Wait()
		timer.Stop()
	}
}

func (terminal *terminal) wake() {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	terminal.condition.Broadcast()
}

func (terminal *terminal) paused() bool {
	counting, now := false, time.Now()
	for attachment := range terminal.attached {
		if !attachment.writes || attachment.closed {
			continue
		}
		unsent := terminal.log.end - attachment.cursor
		if unsent > 0 && now.Sub(attachment.progressAt) > stalledAfter {
			continue
		}
		if unsent < maximumUnsent {
			return false
		}
		counting = true
	}
	return counting
}

// resize tells the size to the process and to everyone attached.
func (terminal *terminal) resize(size pseudoterminal.Size) {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	if size == terminal.size || terminal.exit != nil {
		return
	}
	if terminal.master.Resize(size) != nil {
		return
	}
	terminal.size = size
	terminal.drawing.Resized(time.Now())
	line, _ := json.Marshal(struct {
		pseudoterminal.Size
		Offset int64 `json:"offset"`
	}{size, terminal.log.end})
	for attachment := range terminal.attached {
		attachment.tellSize(append(line, '\n'))
	}
	terminal.condition.Broadcast()
	terminal.touched()
}

// input types data, which waits until the process has room for it.
func (terminal *terminal) input(data []byte) error {
	terminal.mutex.Lock()
	terminal.activityAt = time.Now()
	terminal.mutex.Unlock()
	terminal.touched()
	if !activity.IsAnswer(data) {
		terminal.activity.Note(activity.Input, func() string { return processes.Name(terminal.master.Foreground()) })
	}
	_, err := terminal.master.Write(data)
	return err
}

// signal goes to the foreground process group, or to the process's own if there is none.
func (terminal *terminal) signal(number unix.Signal) error {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	if terminal.exit != nil {
		return os.ErrProcessDone
	}
	group := terminal.master.Foreground()
	if group <= 1 {
		return terminal.family.SignalGroup(terminal.child, number)
	}
	return unix.Kill(-group, number)
}

// forget lets go of log and checkpoint when nobody is attached any more. The mutex is held.
func (terminal *terminal) forget() {
	terminal.forgotten = true
	terminal.clean()
}

func (terminal *terminal) clean() {
	if terminal.forgotten && len(terminal.attached) == 0 {
		terminal.log.close()
		terminal.checkpoint.close()
		terminal.checkpoint = nil
	}
}
