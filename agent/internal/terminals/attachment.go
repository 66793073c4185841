package terminals

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/pseudoterminal"
)

// maximumSizes bounds how many size changes wait for a client; older ones are dropped.
const maximumSizes = 64

// packetSize is how much is written at once: what an SSH packet holds.
const packetSize = 32 << 10

// companyTime is how long output that follows other output waits for more of it: every piece is work for all that carry
// it. What follows a silence goes at once.
const companyTime = 2 * time.Millisecond

// ErrBehind says that the output a client needs next is not kept any more.
var ErrBehind = errors.New("behind what is kept")

// Attachment is one client of a terminal. Its fields are kept by the terminal's mutex.
type Attachment struct {
	terminal   *terminal
	writes     bool
	typist     *typist // nil: what it types is not counted
	closed     bool
	cursor     int64     // up to where output was written to the client
	progressAt time.Time // when the client last took something, or had everything
	sentAt     time.Time // when output was last written to the client
	sizes      [][]byte
	toldTyped  int64 // how much of what was typed the client knows of

	header   []byte
	snapshot *checkpoint
}

// attach adds a client and settles where it begins.
func (terminal *terminal) attach(options Options) *Attachment {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	log := &terminal.log
	told := header{
		Epoch:   terminal.epoch,
		Start:   log.oldest(),
		End:     log.end,
		Columns: terminal.size.Columns,
		Rows:    terminal.size.Rows,
	}
	attachment := &Attachment{terminal: terminal, writes: options.Role == "write", progressAt: time.Now()}
	if attachment.writes && options.Writer != "" {
		attachment.typist = terminal.typistOf(options.Writer, attachment)
		attachment.toldTyped = attachment.typist.typed
		told.Typed = &attachment.toldTyped
	}
	from, kept := options.From, terminal.checkpoint
	switch {
	case from != nil && from.Epoch == terminal.epoch && from.Offset >= log.oldest() && from.Offset <= log.end:
		told.Start = from.Offset
	case kept != nil && kept.shape.Offset >= log.oldest() && kept.keep() == nil:
		attachment.snapshot = kept
		shape := kept.shape
		told.Snapshot, told.Start = &shape, shape.Offset
	default:
		told.Lost = told.Start > 0
	}
	attachment.cursor = told.Start
	line, _ := json.Marshal(told)
	attachment.header = append(line, '\n')
	terminal.attached[attachment] = struct{}{}
	terminal.touched()
	return attachment
}

// Detach ends the attachment; Copy then returns.
func (attachment *Attachment) Detach() {
	terminal := attachment.terminal
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	attachment.detach()
}

// detach: the mutex is held.
func (attachment *Attachment) detach() {
	if attachment.closed {
		return
	}
	terminal := attachment.terminal
	attachment.closed = true
	delete(terminal.attached, attachment)
	terminal.clean()
	terminal.condition.Broadcast()
	terminal.touched()
}

// Input types data, if this client may write, and its writer has not attached anew.
func (attachment *Attachment) Input(data []byte) error {
	if !attachment.writes {
		return nil
	}
	terminal := attachment.terminal
	// What is counted is typed before what comes later.
	terminal.typing.Lock()
	defer terminal.typing.Unlock()
	if !attachment.counts(len(data)) {
		return nil
	}
	return terminal.input(data)
}

// Resize sets the terminal's size, if this client may write.
func (attachment *Attachment) Resize(size pseudoterminal.Size) bool {
	if !attachment.writes {
		return false
	}
	attachment.terminal.resize(size)
	return true
}

// tellSize has line written before the output that follows. The mutex is held.
func (attachment *Attachment) tellSize(line []byte) {
	if len(attachment.sizes) == maximumSizes {
		attachment.sizes = attachment.sizes[1:]
	}
	attachment.sizes = append(attachment.sizes, line)
}

// Copy writes header, snapshot and output to data, and size changes and what was typed to notices, until the terminal has ended and all of
// it is written; then it gives how. The errors are those of writing, ErrBehind, and io.EOF after Detach.
func (attachment *Attachment) Copy(data, notices io.Writer) (children.Status, error) {
	snapshot := attachment.snapshot
	defer snapshot.close()
	if _, err := data.Write(attachment.header); err != nil {
		return children.Status{}, err
	}
	attachment.progressed(0)
	buffer := make([]byte, packetSize)
	if snapshot != nil {
		if err := attachment.copySnapshot(data, buffer); err != nil {
			return children.Status{}, err
		}
	}
	for {
		count, lines, exit, err := attachment.next(buffer)
		if err != nil {
			return children.Status{}, err
		}
		for _, line := range lines {
			if _, err := notices.Write(line); err != nil {
				return children.Status{}, err
			}
		}
		if count > 0 {
			if _, err := data.Write(buffer[:count]); err != nil {
				return children.Status{}, err
			}
			attachment.progressed(count)
		}
		if exit != nil {
			return *exit, nil
		}
	}
}

func (attachment *Attachment) copySnapshot(data io.Writer, buffer []byte) error {
	source := io.NewSectionReader(attachment.snapshot.file, 0, attachment.snapshot.shape.Size)
	for {
		count, err := source.Read(buffer)
		if count > 0 {
			if _, err := data.Write(buffer[:count]); err != nil {
				return err
			}
			attachment.progressed(0)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (attachment *Attachment) progressed(count int) {
	terminal := attachment.terminal
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	attachment.cursor += int64(count)
	attachment.progressAt = time.Now()
	terminal.condition.Broadcast()
}

// next waits for something to write: output, lines of notices, or the end.
func (attachment *Attachment) next(buffer []byte) (count int, lines [][]byte, exit *children.Status, err error) {
	terminal := attachment.terminal
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	for {
		switch {
		case attachment.closed:
			return 0, nil, nil, io.EOF
		case attachment.cursor < terminal.log.oldest():
			return 0, nil, nil, ErrBehind
		case attachment.cursor < terminal.log.end:
			if attachment.awaitsCompany(len(buffer)) {
				attachment.nap()
				continue
			}
			count = terminal.log.read(attachment.cursor, buffer)
			if count <= 0 {
				return 0, nil, nil, ErrBehind
			}
			attachment.sentAt = time.Now()
			return count, attachment.notices(), nil, nil
		case terminal.exit != nil:
			return 0, attachment.notices(), terminal.exit, nil
		case len(attachment.sizes) > 0 || attachment.owesTyped():
			return 0, attachment.notices(), nil, nil
		}
		terminal.condition.Wait()
		attachment.progressAt = time.Now()
	}
}

// notices takes the lines that are due. The mutex is held.
func (attachment *Attachment) notices() [][]byte {
	lines := attachment.sizes
	attachment.sizes = nil
	if attachment.owesTyped() {
		attachment.toldTyped = attachment.typist.typed
		line, _ := json.Marshal(struct {
			Typed int64 `json:"typed"`
		}{attachment.toldTyped})
		lines = append(lines, append(line, '\n'))
	}
	return lines
}

// awaitsCompany says that there is little to write, and more is likely to come soon. The mutex is held.
func (attachment *Attachment) awaitsCompany(enough int) bool {
	terminal := attachment.terminal
	return terminal.exit == nil &&
		terminal.log.end-attachment.cursor < int64(enough) &&
		time.Since(attachment.sentAt) < companyTime
}

// nap lets output gather. The mutex is held, and let go of meanwhile.
func (attachment *Attachment) nap() {
	attachment.terminal.mutex.Unlock()
	defer attachment.terminal.mutex.Lock()
	time.Sleep(companyTime - time.Since(attachment.sentAt))
}
