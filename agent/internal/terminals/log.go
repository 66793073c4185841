// Package terminals keeps terminals that outlive their connections: process, output log, checkpoint, who is attached.
package terminals

import (
	"os"
	"path/filepath"

	"crypto/rand"

	"golang.org/x/sys/unix"
)

// Sizes of a log, in bytes. A log in memory is what there is when the disk is full.
const (
	segmentSize       = 8 << 20
	memorySegmentSize = 256 << 10
	maximumSegments   = 2
)

// outputLog is the kept end of a byte stream: one or two segments that follow one another, in files without a name, so
// that nothing stays behind whatever happens. Its user locks.
type outputLog struct {
	folder   string
	segments []*segment
	end      int64
}

// segment is a piece of the stream that begins at base.
type segment struct {
	file                *os.File
	base, length, limit int64
}

func (segment *segment) end() int64 { return segment.base + segment.length }

// oldest is the offset of the first byte that is kept.
func (log *outputLog) oldest() int64 {
	if len(log.segments) == 0 {
		return log.end
	}
	return log.segments[0].base
}

// append adds data at the end. What can be kept neither on disk nor in memory is counted and lost.
func (log *outputLog) append(data []byte) {
	for len(data) > 0 {
		current := log.current()
		if current == nil {
			log.drop(len(log.segments))
			log.end += int64(len(data))
			return
		}
		fitting := data[:min(int64(len(data)), current.limit-current.length)]
		count, err := current.file.WriteAt(fitting, current.length)
		current.length += int64(count)
		log.end += int64(count)
		data = data[count:]
		if err != nil {
			// The disk is full. The older segment's room may be enough for the next one.
			current.limit = current.length
			log.begin(memorySegment)
		}
	}
}

// current is the segment with room, a new one if need be; nil if there can be none.
func (log *outputLog) current() *segment {
	if count := len(log.segments); count > 0 && log.segments[count-1].length < log.segments[count-1].limit {
		return log.segments[count-1]
	}
	if made := log.begin(fileSegment); made != nil {
		return made
	}
	return log.begin(memorySegment)
}

func (log *outputLog) begin(make func(folder string) (*os.File, int64, error)) *segment {
	file, limit, err := make(log.folder)
	if err != nil {
		return nil
	}
	if len(log.segments) == maximumSegments {
		log.drop(1)
	}
	made := &segment{file: file, base: log.end, limit: limit}
	log.segments = append(log.segments, made)
	return made
}

// drop lets go of the oldest segments.
func (log *outputLog) drop(count int) {
	for _, segment := range log.segments[:count] {
		segment.file.Close()
	}
	log.segments = append([]*segment(nil), log.segments[count:]...)
}

// dropBefore lets go of segments that end at or before offset; the last one stays.
func (log *outputLog) dropBefore(offset int64) {
	for len(log.segments) > 1 && log.segments[0].end() <= offset {
		log.drop(1)
	}
}

// read fills buffer from offset on, as far as one segment goes.
func (log *outputLog) read(offset int64, buffer []byte) int {
	for _, segment := range log.segments {
		if offset < segment.base || offset >= segment.end() {
			continue
		}
		count, _ := segment.file.ReadAt(buffer[:min(int64(len(buffer)), segment.end()-offset)], offset-segment.base)
		return count
	}
	return 0
}

func (log *outputLog) close() { log.drop(len(log.segments)) }

func fileSegment(folder string) (*os.File, int64, error) {
	file, err := unnamed(folder)
	return file, segmentSize, err
}

func memorySegment(string) (*os.File, int64, error) {
	file, err := inMemory("berth-agent-log")
	return file, memorySegmentSize, err
}

// unnamed makes a file that is gone when it is closed.
func unnamed(folder string) (*os.File, error) {
	path := filepath.Join(folder, "log-"+rand.Text())
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func inMemory(name string) (*os.File, error) {
	descriptor, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(descriptor), name), nil
}
