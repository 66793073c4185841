package terminals

import (
	"errors"
	"io"
	"os"
	"sync"
)

// checkpoint is a client's picture of the screen after the output before an offset. It is closed as often as it was
// kept, and once more.
type checkpoint struct {
	shape CheckpointShape
	file  *os.File
	mutex sync.Mutex
	uses  int
}

var errClosed = errors.New("closed")

func (checkpoint *checkpoint) keep() error {
	checkpoint.mutex.Lock()
	defer checkpoint.mutex.Unlock()
	if checkpoint.uses == 0 {
		return errClosed
	}
	checkpoint.uses++
	return nil
}

func (checkpoint *checkpoint) close() {
	if checkpoint == nil {
		return
	}
	checkpoint.mutex.Lock()
	defer checkpoint.mutex.Unlock()
	checkpoint.uses--
	if checkpoint.uses == 0 {
		checkpoint.file.Close()
	}
}

// SetCheckpoint reads a checkpoint to its end and keeps it in place of an older one. The error is a Problem.
func (all *Terminals) SetCheckpoint(options CheckpointOptions, source io.Reader) error {
	terminal := all.find(options.ID)
	if terminal == nil {
		return ErrNoTerminal
	}
	if options.Epoch != terminal.epoch {
		return &Problem{Code: "other-epoch"}
	}
	file, err := all.store(source, options.Size)
	if err != nil {
		return err
	}
	made := &checkpoint{shape: options.CheckpointShape, file: file, uses: 1}
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	var problem error
	switch {
	case terminal.forgotten:
		problem = ErrNoTerminal
	case options.Offset > terminal.log.end || options.Offset < terminal.log.oldest():
		problem = &Problem{Code: "out-of-range"}
	case terminal.checkpoint != nil && terminal.checkpoint.shape.Offset > options.Offset:
		problem = &Problem{Code: "older"}
	}
	if problem != nil {
		made.close()
		return problem
	}
	terminal.checkpoint.close()
	terminal.checkpoint = made
	needed := options.Offset
	for attachment := range terminal.attached {
		needed = min(needed, attachment.cursor)
	}
	terminal.log.dropBefore(needed)
	return nil
}

func (all *Terminals) store(source io.Reader, size int64) (*os.File, error) {
	file, err := unnamed(all.folder)
	if err != nil {
		return nil, err
	}
	count, err := io.Copy(file, io.LimitReader(source, size+1))
	if err == nil && count != size {
		err = &Problem{"incomplete", "not as long as was said"}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
