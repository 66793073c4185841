package terminals

import "slices"

const (
	// maximumTypists bounds of how many writers it is known what they typed; those that attached longest ago are forgotten.
	maximumTypists = 64
	// tellTyped is after how many bytes a writer is told how much was typed.
	tellTyped = 256
)

// typist is one writer over all its attachments: by what was typed of its input it knows what to send again when a
// connection was lost. Its fields are kept by the terminal's mutex.
type typist struct {
	writer string
	typed  int64 // bytes of its input, ever
	now    *Attachment
}

// typistOf finds the writer, and lets go of its attachment before: what still comes over that was, or will be, sent
// again. The mutex is held.
func (terminal *terminal) typistOf(writer string, now *Attachment) *typist {
	at := slices.IndexFunc(terminal.typists, func(each *typist) bool { return each.writer == writer })
	found := &typist{writer: writer}
	if at >= 0 {
		found = terminal.typists[at]
		terminal.typists = slices.Delete(terminal.typists, at, at+1)
	}
	if before := found.now; before != nil {
		before.detach()
	}
	found.now = now
	terminal.typists = append(terminal.typists, found)
	if len(terminal.typists) > maximumTypists {
		terminal.typists = slices.Delete(terminal.typists, 0, 1)
	}
	return found
}

// counts adds to what was typed; false where it must not be, since its writer has attached anew.
func (attachment *Attachment) counts(length int) bool {
	typist := attachment.typist
	if typist == nil {
		return true
	}
	terminal := attachment.terminal
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	if typist.now != attachment {
		return false
	}
	typist.typed += int64(length)
	if attachment.owesTyped() {
		terminal.condition.Broadcast()
	}
	return true
}

// owesTyped says that the client is to be told how much was typed. The mutex is held.
func (attachment *Attachment) owesTyped() bool {
	return attachment.typist != nil && attachment.typist.typed-attachment.toldTyped >= tellTyped
}
